"""A document for the console's tests, as a lane tells of it and of its inspection. Test only."""

from datetime import date
from typing import Any

from appliance.control.messages import DocumentView, InspectionStep, InspectionView, Result
from appliance.document.reasons import VERDICTS, Reason, worst


def _step(step: InspectionStep, found: tuple[Reason, ...]) -> InspectionView:
    of_step = tuple(reason for reason in found if VERDICTS[reason].step is step)
    gravest = worst(of_step)
    result = Result.SUCCESSFUL if gravest is None else VERDICTS[gravest].result
    unsigned = any(VERDICTS[reason].step is InspectionStep.PASSIVE_AUTHENTICATION for reason in found)
    if step is InspectionStep.CLONE_DETECTION and unsigned and gravest is None:
        result = Result.NOT_PERFORMED  # a chip proves itself only on what its issuer signed
    return InspectionView(step=step, result=result, reasons=tuple(VERDICTS[reason].words for reason in of_step))


def document(*found: Reason, **changes: Any) -> DocumentView:
    """ICAO's specimen, in order but for what was found."""
    base: dict[str, Any] = {
        "document_type": "P",
        "issuing_state": "UTO",
        "document_number": "L898902C3",
        "surname": "ERIKSSON",
        "given_names": "ANNA MARIA",
        "nationality": "UTO",
        "date_of_birth": date(1974, 8, 12),
        "sex": "F",
        "date_of_expiry": date(2032, 4, 15),
        "inspection": tuple(_step(step, found) for step in InspectionStep),
    }
    return DocumentView.model_validate(base | changes)
