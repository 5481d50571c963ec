"""Runs one passage: brings the traveller, sits at the guard's console, and writes down what came of it.

What the lane did is taken from its snapshots; what the gate did from the rig's own observer, who owes the lane nothing.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from appliance.clock import Clock
from appliance.control.client import LaneClient, LaneUnreachable
from appliance.control.messages import LaneSnapshot, OfficerRequest, PassageView, ReferralView
from appliance.core.types import Advice, Claim, Outcome, Result
from drivers.ports import Door
from hil.passport.folder import document_below
from hil.rig import Child, Rig
from hil.rig.faults import RELAYS
from hil.rig.office import card_below
from hil.scenarios.passages import COMPANION, DARK
from hil.scenarios.script import GuardDoes, Mishap, Passage
from hil.scene import bona_fide
from hil.sim.traveller import GONE, Place

READY_S = 60.0
PASSAGE_S = 60.0
_LOOK_S = 0.2
_SMALLEST_PICTURE_PX = 64
_EVIDENCE_S = 8.0
_NO_REASON = (Result.SUCCESSFUL, Result.NOT_PERFORMED)


Decide = Callable[[PassageView, GuardDoes], Awaitable[str]]
"""How a guard's decision reaches the lane; the answer says what stood against it, "" for nothing."""


class TourError(Exception):
    """The tour cannot go on; the message says why."""


@dataclass(slots=True)
class Got:
    """What came of a passage."""

    passage_id: str = ""
    outcome: Outcome | None = None
    checks: dict[str, tuple[str, str]] = field(default_factory=dict)
    inside: bool | None = None
    suspected: bool = False
    faults: set[int] = field(default_factory=set)
    releases: tuple[int, int] = (0, 0)
    exit_opened: int = 0
    both_unlocked: int = 0
    place: Place | None = None
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def take(self, seen: LaneSnapshot, view: PassageView) -> None:
        """Note what a snapshot says of the passage."""
        self.faults |= {fault.code for fault in seen.faults}
        self.passage_id, self.outcome = view.passage_id, view.outcome
        if view.checks:
            self.checks = {check.name: (check.result, check.reason) for check in view.checks}

    def reasons(self) -> list[str]:
        """What kept the traveller from passing, in the lane's words."""
        return [f"{name}: {reason}" for name, (result, reason) in self.checks.items() if result not in _NO_REASON]


HOLDS = (Result.FAILED, Result.UNDETERMINED)
"""Results by which a check itself holds a traveller; one that was not performed has held nobody."""


def differences(passage: Passage, got: Got, *, expected_releases: tuple[int, int]) -> list[str]:
    """Everything that is not as expected, in words."""
    want = passage.expected
    pairs: list[tuple[str, object, object]] = [
        ("outcome", want.outcome, got.outcome),
        ("referred inside", want.inside, got.inside),
        ("suspected attack", got.suspected if want.suspected is None else want.suspected, got.suspected),
        ("releases of entry and exit", expected_releases, got.releases),
        ("openings of the exit", expected_releases[1], got.exit_opened),
        ("ticks with both doors unlocked", 0, got.both_unlocked),
        ("traveller", want.leaves, got.place),
        ("faults", sorted(want.faults), sorted(got.faults)),
    ]
    pairs += [(name, result, got.checks.get(name, ("absent", ""))[0]) for name, result in want.checks.items()]
    wrong = [f"{what}: expected {a}, got {b}" for what, a, b in pairs if a != b]
    results = {name: got.checks.get(name, ("absent", ""))[0] for name in sorted(want.held)}
    wrong += [f"{name}: held was expected, got {r}" for name, r in results.items() if r not in HOLDS]
    return wrong + got.problems


