"""How the face moved through the exposures of a burst, and where each camera sees it.

First roughly, by exposures of any lamps against one of them; then to a tenth of a pixel, by exposures under lamps of
one side, which draw the same edges in every band and before every camera. Ratios of bands need that: a pixel apart,
every nostril and every gleam is an edge between materials.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Advice
from appliance.liveness import align
from appliance.liveness.burst import Capture, CaptureLimits, CaptureUnusable, Exposure
from appliance.liveness.channels import CHANNELS, split_led
from appliance.liveness.face_frame import EYE_DISTANCE, F32, FaceFrame

_CLEAR = 0.06
"""Sharpness of a correlation from which it is one; edges of two lights on one face reach 0.3 to 0.8."""
_ALIKE = 0.5
"""Likeness from which the pictures of two cameras are laid over each other."""
_PAIRS = 6
"""Pairs of exposures by which growth is measured; with fewer of one side the lamp on the axis helps."""


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """The lit exposures of one camera; `shows` is whether there is anything of a face to be followed in them."""

    camera: str
    lit: Mapping[str, Exposure]
    shows: bool


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Where the face is at any time, by camera; `speed` in eye distances and `growth` as a share, both in a second."""

    tracks: Mapping[str, align.Track]
    speed: float
    growth: float
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """What one camera tells by itself; `moved` is None where nothing can be followed."""

    watched: Watched
    since_s: float
    offset: NDArray[np.float64]
    moved: align.Movement | None
    figures: Mapping[str, float]


def follow(capture: Capture, frame: FaceFrame, watched: Sequence[Watched], limits: CaptureLimits) -> Course:
    """The course of the face before all cameras: the same person moves alike before each.

    What shows nothing in infrared (a screen, a dye print) is measured as it stands. Raises CaptureUnusable.
    """
    grey = np.asarray(cv2.cvtColor(capture.rgb, cv2.COLOR_BGR2GRAY), np.uint8)
    begun = [_begin(one, grey, frame) for one in watched]
    moved = agreed([one.moved for one in begun if one.moved is not None], limits)
    going = [one for one in begun if one.moved is not None]
    seen = [(one.watched.lit, _undone(one, moved, frame)) for one in going]
    same_side = _pairs(seen, _same_side)
    growth = align.growth(same_side if len(same_side) >= _PAIRS else _pairs(seen, _side_or_axis))
    moved = align.refined(moved, same_side)
    if abs(growth) > limits.growth_most or _speed(moved) > limits.speed_most:
        raise CaptureUnusable("The face moved during the capture.", Advice.STAND_STILL)
    tracks = {
        one.watched.camera: align.Track(one.offset, one.since_s, moved, growth, capture.rgb_at_s) for one in begun
    }
    tracks = _tied(tracks, [one.watched for one in going], frame)
    figures = {name: value for one in begun for name, value in one.figures.items()}
    figures |= {
        f"{camera}_offset_{axis}": float(t.offset[k]) for camera, t in tracks.items() for k, axis in enumerate("xy")
    }
    return Course(tracks, _speed(moved), growth, figures)


def agreed(found: Sequence[align.Movement], limits: CaptureLimits) -> align.Movement:
    """The movement as the camera tells it whose exposures agree best. Raises CaptureUnusable.

    A noisy camera must not turn away who stands still.
    """
    moved = max(found, key=lambda one: one.trusted, default=align.STILL)
    if _speed(moved) > limits.speed_most or moved.trusted < limits.trusted_least:
        raise CaptureUnusable("The face moved during the capture.", Advice.STAND_STILL)
    return moved


def _speed(moved: align.Movement) -> float:
    """Eye distances a second."""
    return float(np.hypot(*moved.velocity)) / EYE_DISTANCE


