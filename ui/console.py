"""The state the console's routes share: its lanes, its accounts, who is watching."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from appliance.clock import Clock
from appliance.control.client import LaneClient
from appliance.control.messages import ImageView
from ui.accounts import Accounts
from ui.limits import LoginLimiter
from ui.oidc import Oidc
from ui.passkeys import Passkeys
from ui.settings import Settings
from ui.staff import Staff

T = TypeVar("T")
BRIDGE_S = 3.0
"""Shorter than a lane waits before it holds the station to be empty."""


class Console:
    """One per process. Lanes are named after their sockets (`lane-1.sock` is "lane-1")."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.settings = settings
        self.clock = clock
        self.accounts = Accounts(
            settings.database,
            clock=clock,
            idle_s=settings.idle_s,
            shift_s=settings.shift_s,
            first_login=settings.first_login,
        )
        self.staff = Staff(self.accounts)
        self.passkeys = Passkeys(self.accounts)
        self.oidc = Oidc(settings.oidc, clock) if settings.oidc is not None else None
        self.limiter = LoginLimiter(clock)
        # Who sees only what has escalated does not watch a lane: without a first station it must not stay open.
        watches = not settings.escalations_only
        self.lanes = {
            name: LaneClient(path, console="console", clock=clock, guard=watches)
            for name, path in _named(settings.sockets)
        }
        self.closing = asyncio.Event()
        self._watchers = 0
        self._wakes: set[asyncio.Event] = set()
        self._asked: dict[tuple[Path, str, ImageView], asyncio.Task[tuple[bytes, str]]] = {}
        self._threads = CapacityLimiter(4)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run blocking work (database, password hash) off the loop."""
        return await to_thread.run_sync(work, limiter=self._threads)

    def takes(self, client: LaneClient) -> bool:
        """Whether the traveller of this lane is this station's: of a second one only once the referral escalated."""
        snapshot = client.state.snapshot
        if snapshot is None or not self.settings.escalations_only:
            return True
        referral = snapshot.passage.referral if snapshot.passage is not None else None
        return referral is not None and referral.escalated

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A signed-in guard has the page open; lanes hear of the first to come and the last to leave."""
        self._watchers += 1
        self._tell()
        try:
            yield
        finally:
            self._watchers -= 1
            self._tell()

    def bridge(self) -> None:
        """While one session takes another's place the page opens its streams anew: no moment without a guard in it."""
        if self._watchers:
            bridged = ExitStack()
            bridged.enter_context(self.watched())
            asyncio.get_running_loop().call_later(BRIDGE_S, bridged.close)

    @contextmanager
    def changes(self, event: asyncio.Event) -> Iterator[None]:
        """Set `event` whenever any lane changes, or the console closes."""
        with ExitStack() as stack:
            self._wakes.add(event)
            stack.callback(self._wakes.discard, event)
            for client in self.lanes.values():
                stack.enter_context(client.changes(event))
            yield

    async def picture(self, client: LaneClient, passage_id: str, image: ImageView) -> tuple[bytes, str]:
        """An image of a lane and its media type, asked for once for all stations that want it at that moment; nothing
        is kept. Raises LaneUnreachable."""
        key = client.socket_path, passage_id, image
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(client.image(passage_id, image.channel))
            task.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(task)

    def _answered(self, key: tuple[Path, str, ImageView], done: "asyncio.Task[tuple[bytes, str]]") -> None:
        del self._asked[key]
        if not done.cancelled():
            done.exception()  # whoever asked may have left

    def close(self) -> None:
        """End every stream."""
        self.closing.set()
        for event in self._wakes:
            event.set()

    def _tell(self) -> None:
        for client in self.lanes.values():
            client.watch(self._watchers > 0)


def _named(sockets: tuple[Path, ...]) -> list[tuple[str, Path]]:
    names = [path.stem for path in sockets]
    doubles = {name for name in names if names.count(name) > 1}
    if doubles:
        raise ValueError(f"two lane sockets are named {', '.join(sorted(doubles))}: rename one, lanes go by file name")
    return list(zip(names, sockets, strict=True))
