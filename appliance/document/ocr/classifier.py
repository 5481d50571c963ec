"""One cell, one character: gradient histograms of a straightened line, and a small network learnt from rendered OCR-B.

Weights: `ocrb.npz`, made by `python -m hil.mrz.train` from Debian's fonts-ocr-b. A number out of it is the network's
opinion, not a probability. Not here: where the cells are (`lines`, `straighten`).
"""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ< "
"""What a cell may hold; the last is paper beside the line, so that a line's ends can be told."""
WEIGHTS = Path(__file__).with_name("ocrb.npz")
CELL_W, CELL_H, PAD = 20, 32, 4
"""Pixels of a straightened cell, and of what is kept beside the line: its neighbours' strokes."""
_BLOCK, _BINS = 4, 8

Floats = NDArray[np.float32]


@lru_cache(maxsize=1)
def _weights() -> tuple[Floats, Floats, Floats, Floats]:
    with np.load(WEIGHTS) as kept:
        w1, b1, w2, b2 = (kept[name].astype(np.float32) for name in ("w1", "b1", "w2", "b2"))
    return w1, b1, w2, b2


def strip_width(cells: int) -> int:
    """Pixels of a straightened line of so many cells."""
    return cells * CELL_W + 2 * PAD


def features(strip: NDArray[np.uint8]) -> Floats:
    """(32, n * 20 + 8) grey to (n, 504): orientations of edges and darkness in blocks of 4 x 4, each cell by itself."""
    grey = strip.astype(np.float32)
    right = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)
    strength = np.hypot(right, down)
    turn = (np.arctan2(down, right) / (2 * np.pi)) % 1.0 * _BINS
    low = np.floor(turn)
    share = turn - low
    planes = np.zeros((_BINS + 1, *grey.shape), np.float32)
    rows, columns = np.indices(grey.shape)
    first = low.astype(int) % _BINS
    planes[first, rows, columns] += strength * (1 - share)
    planes[(first + 1) % _BINS, rows, columns] += strength * share
    planes[_BINS] = grey
    height, width = grey.shape
    blocks = planes.reshape(_BINS + 1, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).mean(axis=(2, 4))
    step, wide = CELL_W // _BLOCK, (CELL_W + 2 * PAD) // _BLOCK
    count = (width - 2 * PAD) // CELL_W
    cells = np.stack([blocks[:, :, step * place : step * place + wide] for place in range(count)])
    edges = np.sqrt(cells[:, :_BINS].reshape(count, -1))
    edges /= np.linalg.norm(edges, axis=1, keepdims=True) + 1e-3
    dark = cells[:, _BINS].reshape(count, -1)
    dark = dark - dark.mean(axis=1, keepdims=True)
    dark /= np.linalg.norm(dark, axis=1, keepdims=True) + 1e-3
    return np.asarray(np.hstack((edges, dark)), dtype=np.float32)


def opinions(cells: Floats) -> Floats:
    """(n, 504) to (n, 38) logarithms of shares over `ALPHABET`."""
    w1, b1, w2, b2 = _weights()
    score = np.maximum(cells @ w1 + b1, 0.0) @ w2 + b2
    score = score - score.max(axis=1, keepdims=True)
    return np.asarray(score - np.log(np.exp(score).sum(axis=1, keepdims=True)), dtype=np.float32)
