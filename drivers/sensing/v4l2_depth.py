"""Depth cameras of the kernel's video interface (pixel format Z16, as Intel's D400 gives it) as a depth source.

Untested on real hardware. Not here: the interface itself (camera/v4l2), what the depths mean (depth, heads).
"""

import asyncio

import numpy as np

from drivers.camera.v4l2 import V4l2Camera
from drivers.camera.v4l2.pixels import depth
from drivers.camera.v4l2.stream import Picture
from drivers.errors import NoResponse
from drivers.ports import DepthFrame, DeviceIdentity

_FRAME_S = 0.5


class V4l2DepthSource:
    """`DepthSource` on a camera opened for Z16. `unit_m` is how many metres one step of a depth is."""

    def __init__(self, camera: V4l2Camera, width: int, height: int, *, unit_m: float = 0.001) -> None:
        self._camera = camera
        self._width, self._height = width, height
        self._unit_m = np.float32(unit_m)

    async def open(self) -> DeviceIdentity:
        """As the camera's."""
        return await asyncio.to_thread(self._camera.open)

    async def frame(self) -> DepthFrame:
        """The newest frame: a judgement of an older one would be refused as too old."""
        return await asyncio.to_thread(self._newest)

    def _newest(self) -> DepthFrame:
        newest = self._camera.take(_FRAME_S, self._steps)
        while True:
            try:
                newest = self._camera.take(0.0, self._steps)
            except NoResponse:
                break
        sequence, stamp, steps = newest
        return DepthFrame(sequence, stamp, steps.astype(np.float32) * self._unit_m)

    def _steps(self, picture: Picture) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
        return depth(picture.data, self._width, self._height, picture.stride)

    async def close(self) -> None:
        """As the camera's."""
        await asyncio.to_thread(self._camera.close)
