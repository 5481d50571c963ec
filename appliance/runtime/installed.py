"""What is installed in a lane and what it has been measured against, as its consoles show it. Reads files, opens none
for writing.

Not responsible for what may be claimed (`evaluate.claims`, `evaluate.face_claims`).
"""

import hashlib
import platform
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config import LaneConfig
from appliance.control import history as msg
from appliance.models.manager import ModelError, pack_record
from appliance.runtime import evidence

if TYPE_CHECKING:
    from appliance.evaluate.claims import Claims, SpeciesClaim

LIBRARIES = ("onnxruntime", "opencv-python", "numpy", "scipy", "sqlalchemy", "cryptography", "insightface")


def versions(config: LaneConfig, pack_id: str) -> msg.Versions:
    """Software, weights, detector and signed papers, with SHA-256 where there is a file."""
    found = [
        _part("software", "sallyport", _version("sallyport")),
        _part("software", "python", platform.python_version()),
    ]
    found += [_part("library", name, _version(name)) for name in LIBRARIES]
    found += _weights(pack_id)
    found.append(detector_part(config))
    papers = {"calibration": config.calibration.file, "commissioning": config.commissioning}
    found += [_part(part, path.name, "", sha256(path)) for part, path in papers.items() if path is not None]
    return msg.Versions(components=tuple(found))


def claims(config: LaneConfig, pack_id: str) -> msg.ClaimsAnswer | str:
    """Claims of the installed bands, the detector in use first, and of every shipped matcher, the installed first.

    In words why not, when they cannot be read.
    """
    from appliance.evaluate.claims import ClaimsError

    try:
        return _claims(config, pack_id)
    except ClaimsError as error:
        return f"The claims cannot be read: {error}"


def _claims(config: LaneConfig, pack_id: str) -> msg.ClaimsAnswer:
    from appliance.evaluate.claims import read, shipped

    every = shipped() + (read(config.liveness.claims) if config.liveness.claims is not None else [])
    in_use = detector_part(config).version
    own = sorted(
        (_band(one, in_use) for one in every if one.band_set == config.band_set),
        key=lambda one: (one.kind, not one.same_detector, one.dataset),
    )
    tested = {claim.species for one in own for claim in one.species if claim.n + claim.no_response}
    return msg.ClaimsAnswer(
        band_set=config.band_set,
        simulated=config.simulated,
        label=evidence.label(config),
        bands=tuple(own),
        untested=_untested(tested),
        faces=tuple(sorted(_faces(pack_id), key=lambda one: not one.installed)),
    )


def _part(part: str, name: str, number: str, sha256: str = "") -> msg.Component:
    return msg.Component(part=part, name=name, version=number, sha256=sha256)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def sha256(path: Traversable | Path) -> str:
    """SHA-256 of a file, or in words why not."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _weights(pack_id: str) -> list[msg.Component]:
    """The files of the matcher; the vision process has refused to start on any other content."""
    try:
        pack = pack_record(pack_id)
    except ModelError:
        return [_part("matcher", pack_id, "not ready")]
    return [_part(f"matcher {pack.pack_id}", file.name, file.role, file.sha256) for file in pack.files]


def detector_part(config: LaneConfig) -> msg.Component:
    """The file of the detector in use, or why there is none."""
    from appliance.liveness.detector import DetectorError
    from appliance.vision.judge import judge_of

    source = config.liveness.detector
    folder = resources.files("appliance.liveness").joinpath("learned") if source is None else source
    path = source if source is not None and source.is_file() else folder.joinpath(f"{config.band_set}.json")
    try:
        number = judge_of(config.band_set, source).version
    except DetectorError as error:
        return _part("liveness detector", config.band_set, f"none: {error}"[:200])
    return _part("liveness detector", path.name, number, sha256(path))


def _untested(tested: set[str]) -> tuple[str, ...]:
    from appliance.evaluate.species import VOCABULARY

    return tuple(one.title for name, one in VOCABULARY.items() if name not in tested)


def _band(one: "Claims", in_use: str) -> msg.BandClaim:
    from appliance.evaluate.claims import rows

    return msg.BandClaim(
        kind=one.kind,
        dataset=one.dataset,
        source=one.source,
        protocol=one.protocol,
        detector=one.detector,
        same_detector=one.detector == in_use,
        made_on=one.made_on,
        bona_fide_n=one.bona_fide.n,
        bona_fide_failed=one.bona_fide.failed,
        bona_fide_upper=one.bona_fide.bpcer.upper,
        species=tuple(_species(row.species, row.claim) for row in rows([one])),
    )


def _species(name: str, claim: "SpeciesClaim | None") -> msg.SpeciesClaim:
    from appliance.evaluate.species import title

    tested = claim is not None and claim.n > 0
    return msg.SpeciesClaim(
        species=name,
        title=title(name),
        n=claim.n if claim else 0,
        accepted=claim.accepted if claim else 0,
        undetermined=claim.undetermined if claim else 0,
        no_response=claim.no_response if claim else 0,
        lower=claim.apcer.lower if claim and tested else None,
        upper=claim.apcer.upper if claim and tested else None,
    )


def _faces(pack_id: str) -> list[msg.FaceClaim]:
    from appliance.evaluate.face_claims import SHOWN, shipped

    found = []
    for one in shipped():
        every = one.every
        for point in every.thresholds:
            if point.target_fmr not in SHOWN:
                continue
            rate = point.tar if point.threshold is not None else None
            low, high = (rate.interval if rate is not None else None) or (None, None)
            claim = msg.FaceClaim(
                pack_id=one.pack_id,
                title=one.pack_title,
                installed=one.pack_id == pack_id,
                dataset=one.dataset,
                masked=one.masked,
                genuine=every.n_genuine,
                impostor=every.n_impostor,
                fmr=point.target_fmr,
                threshold=point.threshold,
                tar=rate.value if rate is not None else None,
                tar_low=low,
                tar_high=high,
            )
            found.append(claim)
    return found
