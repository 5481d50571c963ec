"""What a console shows of a maintainer at work: a band with its focus and exposure, the course of a self-test."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from appliance.control.base import Id, WireModel


class BandAdvice(StrEnum):
    """What would make a band's picture better; a console has the words."""

    TOO_BRIGHT = "too_bright"
    TOO_DARK = "too_dark"
    OUTSIDE_LIGHT = "outside_light"
    NO_DETAIL = "no_detail"
    TURN_BACK = "turn_back"
    SHARPEST = "sharpest"


class BandFigures(WireModel):
    """Focus and exposure within a window (x, y, width, height in pixels) of a picture of `size`.

    `levels` are shares of the pixels in 64 equal steps of digital numbers 0 to 255; `clipped` the share from
    `clipped_from` on, `dark` the share below `dark_below`; `brightest` is what 1 of 100 pixels exceeds, and `wanted`
    what metering aims at. `sharpness` has no unit and is None in the dark; `best` is the highest since the window was
    chosen.
    """

    size: tuple[int, int]
    window: tuple[int, int, int, int]
    levels: tuple[float, ...]
    clipped: float
    clipped_from: int
    dark: float
    dark_below: int
    mean: float
    brightest: float
    wanted: float | None
    sharpness: float | None
    best: float | None
    advice: tuple[BandAdvice, ...]


class LookView(WireModel):
    """A maintainer looks at the picture of a channel; `version` grows with each, 0 before the first.

    The picture is the image (`channel`) of the look's id. `problem` says in words why there is none.
    """

    look_id: Id
    channel: str
    version: int
    ends: datetime
    figures: BandFigures | None
    problem: str


class SetupView(WireModel):
    """What a maintainer does here, or did last: `ended` None while it lasts, `words` why it ended.

    Of a self-test `done` proofs are there. `look` goes with its last picture.
    """

    doing: Literal["look", "self_test"]
    officer: str
    since: datetime
    ended: datetime | None
    words: str
    done: int
    look: LookView | None
