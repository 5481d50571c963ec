"""From what was measured to the checks of a decision, in words a guard can use. Pure."""

from collections.abc import Sequence

from appliance.core.types import ADVICE_WORDS, Check, CheckName, Result
from appliance.evaluate.species import VOCABULARY
from appliance.face.quality import QualityReport
from appliance.face.types import Comparison
from appliance.liveness.assess import LivenessReport
from appliance.liveness.reading import Finding

SHOWN_REASONS = 2
"""A guard reads the worst reasons; all of them stand in the map or the figures beside."""


def single_face(faces: int) -> Check:
    """One face large enough to count, and no other."""
    if faces == 1:
        return Check(CheckName.SINGLE_FACE, Result.SUCCESSFUL, "One face is in view.")
    if faces == 0:
        return Check(CheckName.SINGLE_FACE, Result.UNDETERMINED, "No face is in view.")
    return Check(CheckName.SINGLE_FACE, Result.FAILED, f"{faces} faces are in view.")


def face_quality(quality: QualityReport | None, *, masked: bool = False) -> Check:
    """Good enough to compare, or what is wrong, most useful first; every measure stands in the figures."""
    if quality is None:
        return Check(CheckName.FACE_QUALITY, Result.NOT_PERFORMED, "There was no face to judge.")
    if quality.advice is None:
        reason = "The face is well visible above a medical mask." if masked else "The face is well visible."
        return Check(CheckName.FACE_QUALITY, Result.SUCCESSFUL, reason, quality.figures)
    said = list(dict.fromkeys(ADVICE_WORDS[failing.say] for failing in quality.failing))
    reason = " ".join(["Not good enough:", *said[:SHOWN_REASONS]])
    return Check(CheckName.FACE_QUALITY, Result.UNDETERMINED, reason, quality.figures)


def comparison(outcome: Comparison | str, against: str) -> Check:
    """The comparison of the reference with the live face, or why there was none."""
    if isinstance(outcome, str):
        return Check(CheckName.COMPARISON, Result.NOT_PERFORMED, outcome)
    figures = f"{outcome.metric} {outcome.score:.3f}, threshold {outcome.threshold:.3f}"
    if outcome.accepted:
        return Check(CheckName.COMPARISON, Result.SUCCESSFUL, f"The face matches {against}.", figures)
    return Check(CheckName.COMPARISON, Result.FAILED, f"The face does not match {against}.", figures)


def liveness(report: LivenessReport | None, findings: Sequence[Finding] = ()) -> Check:
    """Presentation attack detection over all bands; light or camera that is wrong proves nothing, either way."""
    if report is None:
        return Check(CheckName.LIVENESS, Result.NOT_PERFORMED, "There was no face to examine.")
    if findings:
        return Check(CheckName.LIVENESS, Result.UNDETERMINED, findings[0].words, _figures(report))
    said = list(report.reasons[:SHOWN_REASONS])
    if report.suspected_species:
        said.insert(0, f"Most like: {_title(report.suspected_species)}.")
    if len(report.reasons) > SHOWN_REASONS:
        said.append(f"And {len(report.reasons) - SHOWN_REASONS} more.")
    reason = " ".join(said) or "The face answers like skin in every band."
    return Check(CheckName.LIVENESS, report.result, reason, _figures(report))


def _title(species: str) -> str:
    """A species as people call it; the first form of the check has words of its own."""
    return VOCABULARY[species].title if species in VOCABULARY else species


def _figures(report: LivenessReport) -> str:
    told = [f"{name} {report.figures[name]:.2f}" for name in ("score", "distance") if name in report.figures]
    return ", ".join([f"detector {report.detector}", *told])
