"""`python -m hil.bench.peers`: every library on the same pairs, one after the other, and a table."""

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from appliance.evaluate.faces.loaders import load
from appliance.evaluate.figures import bounds

HERE = Path(__file__).parent
YUNET = "face_detection_yunet_2023mar.onnx"
_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a library made of the pairs: right verdicts, `best` at the threshold best for these; seconds in all."""

    name: str
    right: int
    best: int
    no_face: int
    pairs: int
    seconds: float

    @property
    def rate(self) -> float:
        """Pairs per second."""
        return self.pairs / self.seconds


def ask(name: str, python: Path, pairs: Path, same: list[bool], models: Path, home: Path) -> Outcome:
    """Run one library over the pairs. Raises RuntimeError with its last words."""
    environment = os.environ | {
        "DEEPFACE_HOME": str(home),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": str(HERE.parents[2]) if name == "sallyport" else "",
    }
    command = [str(python), str(HERE / "asked.py"), name, str(pairs), str(models)]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, env=environment) as child,
    ):
        assert child.stdout is not None
        answers = list(track(_answers(child.stdout), description=f"{name:18}", total=len(same)))
        if child.wait(_TIMEOUT_S) != 0 or len(answers) != len(same):
            said.seek(0)
            raise RuntimeError(f"{name} ended after {len(answers)} of {len(same)} pairs:\n{said.read()[-2000:]}")
    right = sum(answer["same"] is truth for answer, truth in zip(answers, same, strict=True))
    seconds = sum(float(str(answer["seconds"])) for answer in answers)
    likeness = [_likeness(name, answer["score"]) for answer in answers]
    best = max(
        sum((value >= limit) is truth for value, truth in zip(likeness, same, strict=True)) for limit in likeness
    )
    return Outcome(name, right, best, sum(answer["score"] is None for answer in answers), len(answers), seconds)


def _likeness(name: str, score: object) -> float:
    """More is more alike; no face is like nobody. Only ours is no distance."""
    if score is None:
        return float("-inf")
    return float(str(score)) if name == "sallyport" else -float(str(score))


def _answers(lines: Iterator[str]) -> Iterator[dict[str, object]]:
    for line in lines:
        if line.startswith('{"score"'):  # libraries print words of their own
            yield json.loads(line)


def weights_of_deepface(python: Path, shared_models: Path, home: Path) -> None:
    """Put where deepface looks what it would download otherwise. Raises FileNotFoundError."""
    code = "import importlib.util as u; print(u.find_spec('face_recognition_models').submodule_search_locations[0])"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    folder = home / ".deepface" / "weights"
    folder.mkdir(parents=True)
    detector = next(iter(shared_models.rglob(YUNET)), None)
    if detector is None:
        raise FileNotFoundError(f"{YUNET} is not below {shared_models}; deepface's detector needs it")
    for name in ("dlib_face_recognition_resnet_model_v1.dat", "shape_predictor_5_face_landmarks.dat"):
        (folder / name).symlink_to(Path(found) / "models" / name)
    (folder / YUNET).symlink_to(detector)


def main(
    dataset: Annotated[Path, typer.Argument(exists=True, help="LFW folder with pairs.txt.")],
    weights: Annotated[Path, typer.Argument(exists=True, help=f"Folder with {YUNET} somewhere below it.")],
    peers: Annotated[Path, typer.Option(exists=True, help="Python of the environment with the two libraries.")],
    models_dir: Path = Path("var/models"),
    count: Annotated[int, typer.Option(min=20, help="Pairs, half of them of one person, spread over the folds.")] = 600,
) -> None:
    """Pairs per second and accuracy, ours, deepface's and face_recognition's, on the same images."""
    faces = load(dataset)
    halves = [[pair for pair in faces.pairs if pair.same is same] for same in (True, False)]
    step = max(1, 2 * min(map(len, halves)) // count)
    chosen = list(itertools.chain(*zip(*(half[::step][: count // 2] for half in halves), strict=True)))
    path = [str(faces.root / image.path) for image in faces.images]
    with tempfile.TemporaryDirectory(prefix="sallyport-peers-") as folder:
        listed, home = Path(folder) / "pairs.tsv", Path(folder) / "home"
        listed.write_text("".join(f"{path[p.reference]}\t{path[p.probe]}\n" for p in chosen), encoding="utf-8")
        weights_of_deepface(peers, weights, home)
        same = [pair.same for pair in chosen]
        found = [
            ask("sallyport", Path(sys.executable), listed, same, models_dir.resolve(), home),
            ask("deepface", peers, listed, same, models_dir.resolve(), home),
            ask("face_recognition", peers, listed, same, models_dir.resolve(), home),
        ]
    table = Table(
        "library",
        "pairs per second",
        "times ours",
        "right, at its own threshold",
        "95 %",
        "at the best for these",
        "no face",
    )
    for one in found:
        low, high = bounds(one.right, one.pairs, 0.975)
        table.add_row(
            one.name,
            f"{one.rate:.1f}",
            f"{one.rate / found[0].rate:.2f}",
            f"{one.right} of {one.pairs} ({one.right / one.pairs:.2%})",
            f"{low:.2%} to {high:.2%}",
            f"{one.best / one.pairs:.2%}",
            str(one.no_face),
        )
    table.title = f"{len(chosen)} pairs of {faces.name}; load {os.getloadavg()[0]:.1f} at the end"
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
