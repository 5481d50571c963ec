"""The whole controller on the rig while its world turns against it: noise, rivals, a full disk, killed processes.

Whatever happens, nothing opens that should not, the guard is told what is wrong, and the lane finds back by itself.
"""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from appliance.clock import SystemClock
from appliance.control.client import LaneClient
from appliance.control.messages import (
    Advice,
    BlockRequest,
    CheckName,
    LaneSnapshot,
    OfficerAction,
    Outcome,
    ReferralView,
    Result,
    Step,
)
from hil.passport.faults import Fault
from hil.passport.folder import make_document
from hil.rig import Child, Rig
from hil.rig.config import LaneSettings, RigPaths, commissioning_toml, lane_toml
from hil.rig.trust import import_trust
from hil.scenarios.passages import TIMEOUTS
from hil.scenarios.tour import appliance_of, verify_journal
from hil.scenarios.watched import WatchedLane, guarded, since
from hil.scene import CAST, bona_fide
from hil.sim.traveller import Place

SETTINGS = LaneSettings(pack="pypi-dlib", timeouts={**TIMEOUTS, "Entering": 10.0})
SPEED = 4.0
INFERRING_S = 0.005
"""A helper that has worked so long is in the middle: finding the face alone takes ten times as long."""

pytestmark = pytest.mark.anyio


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path / "rig", SETTINGS, speed=SPEED) as rig:
        yield rig


@pytest.fixture
def document(tmp_path: Path) -> Path:
    return make_document(CAST[0], tmp_path / "document")


def relays(rig: Rig) -> list[bool]:
    return rig.in_world(lambda world: [world.board.coil(relay) for relay in range(8)])


