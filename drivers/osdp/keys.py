"""Secure channel base keys (SCBK): one random key per device in a file only we can read; known keys are refused.

Not here: bringing a key into a device (`commission`), and who may read the disk.
"""

import contextlib
import itertools
import os
import secrets
import stat
from pathlib import Path

from drivers.errors import DriverError

KEY_BYTES = 16
SCBK_D = bytes(range(0x30, 0x40))
"""The default key of every OSDP device, printed in the standard: whoever has it can open the door."""


class KeyRefused(DriverError):
    """A key is missing, badly kept, or known to everybody."""


def check_key(device: str, key: bytes) -> bytes:
    """The key itself. Raises KeyRefused for SCBK-D, a wrong length, and keys that follow a rule."""
    if len(key) != KEY_BYTES:
        raise KeyRefused(device, f"a secure channel key has {KEY_BYTES} bytes, not {len(key)}")
    if key == SCBK_D:
        raise KeyRefused(
            device, "this is SCBK-D (30..3F), the default key everybody knows; commission the device with its own key"
        )
    if len({(after - before) & 0xFF for before, after in itertools.pairwise(key)}) == 1:
        raise KeyRefused(device, "a key that is one byte repeated or counted up is guessed at once; make a random one")
    return key


class KeyStore:
    """Keys in `folder`, a file `<device>.scbk` of 32 hexadecimal digits each, readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, device: str) -> Path:
        """Where the key of a device is kept."""
        return self._folder / f"{device}.scbk"

    def key(self, device: str) -> bytes:
        """The key of a device. Raises KeyRefused, with what to do."""
        path = self.path(device)
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="ascii").strip()
            key = bytes.fromhex(text)
        except FileNotFoundError:
            raise KeyRefused(device, f"there is no key {path}; commission the device first") from None
        except (OSError, ValueError) as error:
            raise KeyRefused(device, f"{path} holds no key of 32 hexadecimal digits: {error}") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyRefused(device, f"others can read {path}; make a new key, then `chmod 600` it")
        return check_key(device, key)

    def create(self, device: str) -> bytes:
        """Make and keep a random key. Raises KeyRefused when there is one: a key in use is never overwritten."""
        path, key = self.path(device), secrets.token_bytes(KEY_BYTES)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise KeyRefused(device, f"{path} exists; move it away only when its device is out of use") from None
        except OSError as error:
            raise KeyRefused(device, f"{path} cannot be written: {error}") from error
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(key.hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()
            raise KeyRefused(device, f"{path} cannot be written: {error}") from error
        return key