def _begin(one: Watched, grey: NDArray[np.uint8], frame: FaceFrame) -> _Begun:
    """Movement through the exposures of one camera, and its displacement against the visible one."""
    lit = list(one.lit.values())
    times = [exposure.at_s for exposure in lit]
    reference = lit[int(np.argmin(np.abs(np.array(times) - float(np.median(times)))))]
    seen = {id(exposure): align.edges(exposure.image, frame.matrix) for exposure in lit}
    found = [align.displacement(seen[id(reference)], seen[id(exposure)]) for exposure in lit]
    clear = [(shift, e.at_s - reference.at_s) for (shift, sharp), e in zip(found, lit, strict=True) if sharp >= _CLEAR]
    blank = 2 * len(clear) < len(lit) or not one.shows
    moved = None if blank else align.movement([shift for shift, _ in clear], [t for _, t in clear])
    offset, sharpness = align.displacement(align.edges(grey, frame.matrix), seen[id(reference)])
    offset = offset if sharpness >= _CLEAR / 2 and float(np.hypot(*offset)) <= 0.35 * EYE_DISTANCE else np.zeros(2)
    figures = {
        f"{one.camera}_residual_px": moved.residual if moved else 0.0,
        f"{one.camera}_clear": len(clear) / len(lit),
        f"{one.camera}_trusted": moved.trusted if moved else 1.0,
        f"{one.camera}_sharpness": sharpness,
    }
    return _Begun(one, reference.at_s, offset, moved, figures)


# --- to a tenth of a pixel ----------------------------------------------------------------------------------


def _undone(one: _Begun, moved: align.Movement, frame: FaceFrame) -> dict[str, F32]:
    """Edges of every exposure with the movement undone, by LED."""
    still = align.Track(one.offset, one.since_s, moved, 0.0, one.since_s)
    return {led: align.edges(e.image, still.matrix(frame.matrix, e.at_s)) for led, e in one.watched.lit.items()}


def _same_side(one: str, other: str) -> bool:
    return split_led(one)[1] == split_led(other)[1]


def _side_or_axis(one: str, other: str) -> bool:
    return _same_side(one, other) or "C" in (split_led(one)[1], split_led(other)[1])


def _pairs(
    seen: Sequence[tuple[Mapping[str, Exposure], Mapping[str, F32]]], fit: Callable[[str, str], bool]
) -> list[align.Pair]:
    """Exposures of one camera against each other, of those LEDs that fit together."""
    return [
        align.compare(edges[one], edges[other], lit[other].at_s - lit[one].at_s)
        for lit, edges in seen
        for one, other in combinations(lit, 2)
        if fit(one, other)
    ]


def _tied(tracks: Mapping[str, align.Track], watched: Sequence[Watched], frame: FaceFrame) -> dict[str, align.Track]:
    """Every camera laid over the first one, by the two bands of both that lie next to each other, lamp by lamp.

    The visible picture is lit from elsewhere and ties them less exactly.
    """
    tied = dict(tracks)
    for other in watched[1:]:
        first = watched[0]
        shift, size, weight = np.zeros(2), 0.0, 0.0
        for one_led, other_led in _neighbours(first.lit, other.lit):
            one, two = (
                align.edges(e.image, tracks[camera].matrix(frame.matrix, e.at_s))
                for camera, e in ((first.camera, first.lit[one_led]), (other.camera, other.lit[other_led]))
            )
            pair = align.compare(one, two, 0.0)
            if pair.alike >= _ALIKE:
                shift, size, weight = shift + pair.shift, size + pair.size, weight + 1.0
        if weight:
            track = tracks[other.camera]
            tied[other.camera] = replace(track, offset=track.offset + shift / weight, larger=size / weight)
    return tied


def _neighbours(first: Mapping[str, Exposure], other: Mapping[str, Exposure]) -> list[tuple[str, str]]:
    """An LED of each camera for the left and for the right side, of bands nearest to each other."""
    pairs = [(one, two) for one in first for two in other if _same_side(one, two) and split_led(one)[1] != "C"]
    nearest = min((_apart(*pair) for pair in pairs), default=0)
    return [pair for pair in pairs if _apart(*pair) == nearest]


def _apart(one: str, two: str) -> int:
    """Nanometres between the bands of two LEDs."""
    one_nm, two_nm = (CHANNELS[split_led(led)[0]].wavelength_nm or 0 for led in (one, two))
    return abs(one_nm - two_nm)
