"""Do the matchers tell the cast apart? `python -m hil.scene.castcheck` prints every pair and fails on a wrong one.

Every traveller's document portrait is compared with every traveller's live frames (poses x lights, sensor noise) by the
pack the lane would use, at the threshold the lane would use. This proves a prop: no biometric claim follows from it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from appliance.face.packs import PACKS, load_pack
from appliance.face.types import FacePack, FailureToAcquire, Template
from appliance.models.manager import ModelError
from hil.heads import HEADS, Head
from hil.scene.cast import CAST, Traveller
from hil.scene.exposure import Light
from hil.scene.measured import HeadError, choose_head
from hil.scene.portrait import render_portrait
from hil.scene.presentation import bona_fide
from hil.scene.sensor import Sensor
from hil.scene.view import Pose

DISCLAIMER = (
    "These are scores of invented, rendered faces: they show that the rig's cast works. "
    "No biometric claim follows from them."
)

LIGHTS: dict[str, Light] = {
    "neutral": Light(),
    "dim": Light(white=0.35, ambient_white=0.15),
    "one-sided": Light(white=0.9, balance=0.85, ambient_white=0.2),
}
POSES: tuple[Pose, ...] = (Pose(), Pose(yaw_deg=12), Pose(yaw_deg=-12), Pose(pitch_deg=8), Pose(pitch_deg=-8))


@dataclass(frozen=True, slots=True)
class View:
    """One way a traveller stands before the camera."""

    pose: Pose
    light: str

    def __str__(self) -> str:
        return f"yaw {self.pose.yaw_deg:+.0f} pitch {self.pose.pitch_deg:+.0f} {self.light}"


VIEWS: tuple[View, ...] = tuple(View(pose, light) for pose in POSES for light in LIGHTS)


@dataclass(frozen=True, slots=True)
class Score:
    """One comparison of the portrait of `portrait` with a live frame of `live`."""

    portrait: str
    live: str
    view: View
    score: float
    accepted: bool

    @property
    def genuine(self) -> bool:
        """Whether both are the same traveller."""
        return self.portrait == self.live


@dataclass(frozen=True, slots=True)
class CastScores:
    """All comparisons of a cast under one pack; `missed` are frames and portraits without a usable face."""

    pack_id: str
    title: str
    metric: str
    threshold: float
    keys: tuple[str, ...]
    scores: tuple[Score, ...]
    missed: tuple[str, ...]

    def _closeness(self, score: Score) -> float:
        return score.score if self.metric == "cosine" else -score.score

    def worst(self, portrait: str, live: str) -> Score:
        """Of a pair the score nearest to a wrong result: a genuine pair's least, an impostor pair's most alike."""
        pair = [one for one in self.scores if one.portrait == portrait and one.live == live]
        return (min if portrait == live else max)(pair, key=self._closeness)

    @property
    def worst_genuine(self) -> Score:
        """The least alike genuine comparison."""
        return min((one for one in self.scores if one.genuine), key=self._closeness)

    @property
    def worst_impostor(self) -> Score:
        """The most alike impostor comparison."""
        return max((one for one in self.scores if not one.genuine), key=self._closeness)

    @property
    def wrong(self) -> tuple[Score, ...]:
        """Genuine comparisons that were rejected and impostor comparisons that were accepted."""
        return tuple(one for one in self.scores if one.genuine is not one.accepted)

    @property
    def passed(self) -> bool:
        """Whether every comparison could be made and none is on the wrong side."""
        return not self.wrong and not self.missed


def _template(pack: FacePack, image_bgr: NDArray[np.uint8]) -> Template | None:
    faces = pack.detect(image_bgr)
    if not faces:
        return None
    try:
        return pack.embed(image_bgr, faces[0])
    except FailureToAcquire:
        return None


def _portrait(who: Traveller) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(render_portrait(who), np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(image, dtype=np.uint8)


def _samples(
    pack: FacePack, cast: Sequence[Traveller], views: Sequence[View], sensor: Sensor
) -> Iterator[tuple[str, View | None, Template | None]]:
    for who in cast:
        yield who.key, None, _template(pack, _portrait(who))
        for view in views:
            frame = sensor.rgb(bona_fide(who, view.pose), LIGHTS[view.light])
            yield who.key, view, _template(pack, frame)


def score_matrix(
    pack: FacePack,
    *,
    cast: Sequence[Traveller] = CAST,
    views: Sequence[View] = VIEWS,
    on_sample: Callable[[], None] = lambda: None,
) -> CastScores:
    """Compare every portrait with every live frame.

    `on_sample` is called for each of the len(cast) * (len(views) + 1) pictures.
    """
    sensor = Sensor(np.random.default_rng(20260101))
    references: dict[str, Template] = {}
    probes: list[tuple[str, View, Template]] = []
    missed: list[str] = []
    for key, view, template in _samples(pack, cast, views, sensor):
        on_sample()
        if template is None:
            missed.append(f"{key}: no usable face in {'the portrait' if view is None else view}")
        elif view is None:
            references[key] = template
        else:
            probes.append((key, view, template))
    scores = []
    for owner, reference in references.items():
        for key, view, probe in probes:
            result = pack.compare(reference, probe)
            scores.append(Score(portrait=owner, live=key, view=view, score=result.score, accepted=result.accepted))
    return CastScores(
        pack_id=pack.pack_id,
        title=pack.title,
        metric=pack.metric,
        threshold=pack.threshold,
        keys=tuple(who.key for who in cast),
        scores=tuple(scores),
        missed=tuple(missed),
    )


def _table(result: CastScores) -> Table:
    accepts = "accepted from" if result.metric == "cosine" else "accepted up to"
    table = Table(title=f"{result.title}: {result.metric}, {accepts} {result.threshold:.3f}")
    table.add_column("portrait \\ live")
    for key in result.keys:
        table.add_column(key, justify="right")
    made = {(one.portrait, one.live) for one in result.scores}
    for portrait in result.keys:
        cells = []
        for live in result.keys:
            if (portrait, live) not in made:
                cells.append("[red]none[/red]")
                continue
            one = result.worst(portrait, live)
            style = "red" if one.genuine is not one.accepted else ("green" if one.genuine else "default")
            cells.append(f"[{style}]{one.score:.2f}[/{style}]")
        table.add_row(portrait, *cells)
    return table


def _report(console: Console, result: CastScores) -> None:
    console.print(_table(result))
    for name, group in (("genuine", True), ("impostor", False)):
        if any(one.genuine is group for one in result.scores):
            one = result.worst_genuine if group else result.worst_impostor
            console.print(f"worst {name}: {one.score:.3f}  {one.portrait} x {one.live}, {one.view}")
    genuine = sum(one.genuine for one in result.scores)
    console.print(f"{genuine} genuine, {len(result.scores) - genuine} impostor comparisons, {len(result.wrong)} wrong")
    for line in result.missed:
        console.print(f"[red]{line}[/red]")


def _with_progress(pack: FacePack) -> CastScores:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(pack.pack_id, total=len(CAST) * (len(VIEWS) + 1))
        return score_matrix(pack, cast=CAST, views=VIEWS, on_sample=partial(progress.advance, task))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the score matrix per pack. Returns 1 if a pair is on the wrong side, 2 if a pack or a head is missing."""
    parser = argparse.ArgumentParser(prog="python -m hil.scene.castcheck", description=__doc__)
    parser.add_argument("--pack", action="append", choices=sorted(PACKS), help="matcher pack; may be repeated")
    parser.add_argument("--dir", type=Path, default=Path("var/models"), help="folder the weights lie in")
    parser.add_argument("--head", type=Head, choices=tuple(Head), default=Head.PROCEDURAL, help="head of the cast")
    parser.add_argument("--heads-dir", type=Path, default=HEADS, help="folder of the imported head")
    chosen = parser.parse_args(arguments)
    try:
        choose_head(chosen.head, chosen.heads_dir)
    except HeadError as error:
        print(error, file=sys.stderr)
        return 2
    # The score matrix of the whole cast is wider than a narrow terminal; wrapping would make it unreadable.
    console = Console(width=160 if not sys.stdout.isatty() else None)
    passed = True
    for pack_id in chosen.pack or sorted(PACKS):
        try:
            pack = load_pack(pack_id, chosen.dir)
        except ModelError as error:
            print(error, file=sys.stderr)
            return 2
        result = _with_progress(pack)
        _report(console, result)
        passed = passed and result.passed
    console.print(DISCLAIMER)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
