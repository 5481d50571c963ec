"""A GenICam camera (GigE Vision, USB3 Vision) over Aravis. Untested on real hardware; tried on Aravis' own fakes.

`sequence` is the camera's frame id, so a frame lost or incomplete is a gap. `stamp` is the camera's own time of the
frame, mapped to the monotonic clock (clock.py) and set back by one frame period: when the fastest frame arrived it had
been exposed, read out and sent. One thread takes buffers, and frees the camera at the end.
"""

import contextlib
import ctypes
import math
import threading
import time
from collections.abc import Callable, Iterator
from ctypes import byref, c_double, c_int, c_size_t
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera.genicam import aravis, gvcp
from drivers.camera.genicam.aravis import Aravis, AravisError, NoAravis
from drivers.camera.genicam.clock import CountBroken, Counter, DeviceClock
from drivers.camera.pump import Pump, opened
from drivers.errors import (
    DeviceRefused,
    Disconnected,
    DriverError,
    IdentityMismatch,
    NoResponse,
    PortBusy,
    RemoteProtocolError,
)
from drivers.ports import DeviceIdentity, Frame

_BUFFERS = 8
_LOOK_US = 100_000
_SILENCE_S = 0.7
_ASK_S = 0.4
"""With a look (0.1 s) and an unanswered question (0.3 s) a pulled camera is told within 0.8 s."""
_FREED_S = 2.0
_INCOMPLETE_IN_A_ROW = 10
_RATE_OFF = 0.02
_FORMATS = {"Mono8": (1, 0x01080001), "BGR8": (3, 0x02180015), "RGB8": (3, 0x02180014), "BayerRG8": (1, 0x01080009)}
"""Channels, and the code frames carry (EMVA, Pixel Format Naming Convention)."""


@dataclass(frozen=True, slots=True)
class _Shape:
    width: int
    height: int
    pixel_format: str

    @property
    def size(self) -> int:
        return self.width * self.height * _FORMATS[self.pixel_format][0]

    @property
    def told(self) -> tuple[int, int, int]:
        """What a frame says of itself: width, height, pixel format code."""
        return self.width, self.height, _FORMATS[self.pixel_format][1]


@dataclass(slots=True)
class _Held:
    """What must be given back. `address` is that of a GigE Vision camera."""

    camera: Any
    address: str | None
    stream: Any = None
    running: bool = False


