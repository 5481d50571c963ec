from collections.abc import Callable
from pathlib import Path

import pytest

from appliance import devices
from appliance.config import ConfigError, load
from appliance.core.policy import TIMEOUTS
from appliance.core.types import MANDATORY, CheckName, Claim, Topology
from appliance.gate_config import WaveshareConfig
from appliance.sites import Site

Write = Callable[..., Path]
V4L2 = '{ kind = "v4l2", path = "/dev/video0", reference = { width_mm = 9, box = [9, 20, 6, 4] } }'
RGB = '{ kind = "rig", options = { camera = "rgb", socket = "r" }, reference = { width_mm = 9, box = [9, 20, 6, 4] } }'
NIR = '{ kind = "rig", options = { camera = "nir", socket = "rig.sock" }, reference = { box = [11, 20, 60, 40] } }'
BANDS = "bands = { 850 = { axis = true }, 940 = {} }"


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_the_good_file_says_what_it_says(write: Write) -> None:
    lane = load(write())
    assert (lane.lane_id, lane.simulated, lane.topology) == ("E-07", True, Topology.MANTRAP)
    assert lane.state_dir == Path("var/state")
    assert lane.gate.wiring.active_low == {4, 5}
    assert lane.cameras.rgb.reference.box == (9, 20, 6, 4)
    assert lane.bands == ("850", "940")
    assert lane.illumination["nir"].pulses == dict.fromkeys(("850L", "850R", "850C", "940L", "940R"), 4000)
    assert lane.core_policy().mandatory == MANDATORY


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (('lane_id = "E-07"', 'lane_id = "E-07"\nlane_name = "x"'), "lane_name"),
        (('[gate]\nport = "/dev/ttyUSB0"', '[gate]\nport = "/dev/ttyUSB0"\nparity = "even"'), "gate.parity"),
        (("active_low = [4, 5]", "active_low = [4, 5]\nentry_relay = 0"), "gate.wiring.entry_relay"),
        (("require_guard = true", "require_guards = false"), "policy.require_guards"),
        (('module = "hil.devices"', 'module = "hil.devices"\nseed = 4'), "simulation.seed"),
        ((RGB, V4L2.replace("reference", "hight = 480, reference")), "cameras.rgb.v4l2.hight"),
        ((BANDS, "bands = { 850 = { axle = true } }"), "illumination.nir.bands.850.axle"),
        (("box = [11, 20, 60, 40] }", "box = [11, 20, 60, 40], gray = 1 }"), "cameras.nir.reference.gray"),
    ],
)
def test_an_unknown_key_is_refused_wherever_it_stands(write: Write, change: tuple[str, str], place: str) -> None:
    said = refusal(write(change))
    assert f"{place}: unknown key; remove it or correct its spelling" in said
    assert "has 1 problem:" in said


def test_all_problems_are_listed_together(write: Write) -> None:
    said = refusal(
        write(
            ('lane_id = "E-07"', 'lane_id = "E 07"'),
            ('port = "/dev/ttyUSB0"', "prot = 1"),
            ("[11, 20, 60, 40]", "[11, 20, 60]"),
            ('profile = "simulated"', 'profile = "test"'),
        )
    )
    assert "has 5 problems" in said
    for place in ("lane_id", "gate.port", "gate.prot", "cameras.nir.reference.box", "profile"):
        assert f"  {place}" in said


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (('port = "/dev/ttyUSB0"', 'port = "/dev/ttyUSB0"\nunit = 0'), "gate.unit"),
        (('port = "/dev/ttyUSB0"', 'port = "/dev/ttyUSB0"\npoll_hz = 0.1'), "gate.poll_hz"),
        (('port = "/dev/ttyUSB0"', 'port = "/dev/ttyUSB0"\nbaudrate = 12345'), "gate.baudrate"),
        (("require_guard = true", "document_attempts = 0"), "policy.document_attempts"),
        (("require_guard = true", "release_s = 60"), "policy.release_s"),
        (("require_guard = true", "release_hold_s = nan"), "policy.release_hold_s"),
        (("require_guard = true", "timeouts = { Referred = 0 }"), "policy.timeouts.Referred"),
        (("require_guard = true", "timeouts = { Referred = inf }"), "policy.timeouts.Referred"),
        (('lane_id = "E-07"', 'lane_id = "../E-07"'), "lane_id"),
        (('lane_id = "E-07"', "lane_id = 7"), "lane_id"),
        ((BANDS, "bands = {}"), "illumination.nir.bands"),
        ((BANDS, "bands = { 850 = { exposure_us = 0 } }"), "illumination.nir.bands.850.exposure_us"),
        ((BANDS, "bands = { 850 = { wavelength_nm = 400 } }"), "illumination.nir.bands.850.wavelength_nm"),
        (("[illumination.nir]", "[illumination.uv]"), "illumination.uv"),
        (
            ("box = [11, 20, 60, 40]", "box = [11, 20, 60, 40], reflectance = 1.5"),
            "cameras.nir.reference.reflectance",
        ),
        ((RGB, '{ kind = "recorded", path = "replay.avi" }'), "cameras.rgb"),
        (('kind = "rig"\noptions = { socket', 'kind = "nfc"\noptions = { socket'), "document_reader"),
    ],
)
def test_values_that_are_no_such_thing(write: Write, change: tuple[str, str], place: str) -> None:
    assert f"  {place}: " in refusal(write(change))


