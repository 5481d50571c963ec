"""pcscd with vpcd's virtual reader, in a network and a /run of its own: it meets no other program of this machine.

vpcd listens on every address there is, which must be loopback alone; pcscd's socket is in /run, where the machine's own
pcscd may have one. Not responsible for what is laid on the reader (`hil.passport.vpcd`).
"""

import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from drivers.document import pcsc
from drivers.errors import Disconnected, NoResponse
from hil.passport.vpcd import PORT
from hil.pcsc.packages import DRIVER, pcscd
from hil.rig.process import Child

READER = "Virtual passport 00 00"
"""The first of the two slots."""
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_PATIENCE_S, _LOOK_S = 10.0, 0.02
_CONFIGURATION = f"""FRIENDLYNAME "Virtual passport"
DEVICENAME   /dev/null:{PORT:#x}
LIBPATH      {DRIVER}
CHANNELID    {PORT:#x}
"""


class NotApart(Exception):
    """There is no network of our own; says why."""


def run_apart(arguments: Sequence[str]) -> NoReturn:
    """Become `python ARGUMENTS` in namespaces of its own, as their root, whoever we are. Raises NotApart."""
    unshare = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--net", "--mount", "--"]
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True, timeout=10, check=False)
    if tried.returncode:
        raise NotApart(f"{tried.stderr.strip()}: a network of its own is not to be had here; try it as root")
    os.execvp("unshare", [*unshare, sys.executable, *arguments])


def settle_in() -> None:
    """Bring loopback up and empty /run, once `run_apart` brought us here. Raises NotApart anywhere else."""
    if (found := [name for _, name in socket.if_nameindex()]) != ["lo"]:
        raise NotApart(f"this network is not our own, it has {', '.join(found)}: leave --apart away")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True, timeout=10)
        Path("/run/pcscd").mkdir()
    except (OSError, subprocess.SubprocessError) as error:
        raise NotApart(f"loopback and /run are not ours to set up: {error}") from error


class Pcscd:
    """pcscd, started and ended as often as one likes; files in `folder`. Not thread-safe."""

    def __init__(self, folder: Path, library: Any) -> None:
        self._library = library
        self._configuration = folder / "reader.conf"
        self._configuration.write_text(_CONFIGURATION, encoding="ascii")
        # An empty place for drivers of USB readers: those that are plugged in here are somebody else's.
        self._usb = folder / "usb"
        self._usb.mkdir()
        self._child: Child | None = None
        self._log = folder / "pcscd.log"

    def __enter__(self) -> "Pcscd":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it has its reader. Raises ChildFailed, NoResponse."""
        command = [pcscd() or "pcscd", "--foreground", "--config", str(self._configuration)]
        self._child = Child("pcscd", ["env", f"PCSCLITE_HP_DROPDIR={self._usb}", *command], self._log)
        self._child.start()
        try:
            self._wait_until(lambda: READER in self._names(), "pcscd has no reader")
        except BaseException:
            self.stop()
            raise

    def _names(self) -> list[str]:
        assert self._child is not None
        self._child.check()
        with contextlib.suppress(Disconnected):
            return pcsc.readers(self._library)
        return []

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.stop()

    def wait_for_chip(self, *, there: bool) -> None:
        """Until pcscd has noticed that a chip was laid down, or taken off. Raises NoResponse."""
        lib = self._library
        wanted = lib.SCARD_STATE_PRESENT if there else lib.SCARD_STATE_EMPTY
        _, context = lib.SCardEstablishContext(lib.SCARD_SCOPE_SYSTEM)

        def noticed() -> bool:
            _, states = lib.SCardGetStatusChange(context, 0, [(READER, lib.SCARD_STATE_UNAWARE)])
            return bool(states[0][1] & wanted)

        try:
            self._wait_until(noticed, "pcscd does not notice the chip" if there else "pcscd still sees a chip")
        finally:
            lib.SCardReleaseContext(context)

    def _wait_until(self, done: Callable[[], bool], words: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not done():
            if time.monotonic() > deadline:
                raise NoResponse("pcscd", f"{words} after {_PATIENCE_S:g} s")
            time.sleep(_LOOK_S)