class Conductor:
    """One rig, one appliance, one console. `tell` hears what is going on, for a progress line."""

    def __init__(
        self,
        *,
        rig: Rig,
        client: LaneClient,
        appliance: Child,
        clock: Clock,
        tell: Callable[[str], None],
        decide: Decide | None = None,
    ) -> None:
        self._rig, self._client, self._appliance, self._clock, self._tell = rig, client, appliance, clock, tell
        portrait = () if rig.settings.claim is Claim.NOBODY else ("portrait",)
        decide = decide or Requests(client).decide
        self._guard = Guard(client, clock, (*portrait, "rgb", *rig.settings.bands, "map"), decide)
        self._changed = asyncio.Event()

    async def _next(self) -> LaneSnapshot | None:
        """The lane as it is after the next change, or after a moment. Raises ChildFailed when the appliance ended."""
        self._appliance.check()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await self._changed.wait()
        self._changed.clear()
        return self._client.state.snapshot if self._client.state.reachable else None

    async def ready(self) -> LaneSnapshot:
        """Wait until the lane takes travellers. Raises TourError when it does not."""
        deadline = self._clock.monotonic() + READY_S
        last = "it has not answered"
        with self._client.changes(self._changed):
            while self._clock.monotonic() < deadline:
                seen = await self._next()
                if seen is None:
                    last = self._client.state.problem
                else:
                    last = ", ".join([seen.phase, *(f"{fault.code} {fault.title}" for fault in seen.faults)])
                self._tell(f"waiting for the lane: {last}")
                if seen is not None and seen.phase == "Ready" and not seen.faults:
                    return seen
        raise TourError(f"the lane was not ready within {READY_S:.0f} s: {last}")

    async def run(self, passage: Passage) -> Got:
        """The whole passage, until the lane is ready again."""
        self._tell(f"{passage.title}: preparing")
        folder = await asyncio.to_thread(self._shown, passage)
        presentation = await asyncio.to_thread(passage.shows)
        if passage.mishap is Mishap.LIGHT_FAILED:
            await asyncio.to_thread(self._rig.faults.light, DARK)
        if passage.mishap is Mishap.SECOND_PERSON:
            await asyncio.to_thread(self._rig.faults.beside, COMPANION)
        before = await self.ready()
        count = _Count(self._rig)
        got, begun = Got(), self._clock.monotonic()
        await asyncio.to_thread(self._rig.present, presentation, folder, passage.behaviour)
        with self._client.changes(self._changed):
            await self._attend(passage, got, before.passage.passage_id if before.passage else None)
        if passage.mishap is not None:
            await asyncio.to_thread(self._rig.faults.clear)
            with self._noted(got):
                await self.ready()
        got.seconds = self._clock.monotonic() - begun
        count.into(got)
        return got

    def _shown(self, passage: Passage) -> Path | None:
        """What the traveller shows: a document, a card, nothing."""
        below, claim = self._rig.paths.directory / "documents", self._rig.settings.claim
        if claim is Claim.NOBODY:
            return None
        if claim is Claim.CARD:
            return card_below(below, passage.holder)
        return document_below(below, passage.holder, passage.expires, passage.wrong)

    @contextlib.contextmanager
    def _noted(self, got: Got) -> Iterator[None]:
        try:
            yield
        except TourError as error:
            got.problems.append(f"no recovery: {error}")

    async def _attend(self, passage: Passage, got: Got, old: str | None) -> None:
        """Watch the lane and play the guard until the traveller is gone and the lane at rest."""
        deadline = self._clock.monotonic() + PASSAGE_S
        self._guard.next(passage)
        while self._clock.monotonic() < deadline:
            seen = await self._next()
            if seen is None or seen.passage is None or seen.passage.passage_id == old:
                continue
            self._tell(f"{passage.title}: {seen.phase}")
            got.take(seen, seen.passage)
            if passage.mishap is Mishap.CAMERA_UNPLUGGED and seen.phase == "Verifying":
                await asyncio.to_thread(self._rig.faults.unplug_camera, "rgb")
            if passage.uncovers and seen.advice is Advice.UNCOVER_MOUTH:
                await asyncio.to_thread(self._rig.change, bona_fide(passage.holder))
            if seen.passage.referral is not None:
                await self._guard.attend(seen.passage, seen.passage.referral, got)
            if seen.passage.outcome is not None and self._settled(seen, passage):
                return
        got.problems.append(f"not over after {PASSAGE_S:.0f} s")

    def _settled(self, seen: LaneSnapshot, passage: Passage) -> bool:
        """The traveller is gone and the lane at rest; whoever waits outside is asked to go."""
        if self._rig.place not in GONE:
            self._rig.send_away()
            return False
        return seen.phase in (("Ready", "OutOfService") if passage.mishap else ("Ready",))


