"""A GigE Vision camera on this machine: Aravis' own fake, in a process of its own, so that it can be pulled and frozen.

`python -m hil.emulator.genicam_camera SERIAL` runs one on the loopback until it is ended: real GigE Vision packets, a
simulated sensor. A line "REGISTER VALUE" (hexadecimal) on its input changes a register behind its user's back. What it
is not: a network with losses of its own, a switch, a clock that drifts, a camera that says no (it ignores instead).
"""

import ctypes
import sys
import time
from ctypes import c_char_p, c_int, c_uint32, c_void_p

from drivers.camera.genicam.aravis import LIBRARY

HERE = "127.0.0.1"
READY = "running"
PIXEL_FORMAT = 0x128
"""Register of Aravis' fake (arvfakecamera.h)."""


def camera_id(serial_number: str) -> str:
    """How Aravis names it."""
    return f"Aravis-Fake-{serial_number}"


def main(serial_number: str) -> int:
    """Run until ended."""
    library = ctypes.CDLL(LIBRARY)
    library.arv_gv_fake_camera_new.restype = c_void_p
    library.arv_gv_fake_camera_new.argtypes = (c_char_p, c_char_p)
    library.arv_gv_fake_camera_is_running.restype = c_int
    library.arv_gv_fake_camera_is_running.argtypes = (c_void_p,)
    library.arv_gv_fake_camera_get_fake_camera.restype = c_void_p
    library.arv_gv_fake_camera_get_fake_camera.argtypes = (c_void_p,)
    library.arv_fake_camera_write_register.argtypes = (c_void_p, c_uint32, c_uint32)
    camera = library.arv_gv_fake_camera_new(HERE.encode(), serial_number.encode())
    if not camera or not library.arv_gv_fake_camera_is_running(camera):
        sys.stderr.write(f"no fake camera can listen on {HERE}; is another one running?\n")
        return 1
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    memory = library.arv_gv_fake_camera_get_fake_camera(camera)
    for line in sys.stdin:
        register, value = line.split()
        library.arv_fake_camera_write_register(memory, int(register, 16), int(value, 16))
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
