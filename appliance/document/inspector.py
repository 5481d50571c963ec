"""The steps of an inspection, carried out: ICAO 9303-11, in the order in which a doomed document is found out soonest.

Not here: what each step means (reasons), the protocols themselves (chip), signatures (trust).
"""

from collections.abc import Callable, Generator
from datetime import date
from typing import TypeVar

T = TypeVar("T")
