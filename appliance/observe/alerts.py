"""The alerts of one post: raised, ended, acknowledged, forgotten. Pure: time is given.

An alert stays until the guard has acknowledged it AND the face is out of sight, so that nobody passes unseen by being
quick. Its picture is held here in memory, goes with it, and is written nowhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

MOST_ALERTS = 32
"""Alerts kept. Beyond that none is raised until some are acknowledged; how many were missed is shown."""

LOOKS = "Lower face covered, as by a medical mask."
LIMIT = "Colour only: cannot tell skin from resin or silicone in visible light; not tested."


@dataclass(frozen=True, slots=True)
class Alert:
    """One face. `picture` is its JPEG; `ended` and `because` are empty while it is in view."""

    alert_id: str
    camera: str
    raised: datetime
    score: float
    hits: int
    of: int
    picture: bytes
    ended: datetime | None = None
    because: str = ""
    officer: str = ""


class Alerts:
    """What the console shows, oldest first. `missed` counts alerts there was no room for, since the start."""

    def __init__(self) -> None:
        self._kept: dict[str, Alert] = {}
        self.missed = 0

    def __iter__(self) -> Iterator[Alert]:
        return iter(self._kept.values())

    def get(self, alert_id: str) -> Alert | None:
        """The alert, or None."""
        return self._kept.get(alert_id)

    @property
    def room(self) -> bool:
        """Whether one more can be kept."""
        return len(self._kept) < MOST_ALERTS

    def in_view(self, camera: str) -> list[Alert]:
        """The alerts of a camera whose faces are in view."""
        return [alert for alert in self._kept.values() if alert.camera == camera and alert.ended is None]

    def overdue(self, ended_before: datetime) -> list[Alert]:
        """Those that ended before a time and nobody has acknowledged."""
        return [alert for alert in self._kept.values() if alert.ended is not None and alert.ended < ended_before]

    def add(self, alert: Alert) -> None:
        """Keep a new one. There is room."""
        self._kept[alert.alert_id] = alert

    def end(self, alert: Alert, at: datetime, because: str) -> None:
        """The face is out of sight."""
        self._put(replace(alert, ended=at, because=because))

    def acknowledge(self, alert: Alert, officer: str) -> None:
        """The guard has seen it."""
        self._put(replace(alert, officer=officer))

    def forget(self, alert: Alert) -> None:
        """Nobody has looked for too long."""
        del self._kept[alert.alert_id]

    def _put(self, alert: Alert) -> None:
        self._kept[alert.alert_id] = alert
        if alert.ended is not None and alert.officer:
            del self._kept[alert.alert_id]
