"""What an inspection found, judged: facts for the core, a view for the guard, a portrait for the matcher."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Advice, Document, Result
from appliance.core.types import InspectionStep as Step
from appliance.document.inspection import Inspection
from appliance.document.mrz import Mrz
from appliance.document.portrait import PortraitError, decode
from appliance.document.reasons import VERDICTS, Action, Reason, worst


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """`document` goes to the core, `mrz` to the guard's screen, `portrait` (H, W, 3) BGR to the matcher.

    `issued` is the day of issue where the chip told it. Of a card, `enrolled_as` is its owner's label in the gallery
    and `photo` the kept one for the guard's screen (JPEG, and where its eyes are), if any was kept. `advice` is what
    helps when it is read again.
    """

    document: Document
    mrz: Mrz | None
    portrait: NDArray[np.uint8] | None
    issued: date | None = None
    enrolled_as: str = ""
    photo: tuple[bytes, list[float] | None] | None = None
    inspection: Inspection | None = None
    advice: Advice | None = None


def unreadable(problem: str, advice: Advice | None = None) -> Judged:
    """A document nothing is known of but why."""
    return Judged(Document(False, False, None, Result.NOT_PERFORMED, problem), None, None, advice=advice)


async def judge(inspection: Inspection) -> Judged:
    """Judge one inspected document. Never raises for what the document holds.

    Only what a traveller can do better is read again; everything else is the guard's.
    """
    gravest = worst(inspection.reasons())
    if gravest is not None and VERDICTS[gravest].action is Action.RETRY:
        why = VERDICTS[gravest]
        again = Document(False, False, None, Result.NOT_PERFORMED, why.words, unread=why.result, code=gravest)
        return Judged(again, inspection.printed, None, inspection=inspection, advice=why.advice)
    image = None
    if inspection.portrait:
        try:
            image = await decode(inspection.portrait)
        except PortraitError as error:
            inspection = inspection.with_(Reason.PORTRAIT_BROKEN, str(error))
    zone = inspection.mrz or inspection.printed
    reading = _first(inspection, Step.MRZ, Step.PORTRAIT) or (None if image is not None else gravest)
    document = Document(
        readable=True,
        checks_ok=reading is None and image is not None and zone is not None,
        expires=None if zone is None else zone.date_of_expiry,
        chip_authentic=inspection.authenticity,
        problem="" if reading is None else VERDICTS[reading].words,
        unread=Result.FAILED if reading is None else VERDICTS[reading].result,
        chip_problem="" if (chip := _of_chip(inspection)) is None else VERDICTS[chip].words,
        code=worst(inspection.reasons()) or "",
    )
    return Judged(document, zone, image, inspection.issued, inspection=inspection)


def _first(inspection: Inspection, *steps: Step) -> Reason | None:
    """The gravest reason of these steps; that a document has expired is the core's to say."""
    return worst(reason for reason in inspection.reasons(*steps) if reason is not Reason.EXPIRED)


def _of_chip(inspection: Inspection) -> Reason | None:
    return _first(inspection, *(step for step in Step if step not in (Step.MRZ, Step.PORTRAIT)))
