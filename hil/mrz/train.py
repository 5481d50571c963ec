"""`python -m hil.mrz.train`: learn the weights of `appliance.document.ocr` from rendered pages, and write them.

Cells are cut where the renderer put them, a little off as a reader finds them. One font cut is learnt; the other is
kept for the bench. Figures printed here are of cells; those of whole lines are `python -m hil.bench.mrz`.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from appliance.document.ocr.classifier import ALPHABET, CELL_H, CELL_W, PAD, WEIGHTS, features, strip_width
from appliance.document.ocr.straighten import BESIDE
from hil.mrz.page import CONDITIONS, LEARNT, PITCH_MM, ROW_MM, FontMissing, Picture, take

HIDDEN = 64
VIEWS = 2
SEEN = ("reader", "camera", "camera, other cut", "hard")
"""Conditions learnt under, all with the learnt cut of the font."""
_EPOCHS, _BATCH, _RATE, _DECAY = 24, 256, 1.5e-3, 1e-4
Floats = NDArray[np.float32]


def cells(picture: Picture, row: int, length: int, chance: np.random.Generator) -> Floats:
    """The features of one printed line and of two cells of paper on either side, cut a little off their true place."""
    px = PITCH_MM / CELL_W
    x, y = picture.corner_mm
    stretch, tall = 1 + chance.uniform(-0.004, 0.004), 1 + chance.uniform(-0.07, 0.07)
    lean, slope = chance.uniform(-0.08, 0.08), chance.uniform(-1.5, 1.5) / (length * CELL_W)
    u, v = PAD + BESIDE * CELL_W + chance.uniform(-2.5, 2.5), CELL_H / 2 + chance.uniform(-2.5, 2.5)
    to_mm = np.array(
        (
            (px * stretch, px * lean, x - px * (stretch * u + lean * v)),
            (px * slope, px * tall, y + row * ROW_MM - px * (tall * v + slope * u)),
            (0, 0, 1),
        )
    )
    strip = cv2.warpPerspective(
        cv2.cvtColor(picture.image, cv2.COLOR_BGR2GRAY),
        np.linalg.inv(picture.from_mm @ to_mm),
        (strip_width(length + 2 * BESIDE), CELL_H),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return features(np.asarray(strip, dtype=np.uint8))


def gather(pages: int, chance: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
    """Features and places in the alphabet, of pages with lines drawn evenly from it."""
    found: list[Floats] = []
    truth: list[int] = []
    for number in track(range(pages), "printing", console=Console(stderr=True), transient=True):
        condition = replace(CONDITIONS[SEEN[number % len(SEEN)]], font=LEARNT)
        codes = chance.integers(0, len(ALPHABET) - 1, (2, 44))
        beside = [len(ALPHABET) - 1] * BESIDE
        picture = take(tuple("".join(ALPHABET[code] for code in row) for row in codes), condition, chance)
        for row in range(2):
            for _ in range(VIEWS):
                found.append(cells(picture, row, 44, chance))
                truth += [*beside, *codes[row].tolist(), *beside]
    return np.concatenate(found), np.array(truth)


def learn(given: Floats, truth: NDArray[np.int64], chance: np.random.Generator) -> dict[str, Floats]:
    """One hidden layer, Adam (Kingma and Ba 2015), cross entropy."""
    inputs, outputs = given.shape[1], len(ALPHABET)
    weights = {
        "w1": chance.normal(0, np.sqrt(2 / inputs), (inputs, HIDDEN)).astype(np.float32),
        "b1": np.zeros(HIDDEN, np.float32),
        "w2": chance.normal(0, np.sqrt(2 / HIDDEN), (HIDDEN, outputs)).astype(np.float32),
        "b2": np.zeros(outputs, np.float32),
    }
    mean = {name: np.zeros_like(value) for name, value in weights.items()}
    square = {name: np.zeros_like(value) for name, value in weights.items()}
    step = 0
    for epoch in track(range(_EPOCHS), "learning", console=Console(stderr=True), transient=True):
        rate = _RATE * 0.5 * (1 + np.cos(np.pi * epoch / _EPOCHS))
        for batch in np.array_split(chance.permutation(len(truth)), len(truth) // _BATCH):
            step += 1
            for name, slope in _slopes(weights, given[batch], truth[batch]).items():
                mean[name] += 0.1 * (slope - mean[name])
                square[name] += 0.001 * (slope * slope - square[name])
                way = mean[name] / (1 - 0.9**step) / (np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8)
                weights[name] -= np.float32(rate) * (way + _DECAY * weights[name])
    return weights


def _slopes(weights: dict[str, Floats], given: Floats, truth: NDArray[np.int64]) -> dict[str, Floats]:
    hidden = np.maximum(given @ weights["w1"] + weights["b1"], 0)
    score = hidden @ weights["w2"] + weights["b2"]
    share = np.exp(score - score.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    share[np.arange(len(truth)), truth] -= 1
    share /= len(truth)
    back = (share @ weights["w2"].T) * (hidden > 0)
    return {"w1": given.T @ back, "b1": back.sum(axis=0), "w2": hidden.T @ share, "b2": share.sum(axis=0)}


def right(weights: dict[str, Floats], given: Floats, truth: NDArray[np.int64]) -> int:
    """How many cells are told rightly."""
    score = np.maximum(given @ weights["w1"] + weights["b1"], 0) @ weights["w2"] + weights["b2"]
    return int((score.argmax(axis=1) == truth).sum())


def main(arguments: Sequence[str] | None = None) -> int:
    """Learn, print the share of cells told rightly on pages of their own, write the weights."""
    parser = argparse.ArgumentParser(prog="python -m hil.mrz.train", description=__doc__)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--seed", type=int, default=9303)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    chance = np.random.default_rng(chosen.seed)
    try:
        given, truth = gather(chosen.pages, chance)
        other, known = gather(max(chosen.pages // 10, 4), chance)
    except FontMissing as error:
        print(error, file=sys.stderr)
        return 2
    kept = {name: value.astype(np.float16) for name, value in learn(given, truth, chance).items()}
    np.savez_compressed(chosen.out, **kept)  # type: ignore[arg-type]  # numpy's stub takes its own keyword for one
    told = right({name: value.astype(np.float32) for name, value in kept.items()}, other, known)
    print(f"{chosen.out}: {told} of {len(known)} cells of other pages told rightly, {chosen.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
