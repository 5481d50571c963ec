"""The store for an event loop: one dedicated thread owns the `LaneStore`, so an fsync never holds up the loop.

Not responsible for ordering between callers: appends are written in the order in which they were called.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

from appliance.clock import Clock
from appliance.store.chain import Head
from appliance.store.errors import StoreBroken
from appliance.store.lane_store import LaneStore, Unfinished
from appliance.store.records import Record
from migrations.runner import Progress

T = TypeVar("T")

QUEUE = 64
"""Appends that may wait for the disk; further callers wait for a place."""


class AsyncStore:
    """Awaitable face of a `LaneStore`. Raises what that raises."""

    def __init__(self, store: LaneStore, thread: ThreadPoolExecutor) -> None:
        """For `open` only."""
        self._store = store
        self._thread = thread
        self._places = asyncio.Semaphore(QUEUE)
        self._closed = False

    @classmethod
    async def open(cls, state_dir: Path, clock: Clock, *, boot_id: str, progress: Progress | None = None) -> Self:
        """Open the store in its own thread; `progress` is called there."""
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            opening = thread.submit(LaneStore.open, state_dir, clock, boot_id=boot_id, progress=progress)
            store = await asyncio.shield(asyncio.wrap_future(opening))
        except BaseException:
            thread.submit(_abandon, opening)
            thread.shutdown(wait=True)
            raise
        return cls(store, thread)

    @property
    def head(self) -> Head:
        """The newest durable record."""
        return self._store.head

    async def append(self, records: Sequence[Record]) -> int:
        """See `LaneStore.append`. A caller cancelled while waiting must take the records for possibly written."""
        async with self._places:
            return await self._run(lambda: self._store.append(records))

    async def append_last_words(self, records: Sequence[Record]) -> int:
        """See `LaneStore.append_last_words`."""
        return await self._run(lambda: self._store.append_last_words(records))

    async def unfinished(self) -> tuple[Unfinished, ...]:
        """See `LaneStore.unfinished`."""
        return await self._run(self._store.unfinished)

    async def newest(self, kind: str) -> dict[str, Any] | None:
        """See `LaneStore.newest`."""
        return await self._run(lambda: self._store.newest(kind))

    async def close(self) -> None:
        """Finish the appends under way, close the database, end the thread. May be called again."""
        if self._closed:
            return
        self._closed = True
        closing = self._thread.submit(self._store.close)
        try:
            await asyncio.shield(asyncio.wrap_future(closing))
        finally:
            # The close is queued behind at most QUEUE appends; when cancelled, wait for it rather than leave a thread.
            self._thread.shutdown(wait=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise StoreBroken("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _abandon(opening: Future[LaneStore]) -> None:
    if opening.exception() is None:
        opening.result().close()
