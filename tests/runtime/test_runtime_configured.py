"""How a lane says it is set up, for lanes of several kinds: every figure from where it stands, nothing made up."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from runtime_devices import utopia

from appliance.clock import ManualClock
from appliance.config import LaneConfig
from appliance.control.setup import SetupAnswer
from appliance.gallery.store import Gallery
from appliance.models.catalogue import PACKS
from appliance.runtime import configured
from appliance.runtime.configured import Live
from appliance.runtime.faults import ActiveFault
from appliance.store.errors import StoreError
from appliance.store.lane_store import LaneStore
from appliance.store.records import JournalRecord
from hil.rig.trust import fingerprint

CLOCK = ManualClock()
CAMERA = {"kind": "rig", "reference": {"box": (0, 0, 10, 10), "width_mm": 7}}


def config_of(base: Path, **changes: Any) -> LaneConfig:
    return LaneConfig.model_validate(
        {
            "lane_id": "E-07",
            "profile": "simulated",
            "state_dir": base / "state",
            "control_socket": base / "lane.sock",
            "gate": {"port": "/dev/serial/by-path/gate"},
            "illumination": {"nir": {"port": "none", "bands": {"850": {}, "940": {"exposure_us": 3000}}}},
            "cameras": {"rgb": CAMERA, "nir": CAMERA},
            "document_reader": {"kind": "rig"},
            "trust": {"store": utopia(), "roots": [fingerprint()]},
            "simulation": {"module": "none"},
        }
        | changes
    )


def live(pack_id: str = "open-omz", faults: tuple[ActiveFault, ...] = (), **who: dict[str, Any]) -> Live:
    latest = {fault.device: fault for fault in faults}
    return Live(who, faults, latest, pack_id, ("rgb", "850"), 2, CLOCK.now())


def told(config: LaneConfig, now: Live | None = None) -> SetupAnswer:
    with LaneStore.open(config.state_dir, CLOCK, boot_id="boot") as store:
        store.append([JournalRecord("lane_started", {"lane_id": config.lane_id})])
    return configured.answer(config, now or live(), CLOCK.monotonic)


def test_a_threshold_is_told_with_the_figures_of_its_report(tmp_path: Path) -> None:
    found = told(config_of(tmp_path))
    bare, masked = found.matcher
    assert (bare.in_use, masked.in_use, bare.key) == (True, False, "face.pack")
    assert (bare.threshold, bare.fmr) == (PACKS["open-omz"].default.threshold, 1e-4)
    name = "appliance.evaluate"
    report = json.loads(resources.files(name).joinpath("published_faces", "lfw-open-omz.json").read_text())
    (every,) = (one for one in report["protocols"] if one["protocol"] == "all")
    (point,) = (one for one in every["thresholds"] if one["target_fmr"] == 1e-4)
    assert bare.evidence is not None
    assert (bare.evidence.n, bare.evidence.people) == (every["n_impostor"], every["n_subjects"])
    assert bare.evidence.tar == point["tar"]["value"]
    assert (bare.evidence.dataset, bare.evidence.date) == ("LFW", report["date"][:10])
    assert masked.evidence is not None
    assert masked.evidence.dataset == "LFW, masks drawn on"


@pytest.mark.parametrize("pack_id", [name for name, pack in PACKS.items()])
def test_every_pack_tells_what_its_threshold_rests_on(tmp_path: Path, pack_id: str) -> None:
    bare = told(config_of(tmp_path), live(pack_id)).matcher[0]
    assert bare.evidence is not None, "a shipped threshold has a report"
    assert bare.evidence.tar is not None
    assert bare.evidence.n > 1 / (bare.fmr or 1), "n supports the rate it states"


def test_without_a_matcher_nothing_is_stated(tmp_path: Path) -> None:
    assert told(config_of(tmp_path), live("none")).matcher == ()


def test_the_detector_is_told_with_its_limits_hash_and_simulated_evidence(tmp_path: Path) -> None:
    (one,) = told(config_of(tmp_path)).detectors
    assert one.kind == "simulated"
    assert len(one.sha256) == 64
    assert [limit.name for limit in one.limits] == ["like an attack", "unlike skin, as a whole", "unlike skin, a part"]
    assert all(limit.accept < limit.attack for limit in one.limits)
    assert one.evidence[0].kind == "simulated"
    assert one.evidence[0].worst_upper is not None
    assert one.evidence[0].attacks > 100


def test_a_detector_that_cannot_be_read_is_a_problem_and_no_limit(tmp_path: Path) -> None:
    broken = tmp_path / "detector.json"
    broken.write_text("{}")
    (one,) = told(config_of(tmp_path, liveness={"detector": broken})).detectors
    assert one.limits == ()
    assert "detector" in one.problem


def test_devices_say_where_they_are_who_answers_and_what_was_last_wrong(tmp_path: Path) -> None:
    who = {"model": "Relay", "firmware": "2", "serial_number": "77", "proved": True}
    active = ActiveFault(3002, "camera.nir", "old", CLOCK.now())
    now = live(faults=(active,), gate=who, **{"camera.nir": who | {"proved": False}})
    devices = {one.device: one for one in told(config_of(tmp_path), now).devices}
    gate, nir, rgb = devices["gate"], devices["camera.nir"], devices["camera.rgb"]
    assert (gate.link, gate.at, gate.serial_number) == ("up", "/dev/serial/by-path/gate", "77")
    assert gate.verified_on_hardware
    assert (nir.link, nir.verified_on_hardware) == ("lost", False)
    assert nir.fault is not None
    assert (nir.fault.code, nir.fault.active) == (3002, True)
    assert (rgb.link, rgb.model, rgb.fault) == ("unknown", None, None)
    assert all(one.simulated for one in devices.values()), "nothing of a simulated lane passes for real"


def test_a_fault_that_is_no_loss_of_the_link_is_none(tmp_path: Path) -> None:
    who = {"model": "Sync", "firmware": "2", "serial_number": "", "proved": False}
    drifted = ActiveFault(3008, "illumination.nir", "24 %", CLOCK.now())
    devices = told(config_of(tmp_path), live(faults=(drifted,), **{"illumination.nir": who})).devices
    light = next(one for one in devices if one.device == "illumination.nir")
    assert (light.link, light.serial_number) == ("up", "")
    assert light.fault is not None


def test_settings_say_whether_the_file_or_the_release_has_them(tmp_path: Path) -> None:
    config = config_of(tmp_path, policy={"require_chip": True, "timeouts": {"Verifying": 25.0}})
    found = told(config)
    settings = {one.key: (one.value, one.given) for one in found.settings}
    assert settings["policy.require_chip"] == ("true", True)
    assert settings["policy.require_guard"] == ("true", False)
    assert settings["calibration.file"] == ("none", False)
    assert settings["face.accept_non_commercial"] == ("none", False)
    assert settings["illumination.nir.bands.940.exposure_us"] == ("3000", True)
    timeouts = {one.key: (one.value, one.given) for one in found.timeouts}
    assert timeouts["policy.timeouts.Verifying"] == ("25 s", True)
    assert timeouts["policy.timeouts.Reading"] == ("15 s", False)
    assert all(check.mandatory for check in found.checks if check.name != "passage")
    assert not any("require_chip" in words for words in found.trust)
    assert settings["trust.types"] == ("P", False)


def test_whom_the_lane_believes_is_said_with_roots_and_revocation_lists(tmp_path: Path) -> None:
    words = told(config_of(tmp_path)).trust
    assert words[0] == "5 CSCA certificates of 2 states are trusted."
    assert any(fingerprint() in one and "master list of UT" in one for one in words)
    assert "Revocation lists are there of 2 states; documents of all others are referred." in words


def test_a_store_that_cannot_be_used_and_every_leniency_are_said(tmp_path: Path) -> None:
    lenient = {"allow_sha1": True, "allow_bac_fallback": True, "without_clone_detection": ["D", "UTO"]}
    config = config_of(tmp_path, trust={"store": tmp_path / "none", "roots": [fingerprint()], **lenient})
    words = told(config).trust
    assert words[0].startswith("The trust store cannot be used, no document is found authentic: ")
    given = {one.key: one.value for one in told(config_of(tmp_path, trust=config.trust)).settings}
    assert given["trust.without_clone_detection"] == "D, UTO"
    config = config_of(tmp_path, trust={"store": utopia(), "roots": [fingerprint()], **lenient})
    assert sum(one.startswith("trust.") for one in told(config).trust) == 3


def office(base: Path, **gallery: Any) -> LaneConfig:
    return config_of(
        base,
        site="office",
        topology="turnstile",
        policy={"require_guard": False},
        document_reader={"kind": "walk_up"},
        trust=None,
        face={"masks": "allow"},
        gallery={"folder": base / "gallery", "key": base / "keys" / "gallery.key", "identify_threshold": 0.5} | gallery,
    )


def test_an_office_without_documents_says_so_and_what_its_gallery_holds(tmp_path: Path) -> None:
    config = office(tmp_path)
    assert config.gallery is not None
    Gallery.create(config.gallery.folder, config.gallery.key, CLOCK)
    found = told(config)
    assert [one.in_use for one in found.matcher] == [True, True, True]
    search = next(one for one in found.matcher if one.key == "gallery.identify_threshold")
    assert (search.threshold, search.fmr, search.evidence) == (0.5, None, None)
    assert {one.key for one in found.detectors} <= {"liveness.detector", "liveness.upper"}
    assert any("No document is read here" in words for words in found.trust)
    mandatory = {check.name: check.mandatory for check in found.checks}
    assert (mandatory["document_read"], mandatory["liveness"]) == (False, True)
    assert found.retention[-1].now == "0 enrolled, 0 of them out of date"
    assert found.retention[1].now == "2 pictures"


def test_a_gallery_that_is_not_there_is_said_to_be_unreadable(tmp_path: Path) -> None:
    assert told(office(tmp_path)).retention[-1].now.startswith("cannot be read: ")


def test_a_store_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        configured.answer(config_of(tmp_path), live(), CLOCK.monotonic)
