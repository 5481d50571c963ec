"""Rates of what happened in the lanes, with exact intervals.

Of passages in service nobody knows the truth, so these are what officers made of them: a traveller the machine held and
an officer admitted counts as wrongly rejected, which is an estimate and called one.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from appliance.control.history import HourCounts
from ui.views_history import Per, RateName, RateView

TAIL = 0.025
Counts = tuple[int, int]
NAMES: tuple[RateName, ...] = ("suspected", "overruled", "overruled_face")


def interval(count: int, n: int) -> tuple[float, float]:
    """Both bounds of a proportion after Clopper and Pearson, 95 % between them. Raises ValueError."""
    if not 0 <= count <= n:
        raise ValueError(f"{count} of {n}")
    if n == 0:
        return 0.0, 1.0
    # Imported here: a console that is never asked for statistics does not pay for it.
    from scipy.special import betaincinv

    low = 0.0 if count == 0 else float(betaincinv(count, n - count + 1, TAIL))
    high = 1.0 if count == n else float(betaincinv(count + 1, n - count, 1.0 - TAIL))
    return low, high


def counts(rows: Iterable[HourCounts]) -> dict[RateName, Counts]:
    """(errors, of how many) by name.

    suspected: liveness failed, of those in which it was judged. overruled: held by the machine, admitted by an officer,
    of all who were admitted. overruled_face: the same where a check of the face had not succeeded.
    """
    suspected = judged = admitted = overruled = face = 0
    for row in rows:
        suspected, judged = suspected + row.suspected, judged + row.judged
        if row.outcome == "admitted_by_officer":
            overruled, face = overruled + row.passages, face + row.face_open
        elif row.outcome == "admitted":
            admitted += row.passages
    let_in = admitted + overruled
    return {"suspected": (suspected, judged), "overruled": (overruled, let_in), "overruled_face": (face, let_in)}


def rates(lanes: Mapping[str, Iterable[HourCounts]], per: Per = "hour") -> list[RateView]:
    """Of all lanes together, of each, and of each hour or day of all."""
    over_time: dict[datetime, list[HourCounts]] = {}
    by_lane = {lane: list(rows) for lane, rows in lanes.items()}
    for row in (row for rows in by_lane.values() for row in rows):
        begins = row.hour.replace(hour=0) if per == "day" else row.hour
        over_time.setdefault(begins, []).append(row)
    found = _rates([row for rows in by_lane.values() for row in rows], None, None)
    for lane, rows in by_lane.items():
        found += _rates(rows, lane, None)
    for begins, rows in sorted(over_time.items()):
        found += _rates(rows, None, begins)
    return found


def _rates(rows: list[HourCounts], lane: str | None, begins: datetime | None) -> list[RateView]:
    found = []
    for name, (count, n) in counts(rows).items():
        low, high = interval(count, n)
        found.append(RateView(name=name, lane=lane, begins=begins, count=count, n=n, low=low, high=high))
    return found
