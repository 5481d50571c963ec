"""The files beside the database: the lock that keeps a second controller out, and the reserve for a full disk."""

import errno
import fcntl
import os
from pathlib import Path

from appliance.store.errors import StoreFull, StoreInUse

DATABASE = "lane.db"
RESERVE_BYTES = 256 * 1024


class LaneLock:
    """Held while the process lives; the kernel lets go of it however the process ends."""

    def __init__(self, state_dir: Path) -> None:
        """Take the lock or raise `StoreInUse`."""
        self._descriptor = os.open(state_dir / "lane.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise StoreInUse(
                f"another controller runs on this lane ({state_dir}, process {holder or 'unknown'}). "
                "Stop it first, or give this one its own --state-dir."
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next controller in."""
        os.close(self._descriptor)


class Reserve:
    """Blocks set aside, so that a lane on a full disk can still write why it went out of service."""

    def __init__(self, state_dir: Path) -> None:
        """Allocate the reserve or raise `StoreFull`: a lane that could not say its last words does not start."""
        self._path = state_dir / "lane.reserve"
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        except OSError as error:
            raise StoreFull(
                f"no {RESERVE_BYTES // 1024} KiB left for the reserve in {state_dir} ({error.strerror}). "
                "Free space on that file system and start again."
            ) from error
        finally:
            os.close(descriptor)

    def free(self) -> None:
        """Give the blocks back to the file system."""
        self._path.unlink(missing_ok=True)
