"""How a lane is set up, as a maintainer's console shows it: devices, rules, trust, and what is kept.

It reads, and never writes. Every value names the key of the configuration it comes from. Not responsible for
thresholds (`thresholds`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from appliance.claim_config import TrustConfig
from appliance.config import LaneConfig
from appliance.control import setup as msg
from appliance.core.faults import CATALOGUE
from appliance.core.policy import TIMEOUTS
from appliance.core.types import CheckName, Claim
from appliance.document.reasons import DocumentFault
from appliance.document.trust.store import load
from appliance.gallery import database as gallery
from appliance.gallery.errors import GalleryError
from appliance.runtime import installed, thresholds
from appliance.runtime.faults import ActiveFault
from appliance.store import history as stored
from appliance.store.state_dir import DATABASE

LINKS = {"gate": (1001, 1006), "illumination": (1002,), "camera": (3001, 3002), "document_reader": (1003,)} | {
    "presence": (1007,)
}
"""Faults of a device that mean it does not answer."""


@dataclass(frozen=True, slots=True)
class Live:
    """What only the running lane knows: who answered, faults, the matcher, the channels, and pictures in memory."""

    identities: Mapping[str, Mapping[str, Any]]
    active: tuple[ActiveFault, ...]
    latest: Mapping[str, ActiveFault]
    pack_id: str
    channels: tuple[str, ...]
    pictures: int
    now: datetime


def answer(config: LaneConfig, live: Live, monotonic: Callable[[], float]) -> msg.SetupAnswer:
    """The whole set-up. Raises StoreError, OSError and SQLAlchemyError when the store cannot be read."""
    return msg.SetupAnswer(
        lane_id=config.lane_id,
        simulated=config.simulated,
        site=config.site,
        topology=config.topology,
        bands=config.bands,
        channels=live.channels,
        devices=tuple(_devices(config, live)),
        matcher=thresholds.matcher(config, live.pack_id),
        detectors=thresholds.detectors(config, installed.claims(config, live.pack_id)),
        quality=thresholds.quality(),
        checks=tuple(_checks(config)),
        timeouts=tuple(_timeouts(config)),
        settings=tuple(_settings(config)),
        trust=tuple(_trust(config)),
        retention=tuple(_retention(config, live, monotonic)),
    )


# --- devices --------------------------------------------------------------------------------------------------


def _devices(config: LaneConfig, live: Live) -> Iterator[msg.ConfiguredDevice]:
    sections: dict[str, tuple[str, BaseModel | None]] = {"gate": ("gate", config.gate)}
    sections |= {f"illumination.{name}": (f"illumination.{name}", one) for name, one in config.illumination.items()}
    sections |= {f"camera.{name}": (f"cameras.{name}", one) for name, one in config.cameras.all.items()}
    sections |= {"document_reader": ("document_reader", config.document_reader)}
    sections |= {"presence": ("presence", config.presence)} if config.presence is not None else {}
    for device, (key, section) in sections.items():
        yield _device(config, live, device, key, section)


def _device(config: LaneConfig, live: Live, device: str, key: str, section: Any) -> msg.ConfiguredDevice:
    who, fault = live.identities.get(device), live.latest.get(device)
    lost = any(one.device == device and one.code in LINKS[device.split(".")[0]] for one in live.active)
    at = next((str(getattr(section, name)) for name in ("port", "path", "camera_id") if hasattr(section, name)), "")
    return msg.ConfiguredDevice(
        device=device,
        key=key,
        kind=section.kind,
        at=at,
        # A port does not tell what is at its other end: nothing of a simulated lane passes for real.
        simulated=config.simulated,
        link="lost" if lost else "up" if who is not None else "unknown",
        model=str(who["model"]) if who else None,
        firmware=str(who["firmware"]) if who else None,
        serial_number=str(who["serial_number"]) if who else None,
        verified_on_hardware=who is not None and who["proved"] is True,
        fault=None if fault is None else _fault(fault, fault in live.active),
    )


def _fault(fault: ActiveFault, active: bool) -> msg.LastFault:
    title = CATALOGUE[fault.code].title
    return msg.LastFault(code=fault.code, title=title, detail=fault.detail, since=fault.since, active=active)


# --- rules ----------------------------------------------------------------------------------------------------


def _checks(config: LaneConfig) -> Iterator[msg.CheckRule]:
    mandatory = config.core_policy().mandatory
    for name in CheckName:
        words = _why(config, name) if name not in mandatory else "Must succeed: nothing else admits anybody."
        yield msg.CheckRule(name=name, mandatory=name in mandatory, words=words)


def _why(config: LaneConfig, name: CheckName) -> str:
    """Why a check need not succeed here."""
    if name is CheckName.PASSAGE:
        return "Only ever says that the passage itself broke off."
    if config.document_reader.claim is not Claim.DOCUMENT:
        return "document_reader.kind: nobody shows a document here."
    return "policy.require_chip = false: a document whose chip proves nothing may pass."


def _timeouts(config: LaneConfig) -> Iterator[msg.Setting]:
    for phase, seconds in config.core_policy().timeouts.items():
        usual = f"{TIMEOUTS[phase]:g} s in this release"
        given = phase in config.policy.timeouts
        yield msg.Setting(key=f"policy.timeouts.{phase}", value=f"{seconds:g} s", given=given, words=usual)


NONE = "none"
WORDS = {
    "policy.require_chip": "whether the chip of a document must prove it authentic",
    "policy.require_guard": "whether nobody new is let in while no guard watches",
    "policy.document_attempts": "how often a document is read before an officer is called",
    "policy.release_s": "seconds of a release pulse",
    "policy.release_hold_s": "seconds the gate may stay unlocked after it",
    "gate.poll_hz": "readings of the gate a second",
    "face.pack": "the matcher, with its threshold",
    "face.masks": "what is done about a medical mask",
    "face.accept_non_commercial": "packs used although their licence forbids commercial use",
    "liveness.detector": "the liveness detector, with its limits; none: the one of the release",
    "liveness.upper": "detectors for the upper half of faces in medical masks; none: those of the release",
    "liveness.shadow": "a second detector, recorded and without a say",
    "liveness.demand": "what must be known of the bands before the lane starts",
    "calibration.file": "what the LEDs are compared with",
    "calibration.required": "whether the lane stays closed without it",
    "calibration.max_age_days": "days a calibration is good for",
    "calibration.drift": "share by which an LED may differ from it",
}

TRUST_WORDS = {
    "trust.store": "the folder of the issuers that are believed",
    "trust.types": "first letters of the types of document that are admitted",
    "trust.without_clone_detection": "issuers whose chips need not prove that they are no copies",
    "trust.allow_sha1": "whether signatures over SHA-1 are believed",
    "trust.allow_bac_fallback": "whether a chip that fails at PACE is read by BAC",
    "trust.extended": "whether extended APDUs are used where the chip takes them",
}


def _settings(config: LaneConfig) -> Iterator[msg.Setting]:
    for key, words in {**WORDS, **(TRUST_WORDS if config.trust is not None else {})}.items():
        section, name = key.split(".")
        yield _setting(getattr(config, section), key, name, words)
    for camera, light in config.illumination.items():
        yield _setting(light, f"illumination.{camera}.burst_ms", "burst_ms", "milliseconds a burst may take")
        for band, one in light.bands.items():
            key = f"illumination.{camera}.bands.{band}.exposure_us"
            yield _setting(one, key, "exposure_us", "microseconds of light in the longest exposure")


def _setting(section: BaseModel, key: str, name: str, words: str) -> msg.Setting:
    value = getattr(section, name)
    value = ", ".join(sorted(value)) if isinstance(value, frozenset) else value
    said = NONE if value is None or value in ((), "") else str(value)
    said = said.lower() if isinstance(value, bool) else said
    return msg.Setting(key=key, value=said, given=name in section.model_fields_set, words=words)


# --- trust and retention --------------------------------------------------------------------------------------


def _trust(config: LaneConfig) -> Iterator[str]:
    reader = config.document_reader
    if reader.claim is not Claim.DOCUMENT:
        yield f"No document is read here (document_reader.kind = {reader.kind}): none is found authentic or forged."
        return
    assert config.trust is not None  # a configuration without it is refused
    yield from _issuers(config.trust)
    if reader.kind == "rig":
        yield "This reader is simulated, and so are its passports and their issuer."
    if not config.policy.require_chip:
        yield "policy.require_chip = false: document authenticity is not mandatory here."


def _issuers(trust: TrustConfig) -> Iterator[str]:
    """Whom the lane believes, as the store says it now."""
    try:
        store = load(trust.store, trust.roots)
    except DocumentFault as fault:
        yield f"The trust store cannot be used, no document is found authentic: {fault.detail}"
        return
    certificates = store.anchors.certificates
    states = {one.country for one in certificates}
    yield f"{len(certificates)} CSCA certificates of {len(states)} states are trusted."
    for source in store.sources:
        if source.root:
            yield f"Imported: {source.kind} of {source.country}, signed {source.signed[:10]}, root {source.root}."
    lists = [crl.country for crl in store.anchors.crls]
    yield f"Revocation lists are there of {len(set(lists))} states; documents of all others are referred."
    if trust.allow_sha1:
        yield "trust.allow_sha1 = true: signatures over SHA-1 are believed."
    if trust.allow_bac_fallback:
        yield "trust.allow_bac_fallback = true: a chip that fails at PACE is read by BAC."
    if trust.without_clone_detection:
        names = ", ".join(sorted(trust.without_clone_detection))
        yield f"trust.without_clone_detection: a copy of a chip is not found out of documents of {names}."


def _retention(config: LaneConfig, live: Live, monotonic: Callable[[], float]) -> Iterator[msg.Kept]:
    path = config.state_dir / DATABASE
    with stored.reading(path, monotonic) as connection:
        count, oldest = stored.extent(connection)
    size = sum(one.stat().st_size for one in path.parent.glob(f"{DATABASE}*")) / 1e6
    journal = f"{count} records since {oldest[:16].replace('T', ' ')} UTC, {size:.1f} MB" if count else "no record"
    yield msg.Kept(
        what="Journal: passages, results, decisions with their officers, faults; no traveller's name, number or face",
        where=str(path),
        until="for ever: the lane deletes no record",
        now=journal,
    )
    yield msg.Kept(
        what="Document data, pictures and templates of a traveller",
        where="memory of the lane and of its vision process, never a disk",
        until="the end of the passage",
        now=f"{live.pictures} pictures",
    )
    yield msg.Kept(
        what="Pictures of the bands shown on these pages",
        where="memory of the lane and of its vision process, never a disk",
        until="the next picture, or the end of the look",
        now="",
    )
    if config.gallery is None:
        none = "No gallery is configured: nobody is enrolled here."
        yield msg.Kept(what="Gallery of enrolled templates", where="", until="", now=none)
        return
    yield msg.Kept(
        what="Gallery of enrolled templates, and photos where they were kept (encrypted)",
        where=str(config.gallery.folder),
        until="each person's own expiry; who is out of date is not compared, and deleted by: appliance gallery expire",
        now=_enrolled(config, live.now),
    )


def _enrolled(config: LaneConfig, now: datetime) -> str:
    assert config.gallery is not None
    try:
        people, expired, following = gallery.extent(config.gallery.folder, now)
    except GalleryError as error:
        return f"cannot be read: {error}"
    until = f"; the next expires {following[:10]}" if following else ""
    return f"{people} enrolled, {expired} of them out of date{until}"