async def test_one_lane_survives_everything_that_leaves_its_controller_alive(
    rig: Rig, document: Path, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """One controller for all of them, because a start takes seconds."""
    with appliance_of(rig) as appliance:
        async with guarded(rig, appliance) as lane:
            for nasty in (noise, bursting_portrait, killed_vision, killed_inference, rivals, second_attempt, let_out):
                with subtests.test(nasty.__name__):
                    await nasty(lane, document, tmp_path)
    intact, words = await asyncio.to_thread(verify_journal, rig.paths)
    assert intact, words


async def noise(lane: WatchedLane, document: Path, tmp_path: Path) -> None:
    """Garbage on the gate's line in mid-passage opens nothing, and passes."""
    await lane.is_inside(document)
    before = lane.openings()
    lane.rig.faults.garble("gate")
    await lane.until(lambda seen: 1001 in {fault.code for fault in seen.faults})
    assert since(before, lane.openings()) == (0, 0)
    lane.rig.faults.garble("gate", False)
    await lane.until(lambda seen: not seen.faults)
    seen = await lane.referred()
    assert seen.passage is not None
    assert seen.passage.referral is not None
    assert seen.passage.referral.inside
    assert since(before, lane.openings()) == (0, 0)
    assert (await lane.decides(OfficerAction.REFUSE)).accepted
    await lane.goes(Place.AWAY)
    await lane.conductor.ready()
    assert since(before, lane.openings()) == (1, 0)


async def bursting_portrait(lane: WatchedLane, document: Path, tmp_path: Path) -> None:
    """A portrait made to burst its decoder refers outside and says so; the next traveller passes."""
    bomb = make_document(CAST[0], tmp_path / "bomb", faults=[Fault.IMAGE_BOMB])
    before = lane.openings()
    await lane.comes(bomb, bona_fide(CAST[0]))
    seen = await lane.referred()
    assert seen.passage is not None
    assert seen.passage.referral is not None
    assert not seen.passage.referral.inside
    assert OfficerAction.ADMIT not in seen.passage.referral.actions
    reason = next(check.reason for check in seen.passage.checks if check.name is CheckName.DOCUMENT_READ)
    assert "portrait" in reason.lower()
    assert (await lane.decides(OfficerAction.REFUSE)).accepted
    await asyncio.to_thread(lane.rig.send_away)
    await lane.goes(Place.AWAY)
    assert since(before, lane.openings()) == (0, 0)
    await lane.admits_the_next()


async def killed_vision(lane: WatchedLane, document: Path, tmp_path: Path) -> None:
    """A killed vision process refers the traveller; the lane recovers by itself."""
    await lane.is_inside(document)
    before = lane.openings()
    vision_of(lane).send_signal(signal.SIGKILL)
    seen = await lane.referred()
    assert 1004 in lane.seen_faults | {fault.code for fault in seen.faults}
    assert since(before, lane.openings()) == (0, 0)
    assert (await lane.decides(OfficerAction.REFUSE)).accepted
    await lane.goes(Place.AWAY)
    assert since(before, lane.openings()) == (1, 0)
    await lane.conductor.ready()


async def killed_inference(lane: WatchedLane, document: Path, tmp_path: Path) -> None:
    """Killed while a helper works on the captured face: nothing half done counts, and the next traveller passes.

    Right after `killed_vision`: in a process that has captured nobody yet, threads that come anew are the helpers.
    """
    await lane.is_inside(document)
    before, eye = lane.openings(), vision_of(lane)
    rested = set(ran(eye))
    appearing = asyncio.create_task(asyncio.to_thread(lane.rig.change, bona_fide(CAST[0])))
    for _ in range(20_000):
        if any(spent > INFERRING_S for thread, spent in ran(eye).items() if thread not in rested):
            break
        await asyncio.sleep(0.001)
    else:
        raise AssertionError("nothing was inferred")
    eye.send_signal(signal.SIGKILL)
    await appearing
    seen = await lane.referred()
    assert seen.passage is not None
    results = {check.name: check.result for check in seen.passage.checks}
    assert results[CheckName.COMPARISON] == results[CheckName.LIVENESS] == Result.NOT_PERFORMED
    assert 1004 in lane.seen_faults | {fault.code for fault in seen.faults}
    assert since(before, lane.openings()) == (0, 0)
    assert (await lane.decides(OfficerAction.REFUSE)).accepted
    await lane.goes(Place.AWAY)
    assert since(before, lane.openings()) == (1, 0)
    await lane.admits_the_next()
    assert vision_of(lane).pid != eye.pid


async def second_attempt(lane: WatchedLane, document: Path, tmp_path: Path) -> None:
    """Nobody was seen, so an officer holds and asks; the second verification sees the holder and admits."""
    await lane.is_inside(document)
    before = lane.openings()
    await lane.referred()
    assert (await lane.decides(OfficerAction.HOLD)).accepted
    await lane.until(lambda seen: referral_of(seen).held is not None)
    await asyncio.to_thread(lane.rig.change, bona_fide(CAST[0]))
    assert (await lane.decides(OfficerAction.ASK_HAT_OFF)).accepted
    await lane.until(lambda seen: seen.advice is Advice.HAT_OFF)
    assert since(before, lane.openings()) == (0, 0)
    ended = await lane.until(lambda seen: seen.passage is not None and seen.passage.outcome is not None)
    assert ended.passage is not None
    assert (ended.passage.outcome, len(ended.passage.earlier)) == (Outcome.ADMITTED, 1)
    await lane.conductor.ready()
    assert since(before, lane.openings()) == (0, 1)


async def let_out(lane: WatchedLane, document: Path, tmp_path: Path) -> None:
    """The entry alone: back out without a verdict, in a lane that is blocked meanwhile and takes nobody after."""
    await lane.is_inside(document)
    before = lane.openings()
    await lane.referred()
    blocked = BlockRequest(request_id="block", blocked=True, officer="tour", reason="Water on the floor.")
    assert (await lane.client.block(blocked)).accepted
    assert (await lane.decides(OfficerAction.OPEN_ENTRY)).accepted
    await lane.goes(Place.AWAY)
    seen = await lane.until(lambda seen: seen.phase == "Ready")
    assert seen.passage is not None
    assert (seen.passage.outcome, seen.step) == (Outcome.LET_OUT_BY_OFFICER, Step.OUT_OF_SERVICE)
    assert since(before, lane.openings()) == (1, 0)
    again = blocked.model_copy(update={"request_id": "unblock", "blocked": False})
    assert (await lane.client.block(again)).accepted
    await lane.until(lambda seen: seen.step is Step.PRESENT_DOCUMENT)


def referral_of(seen: LaneSnapshot) -> ReferralView:
    assert seen.passage is not None
    assert seen.passage.referral is not None
    return seen.passage.referral


def vision_of(lane: WatchedLane) -> psutil.Process:
    """The one vision process of a lane."""
    (eye,) = (
        child for child in psutil.Process(lane.appliance.pid).children() if "appliance.vision" in str(child.cmdline())
    )
    return eye


def ran(process: psutil.Process) -> dict[int, float]:
    """Seconds each thread has had a processor for (proc(5), schedstat)."""
    found = {}
    for thread in Path(f"/proc/{process.pid}/task").iterdir():
        with suppress(OSError):
            found[int(thread.name)] = int((thread / "schedstat").read_text().split()[0]) / 1e9
    return found


async def rivals(lane: WatchedLane, document: Path, tmp_path: Path) -> None:
    """A second controller gets neither the ports nor the journal."""
    paths = RigPaths(tmp_path / "rival")
    paths.directory.mkdir()
    text = lane.rig.paths.config.read_text().replace(str(lane.rig.paths.control), str(paths.control))
    paths.config.write_text(text.replace(str(lane.rig.paths.state), str(paths.state)))
    twin = paths.directory / "twin.toml"
    twin.write_text(text)
    await lane.conductor.ready()
    refusing = asyncio.create_task(asyncio.to_thread(run_appliance, twin))
    log = paths.directory / "rival.log"
    command = [sys.executable, "-m", "appliance", "run", "--config", str(paths.config)]
    with Child("the rival", command, log) as rival:
        clock = SystemClock()
        other = LaneClient(paths.control, console="rival", clock=clock, guard=False)
        connecting = asyncio.create_task(other.run())
        try:
            seen = await WatchedLane(lane.rig, other, rival).until(
                lambda seen: {1001, 1002} <= {fault.code for fault in seen.faults}
            )
            await lane.admits_the_next()
            last = other.state.snapshot
            assert last is not None
            assert {seen.phase, last.phase} == {"Starting"}
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        rival.check()
    assert f"{lane.rig.paths.gate} is in use by another program" in log.read_text()
    refused = await refusing
    assert refused.returncode == 3
    assert "another controller runs on this lane" in refused.stderr
    assert str(lane.appliance.pid) in refused.stderr


async def test_a_disk_that_fills_in_mid_passage_admits_nobody(rig: Rig, document: Path) -> None:
    with appliance_of(rig) as appliance:
        async with guarded(rig, appliance) as lane:
            await lane.is_inside(document)
            before = lane.openings()
            written = sum(path.stat().st_size for path in rig.paths.state.glob("lane.db-wal"))
            # SIGXFSZ is ignored by Python: the write fails as it does on a full disk.
            resource.prlimit(appliance.pid, resource.RLIMIT_FSIZE, (written, resource.RLIM_INFINITY))
            rig.in_world(lambda world: setattr(world, "presentation", bona_fide(CAST[0])))
            await lane.until(lambda seen: 5001 in {fault.code for fault in seen.faults})
            seen = await lane.referred()
            assert seen.passage is not None
            results = {check.name: check.result for check in seen.passage.checks}
            assert results[CheckName.COMPARISON] == results[CheckName.LIVENESS] == Result.SUCCESSFUL
            assert not (await lane.decides(OfficerAction.ADMIT)).accepted
            assert since(before, lane.openings())[1] == 0
            await lane.decides(OfficerAction.REFUSE)
            await lane.goes(Place.AWAY)
            seen = await lane.until(lambda seen: seen.phase == "OutOfService")
            assert 5001 in {fault.code for fault in seen.faults}
            assert since(before, lane.openings()) == (1, 0)
    intact, words = await asyncio.to_thread(verify_journal, rig.paths)
    assert intact, words


async def test_a_controller_killed_in_mid_passage_aborts_it_at_the_next_start(rig: Rig, document: Path) -> None:
    with appliance_of(rig) as killed:
        async with guarded(rig, killed) as lane:
            await lane.is_inside(document)
            seen = lane.client.state.snapshot
            assert seen is not None
            assert seen.passage is not None
            passage_id = seen.passage.passage_id
            before = lane.openings()
            os.kill(killed.pid, signal.SIGKILL)
    assert not any(relays(rig))
    assert since(before, lane.openings()) == (0, 0)
    with appliance_of(rig) as appliance:
        async with guarded(rig, appliance) as lane:
            await lane.goes(Place.AWAY)
            await lane.conductor.ready()
            assert since(before, lane.openings()) == (1, 0), "the occupant is let back out, by the entry"
            command = [sys.executable, "-m", "appliance", "journal", "show", "--state-dir", str(rig.paths.state)]
            shown = await asyncio.to_thread(
                subprocess.run, [*command, "--passage", passage_id], capture_output=True, text=True, check=True
            )
            assert "aborted" in shown.stdout.splitlines()[-1]
    assert not any(relays(rig))


def run_appliance(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "appliance", "run", "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("tampered", "words"),
    [
        (False, ("appliance models fetch open-omz", "appliance models import FOLDER")),
        (True, ("SHA-256 is", "must be", "Delete it, then run: appliance models fetch open-omz")),
    ],
)
async def test_missing_or_tampered_weights_stop_the_start(tmp_path: Path, tampered: bool, words: tuple[str]) -> None:
    models = tmp_path / "models"
    models.mkdir()
    if tampered:
        (models / "face_detection_yunet_2026may.onnx").write_bytes(b"not a model")
    paths = RigPaths(tmp_path)
    settings = LaneSettings(pack="open-omz", models_dir=models, presence=False)
    paths.commissioning.write_text(commissioning_toml(settings))
    paths.config.write_text(lane_toml(paths, settings))
    import_trust(paths.trust, tmp_path / "utopia", SystemClock().now())
    done = await asyncio.to_thread(run_appliance, paths.config)
    assert done.returncode == 3
    for word in words:
        assert word in done.stderr