SWIR = """
[illumination.swir]
port = "/dev/ttyUSB2"
bands = { 1050 = {}, 1300 = {}, 1550 = {} }

[cameras]"""


def test_a_lane_with_every_band(write: Write) -> None:
    camera = NIR.replace('"nir"', '"swir"')
    lane = load(
        write(
            (BANDS, BANDS.replace("940", "970 = {}, 940")),
            ("[cameras]", SWIR),
            (f"nir = {NIR}", f"nir = {NIR}\nswir = {camera}"),
        )
    )
    assert lane.bands == ("850", "940", "970", "1050", "1300", "1550")
    assert list(lane.cameras.all) == ["rgb", "nir", "swir"]
    assert [len(lane.illumination[name].pulses) for name in ("nir", "swir")] == [7, 6]
    assert [(light._device, light._pulses["1300L"]) for light in [devices.illuminators(lane)["swir"]]] == [  # type: ignore[attr-defined]
        ("illumination.swir", 4000)
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([(BANDS, "bands = { 1300 = {} }")], "illumination.nir: bands.1300: the nir camera has no such band"),
        (
            [(BANDS, "bands = { thermal = {} }")],
            "bands.thermal: the nir camera has no such band; there are 850, 940, 970",
        ),
        ([(BANDS, "bands = { 850 = { wavelength_nm = 880 } }")], "bands.850: 880 nm is 30 nm off"),
        ([(f"nir = {NIR}\n", "")], "illumination.nir: there is no cameras.nir to follow"),
        ([(f"nir = {NIR}", f"nir = {NIR}\nswir = {NIR}")], "cameras.swir: nothing lights it"),
        ([(NIR, NIR.replace("options", "width = 1280, options"))], "cameras.nir: its pictures must have the size"),
        (
            [(NIR, NIR.replace("options", "fps = 15, options"))],
            "a burst of 5 LEDs takes 467 ms at 15 frames per second",
        ),
        ([(BANDS, BANDS + "\nburst_ms = 200")], "takes 233 ms at 30 frames per second, 200 are allowed"),
        ([(BANDS, "bands = { 850 = { exposure_us = 40000 } }")], "exposure_us is longer than a frame"),
        ([(f"nir = {NIR}", f"nir = {NIR}\nthermal = {NIR}")], "cameras: thermal: not installed"),
    ],
)
def test_banks_that_cannot_be(write: Write, changes: list[tuple[str, str]], said: str) -> None:
    assert said in refusal(write(*changes))


def test_a_longer_burst_only_where_the_site_says_so(write: Write) -> None:
    lane = load(write((NIR, NIR.replace("options", "fps = 15, options")), (BANDS, BANDS + "\nburst_ms = 500")))
    assert lane.illumination["nir"].burst_ms == 500


