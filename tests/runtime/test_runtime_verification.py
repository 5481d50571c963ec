"""One verification over an eye that answers what the test has written down, on a clock turned by hand."""

from collections.abc import Callable
from typing import Any

import pytest

from appliance.clock import ManualClock
from appliance.core.types import Advice, CheckName, Result
from appliance.runtime import verification as module
from appliance.runtime.passage_data import PassageData
from appliance.runtime.verification import LOOK_FOR_S, MASK_REQUEST_S, MASK_REQUESTS, Verification
from appliance.vision.client import VisionLost
from appliance.wire import Message
from drivers.errors import StaleFrame

pytestmark = pytest.mark.anyio

LOGS: dict[str, list[tuple[int, str | None]]] = {"nir": [(0, "850L"), (1, None)]}
GOOD = {"acceptable": True, "advice": None, "faces": 1}


def seen(advice: Advice = Advice.COME_CLOSER, faces: int = 1) -> dict[str, Any]:
    return {"acceptable": False, "advice": advice, "faces": faces, "figures": "sharpness 12 (!)"}


def measured(**results: Result) -> list[dict[str, str]]:
    names = (CheckName.SINGLE_FACE, CheckName.FACE_QUALITY, CheckName.COMPARISON, CheckName.LIVENESS)
    return [
        {"name": name, "result": results.get(name, Result.SUCCESSFUL), "reason": "measured", "detail": "d"}
        for name in names
    ]


class ScriptedEye:
    """Answers `locate` and `analyse` in turn, the last one for ever. Each look takes `look_s` of the clock."""

    def __init__(self, clock: ManualClock, looks: list[Any], analyses: list[Any], look_s: float = 0.5) -> None:
        self.clock, self.looks, self.analyses, self.look_s = clock, looks, analyses, look_s
        self.log: list[str] = []
        self.advice: Advice | None = None
        self.findings: list[dict[str, str]] = []

    async def ask(self, op: str, **fields: Any) -> Message:
        self.log.append(op)
        if op == "locate":
            self.clock.advance(self.look_s)
            answer = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        else:
            assert (op, fields["logs"]) == ("analyse", LOGS)
            answer = {
                "checks": self.analyses.pop(0),
                "captured_at": 1.0,
                "found": "",
                "inference_s": 0.2,
                "liveness_s": 0.1,
            }
            answer |= {"advice": self.advice, "findings": self.findings}
        if isinstance(answer, Exception):
            raise answer
        return Message(answer)

    async def meter(self) -> None:
        self.log.append("meter")

    async def capture(self, *, face: bool) -> dict[str, list[tuple[int, str | None]]]:
        assert face
        self.log.append("capture")
        return LOGS


Bench = Callable[..., tuple[Verification, ScriptedEye, PassageData]]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.0)

    def made(looks: list[Any], analyses: list[Any]) -> tuple[Verification, ScriptedEye, PassageData]:
        clock = ManualClock()
        eye, data = ScriptedEye(clock, looks, analyses), PassageData("p", clock.now())
        return Verification(eye, clock), eye, data  # type: ignore[arg-type]

    return made


async def test_one_good_look_is_one_capture(bench: Bench) -> None:
    verification, eye, _data = bench([GOOD], [measured()])
    checks = await verification.run()
    assert {check.result for check in checks} == {Result.SUCCESSFUL}
    assert eye.log == ["locate", "meter", "capture", "analyse"]
    assert verification.take_timings() == {"captured_at": 1.0, "inference_s": 0.2, "liveness_s": 0.1}
    assert verification.take_timings() == {}


@pytest.mark.parametrize("check", ["single_face", "face_quality", "comparison", "liveness"])
async def test_what_failed_is_never_asked_to_try_again(bench: Bench, check: str) -> None:
    verification, eye, _data = bench([GOOD], [measured(**{check: Result.FAILED}), measured()])
    checks = {c.name: c.result for c in await verification.run()}
    assert checks[CheckName(check)] is Result.FAILED
    assert eye.log.count("capture") == 1


async def test_an_attack_beside_something_undetermined_is_not_tried_again(bench: Bench) -> None:
    first = measured(liveness=Result.FAILED, face_quality=Result.UNDETERMINED)
    verification, eye, _data = bench([GOOD], [first, measured()])
    assert Result.FAILED in {c.result for c in await verification.run()}
    assert eye.log.count("capture") == 1


async def test_what_was_inconclusive_gets_one_more_capture_and_its_result_counts(bench: Bench) -> None:
    open_ = measured(liveness=Result.UNDETERMINED)
    verification, eye, _data = bench([GOOD], [open_, measured()])
    assert {c.result for c in await verification.run()} == {Result.SUCCESSFUL}
    assert eye.log == ["locate", "meter", "capture", "analyse"] * 2
    verification, eye, _data = bench([GOOD], [open_, measured(liveness=Result.FAILED), measured()])
    assert {c.name: c.result for c in await verification.run()}[CheckName.LIVENESS] is Result.FAILED
    verification, eye, _data = bench([GOOD], [open_, open_, measured()])
    assert Result.UNDETERMINED in {c.result for c in await verification.run()}
    assert eye.log.count("capture") == 2


