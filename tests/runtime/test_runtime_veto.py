"""The interlock's last word: defects planted in the machine reach no door."""

from typing import Any

import pytest
from runtime_stage import Stage

from appliance.core import commands as cmd
from appliance.core import events as ev
from appliance.core.decision import decide
from appliance.core.explore import face_checks
from appliance.core.passage import step as real_step
from appliance.core.policy import Policy
from appliance.core.types import Door, OfficerAction, Result
from appliance.runtime import loop as loop_module

pytestmark = pytest.mark.anyio


def planted(when: type, command: cmd.Command) -> Any:
    """The machine with a defect: on this event it also asks for that command, and believes the door released."""

    def step(lane: Any, event: Any, policy: Policy) -> Any:
        after, commands = real_step(lane, event, policy)
        return (after, (*commands, command)) if isinstance(event, when) else (after, commands)

    return step


REFUSED = decide(face_checks(liveness=Result.FAILED), Policy())


@pytest.mark.parametrize(
    "command",
    [
        cmd.ReleaseExit("p", REFUSED),
        cmd.ReleaseExit("p", decide(face_checks(), Policy())),
        cmd.ReleaseExit("p", REFUSED, "o.sipka", visual_check=False),
        cmd.ReleaseEntry("p", cmd.Purpose.ENTER),
    ],
)
async def test_a_defect_of_the_machine_is_vetoed_told_and_takes_the_lane_out_of_service(
    command: cmd.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await Stage().walk_in()
    before = stage.releases()
    monkeypatch.setattr(loop_module, "step", planted(ev.VerificationDone, command))
    await stage.verified(liveness=Result.FAILED)
    assert stage.releases() == before
    assert (stage.codes, stage.phase) == ((9001,), "Referred")
    assert "vetoed" in stage.loop.faults.active[0].detail
    assert "command.release_exit" not in stage.store.kinds()
    assert stage.store.kinds().count("command.release_entry") == 1


async def test_a_second_exit_release_on_one_decision_is_vetoed(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = await Stage().walk_in()
    await stage.verified()
    release = stage.did(cmd.ReleaseExit)[0]
    monkeypatch.setattr(loop_module, "step", planted(ev.PassageCounted, release))
    await stage.tell(ev.PassageCounted())
    assert stage.did(cmd.ReleaseExit) == [release]
    assert stage.codes == (9001,)
    assert stage.loop.lane.unlocked == {Door.EXIT}, "the first release is still in force"


async def test_what_the_interlock_stopped_does_not_count_as_unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the entry would never be released again for the one who stands inside."""
    stage = await Stage().walk_in()
    monkeypatch.setattr(loop_module.interlock, "veto", lambda *_: "planted")
    await stage.verified()
    monkeypatch.undo()
    assert (stage.phase, stage.codes) == ("Referred", (9001,))
    assert stage.loop.lane.unlocked == frozenset()
    assert await stage.officer(OfficerAction.REFUSE)
    assert stage.releases()[-1] == cmd.ReleaseEntry("p", cmd.Purpose.RETURN)
