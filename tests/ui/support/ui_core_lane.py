"""A fake lane whose mind is real: requests go to the core, and what a console sees comes from the lane's own view.
Test only."""

from pathlib import Path
from typing import Any

from ui_fake_lane import FakeLane, LaneThread

from appliance.clock import SystemClock
from appliance.control.messages import LaneSnapshot
from appliance.core import commands as cmd
from appliance.core import events as ev
from appliance.core.explore import DOCUMENTS, TODAY, face_checks, reported
from appliance.core.passage import step
from appliance.core.phases import Reading
from appliance.core.policy import Policy
from appliance.core.types import Door, DoorPosition, OfficerAction, Result
from appliance.runtime.passage_data import PassageData
from appliance.runtime.view import Facts, snapshot


class CoreLane:
    """One lane with a closed door on either side; the test brings the travellers and turns the clocks."""

    def __init__(self, thread: LaneThread, path: Path, lane_id: str) -> None:
        self._thread, self._id, self._clock, self._revision = thread, lane_id, SystemClock(), 0
        self.policy, self.lane, self.data = Policy(), reported(), PassageData("", self._clock.now())
        self._since = self._clock.monotonic()
        self._step(*(ev.DoorMoved(door, DoorPosition.CLOSED) for door in Door), ev.OccupancyChanged(False))
        self.fake: FakeLane = thread.lane(path, self.view())
        self.fake.answer = self._answer

    @property
    def phase(self) -> Any:
        """The phase now."""
        return self.lane.phase

    def tell(self, *events: ev.Event) -> None:
        """Something has happened; every console sees it."""
        self._thread.do(lambda: self._tell(*events))

    def holds(self, passage: str = "p-1", **results: Result) -> None:
        """A traveller has walked in and is referred for this."""
        door = (ev.DoorMoved(Door.ENTRY, DoorPosition.OPEN), ev.DoorMoved(Door.ENTRY, DoorPosition.CLOSED))
        self.tell(ev.DocumentPresented(passage), ev.DocumentRead(passage, DOCUMENTS["in order"], TODAY))
        self.tell(door[0], ev.OccupancyChanged(True), door[1], ev.VerificationDone(passage, face_checks(**results)))

    def is_emptied(self) -> None:
        """Whoever was inside has left by the entry, and nothing is unlocked any more."""
        self.tell(ev.OccupancyChanged(False), *(ev.ReleaseExpired(door) for door in Door))

    def view(self) -> LaneSnapshot:
        """What a console sees."""
        self._revision += 1
        return snapshot(
            Facts(
                lane_id=self._id,
                simulated=True,
                revision=self._revision,
                at=self._clock.now(),
                policy=self.policy,
                lane=self.lane,
                in_phase_s=self._clock.monotonic() - self._since,
                faults=(),
                released=self.lane.unlocked,
                passage=self.data if self.data.passage_id else None,
                pack=None,
                journal_sequence=self._revision,
                evidence="Nothing was measured.",
            )
        )

    def _tell(self, *events: ev.Event) -> None:
        self._step(*events)
        self.fake.show(self.view())

    def _step(self, *events: ev.Event) -> bool:
        ignored = False
        for event in events:
            before = self.lane
            self.lane, commands = step(before, event, self.policy)
            ignored = any(isinstance(command, cmd.Ignored) for command in commands)
            if self.lane.phase != before.phase:
                self._since = self._clock.monotonic()
            self._keep(commands)
            self.data.follow(before.phase, self.lane.phase, self._clock.now())
        return not ignored

    def _keep(self, commands: tuple[cmd.Command, ...]) -> None:
        if isinstance(self.lane.phase, Reading):
            self.data = PassageData(self.lane.phase.passage_id, self._clock.now())
        for command in commands:
            match command:
                case cmd.RecordDecision(_, decision):
                    self.data.checks = decision.checks
                    self.data.show("rgb", b"a picture", "image/jpeg", label="at the decision")
                case cmd.StartVerification():
                    self.data.again()
                case cmd.EndPassage(_, outcome):
                    self.data.outcome = outcome

    def _answer(self, request: dict[str, Any]) -> tuple[bool, str]:
        event: ev.Event
        if request["kind"] == "block":
            event = ev.BlockRequested(request["blocked"], request["officer"], request["reason"])
        else:
            given = (request["visual_check"], request["officer"], request["reason"], request["second_officer"])
            event = ev.OfficerDecided(request["passage_id"], OfficerAction(request["action"]), *given)
        accepted = self._step(event)
        self.fake.show(self.view())
        return accepted, "" if accepted else "The lane cannot do that now."
