"""The thresholds a lane decides by, each with what it rests on, as a maintainer's console shows them. Reads files.

Nothing is changed here: a threshold of the release changes with the release, one of the site with its configuration.
"""

from pathlib import Path

from appliance.config import LaneConfig
from appliance.control import setup as msg
from appliance.control.history import BandClaim, ClaimsAnswer
from appliance.evaluate.face_claims import FaceReport, shipped
from appliance.face.quality.rules import RULES
from appliance.liveness.detector import UPPER, Detector, DetectorError
from appliance.models.catalogue import OperatingPoint, PackRecord
from appliance.models.manager import ModelError, pack_record
from appliance.runtime import installed
from appliance.vision.judge import judge_of, upper_of

LIMITS = {"attack_zone": "like an attack", "skin_zone": "unlike skin, as a whole", "part_zone": "unlike skin, a part"}


def matcher(config: LaneConfig, pack_id: str) -> tuple[msg.MatcherThreshold, ...]:
    """The thresholds of the face comparison, those in use first; none while no matcher is loaded."""
    try:
        pack = pack_record(pack_id)
    except ModelError:
        return ()
    reports = {one.masked: one for one in shipped() if one.pack_id == pack.pack_id}
    masks = config.face.masks == "allow"
    found = [_of_pack(pack, pack.default, reports.get(False), f"{pack.title}, bare faces", in_use=True)]
    if pack.masked is not None:
        title = f"{pack.title}, faces in medical masks"
        found.append(_of_pack(pack, pack.masked, reports.get(True), title, in_use=masks))
    if config.gallery is not None and config.gallery.identify_threshold is not None:
        search = msg.MatcherThreshold(
            title=f"{pack.title}, search of the gallery",
            key="gallery.identify_threshold",
            metric=pack.metric,
            threshold=config.gallery.identify_threshold,
            fmr=None,
            in_use=True,
            words="Chosen by the site; no false match rate is stated: it grows with the number enrolled.",
            evidence=None,
        )
        found.append(search)
    return tuple(sorted(found, key=lambda one: not one.in_use))


def _of_pack(
    pack: PackRecord, point: OperatingPoint, report: FaceReport | None, title: str, *, in_use: bool
) -> msg.MatcherThreshold:
    return msg.MatcherThreshold(
        title=title,
        key="face.pack",
        metric=pack.metric,
        threshold=point.threshold,
        fmr=point.fmr,
        in_use=in_use,
        words=f"Part of the pack {pack.pack_id}, {pack.grade}. {pack.caution}".strip(),
        evidence=None if report is None else _evidence(report, point),
    )


def _evidence(report: FaceReport, point: OperatingPoint) -> msg.Evidence:
    every = report.every
    rate = next((one.tar for one in every.thresholds if one.threshold == point.threshold), None)
    low, high = (rate.interval if rate is not None else None) or (None, None)
    return msg.Evidence(
        dataset=f"{report.dataset}{', masks drawn on' if report.masked else ''}",
        date=report.date[:10],
        report=f"appliance/evaluate/published_faces, {report.pack_id}; data SHA-256 {report.dataset_digest[:12]}",
        software=report.software_version,
        n=every.n_impostor,
        genuine=every.n_genuine,
        people=every.n_subjects,
        tar=rate.value if rate is not None else None,
        tar_low=low,
        tar_high=high,
    )


def detectors(config: LaneConfig, claims: ClaimsAnswer | str) -> tuple[msg.DetectorThresholds, ...]:
    """The limits of the liveness check and what is claimed of them; of a claim that cannot be read, why."""
    part = installed.detector_part(config)
    bands = claims.bands if isinstance(claims, ClaimsAnswer) else ()
    problem = "" if isinstance(claims, ClaimsAnswer) else claims
    title, key = f"whole face, {config.band_set}", "liveness.detector"
    try:
        whole = judge_of(config.band_set, config.liveness.detector).detector
        evidence = tuple(_claimed(one) for one in bands)
        found = [_detector(whole, title, key, part.sha256, evidence, problem)]
        if config.face.masks == "allow":
            found += _upper(config)
    except DetectorError as error:
        nothing: dict[str, str] = dict.fromkeys(("version", "sha256", "kind", "learned_on"), "")
        found = [msg.DetectorThresholds(title=title, key=key, limits=(), evidence=(), problem=str(error), **nothing)]
    return tuple(found)


def _upper(config: LaneConfig) -> list[msg.DetectorThresholds]:
    above = upper_of(config.band_set, config.liveness.upper)
    if above is None:
        return []
    path = (config.liveness.upper or UPPER) / f"{config.band_set}.json"
    title = f"upper half, above a medical mask, {config.band_set}"
    return [_detector(above, title, "liveness.upper", installed.sha256(Path(path)), (), "")]


def _detector(
    found: Detector, title: str, key: str, sha256: str, evidence: tuple[msg.DetectorEvidence, ...], problem: str
) -> msg.DetectorThresholds:
    zones = {name: getattr(found, field) for field, name in LIMITS.items()}
    return msg.DetectorThresholds(
        title=title,
        key=key,
        version=found.version,
        sha256=sha256,
        kind=found.kind,
        learned_on=found.learned_on,
        limits=tuple(msg.DetectorLimit(name=n, accept=zone.accept, attack=zone.attack) for n, zone in zones.items()),
        evidence=evidence,
        problem=problem,
    )


def _claimed(band: BandClaim) -> msg.DetectorEvidence:
    tested = [one for one in band.species if one.n]
    worst = max(tested, key=lambda one: one.upper or 0.0, default=None)
    return msg.DetectorEvidence(
        kind=band.kind,
        same_detector=band.same_detector,
        dataset=f"{band.dataset}, {band.protocol}",
        made_on=band.made_on,
        bona_fide_n=band.bona_fide_n,
        bona_fide_failed=band.bona_fide_failed,
        species_tested=len(tested),
        attacks=sum(one.n for one in tested),
        worst=worst.title if worst else "",
        worst_upper=worst.upper if worst else None,
    )


def quality() -> tuple[msg.QualityLimit, ...]:
    """The limits of the face image quality; they are part of the release."""
    return tuple(
        msg.QualityLimit(measure=rule.measure.replace("_", " "), least=round(rule.least, 2), words=rule.source)
        for rule in RULES
    )
