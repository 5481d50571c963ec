"""Programs the rig's runners start: controller, console. Each in a session of its own, ended as a whole."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

_GRACE_S = 12.0
_TAIL_LINES = 15


class ChildFailed(Exception):
    """A program ended that should still run. The text ends with its last words."""


class Child:
    """One program. `log` takes what it prints, or None to let it print where we do. Ended by `stop`, always."""

    def __init__(self, name: str, command: Sequence[str], log: Path | None) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Child":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id. Raises RuntimeError before `start`."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    def start(self) -> None:
        """Start it. A signal from our terminal does not reach it: we end it ourselves, in order."""
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(self.log.open("wb")) if self.log is not None else None
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT if out is not None else None,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raises ChildFailed when it has ended."""
        code = None if self._process is None else self._process.poll()
        if code is not None:
            raise ChildFailed(f"{self.name} ended with code {code}{self._tail()}")

    def wait(self, seconds: float) -> int | None:
        """Its exit code, once it has ended by itself; None when it has not within so many seconds."""
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def _tail(self) -> str:
        if self.log is None or not self.log.exists():
            return ""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
        return f"; the end of {self.log}:\n" + "\n".join(f"  {line}" for line in lines)

    def stop(self) -> int | None:
        """Ask it to end, then make it; whatever it had started ends with it. Its exit code, None if never started."""
        process = self._process
        if process is None:
            return None
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)
        # Its session outlives it only if it left children behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait()