class GenicamCamera:
    """`camera_id` is the id Aravis gives (vendor-model-serial, or an address); `serial_number` pins the one it may be.

    `exposure_us` is the longest exposure, set by hand with a fixed gain; None leaves the camera's own. `exposure_line`
    ("Line1") puts ExposureActive on that output for the illuminator; with `trigger_source` an input starts exposures.
    """

    def __init__(
        self,
        device: str,
        camera_id: str,
        *,
        width: int,
        height: int,
        fps: float,
        pixel_format: str = "Mono8",
        exposure_us: int | None = None,
        exposure_line: str | None = None,
        trigger_source: str | None = None,
        serial_number: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if pixel_format not in _FORMATS:
            raise ValueError(f"pixel format {pixel_format!r} is not read; {', '.join(_FORMATS)} are")
        self._device, self._camera_id = device, camera_id
        self._shape = _Shape(width, height, pixel_format)
        self._fps, self._exposure_us = fps, exposure_us
        self._exposure_line, self._trigger_source = exposure_line, trigger_source
        self._serial_number = serial_number
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._pump: Pump[Frame] | None = None
        self._incomplete = 0
        self._heard_at = 0.0

    # --- opening ------------------------------------------------------------------------------------------------

    def open(self) -> DeviceIdentity:
        """Prove the camera, set it, start streaming. Raises DriverError."""
        self.close()
        try:
            library = aravis.load()
        except NoAravis as error:
            raise DeviceRefused(self._device, str(error)) from error
        held = self._found(library)
        try:
            with self._told():
                identity = self._identity(library, held.camera)
                self._configure(library, held.camera)
                self._start(library, held)
        except BaseException:
            self._let_go(library, held)
            raise
        self._held, self._incomplete, self._heard_at = held, 0, self._monotonic()
        counter, clock = Counter(), DeviceClock()
        self._pump = Pump(
            self._device, partial(self._step, library, held, counter, clock), partial(self._free, library, held)
        )
        self._pump.start()
        return identity

    def _found(self, library: Aravis) -> _Held:
        # One that is opened without having been looked for answers, and streams to nowhere (seen with 0.8.26).
        here = ", ".join(library.devices()) or "none"
        address = library.address(self._camera_id)
        # Aravis opens a camera that another program controls, and fails at the first setting, on some after 2.5 s.
        if address is not None and gvcp.controlled(address):
            raise self._busy()
        try:
            held = _Held(library.call("camera_new", self._camera_id), address)
        except AravisError as error:
            if error.code in aravis.TAKEN:
                raise self._busy() from error
            raise Disconnected(
                self._device, f"no camera {self._camera_id!r} answers ({error}); these do: {here}"
            ) from error
        if not self._ours(library, held):
            self._let_go(library, held)
            raise self._busy()
        return held

    def _ours(self, library: Aravis, held: _Held) -> bool:
        if held.address is None:
            return True
        return bool(library.call("gv_device_is_controller", library.call("camera_get_device", held.camera)))

    def _busy(self) -> PortBusy:
        return PortBusy(
            self._device,
            f"{self._camera_id} is controlled by another program; stop it (one that has crashed holds it for seconds)",
        )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except AravisError as error:
            raise self._failure(error) from error

    def _failure(self, error: AravisError) -> DriverError:
        if error.code in aravis.TAKEN:
            return self._busy()
        if error.code in aravis.GONE:
            return Disconnected(self._device, f"{self._camera_id} does not answer any more: {error}")
        return DeviceRefused(self._device, f"{self._camera_id}: {error}")

    def _identity(self, library: Aravis, camera: Any) -> DeviceIdentity:
        vendor, model = library.call("camera_get_vendor_name", camera), library.call("camera_get_model_name", camera)
        serial_number = library.call("camera_get_device_serial_number", camera)
        if self._serial_number is not None and serial_number != self._serial_number:
            raise IdentityMismatch(self._device, f"it is {serial_number}, {self._serial_number} is configured")
        firmware = "unknown"
        for feature in ("DeviceFirmwareVersion", "DeviceVersion"):
            if library.call("camera_is_feature_available", camera, feature):
                firmware = library.call("camera_get_string", camera, feature)
                break
        return DeviceIdentity(f"{vendor} {model}", firmware, serial_number, verified_on_hardware=False)

    def _configure(self, library: Aravis, camera: Any) -> None:
        shape = self._shape
        library.call("camera_set_pixel_format_from_string", camera, shape.pixel_format)
        library.call("camera_set_region", camera, 0, 0, shape.width, shape.height)
        box = [c_int() for _ in range(4)]
        library.call("camera_get_region", camera, *map(byref, box))
        payload = library.call("camera_get_payload", camera)
        if (box[2].value, box[3].value) != (shape.width, shape.height) or payload < shape.size:
            raise DeviceRefused(
                self._device,
                f"asked for {shape.width}x{shape.height} in {shape.size} bytes, gives {box[2].value}x{box[3].value} "
                f"in {payload}",
            )
        library.call("camera_set_acquisition_mode", camera, aravis.ACQUISITION_CONTINUOUS)
        if self._exposure_line is not None:
            for feature, value in (
                ("LineSelector", self._exposure_line),
                ("LineMode", "Output"),
                ("LineSource", "ExposureActive"),
            ):
                library.call("camera_set_string", camera, feature, value)
        if self._trigger_source is not None:
            library.call("camera_set_trigger", camera, self._trigger_source)
        else:
            self._set_rate(library, camera)
        if self._exposure_us is not None:
            for what in ("exposure", "gain"):
                if library.call(f"camera_is_{what}_auto_available", camera):
                    setting = "exposure_time" if what == "exposure" else what
                    library.call(f"camera_set_{setting}_auto", camera, aravis.AUTO_OFF)
            self._expose(library, camera, self._exposure_us)

    def _set_rate(self, library: Aravis, camera: Any) -> None:
        library.call("camera_set_frame_rate", camera, self._fps)
        given = library.call("camera_get_frame_rate", camera)
        if not abs(given / self._fps - 1) <= _RATE_OFF:
            raise DeviceRefused(self._device, f"asked for {self._fps:g} frames per second, gives {given:.2f}")

    def _expose(self, library: Aravis, camera: Any, wanted_us: float) -> float:
        """Microseconds in force, never more than asked."""
        lowest, highest = c_double(), c_double()
        library.call("camera_get_exposure_time_bounds", camera, byref(lowest), byref(highest))
        if wanted_us < lowest.value:
            raise DeviceRefused(self._device, f"its shortest exposure is {lowest.value:g} us, not {wanted_us:g}")
        library.call("camera_set_exposure_time", camera, min(wanted_us, highest.value))
        given = float(library.call("camera_get_exposure_time", camera))
        if not 0 < given <= wanted_us + 1.0:
            raise DeviceRefused(self._device, f"does not take an exposure of {wanted_us:g} us, it gives {given:g}")
        return given

    def _start(self, library: Aravis, held: _Held) -> None:
        payload = library.call("camera_get_payload", held.camera)
        held.stream = library.call("camera_create_stream", held.camera, None, None)
        for _ in range(_BUFFERS):
            # The stream owns what is pushed into it.
            library.call("stream_push_buffer", held.stream, library.call("buffer_new_allocate", payload))
        library.call("camera_start_acquisition", held.camera)
        held.running = True

    # --- on the pump's thread -------------------------------------------------------------------------------------

    def _step(self, library: Aravis, held: _Held, counter: Counter, clock: DeviceClock) -> Frame | None:
        buffer = library.call("stream_timeout_pop_buffer", held.stream, _LOOK_US)
        arrived = self._monotonic()
        if not buffer:
            if arrived - self._heard_at > (_SILENCE_S if self._trigger_source is None else _ASK_S):
                self._miss(library, held)
            return None
        try:
            return self._frame(library, buffer, arrived, counter, clock)
        finally:
            library.call("stream_push_buffer", held.stream, buffer)

    def _miss(self, library: Aravis, held: _Held) -> None:
        """One that runs by itself and sends nothing is gone; one that waits for triggers still answers when asked."""
        if self._trigger_source is None:
            # What is gone need not be told to stop: asking takes seconds of retries.
            held.running = False
            raise Disconnected(
                self._device, f"{self._camera_id} has sent nothing for {_SILENCE_S} s; was it unplugged?"
            )
        if not self._ours(library, held):
            held.running = False
            raise Disconnected(self._device, f"{self._camera_id} is ours no more: it was restarted, or taken over")
        if held.address is not None:
            if gvcp.controlled(held.address) is None:
                held.running = False
                raise Disconnected(self._device, f"{self._camera_id} does not answer any more; was it unplugged?")
        else:
            try:
                with self._lock:
                    library.call("camera_get_exposure_time", held.camera)
            except AravisError as error:
                raise Disconnected(self._device, f"{self._camera_id} does not answer any more: {error}") from error
        self._heard_at = self._monotonic()

    def _frame(
        self, library: Aravis, buffer: Any, arrived: float, counter: Counter, clock: DeviceClock
    ) -> Frame | None:
        self._heard_at = arrived
        status = library.call("buffer_get_status", buffer)
        if status != aravis.SUCCESS:
            self._incomplete += 1
            if self._incomplete >= _INCOMPLETE_IN_A_ROW:
                words = aravis.STATUS[status] if 0 <= status < len(aravis.STATUS) else f"status {status}"
                raise RemoteProtocolError(
                    self._device, f"{self._incomplete} incomplete frames in a row ({words}); check network and cable"
                )
            return None
        self._incomplete = 0
        shape = self._shape
        size = c_size_t()
        data = library.call("buffer_get_data", buffer, byref(size))
        kind = library.call("buffer_get_payload_type", buffer)
        if kind != aravis.PAYLOAD_IMAGE:
            raise RemoteProtocolError(self._device, f"a payload of type {kind} came, not a picture")
        got = tuple(library.call(f"buffer_get_image_{name}", buffer) for name in ("width", "height", "pixel_format"))
        if got != shape.told or size.value < shape.size:
            raise RemoteProtocolError(
                self._device,
                f"a frame of {got[0]}x{got[1]} in {size.value} bytes of pixel format {got[2]:#010x} came, "
                f"not {shape.width}x{shape.height} of {shape.told[2]:#010x} ({shape.pixel_format})",
            )
        pixels = np.frombuffer(ctypes.string_at(data, shape.size), np.uint8)
        stamp = clock.stamp(library.call("buffer_get_timestamp", buffer) / 1e9, arrived) - 1 / self._fps
        try:
            number = counter.count(library.call("buffer_get_frame_id", buffer))
        except CountBroken as error:
            raise RemoteProtocolError(self._device, f"{error}; was the camera restarted?") from error
        return Frame(number, stamp, _image(pixels, shape))

    def _free(self, library: Aravis, held: _Held) -> None:
        with self._lock:
            camera, stream, held.camera, held.stream = held.camera, held.stream, None, None
        # Without the lock: of a camera that is gone this takes seconds.
        if held.running:
            held.running = False
            with contextlib.suppress(AravisError):
                library.call("camera_stop_acquisition", camera)
        library.free(stream)
        library.free(camera)

    def _let_go(self, library: Aravis, held: _Held) -> None:
        """Free it, but do not wait longer than a moment: of a camera that is gone Aravis takes some 10 s."""
        freeing = threading.Thread(target=self._free, args=(library, held), name=f"camera {self._device}", daemon=True)
        freeing.start()
        freeing.join(_FREED_S)

    # --- the caller's side ----------------------------------------------------------------------------------------

    def read(self, timeout_s: float) -> Frame:
        """The oldest unread frame of the newest few. Raises NoResponse after `timeout_s`, Disconnected."""
        return opened(self._pump, self._device).take(timeout_s)

    def set_exposure(self, gain: float) -> float:
        """Expose for this share of the longest exposure, from one of the next frames on; 1.0 where it is fixed.

        Raises DeviceRefused for what is no share, NoResponse, Disconnected.
        """
        if not (math.isfinite(gain) and gain >= 0):
            raise DeviceRefused(self._device, f"an exposure of {gain} times the longest is none")
        if self._exposure_us is None:
            return 1.0
        with self._lock:
            held = self._held
            if held is None or held.camera is None:
                raise Disconnected(self._device, "the camera is not open")
            try:
                given = self._expose(aravis.load(), held.camera, self._exposure_us * min(gain, 1.0))
            except AravisError as error:
                raise NoResponse(self._device, f"its exposure could not be set: {error}") from error
        return min(1.0, given / self._exposure_us)

    def close(self) -> None:
        """Stop streaming. Never raises."""
        self._held = None
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.stop()


def _image(pixels: NDArray[np.uint8], shape: _Shape) -> NDArray[np.uint8]:
    if shape.pixel_format == "Mono8":
        return pixels.reshape(shape.height, shape.width)
    if shape.pixel_format == "BayerRG8":
        mosaic = pixels.reshape(shape.height, shape.width)
        # OpenCV names a pattern by its second row: GenICam's RG is OpenCV's BG.
        return np.asarray(cv2.cvtColor(mosaic, cv2.COLOR_BayerBG2BGR), np.uint8)
    colour = pixels.reshape(shape.height, shape.width, 3)
    return colour if shape.pixel_format == "BGR8" else np.ascontiguousarray(colour[:, :, ::-1])