async def test_what_was_not_performed_is_not_tried_again(bench: Bench) -> None:
    verification, eye, _data = bench([GOOD], [measured(comparison=Result.NOT_PERFORMED), measured()])
    await verification.run()
    assert eye.log.count("capture") == 1


@pytest.mark.parametrize(
    ("faces", "result", "reason"),
    [
        (0, Result.UNDETERMINED, "No face is in view."),
        (1, Result.SUCCESSFUL, "One face is in view."),
        (2, Result.FAILED, "2 faces are in view."),
    ],
)
async def test_a_face_that_is_never_good_ends_in_time_and_passes_nothing(
    bench: Bench, faces: int, result: Result, reason: str
) -> None:
    verification, eye, _data = bench([seen(faces=faces)], [])
    checks = {check.name: check for check in await verification.run()}
    assert eye.clock.monotonic() == LOOK_FOR_S
    assert (checks[CheckName.SINGLE_FACE].result, checks[CheckName.SINGLE_FACE].reason) == (result, reason)
    assert checks[CheckName.FACE_QUALITY].result is Result.UNDETERMINED
    assert "Come closer." in checks[CheckName.FACE_QUALITY].reason
    assert "capture" not in eye.log


async def test_a_mask_is_asked_off_twice_and_then_an_officer_comes(bench: Bench) -> None:
    verification, eye, _data = bench([seen(Advice.UNCOVER_MOUTH)], [])
    told: list[Advice | None] = []
    verification._advise = told.append
    checks = {check.name: check for check in await verification.run()}
    assert eye.clock.monotonic() == 0.5 + MASK_REQUESTS * MASK_REQUEST_S
    assert checks[CheckName.FACE_QUALITY].result is Result.UNDETERMINED
    assert checks[CheckName.FACE_QUALITY].reason == "A medical mask was kept on after 2 requests."
    assert checks[CheckName.FACE_QUALITY].detail == "sharpness 12 (!)"
    assert checks[CheckName.SINGLE_FACE].result is Result.SUCCESSFUL
    words = [advice for before, advice in zip([Advice.COME_CLOSER, *told], told, strict=False) if advice is not before]
    assert words == [None, Advice.UNCOVER_MOUTH, None, Advice.UNCOVER_MOUTH, None]
    assert "capture" not in eye.log


async def test_a_mask_that_is_taken_off_is_forgotten(bench: Bench) -> None:
    mask = seen(Advice.UNCOVER_MOUTH)
    verification, eye, _data = bench([mask] * 12 + [seen(), GOOD], [measured()])
    assert {check.result for check in await verification.run()} == {Result.SUCCESSFUL}
    assert eye.log.count("capture") == 1


async def test_a_mask_found_late_is_still_asked_off_twice(bench: Bench) -> None:
    early = int(LOOK_FOR_S / 0.5) - 2
    verification, eye, _data = bench([seen()] * early + [seen(Advice.UNCOVER_MOUTH)], [])
    checks = {check.name: check for check in await verification.run()}
    assert "kept on after 2 requests" in checks[CheckName.FACE_QUALITY].reason
    assert eye.clock.monotonic() > LOOK_FOR_S + MASK_REQUEST_S


async def test_a_face_that_goes_before_the_second_capture_leaves_the_first_result(bench: Bench) -> None:
    verification, eye, _data = bench([GOOD, seen()], [measured(liveness=Result.UNDETERMINED)])
    checks = {check.name: check.result for check in await verification.run()}
    assert checks[CheckName.LIVENESS] is Result.UNDETERMINED
    assert eye.log.count("capture") == 1


async def test_the_traveller_is_told_what_to_do_until_it_is_over(bench: Bench) -> None:
    told: list[Advice | None] = []
    verification, eye, _data = bench([seen(), seen(Advice.STAND_STILL), GOOD], [measured()])
    verification._advise = told.append
    eye.advice = Advice.LOOK_STRAIGHT
    await verification.run()
    assert told == [Advice.COME_CLOSER, Advice.STAND_STILL, Advice.LOOK_STRAIGHT, None]
    verification, _, _data = bench([VisionLost("gone")], [])
    verification._advise = told.append
    with pytest.raises(VisionLost):
        await verification.run()
    assert told[-1] is None


async def test_light_that_is_not_as_it_should_be_is_suspected_for_a_test(bench: Bench) -> None:
    suspected: list[bool] = []
    verification, eye, _data = bench([GOOD], [measured(), measured()])
    verification._suspect = lambda: suspected.append(True)
    await verification.run()
    assert suspected == []
    eye.findings = [{"trouble": "missing", "camera": "nir", "words": "LED 850L"}]
    await verification.run()
    assert suspected == [True]


@pytest.mark.parametrize("error", [VisionLost("gone"), StaleFrame("camera.rgb", "old")])
async def test_what_breaks_off_is_no_result(bench: Bench, error: Exception) -> None:
    verification, _, _data = bench([error], [])
    with pytest.raises(type(error)):
        await verification.run()