class Requests:
    """A guard's decisions as requests at the control socket."""

    def __init__(self, client: LaneClient) -> None:
        self._client = client
        self._numbers = itertools.count(1)

    async def decide(self, view: PassageView, does: GuardDoes) -> str:
        """Decide about a passage; "" once the lane has taken it, else why not."""
        request = OfficerRequest(
            request_id=f"tour-{next(self._numbers)}",
            passage_id=view.passage_id,
            action=does.action,
            officer="tour",
            reason=does.reason,
            visual_check=does.visual_check,
        )
        try:
            reply = await self._client.decide(request)
        except LaneUnreachable as error:
            return str(error)
        return "" if reply.accepted else f"the lane did not take it: {reply.message}"


class Guard:
    """Plays the guard of a passage: looks at the evidence where there is to be some, decides once."""

    def __init__(self, client: LaneClient, clock: Clock, evidence: tuple[str, ...], decide: Decide) -> None:
        self._client, self._clock, self._evidence, self._decide = client, clock, evidence, decide
        self._passage: Passage | None = None
        self._called_at: float | None = None

    def next(self, passage: Passage) -> None:
        """From now on, this passage."""
        self._passage, self._called_at = passage, None

    async def attend(self, view: PassageView, referral: ReferralView, got: Got) -> None:
        """What the guard sees and does about a referred traveller; once the decision is made, nothing more."""
        passage, now = self._passage, self._clock.monotonic()
        if passage is None:
            return
        if self._called_at is None:
            self._called_at, got.inside, got.suspected = now, referral.inside, referral.suspected_attack
        wanted = self._evidence if passage.evidence else ()
        here = {image.channel for image in view.images}
        if not set(wanted) <= here and now < self._called_at + _EVIDENCE_S:
            return
        self._passage = None
        for channel in wanted:
            await self._look_at(view.passage_id, channel, got)
        if passage.guard is None and passage.expected.outcome is Outcome.UNATTENDED:
            return
        if passage.guard is None:
            got.problems.append("referred, which was not expected")
        elif passage.guard.action not in referral.actions:
            got.problems.append(f"the guard may not {passage.guard.action}")
        elif problem := await self._decide(view, passage.guard):
            got.problems.append(f"the guard's decision: {problem}")

    async def _look_at(self, passage_id: str, channel: str, got: Got) -> None:
        """Fetch and decode one picture, as a guard's browser would."""
        try:
            data, kind = await self._client.image(passage_id, channel)
        except LaneUnreachable as error:
            got.problems.append(f"picture {channel}: {error}")
            return
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
        if image is None or min(image.shape[:2]) < _SMALLEST_PICTURE_PX:
            got.problems.append(f"picture {channel}: {len(data)} bytes of {kind or 'nothing'} are no picture")


class _Count:
    """The second observer's counts over one passage."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._before = self._now()
        self._taken = len(rig.till.taken) if rig.till is not None else 0

    def _now(self) -> tuple[int, int, int, int]:
        observer = self._rig.observer
        entry, exit_ = (observer.closings(RELAYS[door]) for door in (Door.ENTRY, Door.EXIT))
        return entry, exit_, observer.doors_opened[Door.EXIT], observer.both_unlocked

    def into(self, got: Got) -> None:
        """Write down what has happened since."""
        entry, exit_, opened, both = (now - then for now, then in zip(self._now(), self._before, strict=True))
        if self._rig.till is not None:
            # Nothing opens here: what was authorised was acted on.
            exit_ = opened = len(self._rig.till.taken) - self._taken
        got.releases, got.exit_opened, got.both_unlocked = (entry, exit_), opened, both
        got.place = self._rig.place