def test_the_example_of_the_docs_is_right(write: Write) -> None:
    page = (Path(__file__).parents[2] / "docs/bands-and-calibration.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    rest = """
lane_id = "E-07"
profile = "simulated"
state_dir = "var/state"
control_socket = "var/lane.sock"
gate = { port = "/dev/ttyUSB0" }
document_reader = { kind = "rig" }
trust = { store = "var/trust", roots = ["0000000000000000000000000000000000000000000000000000000000000000"] }
simulation = { module = "hil.devices" }
"""
    lane = load(write(text=rest + example))
    assert (lane.band_set, lane.calibration.required) == ("rgb+850+940", True)
    assert list(lane.illumination["nir"].pulses) == ["850L", "850R", "850C", "940L", "940R"]


def test_a_time_out_of_no_phase_names_the_phases_there_are(write: Write) -> None:
    said = refusal(write(("require_guard = true", "timeouts = { Refered = 30.0 }")))
    assert "no phase is called Refered" in said
    assert "Referred" in said


def test_production_refuses_whatever_is_simulated(write: Write) -> None:
    said = refusal(write(('profile = "simulated"', 'profile = "production"')))
    for place in ("cameras.rgb", "cameras.nir", "document_reader"):
        assert f"{place}: a simulated device in a production lane" in said
    assert "simulation: a production lane has no such section" in said
    assert "calibration.file: a production lane is calibrated" in said
    assert "commissioning: a production lane has signed" in said


def test_production_refuses_one_simulated_device_among_real_ones(write: Write) -> None:
    said = refusal(write(('profile = "simulated"', 'profile = "production"'), (RGB, V4L2)))
    assert "cameras.nir: a simulated device" in said
    assert "cameras.rgb" not in said


def test_production_reads_the_chip_and_is_watched(write: Write) -> None:
    lax = "require_guard = false\nrequire_chip = false"
    said = refusal(write(('profile = "simulated"', 'profile = "production"'), ("require_guard = true", lax)))
    assert "policy.require_chip: a production lane proves the chip genuine" in said
    assert "policy.require_guard: a production lane is watched" in said


def test_a_simulated_lane_may_do_without_the_chip_and_nothing_else(write: Write) -> None:
    policy = load(write(("require_guard = true", "require_chip = false"))).core_policy()
    assert MANDATORY - policy.mandatory == {CheckName.DOCUMENT_AUTHENTICITY}


def test_simulated_devices_need_their_module(write: Write) -> None:
    assert "simulation: missing" in refusal(write(('[simulation]\nmodule = "hil.devices"', "")))


def test_a_site_sets_some_time_outs_and_keeps_the_others(write: Write) -> None:
    timeouts = load(write(("require_guard = true", "timeouts = { Referred = 45.0 }"))).core_policy().timeouts
    assert timeouts["Referred"] == 45.0
    assert {name: timeouts[name] for name in TIMEOUTS if name != "Referred"} == {
        name: seconds for name, seconds in TIMEOUTS.items() if name != "Referred"
    }


@pytest.mark.parametrize("content", [b"lane_id = ", b"lane_id = 'a'\nlane_id = 'b'", b"\xff\xfe[gate]", b"\x00"])
def test_what_is_not_toml_is_said_with_its_place(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lane.toml"
    path.write_bytes(content)
    assert "is not TOML" in refusal(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.toml")
    assert "Is a directory" in refusal(tmp_path)


def test_an_empty_file_lists_everything_that_is_missing(write: Write) -> None:
    said = refusal(write(text=""))
    for place in ("lane_id", "profile", "state_dir", "control_socket", "gate", "cameras", "illumination"):
        assert f"  {place}: Field required" in said


@pytest.mark.parametrize(
    ("wiring", "said"),
    [
        ("entry_release = 1", "relay 1 cannot release both doors"),
        ("occupied = 3", "an input is wired twice"),
        ("active_low = [4, 99]", "not wired: [99]"),
    ],
)
def test_a_wiring_that_cannot_be_is_a_configuration_error(write: Write, wiring: str, said: str) -> None:
    lane = load(write(("active_low = [4, 5]", wiring)))
    with pytest.raises(ConfigError, match=r"gate\.wiring: ") as caught:
        devices.gate(lane)
    assert said in str(caught.value)


def test_a_turnstile_needs_no_entry_wiring(write: Write) -> None:
    lane = load(write(('lane_id = "E-07"', 'lane_id = "E-07"\ntopology = "turnstile"')))
    wiring = devices.gate(lane)._wiring  # type: ignore[attr-defined]
    assert (wiring.entry_release, wiring.entry_closed, wiring.entry_mirror) == (None, None, None)
    assert wiring.exit_release == 1


@pytest.mark.rig
def test_simulated_devices_name_what_is_wrong_with_their_options(write: Write) -> None:
    lane = load(write((NIR, NIR.replace('"nir"', '"uv"'))))
    with pytest.raises(ConfigError, match="must be one of rgb, nir, swir"):
        devices.camera("camera.nir", lane.cameras.nir, "hil.devices")
    reader = load(write(('options = { socket = "rig.sock" }\n', "options = { sokcet = 1 }\n")))
    with pytest.raises(ConfigError, match="document_reader: unknown options sokcet"):
        devices.reader(reader)


def test_a_simulation_module_that_is_not_there(write: Write) -> None:
    lane = load(write(('module = "hil.devices"', 'module = "hil.nothing"')))
    with pytest.raises(ConfigError, match=r"hil\.nothing cannot be loaded"):
        devices.reader(lane)
    with pytest.raises(ConfigError, match=r"needs \[simulation\] module"):
        devices.camera("camera.rgb", lane.cameras.rgb, None)


def test_an_input_that_is_not_wired_and_one_of_two_contacts(write: Write) -> None:
    lane = load(write(("active_low = [4, 5]", 'active_low = []\nout_of_service = "none"\nexit_closed = [1, 4]')))
    assert isinstance(lane.gate, WaveshareConfig)
    assert (lane.gate.wiring.out_of_service, lane.gate.wiring.exit_closed) == (None, (1, 4))
    assert "gate.wiring.exit_closed" in refusal(write(("active_low = [4, 5]", 'exit_closed = "none"')))


PROFILE = 'profile = "simulated"'
TILL = """
[gate]
kind = "authorisation"
port = "unix:/run/till.sock"
audience = "till-1"
key = "lane.pem"
"""


def point(write: Write, tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """A point without a guard, from the good file."""
    path = write((PROFILE, f'{PROFILE}\ntopology = "turnstile"\nsite = "unattended_point"'), *changes)
    text = path.read_text()
    start = text.index("[gate]")
    path.write_text(text[:start] + TILL + text[text.index("[illumination", start) :])
    return path


def test_a_point_without_a_guard_refuses_at_once_and_has_no_doors(write: Write, tmp_path: Path) -> None:
    lane = load(point(write, tmp_path, ("require_guard = true", "require_guard = false")))
    assert lane.site is Site.UNATTENDED_POINT
    policy = lane.core_policy()
    assert (policy.timeouts["Referred"], policy.release_hold_s) == (1.0, 0.0)
    assert devices.doors(lane) == ()
    with pytest.raises(ConfigError, match="make one: openssl genpkey -algorithm ed25519"):
        devices.gate(lane)


def test_what_cannot_be_at_a_place_is_said(write: Write, tmp_path: Path) -> None:
    assert "nobody watches an unattended_point; set it to false" in refusal(point(write, tmp_path))
    guarded = write((PROFILE, f'{PROFILE}\ntopology = "turnstile"\nsite = "unattended_point"'))
    assert 'gate.kind: an unattended_point lane has kind = "authorisation"' in refusal(guarded)
    office = write((PROFILE, f'{PROFILE}\nsite = "office"'))
    assert 'topology: an office lane is a "turnstile"' in refusal(office)
    assert "Input should be 'border', 'office', 'unattended_point' or 'observe'" in refusal(
        write((PROFILE, f'{PROFILE}\nsite = "shop"'))
    )


def test_a_genicam_camera_is_built_as_told(write: Write) -> None:
    box = "reference = { width_mm = 9, box = [9, 20, 6, 4] }"
    given = f'{{ kind = "genicam", camera_id = "Maker-1", exposure_us = 4000, exposure_line = "Line1", {box} }}'
    lane = load(write((RGB, given)))
    assert type(devices.camera("camera.rgb", lane.cameras.rgb, None)).__name__ == "GenicamCamera"
    assert "Input should be 'Mono8'" in refusal(write((RGB, given.replace("Line1", 'L1", pixel_format = "P'))))


READER = '[document_reader]\nkind = "rig"\noptions = { socket = "rig.sock" }\n'
TRUST = f'[trust]\nstore = "var/trust"\nroots = ["{"0" * 64}"]\n'
CARDS = '[document_reader]\nkind = "osdp_card"\nport = "/dev/ttyUSB2"\nkeys = "keys"\n'
GALLERY = '[gallery]\nfolder = "var/gallery"\nkey = "var/gallery.key"\n'
TURNSTILE = f'{PROFILE}\ntopology = "turnstile"\nsite = "office"'


def office(write: Write, reader: str, *changes: tuple[str, str]) -> Path:
    """An office gate, from the good file."""
    return write((PROFILE, TURNSTILE), (READER, reader), (TRUST, ""), *changes)


def test_an_office_takes_cards_of_people_who_are_enrolled(write: Write, tmp_path: Path) -> None:
    lane = load(office(write, CARDS + GALLERY))
    assert lane.core_policy().mandatory == frozenset(CheckName) - {
        CheckName.PASSAGE,
        CheckName.DOCUMENT_AUTHENTICITY,
    }
    with pytest.raises(ConfigError, match=r"there is no key keys/document_reader\.scbk"):
        devices.reader(lane)


def test_by_the_face_alone_no_document_is_asked_for_and_the_site_chooses_the_threshold(write: Write) -> None:
    walk_up = '[document_reader]\nkind = "walk_up"\n'
    assert "gallery.identify_threshold: missing" in refusal(office(write, walk_up + GALLERY))
    lane = load(office(write, walk_up + GALLERY + "identify_threshold = 0.5\n"))
    needed = lane.core_policy().mandatory
    assert needed == {CheckName.SINGLE_FACE, CheckName.FACE_QUALITY, CheckName.COMPARISON, CheckName.LIVENESS}
    assert devices.reader(lane) is None


def test_who_shows_no_document_is_enrolled_and_at_no_border(write: Write) -> None:
    assert "gallery: missing; whoever shows no document must be enrolled" in refusal(office(write, CARDS))
    assert "has no use for one" in refusal(write((READER, READER + GALLERY)))
    border = refusal(write((READER, CARDS + GALLERY)))
    assert "document_reader.kind: at a border the reference comes from a travel document" in border


def test_a_lane_that_reads_documents_says_whom_it_believes_and_by_which_roots(write: Write) -> None:
    assert "trust: missing; whose signatures are believed" in refusal(write((TRUST, "")))
    assert "trust: a lane that reads no documents has no use for it" in refusal(
        write((PROFILE, TURNSTILE), (READER, CARDS + GALLERY))
    )
    for roots in ('["ab"]', "[]", '["' + "A" * 64 + '"]'):
        assert "trust.roots" in refusal(write((f'["{"0" * 64}"]', roots)))
    assert "trust.types" in refusal(write((TRUST, TRUST + 'types = ["PD"]\n')))
    lenient = TRUST + 'without_clone_detection = ["UTO"]\nallow_sha1 = true\n'
    lane = load(write((TRUST, lenient)))
    assert lane.trust is not None
    rules = lane.trust.rules()
    assert (rules.allow_sha1, rules.allow_bac_fallback, rules.types) == (True, False, {"P"})
    assert rules.without_clone_detection == {"UTO"}


def test_a_chip_reader_stands_beside_a_reader_of_zones(write: Write) -> None:
    zone = 'zone = { kind = "serial_text", port = "/dev/ttyACM0" }\n'
    pcsc = '[document_reader]\nkind = "pcsc"\nreader = "ACME"\n'
    lane = load(write((READER, pcsc + zone)))
    assert lane.document_reader.claim is Claim.DOCUMENT
    assert "document_reader.zone" in refusal(write((READER, pcsc)))
    wedge = 'zone = { kind = "keyboard_wedge" }\n'
    assert "a reader that types like a keyboard is refused" in refusal(write((READER, pcsc + wedge)))


def test_masks_are_allowed_where_the_site_allows_them_and_never_at_a_border(write: Write) -> None:
    allowed = '[face]\nmasks = "allow"\n'
    assert load(office(write, CARDS + GALLERY + allowed)).face.masks == "allow"
    assert "face.masks: nobody is verified behind a medical mask at a border" in refusal(
        write((READER, READER + allowed))
    )


def test_a_non_commercial_pack_is_accepted_by_name_or_not_at_all(write: Write) -> None:
    said = refusal(write((READER, f'{READER}[face]\npack = "scrfd-omz"\n')))
    assert "face: scrfd-omz is for non-commercial use only" in said
    assert 'accept_non_commercial = ["scrfd-omz"]' in said
    accepted = f'{READER}[face]\npack = "scrfd-omz"\naccept_non_commercial = ["scrfd-omz"]\n'
    assert load(write((READER, accepted))).face.pack == "scrfd-omz"
    assert "no matcher pack is called best" in refusal(write((READER, f'{READER}[face]\npack = "best"\n')))
