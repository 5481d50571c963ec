"""A gallery on disk."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from gallery_support import COSINE

from appliance.clock import ManualClock
from appliance.gallery.store import Gallery
from appliance.gallery.types import Consent


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def consent(clock: ManualClock) -> Consent:
    return Consent("operator-7", clock.now() - timedelta(minutes=1), "text-3", "door of building 4")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "gallery.key"


@pytest.fixture
def folder(tmp_path: Path, key_file: Path, clock: ManualClock) -> Path:
    Gallery.create(tmp_path / "gallery", key_file, clock)
    return tmp_path / "gallery"


@pytest.fixture
def gallery(folder: Path, key_file: Path, clock: ManualClock) -> Iterator[Gallery]:
    with Gallery.open(folder, key_file, clock, recogniser=COSINE, writable=True) as opened:
        yield opened
