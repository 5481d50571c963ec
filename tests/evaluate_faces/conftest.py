"""A pack that needs no weights, and data sets drawn for it: the colour of an image is who is on it."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from faces_toys import paint


@pytest.fixture
def people(tmp_path: Path) -> Callable[..., Path]:
    """A folder of people: so many, with so many images each."""

    def make(count: int = 6, each: int = 4, name: str = "set") -> Path:
        root = tmp_path / name
        rng = np.random.default_rng(5)
        for person in range(count):
            folder = root / f"P{person:02d}"
            folder.mkdir(parents=True)
            for number in range(1, each + 1):
                paint(folder / f"P{person:02d}_{number:04d}.png", person, rng)
        return root

    return make
