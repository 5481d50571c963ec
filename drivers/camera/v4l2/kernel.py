"""The system calls a camera needs, as one seam: the kernel here, the emulator of a camera in tests and rigs."""

import fcntl
import mmap
import os
import select
from ctypes import Structure
from typing import Protocol


class Memory(Protocol):
    """A mapped buffer."""

    def __getitem__(self, part: slice) -> bytes: ...

    def close(self) -> None:
        """Unmap it."""
        ...


class Kernel(Protocol):
    """Every call raises OSError as the system call does."""

    def open(self, path: str) -> int:
        """A descriptor that does not block."""
        ...

    def ioctl(self, fd: int, request: int, argument: Structure) -> None:
        """The call; `argument` is read and written in place."""
        ...

    def map(self, fd: int, length: int, offset: int) -> Memory:
        """Map a buffer."""
        ...

    def wait(self, fd: int, timeout_s: float) -> bool:
        """Whether the descriptor became ready, or broke, within the time."""
        ...

    def close(self, fd: int) -> None:
        """Give the descriptor up."""
        ...


class Linux:
    """The kernel of this machine."""

    def open(self, path: str) -> int:
        """open(2)."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)

    def ioctl(self, fd: int, request: int, argument: Structure) -> None:
        """ioctl(2)."""
        fcntl.ioctl(fd, request, argument, True)

    def map(self, fd: int, length: int, offset: int) -> Memory:
        """mmap(2), shared."""
        return mmap.mmap(fd, length, offset=offset)

    def wait(self, fd: int, timeout_s: float) -> bool:
        """poll(2)."""
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(max(0.0, timeout_s) * 1000))

    def close(self, fd: int) -> None:
        """close(2)."""
        os.close(fd)
