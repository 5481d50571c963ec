"""Limits and advice, as data: which measure is too low, and the one thing to say about it.

The order of the table is the order of usefulness: the first rule that fails is said first. A later one is often only a
consequence (a face far away looks blurred, one half out of the picture looks dark). Nothing is said for measures that
no rule names: they cannot be performed here (`types.SPECS`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.core.types import Advice
from appliance.face.quality.types import Failing, Measure, Measurement

OTHER_FACE_SHARE = 0.3
"""A second face counts when it is at least this large beside the first (by area): a passer-by far behind is none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`measure` fails when its value is below `least` and, with `over`, its native figure above that.

    `source` says where the limit is from: chosen, or set by what share of which photographs it holds. None was set
    against error rates of the comparison.
    """

    measure: Measure
    least: float
    say: Advice
    source: str
    over: float = -math.inf

    def fails(self, found: Measurement) -> bool:
        """Whether this measurement is held. What was not performed is not held here."""
        if found.value is None or found.native is None:
            return False
        return found.value < self.least and found.native > self.over


_LFW = "measured on LFW: docs/face-quality.md says what share is held"
# Rounded up in the last place: a second face of exactly that share counts.
_TWO_FACES = 100.0 * (1.0 - math.sqrt(OTHER_FACE_SHARE)) + 1e-9

WHERE: tuple[Rule, ...] = (
    Rule(Measure.SINGLE_FACE, _TWO_FACES, Advice.ONE_AT_A_TIME, "chosen: second face of 0.3 of the first's area"),
    Rule(Measure.IN_FRAME, 97.0, Advice.TO_THE_MIDDLE, "chosen: as much of the face as the matcher's chip needs"),
    Rule(Measure.INTER_EYE, 37.75, Advice.COME_CLOSER, "chosen: 60 px, for a view of 640 x 480"),
    Rule(Measure.HEAD_SIZE, 1.64, Advice.STEP_BACK, "chosen: T above 0.69 of the height, chin or hair leaves", 0.45),
    Rule(Measure.YAW, 82.1, Advice.LOOK_STRAIGHT, "chosen: 25 degrees"),
    Rule(Measure.PITCH, 82.1, Advice.LOOK_STRAIGHT, "chosen: 25 degrees"),
    Rule(Measure.ROLL, 88.3, Advice.HEAD_UPRIGHT, "chosen: 20 degrees"),
)
"""Where the head is; nothing of what its pixels say matters before that is right."""

WHAT: tuple[Rule, ...] = (
    Rule(Measure.MOUTH_VISIBLE, 50.0, Advice.UNCOVER_MOUTH, "the detector's own: docs/masks.md"),
    Rule(Measure.UNDER_EXPOSURE, 1.0, Advice.TOO_DARK, "chosen: 99 % of the face dark; stricter holds dark skin"),
    Rule(Measure.OVER_EXPOSURE, 10.0, Advice.TOO_BRIGHT, "chosen: a tenth of the face is white"),
    Rule(Measure.ILLUMINATION, 12.5, Advice.TURN_FROM_SUN, _LFW),
    Rule(Measure.DYNAMIC_RANGE, 40.0, Advice.TOO_DARK, _LFW),
    Rule(Measure.SHARPNESS, 50.0, Advice.STAND_STILL, _LFW),
    Rule(Measure.EYES_VISIBLE, 25.0, Advice.SHOW_EYES, _LFW),
    Rule(Measure.EYES_OPEN, 33.0, Advice.OPEN_EYES, f"{_LFW}; lids 0.013 of T apart and hanging", over=0.002),
    Rule(Measure.FACE_VISIBLE, 70.0, Advice.UNCOVER_FACE, _LFW),
)
"""What its pixels show."""

RULES = WHERE + WHAT


def judge(found: Mapping[Measure, Measurement], rules: tuple[Rule, ...] = RULES) -> tuple[Failing, ...]:
    """What fails, in order of usefulness. A measure that was not performed neither fails nor passes."""
    return tuple(
        Failing(found[rule.measure], rule.least, rule.say) for rule in rules if rule.fails(found[rule.measure])
    )
