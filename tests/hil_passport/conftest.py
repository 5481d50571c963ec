"""One portrait, one holder, and passports made of them."""

import io
import itertools
import random

import numpy as np
import pytest
from PIL import Image

from hil.passport.personalise import make_passport
from hil.scene.cast import CAST

HOLDER = CAST[0]


@pytest.fixture(scope="session")
def portrait():
    """A JPEG of about 20 KB."""
    noise = np.random.default_rng(1).integers(0, 255, (180, 140, 3), np.uint8)
    packed = io.BytesIO()
    Image.fromarray(noise).save(packed, "JPEG", quality=70)
    assert 10_000 < len(packed.getvalue()) < 40_000
    return packed.getvalue()


@pytest.fixture(scope="session")
def make(portrait):
    """Make a passport with these faults and options."""

    def made(*faults, **arguments):
        return make_passport(HOLDER, arguments.pop("portrait", portrait), faults=faults, **arguments)

    return made


@pytest.fixture
def draw():
    """Randomness that is the same in every run."""
    seeds = itertools.count()
    return lambda count: random.Random(next(seeds)).randbytes(count)
