"""Read-only questions to a lane's database, each bounded in rows and in time, beside the controller that writes it.

What is read is not verified; `verify` does that. Times are ISO 8601 UTC text as stored, which sorts as it reads.
Not responsible for what an answer looks like to a console (`runtime.history`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, text
from sqlalchemy.exc import OperationalError

from appliance.store.errors import StoreRefused
from migrations.engine import read_only_engine

LIMIT_S = 5.0
"""Seconds a question may take."""
SCAN = 50_000
"""Journal records looked at for one page."""
STEPS_SCAN = 300_000
"""The same for the seconds of the steps: the newest of the window."""
_LOOK_EVERY = 20_000

FACE = ("single_face", "face_quality", "comparison", "liveness")
STEPS = ("Reading", "Entering", "Enclosing", "Verifying", "Admitting", "Leaving", "Referred", "Clearing")


class TooMuch(Exception):
    """The question would take too long."""


@contextmanager
def reading(path: Path, monotonic: Callable[[], float], limit_s: float = LIMIT_S) -> Iterator[Connection]:
    """A connection that cannot write, whose statements end after `limit_s` in all. Raises TooMuch, StoreRefused."""
    if not path.exists():
        raise StoreRefused(f"{path}: no such database")
    ends = monotonic() + limit_s
    engine = read_only_engine(path)
    try:
        with closing(engine.connect()) as connection, connection.begin():
            raw = connection.connection.dbapi_connection
            assert raw is not None
            raw.set_progress_handler(lambda: monotonic() > ends, _LOOK_EVERY)
            yield connection
    except OperationalError as error:
        if "interrupted" in str(error.orig):
            raise TooMuch(f"more than {limit_s:g} s") from error
        raise StoreRefused(f"{path} cannot be read: {error.orig}") from error
    finally:
        engine.dispose()


def passages(
    connection: Connection,
    *,
    since: str | None = None,
    until: str | None = None,
    outcome: str | None = None,
    check: str | None = None,
    result: str | None = None,
    officer: str | None = None,
    words: str = "",
    before: tuple[str, str] | None = None,
    limit: int,
) -> list[RowMapping]:
    """Passages, newest first. `outcome` "under_way": not ended. `check` without `result`: it did not succeed."""
    asked: dict[str, Any] = {"limit": limit}
    where = []

    def only(condition: str, **values: object) -> None:
        where.append(condition)
        asked.update(values)

    if since is not None:
        only("p.started >= :since", since=since)
    if until is not None:
        only("p.started < :until", until=until)
    if before is not None:
        only("(p.started, p.passage_id) < (:time, :id)", time=before[0], id=before[1])
    if outcome == "under_way":
        only("p.outcome IS NULL")
    elif outcome is not None:
        only("p.outcome = :outcome", outcome=outcome)
    if check is not None or result is not None:
        tests = ["k.name = :check"] if check is not None else []
        tests.append("k.result = :result" if result is not None else "k.result <> 'successful'")
        only(_some(" AND ".join(tests), joined=True), **{"check": check, "result": result})
    if officer is not None:
        only(_some("d.officer = :officer"), officer=officer)
    if words:
        # instr on lower case: no pattern characters to escape, and "%" means itself.
        only(
            _some("(instr(lower(d.reason), :words) OR instr(lower(k.reason || ' ' || k.detail), :words))", joined=True),
            words=words.lower(),
        )
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    query = f"SELECT p.* FROM passages p {condition} ORDER BY p.started DESC, p.passage_id DESC LIMIT :limit"
    return list(connection.execute(text(query), asked).mappings())


def _some(test: str, *, joined: bool = False) -> str:
    checks = "LEFT JOIN checks k ON k.decision_id = d.decision_id" if joined else ""
    return f"EXISTS (SELECT 1 FROM decisions d {checks} WHERE d.passage_id = p.passage_id AND {test})"


def decisions(connection: Connection, passage_ids: Sequence[str]) -> tuple[list[RowMapping], list[RowMapping]]:
    """Decisions and checks of some passages, in the order in which they were made."""
    names = {f"id{number}": one for number, one in enumerate(passage_ids)}
    chosen = f"({', '.join(f':{name}' for name in names)})"
    made = f"SELECT * FROM decisions WHERE passage_id IN {chosen} ORDER BY decision_id"
    of_them = f"SELECT k.* FROM checks k JOIN decisions d USING (decision_id) WHERE d.passage_id IN {chosen}"
    found = (connection.execute(text(query), names).mappings() for query in (made, f"{of_them} ORDER BY k.rowid"))
    first, second = (list(rows) for rows in found)
    return first, second


def extent(connection: Connection) -> tuple[int, str]:
    """How many records the journal holds, and when the first was written ("" for none)."""
    row = connection.execute(
        text("SELECT max(seq), (SELECT wall FROM journal ORDER BY seq LIMIT 1) FROM journal")
    ).one()
    return row[0] or 0, row[1] or ""


def sequence_at(connection: Connection, wall: str) -> int:
    """Number of the first record not before a time. Found by halving: a clock that was set back blurs it."""
    low, high = 1, (connection.scalar(text("SELECT max(seq) FROM journal")) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.scalar(
            text("SELECT wall FROM journal WHERE seq >= :seq ORDER BY seq LIMIT 1"), {"seq": middle}
        )
        if found is not None and found < wall:
            low = middle + 1
        else:
            high = middle
    return low


def journal(
    connection: Connection,
    *,
    before: int,
    since: str | None = None,
    kinds: Sequence[str] = (),
    passage_id: str | None = None,
    words: str = "",
    limit: int,
    scan: int = SCAN,
) -> tuple[list[RowMapping], int | None]:
    """Records with numbers below `before`, newest first, and the number to go on below; None at the end.

    `kinds` are what a kind may begin with. At most `scan` records are looked at.
    """
    before = min(before, (connection.scalar(text("SELECT max(seq) FROM journal")) or 0) + 1)
    floor = max(0, before - 1 - scan)
    first = sequence_at(connection, since) if since is not None else 1
    asked: dict[str, Any] = {"before": before, "floor": max(floor, first - 1), "limit": limit}
    where = ["seq < :before", "seq > :floor"]
    if kinds:
        begins = [f"substr(kind, 1, {len(kind)}) = :kind{number}" for number, kind in enumerate(kinds)]
        where.append(f"({' OR '.join(begins)})")
        asked |= {f"kind{number}": kind for number, kind in enumerate(kinds)}
    if passage_id is not None:
        # Payloads are canonical JSON, so this text is there exactly when the field is.
        where.append("instr(payload, :passage)")
        asked["passage"] = f'"passage_id":"{passage_id}"'
    if words:
        where.append("instr(lower(payload), :words)")
        asked["words"] = words.lower()
    query = f"SELECT * FROM journal WHERE {' AND '.join(where)} ORDER BY seq DESC LIMIT :limit"
    rows = list(connection.execute(text(query), asked).mappings())
    if len(rows) == limit and rows[-1]["seq"] > max(1, first):
        return rows, rows[-1]["seq"]
    return rows, (floor + 1 if floor >= max(1, first) else None)


_JUDGED = """
WITH p AS (SELECT * FROM passages WHERE started >= :since AND started < :until),
m AS (SELECT p.passage_id, p.started, p.outcome,
             (SELECT max(d.decision_id) FROM decisions d WHERE d.passage_id = p.passage_id AND d.officer IS NULL)
             AS decision_id FROM p)
