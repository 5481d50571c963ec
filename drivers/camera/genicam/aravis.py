"""Aravis' C library (0.8, LGPL-2.1-or-later) by ctypes: the calls a camera needs, with its errors as exceptions.

Loaded when first asked for: `apt-get install libaravis-0.8-0`. Source: the headers of 0.8.26. Not here: any rule.
"""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int32, c_size_t, c_uint, c_uint32, c_uint64, c_void_p
from functools import cache
from typing import Any

LIBRARY = "libaravis-0.8.so.0"
INSTALL = "apt-get install libaravis-0.8-0"
SUCCESS, PAYLOAD_IMAGE = 0, 1
STATUS = (
    "success",
    "cleared",
    "timeout",
    "missing packets",
    "wrong packet id",
    "size mismatch",
    "filling",
    "aborted",
)
GONE = (2, 4, 5, 6)
"""ArvDeviceError: not connected, transfer error, timeout, not found."""
TAKEN = (10, 17)
"""ArvDeviceError: not controller, access denied."""
AUTO_OFF = 0
ACQUISITION_CONTINUOUS = 0


class NoAravis(Exception):
    """The library is not there; the message says what to install."""


class AravisError(Exception):
    """A call failed; the message is the library's own, `code` an ArvDeviceError where it is one."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class _GError(ctypes.Structure):
    _fields_ = (("domain", c_uint32), ("code", c_int), ("message", c_char_p))


_ERROR = POINTER(POINTER(_GError))
# name: (result, arguments); those whose last argument is _ERROR raise.
_CALLS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "arv_enable_interface": (None, (c_char_p,)),
    "arv_update_device_list": (None, ()),
    "arv_get_n_devices": (c_uint, ()),
    "arv_get_device_id": (c_char_p, (c_uint,)),
    "arv_get_device_physical_id": (c_char_p, (c_uint,)),
    "arv_get_device_address": (c_char_p, (c_uint,)),
    "arv_get_device_protocol": (c_char_p, (c_uint,)),
    "arv_device_error_quark": (c_uint32, ()),
    "arv_camera_new": (c_void_p, (c_char_p, _ERROR)),
    "arv_camera_get_device": (c_void_p, (c_void_p,)),
    "arv_gv_device_is_controller": (c_int, (c_void_p,)),
    "arv_camera_get_vendor_name": (c_char_p, (c_void_p, _ERROR)),
    "arv_camera_get_model_name": (c_char_p, (c_void_p, _ERROR)),
    "arv_camera_get_device_serial_number": (c_char_p, (c_void_p, _ERROR)),
    "arv_camera_is_feature_available": (c_int, (c_void_p, c_char_p, _ERROR)),
    "arv_camera_get_string": (c_char_p, (c_void_p, c_char_p, _ERROR)),
    "arv_camera_set_string": (None, (c_void_p, c_char_p, c_char_p, _ERROR)),
    "arv_camera_set_region": (None, (c_void_p, c_int, c_int, c_int, c_int, _ERROR)),
    "arv_camera_get_region": (
        None,
        (c_void_p, POINTER(c_int), POINTER(c_int), POINTER(c_int), POINTER(c_int), _ERROR),
    ),
    "arv_camera_set_pixel_format_from_string": (None, (c_void_p, c_char_p, _ERROR)),
    "arv_camera_set_acquisition_mode": (None, (c_void_p, c_int, _ERROR)),
    "arv_camera_set_frame_rate": (None, (c_void_p, c_double, _ERROR)),
    "arv_camera_get_frame_rate": (c_double, (c_void_p, _ERROR)),
    "arv_camera_set_trigger": (None, (c_void_p, c_char_p, _ERROR)),
    "arv_camera_is_exposure_auto_available": (c_int, (c_void_p, _ERROR)),
    "arv_camera_set_exposure_time_auto": (None, (c_void_p, c_int, _ERROR)),
    "arv_camera_is_gain_auto_available": (c_int, (c_void_p, _ERROR)),
    "arv_camera_set_gain_auto": (None, (c_void_p, c_int, _ERROR)),
    "arv_camera_get_exposure_time_bounds": (None, (c_void_p, POINTER(c_double), POINTER(c_double), _ERROR)),
    "arv_camera_set_exposure_time": (None, (c_void_p, c_double, _ERROR)),
    "arv_camera_get_exposure_time": (c_double, (c_void_p, _ERROR)),
    "arv_camera_get_payload": (c_uint, (c_void_p, _ERROR)),
    "arv_camera_create_stream": (c_void_p, (c_void_p, c_void_p, c_void_p, _ERROR)),
    "arv_camera_start_acquisition": (None, (c_void_p, _ERROR)),
    "arv_camera_stop_acquisition": (None, (c_void_p, _ERROR)),
    "arv_stream_push_buffer": (None, (c_void_p, c_void_p)),
    "arv_stream_timeout_pop_buffer": (c_void_p, (c_void_p, c_uint64)),
    "arv_buffer_new_allocate": (c_void_p, (c_size_t,)),
    "arv_buffer_get_status": (c_int, (c_void_p,)),
    "arv_buffer_get_payload_type": (c_int, (c_void_p,)),
    "arv_buffer_get_frame_id": (c_uint64, (c_void_p,)),
    "arv_buffer_get_timestamp": (c_uint64, (c_void_p,)),
    "arv_buffer_get_data": (c_void_p, (c_void_p, POINTER(c_size_t))),
    "arv_buffer_get_image_width": (c_int32, (c_void_p,)),
    "arv_buffer_get_image_height": (c_int32, (c_void_p,)),
    "arv_buffer_get_image_pixel_format": (c_uint32, (c_void_p,)),
}


class Aravis:
    """The library. `call` by the C name without `arv_`; texts go in and come out as str."""

    def __init__(self, library: ctypes.CDLL, glib: ctypes.CDLL) -> None:
        self._library, self._glib = library, glib
        glib.g_error_free.argtypes = (c_void_p,)
        glib.g_object_unref.argtypes = (c_void_p,)
        for name, (result, arguments) in _CALLS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments

    def call(self, name: str, *arguments: Any) -> Any:
        """The result. Raises AravisError."""
        name = f"arv_{name}"
        given = [one.encode() if isinstance(one, str) else one for one in arguments]
        if _CALLS[name][1][-1:] == (_ERROR,):
            error = POINTER(_GError)()
            result = getattr(self._library, name)(*given, byref(error))
            if error:
                words = (error.contents.message or b"unknown").decode("utf-8", "replace")
                ours = error.contents.domain == self._library.arv_device_error_quark()
                code = error.contents.code if ours else None
                self._glib.g_error_free(error)
                raise AravisError(words, code)
        else:
            result = getattr(self._library, name)(*given)
        return result.decode("utf-8", "replace") if isinstance(result, bytes) else result

    def free(self, thing: Any) -> None:
        """Give an object back (g_object_unref); None is nothing."""
        if thing:
            self._glib.g_object_unref(thing)

    def devices(self) -> list[str]:
        """Ids of the cameras that answer now."""
        self.call("update_device_list")
        return [str(self.call("get_device_id", number)) for number in range(self.call("get_n_devices"))]

    def address(self, camera_id: str) -> str | None:
        """The IPv4 address of a GigE Vision camera among `devices`, by its id, MAC or address; None for any other."""
        for number in range(self.call("get_n_devices")):
            names = [self.call(f"get_device_{name}", number) for name in ("id", "physical_id", "address")]
            if camera_id in names and self.call("get_device_protocol", number) == "GigEVision":
                return str(names[2])
        return None


@cache
def load() -> Aravis:
    """The library, loaded once. Raises NoAravis."""
    try:
        return Aravis(ctypes.CDLL(LIBRARY), ctypes.CDLL("libgobject-2.0.so.0"))
    except (OSError, AttributeError) as error:
        raise NoAravis(f"{LIBRARY} cannot be loaded ({error}); {INSTALL}") from error
