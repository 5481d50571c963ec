"""What a reader delivered, judged: facts for the core, a view for the guard, a portrait for the matcher."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Document, Result
from appliance.document.mrz import Mrz, MrzError, parse
from appliance.document.portrait import PortraitError, decode

CHIP_PROTOCOLS = ("passive_authentication", "chip_authentication", "active_authentication")


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """`document` goes to the core, `mrz` to the guard's screen, `portrait` (H, W, 3) BGR to the matcher.

    `issued` is the day of issue where the reader told it. Of a card, `enrolled_as` is its owner's label in the gallery
    and `photo` the kept one for the guard's screen (JPEG, and where its eyes are), if any was kept.
    """

    document: Document
    mrz: Mrz | None
    portrait: NDArray[np.uint8] | None
    issued: date | None = None
    enrolled_as: str = ""
    photo: tuple[bytes, list[float] | None] | None = None


def unreadable(problem: str) -> Judged:
    """A document nothing is known of but why."""
    return Judged(Document(False, False, None, Result.NOT_PERFORMED, problem), None, None)


def authenticity(chip_checks: dict[str, bool | None]) -> Result:
    """ICAO 9303-11 section 6: passive authentication is the base; a clone check only counts on top of it.

    A failed check is failed. One the chip does not offer is absent, and no failure.
    """
    results = [chip_checks.get(name) for name in CHIP_PROTOCOLS]
    if not any(result is not None for result in results):
        return Result.NOT_PERFORMED
    if False in results:
        return Result.FAILED
    return Result.SUCCESSFUL if chip_checks.get("passive_authentication") is True else Result.UNDETERMINED


async def judge(mrz_lines: tuple[str, ...], portrait: bytes, chip_checks: dict[str, bool | None], on: date) -> Judged:
    """Judge one document as read on a day. Never raises for what the document holds."""
    try:
        mrz = parse(mrz_lines, on)
    except MrzError as error:
        return unreadable(str(error))
    try:
        image = await decode(portrait)
    except PortraitError as error:
        # Readable, but useless for the comparison: said at once instead of failing later at the face.
        document = Document(True, False, mrz.date_of_expiry, authenticity(chip_checks), str(error))
        return Judged(document, mrz, None)
    return Judged(Document(True, True, mrz.date_of_expiry, authenticity(chip_checks)), mrz, image)
