"""The portrait of a document, decoded in a short-lived child process: its bytes are hostile.

The child has no more memory and processor time than a passport portrait needs, and where libseccomp is to be had no
system call but those of decoding: no file, no network, no other program. Whatever happens to it, the lane learns only
that this portrait cannot be used (decoders have been attacked through passports: CVE-2025-54874).
"""

import asyncio
import errno
import importlib
import resource
import struct
import sys
from contextlib import suppress
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 2_000_000
MAX_SIDE = 4096
CPU_SECONDS = 5
MEMORY_BYTES = 1 << 30
WALL_SECONDS = 8.0
REFUSED = 3
"""Exit code of a child that says why on standard error; any other code is a decoder that broke."""
_SIZE = struct.Struct(">II")


class PortraitError(Exception):
    """The portrait cannot be used; the message says why, for the guard."""


async def decode(portrait: bytes) -> NDArray[np.uint8]:
    """Decode a JPEG or JPEG 2000 portrait to uint8 (H, W, 3) BGR. Raises PortraitError."""
    if not portrait:
        raise PortraitError("The document holds no portrait.")
    if len(portrait) > MAX_BYTES:
        raise PortraitError(f"The portrait is larger than {MAX_BYTES // 1_000_000} MB.")
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "appliance.document.portrait",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={},
    )
    try:
        async with asyncio.timeout(WALL_SECONDS):
            out, err = await child.communicate(portrait)
    except TimeoutError as error:
        raise PortraitError("Decoding the portrait took too long.") from error
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode != 0:
        said = err.decode(errors="replace").strip().splitlines()
        raise PortraitError(said[-1] if child.returncode == REFUSED and said else "The portrait broke its decoder.")
    return _image(out)


def _image(out: bytes) -> NDArray[np.uint8]:
    if len(out) < _SIZE.size:
        raise PortraitError("The portrait broke its decoder.")
    height, width = _SIZE.unpack_from(out)
    pixels = np.frombuffer(out, np.uint8, offset=_SIZE.size)
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE) or pixels.size != height * width * 3:
        raise PortraitError("The portrait broke its decoder.")
    return pixels.reshape(height, width, 3).copy()


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


_DECODING = (
    *("read", "write", "close", "fstat", "lseek", "brk", "mmap", "munmap", "mremap", "mprotect", "madvise"),
    *("futex", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getrandom", "clock_gettime"),
    *("sched_yield", "exit", "exit_group"),
)
_NEVER = (
    *("execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace", "process_vm_writev"),
    *("socket", "socketpair", "connect", "bind", "sendto", "sendmsg", "open_by_handle_at", "mount", "bpf"),
)
"""What no decoder asks for: whoever does has taken it over, and the process ends there."""


def _filter() -> bool:
    """Leave this process the system calls of decoding; False where the kernel or libseccomp cannot."""
    try:
        import pyseccomp

        rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
        for action, calls in ((pyseccomp.ALLOW, _DECODING), (pyseccomp.KILL_PROCESS, _NEVER)):
            for call in calls:
                if pyseccomp.resolve_syscall(pyseccomp.system_arch(), call) >= 0:  # not every machine has each
                    rules.add_rule(action, call)
        rules.load()
    except (ImportError, OSError, RuntimeError):
        return False
    return True


def _refuse(why: str) -> NoReturn:
    print(why, file=sys.stderr)
    sys.exit(REFUSED)


def _child() -> None:
    """The child: portrait on standard input, raw BGR on standard output, one line why not on standard error."""
    import io

    from PIL import Image, UnidentifiedImageError

    # Whatever a JPEG may make the library import, for EXIF or for several pictures in one: no file can be opened later.
    Image.preinit()
    for plugin in ("ImagePalette", "Jpeg2KImagePlugin", "JpegImagePlugin", "MpoImagePlugin", "TiffImagePlugin"):
        importlib.import_module(f"PIL.{plugin}")
    hostile = sys.stdin.buffer.read(MAX_BYTES + 1)
    # From here on neither threads nor files can be made, whatever the bytes do to the decoder.
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    _filter()
    Image.MAX_IMAGE_PIXELS = MAX_SIDE * MAX_SIDE
    try:
        with Image.open(io.BytesIO(hostile), formats=("JPEG", "JPEG2000")) as image:
            if max(image.size) > MAX_SIDE:
                _refuse("The portrait is larger than any passport portrait.")
            if image.mode.startswith(("I", "F")):
                # Converted, every brighter pixel would be white.
                _refuse("The portrait has more than 8 bits a channel.")
            rgb = np.asarray(image.convert("RGB"))
    except UnidentifiedImageError:
        _refuse("The portrait is neither JPEG nor JPEG 2000.")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        _refuse(f"The portrait is damaged: {str(error)[:120]}.")
    sys.stdout.buffer.write(_SIZE.pack(*rgb.shape[:2]) + rgb[:, :, ::-1].tobytes())


if __name__ == "__main__":
    _confine()
    _child()
