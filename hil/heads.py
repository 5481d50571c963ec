"""Which heads the cast may have, for those who must not pay for a scene to know."""

from enum import StrEnum
from pathlib import Path

HEADS = Path("var/heads")
"""Where the measured head is imported to, from the working directory."""


class Head(StrEnum):
    """Which head the cast has."""

    PROCEDURAL = "procedural"
    MEASURED = "measured"
