"""From what was measured to the checks of a decision, in words a guard can use. Pure."""

from collections.abc import Sequence

from appliance.core.types import ADVICE_WORDS, Check, CheckName, Result
from appliance.evaluate.species import VOCABULARY
from appliance.face.types import Comparison
from appliance.liveness.assess import LivenessReport
from appliance.liveness.reading import Finding
from appliance.vision.quality import Quality


def single_face(faces: int) -> Check:
    """One face large enough to count, and no other."""
    if faces == 1:
        return Check(CheckName.SINGLE_FACE, Result.SUCCESSFUL, "One face is in view.")
    if faces == 0:
        return Check(CheckName.SINGLE_FACE, Result.UNDETERMINED, "No face is in view.")
    return Check(CheckName.SINGLE_FACE, Result.FAILED, f"{faces} faces are in view.")


def face_quality(quality: Quality | None) -> Check:
    """Good enough to compare, or the one thing that is wrong."""
    if quality is None:
        return Check(CheckName.FACE_QUALITY, Result.NOT_PERFORMED, "There was no face to judge.")
    if quality.advice is None:
        return Check(CheckName.FACE_QUALITY, Result.SUCCESSFUL, "The face is well visible.", quality.figures)
    reason = f"Not good enough: {ADVICE_WORDS[quality.advice]}"
    return Check(CheckName.FACE_QUALITY, Result.UNDETERMINED, reason, quality.figures)


def comparison(outcome: Comparison | str) -> Check:
    """The comparison of chip portrait and live face, or why there was none."""
    if isinstance(outcome, str):
        return Check(CheckName.COMPARISON, Result.NOT_PERFORMED, outcome)
    figures = f"{outcome.metric} {outcome.score:.3f}, threshold {outcome.threshold:.3f}"
    if outcome.accepted:
        return Check(CheckName.COMPARISON, Result.SUCCESSFUL, "The face matches the document's portrait.", figures)
    return Check(CheckName.COMPARISON, Result.FAILED, "The face does not match the document's portrait.", figures)


SHOWN_REASONS = 2
"""A guard reads the worst reasons and how many more there are; all of them stand in the map beside."""


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
