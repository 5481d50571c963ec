"""Shared by the driver tests: asyncio only, and lines that end with the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hil.emulator.pty_line import Emulator, PtyLine
from hil.pytest_bench import bench as bench


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Callable[..., PtyLine]]:
    """Put an emulator on a pseudo-terminal; unplugged when the test ends."""
    with ExitStack() as lines:

        def plug_in(emulator: Emulator, name: str = "device") -> PtyLine:
            return lines.enter_context(PtyLine(emulator, tmp_path / name))

        yield plug_in
