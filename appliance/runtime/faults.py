"""Active faults: raised and cleared by their owners, logged and journalled on change, told to the core as effects."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from appliance.clock import Clock
from appliance.core.faults import CATALOGUE, Effect, effects_of
from appliance.store.records import JournalRecord

DETAIL = 300
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """One active fault; `detail` is for the log and the technician."""

    code: int
    device: str
    detail: str
    since: datetime


class FaultRegister:
    """Which faults are active. `on_change` gets the effects now in force, after each that was raised or cleared.

    What the journal is to hold of it, and of who answers as which device, waits in order until it is taken.
    """

    def __init__(self, clock: Clock, on_change: Callable[[frozenset[Effect]], None]) -> None:
        self._clock, self._on_change = clock, on_change
        self._active: dict[tuple[int, str], ActiveFault] = {}
        self._unsaid: list[JournalRecord] = []
        self._known: dict[str, JournalRecord] = {}
        self.latest: dict[str, ActiveFault] = {}
        """The newest fault of each device, active or not."""

    @property
    def active(self) -> tuple[ActiveFault, ...]:
        """Active faults, by code."""
        return tuple(sorted(self._active.values(), key=lambda fault: (fault.code, fault.device)))

    @property
    def codes(self) -> tuple[int, ...]:
        """Codes of the active faults, each once."""
        return tuple(sorted({fault.code for fault in self._active.values()}))

    @property
    def identities(self) -> dict[str, Mapping[str, object]]:
        """Who answered last as each device: model, firmware, serial_number, proved."""
        return {device: told.payload for device, told in self._known.items()}

    @property
    def answered(self) -> frozenset[str]:
        """Devices that have said who they are since the start."""
        return frozenset(self._known)

    def take_unsaid(self) -> list[JournalRecord]:
        """What the journal has not been told yet."""
        unsaid, self._unsaid = self._unsaid, []
        return unsaid

    def identified(self, device: str, who: Mapping[str, object]) -> None:
        """Who answers as a device: model, firmware, serial number, proved on hardware. Told when not as before."""
        facts = {key: str(who.get(key) or "")[:DETAIL] for key in ("model", "firmware", "serial_number")}
        proved = who.get("verified_on_hardware") is True
        told = JournalRecord("device.identified", {"device": device, "proved": proved, **facts})
        # A device that is opened again and again in vain must not fill the journal.
        if self._known.get(device) != told:
            self._known[device] = told
            self._unsaid.append(told)

    def raise_fault(self, code: int, device: str, detail: str = "") -> None:
        """Raise a fault; raising it again keeps its first cause."""
        kind = CATALOGUE[code]
        if (code, device) in self._active:
            return
        self._active[code, device] = self.latest[device] = ActiveFault(code, device, detail, self._clock.now())
        _log.warning("fault %d raised (%s): %s%s", code, device, kind.title, f": {detail}" if detail else "")
        self._unsaid.append(JournalRecord("fault.raised", {"code": code, "device": device, "detail": detail[:DETAIL]}))
        self._on_change(effects_of(self.codes))

    def clear(self, code: int, device: str) -> None:
        """Clear a fault; clearing one that is not active does nothing."""
        if self._active.pop((code, device), None) is None:
            return
        _log.info("fault %d cleared (%s): %s", code, device, CATALOGUE[code].title)
        self._unsaid.append(JournalRecord("fault.cleared", {"code": code, "device": device}))
        self._on_change(effects_of(self.codes))

    def set(self, code: int, device: str, active: bool, detail: str = "") -> None:
        """Raise or clear."""
        if active:
            self.raise_fault(code, device, detail)
        else:
            self.clear(code, device)
