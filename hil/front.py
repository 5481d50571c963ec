"""The real console in front of simulated lanes: how it is started, what it says first, and the browser before it."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


def command(sockets: Iterable[Path], state: Path) -> list[str]:
    """A console on a free port of this machine."""
    lanes = [part for socket in sockets for part in ("--socket", str(socket))]
    return [sys.executable, "-m", "ui", *lanes, "--state-dir", str(state), "--port", "0"]


def told(said: str) -> tuple[str, str] | None:
    """Its address and the one-time password of its first supervisor, once it has said both."""
    address, password = re.search(r"http://[\d.:]+", said), re.search(r"one-time password:\s+(\S+)", said)
    return (address.group(), password.group(1)) if address and password else None