"""
_HOURS = f"""{_JUDGED},
c AS (SELECT m.*,
             (SELECT k.result FROM checks k WHERE k.decision_id = m.decision_id AND k.name = 'liveness') AS liveness,
             EXISTS (SELECT 1 FROM checks k WHERE k.decision_id = m.decision_id AND k.name IN {FACE}
                     AND k.result IN ('failed', 'undetermined')) AS face_open FROM m)
SELECT substr(started, 1, 13) AS hour, outcome, count(*) AS passages, count(decision_id) AS decided,
       coalesce(sum(liveness IN ('successful', 'failed', 'undetermined')), 0) AS judged,
       coalesce(sum(liveness = 'failed'), 0) AS suspected, sum(face_open) AS face_open
FROM c GROUP BY hour, outcome ORDER BY hour, outcome
"""
_REASONS = f"""{_JUDGED}
SELECT k.name AS "check", k.result, k.reason, count(*) AS count
FROM m CROSS JOIN decisions d ON d.decision_id = m.decision_id AND NOT d.admit
CROSS JOIN checks k ON k.decision_id = d.decision_id AND k.result NOT IN ('successful', 'not_performed')
GROUP BY k.name, k.result, k.reason ORDER BY count(*) DESC, k.name LIMIT 30
"""
_RANKED = """
, ranked AS (SELECT phase, seconds, row_number() OVER (PARTITION BY phase ORDER BY seconds) AS place,
                    count(*) OVER (PARTITION BY phase) AS n FROM lasted WHERE seconds IS NOT NULL)
SELECT phase, n, max(CASE WHEN place = (n + 1) / 2 THEN seconds END) AS p50,
       max(CASE WHEN place = (95 * n + 99) / 100 THEN seconds END) AS p95, max(seconds) AS longest
FROM ranked GROUP BY phase
"""
_WHOLE = f"""
WITH lasted AS (SELECT 'Passage' AS phase, (julianday(ended) - julianday(started)) * 86400.0 AS seconds
                FROM passages WHERE started >= :since AND started < :until AND ended IS NOT NULL)
{_RANKED}"""
_STEPS = f"""
WITH phases AS (SELECT json_extract(payload, '$.to') AS phase,
                       lead(monotonic) OVER (PARTITION BY boot_id ORDER BY seq) - monotonic AS seconds
                FROM journal WHERE kind = 'phase' AND seq >= :low AND seq < :high AND json_valid(payload)),
lasted AS (SELECT * FROM phases WHERE phase IN {STEPS})
{_RANKED}"""


def statistics(
    connection: Connection, since: str, until: str
) -> tuple[list[RowMapping], list[RowMapping], list[RowMapping]]:
    """Counts by hour and outcome, reasons of referral, and seconds of the steps (nearest-rank percentiles)."""
    window = {"since": since, "until": until}
    high = sequence_at(connection, until)
    numbers = {"low": max(sequence_at(connection, since), high - STEPS_SCAN), "high": high}
    hours, reasons, whole, steps = (
        list(connection.execute(text(query), values).mappings())
        for query, values in ((_HOURS, window), (_REASONS, window), (_WHOLE, window), (_STEPS, numbers))
    )
    return hours, reasons, [*whole, *sorted(steps, key=lambda row: STEPS.index(row["phase"]))]
