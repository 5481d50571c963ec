"""What an evaluation needs of the thing it tests, as protocols; no line of `appliance.liveness.detector` is known here.

`subject` fits the appliance's own detector to them; a laboratory can fit another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Result
from appliance.evaluate.outcome import Kind
from appliance.liveness.burst import Capture


class Unusable(Exception):
    """Nothing can be said of the capture: a non-response. The message says why."""


class CannotLearn(Exception):
    """There is no detector for this band set, or too few presentations to learn one; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured on one capture by name, and in words what could not be."""

    values: Mapping[str, float]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """Figures of one presentation and what it was: its species or "bona_fide", and whether a mask covered the face."""

    figures: Figures
    species: str
    covered: bool = False


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a detector may learn from: presentations, and bona fide figures of the site that set its threshold.

    Without any of a site the threshold comes from the bona fide presentations among the samples.
    """

    samples: Sequence[Known]
    site: Sequence[Figures] = ()
    kind: Kind = "simulated"
    learned_on: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a detector says; `score` grows towards bona fide and passes from `threshold` upwards."""

    result: Result
    score: float | None = None
    threshold: float | None = None
    one_class: float | None = None
    reasons: tuple[str, ...] = field(default=())


class Judge(Protocol):
    """A detector ready to judge."""

    @property
    def version(self) -> str:
        """What stands in reports and claims."""
        ...

    def written(self) -> str:
        """The detector as the file it is kept in."""
        ...

    def judge(self, figures: Figures) -> Verdict:
        """The answer for one capture."""
        ...


class System(Protocol):
    """The thing under test: how it measures a capture, and where its detectors come from."""

    @property
    def version(self) -> str:
        """Changes whenever the same capture could give other figures."""
        ...

    def measure(self, capture: Capture, landmarks: NDArray[np.float32], band_set: str) -> Figures:
        """Figures of a capture. Raises Unusable, also when it does not hold every band of the set."""
        ...

    def learn(self, lessons: Lessons, band_set: str) -> Judge:
        """A detector that knows no more than the lessons. Raises CannotLearn."""
        ...

    def shipped(self, band_set: str) -> Judge:
        """The detector of the package. Raises CannotLearn."""
        ...

    def shown(self, band_set: str) -> tuple[str, str]:
        """Names of the two figures in which skin and attacks lie furthest apart, for the plot."""
        ...
