"""Contacts of the lane as named safe values: debounced, paired, counted. Pure logic; samples bring their time."""

from drivers.inputs.debounce import Debounce, PulseCounter, Timing
from drivers.inputs.pair import ContactPair, PairKind, SafeState
from drivers.inputs.table import Discrepancy, InputTable, Kind, NamedInput, SafeValues

__all__ = [
    "ContactPair",
    "Debounce",
    "Discrepancy",
    "InputTable",
    "Kind",
    "NamedInput",
    "PairKind",
    "PulseCounter",
    "SafeState",
    "SafeValues",
    "Timing",
]
