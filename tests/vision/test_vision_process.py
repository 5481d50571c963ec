"""The vision process as a real child: it dies, hangs, is asked nonsense, and ends with its controller."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appliance.vision.client import VisionLost, VisionProcess, VisionRefused

pytestmark = pytest.mark.anyio

CAMERA = {"kind": "rig", "reference": {"box": [0, 0, 10, 10], "width_mm": 7}}
CAMERAS = {"rgb": CAMERA, "nir": CAMERA}


def setup(models: Path, pack: str = "open-omz") -> dict[str, Any]:
    light = {
        "leds": {"nir": ["850L", "850R"]},
        "drift": 0.2,
        "band_set": "rgb+850",
        "detector": "",
        "shadow": "",
        "masks": "ignore",
        "accepted": [],
        "upper": "",
        "gallery": None,
    }
    return {"pack": pack, "models_dir": str(models), "cameras": CAMERAS, "module": "hil.devices"} | light


@pytest.fixture
async def process() -> AsyncIterator[VisionProcess]:
    process = VisionProcess()
    await process.start()
    yield process
    async with asyncio.timeout(10):
        await process.stop()
    assert process.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    with pytest.raises(VisionLost, match="not running"):
        await process.ask("health", within_s=1.0)


def send(process: VisionProcess, number: int) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)


async def test_what_cannot_be_done_is_said_and_the_child_goes_on(process: VisionProcess, tmp_path: Path) -> None:
    with pytest.raises(VisionLost, match="no operation 'unlock'"):
        await process.ask("unlock", within_s=60.0)
    send(process, signal.SIGINT)
    with pytest.raises(VisionRefused, match="appliance models fetch open-omz"):
        await process.ask("setup", within_s=10.0, **setup(tmp_path))
    (tmp_path / "face_detection_yunet_2026may.onnx").write_bytes(b"not the detector")
    with pytest.raises(VisionRefused, match="is not the file pack open-omz names"):
        await process.ask("setup", within_s=10.0, **setup(tmp_path, "auto"))
    with pytest.raises(VisionRefused, match="nothing was set up"):
        await process.ask("health", within_s=10.0)


async def test_a_request_given_up_does_not_get_its_answer_to_the_next_one(
    process: VisionProcess, tmp_path: Path
) -> None:
    given_up = asyncio.create_task(process.ask("setup", within_s=60.0, **setup(tmp_path)))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    with pytest.raises(VisionLost, match="no operation 'next'"):
        await process.ask("next", within_s=60.0)


async def test_a_child_that_breaks_over_a_request_is_lost_with_it(process: VisionProcess) -> None:
    with pytest.raises(VisionLost, match="ended"):
        await process.ask("setup", within_s=60.0)


async def test_the_child_ends_by_itself_when_its_controller_is_gone(process: VisionProcess) -> None:
    with pytest.raises(VisionLost):
        await process.ask("unlock", within_s=60.0)
    assert process._writer is not None
    assert process._child is not None
    process._writer.transport.abort()
    async with asyncio.timeout(10):
        assert await process._child.wait() == 0


async def test_a_killed_child_is_lost_at_once_for_all_who_wait(process: VisionProcess) -> None:
    asking = [asyncio.create_task(process.ask("health", within_s=60.0)) for _ in range(3)]
    await asyncio.sleep(0)
    send(process, signal.SIGKILL)
    async with asyncio.timeout(5):
        found = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(error) for error in found] == [VisionLost] * 3


async def test_a_child_that_hangs_is_lost_when_its_time_is_over(process: VisionProcess) -> None:
    send(process, signal.SIGSTOP)
    with pytest.raises(VisionLost, match=r"did not answer 'health' within 0\.05 s"):
        await process.ask("health", within_s=0.05)


async def test_a_child_that_hangs_before_a_large_request_can_still_be_ended(process: VisionProcess) -> None:
    """More than a socket holds is still to be sent when the child is given up."""
    send(process, signal.SIGSTOP)
    with pytest.raises(VisionLost, match="did not answer 'enrol'"):
        await process.ask("enrol", within_s=0.05, blobs=(bytes(8_000_000),), height=1, width=1)


async def test_nobody_answers_before_the_start() -> None:
    process = VisionProcess()
    assert process.pid is None
    with pytest.raises(VisionLost, match="not running"):
        await process.ask("health", within_s=1.0)
    await process.stop()
