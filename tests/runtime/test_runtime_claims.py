"""How people say who they are: cards and faces, and what becomes of a claim the gallery does not know."""

import asyncio
from datetime import date
from typing import Any, cast

import pytest
from runtime_stage import until

from appliance.core.decision import document_checks, may_proceed
from appliance.core.policy import Policy
from appliance.core.types import CheckName, Claim, Result
from appliance.runtime import claims
from appliance.runtime.claims import Cards, Faces, label_of
from appliance.runtime.eye import EyeOwner
from appliance.vision.client import VisionLost, VisionRefused
from appliance.wire import Message
from drivers.errors import DeviceRefused, Disconnected, NoResponse
from drivers.osdp.reader import CardFormat, CardRead, KeysPressed, LocalStatus, OsdpReader

pytestmark = pytest.mark.anyio

TODAY = date(2026, 11, 23)
OFFICE = Policy(mandatory=Policy().mandatory - {CheckName.DOCUMENT_AUTHENTICITY})
CARD = CardRead(0, CardFormat.WIEGAND, 26, bytes.fromhex("2011a040"))


class Line:
    """In place of an OSDP reader."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Any] = asyncio.Queue()

    async def next(self) -> Any:
        event = await self.events.get()
        if isinstance(event, Exception):
            raise event
        return event


class Eye:
    """In place of the eye: answers in turn, the last one for ever."""

    def __init__(self, *answers: Message | Exception) -> None:
        self.answers, self.asked, self.busy = list(answers), [], False  # type: ignore[var-annotated]

    async def ask(self, op: str, **fields: Any) -> Message:
        self.asked.append((op, fields))
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def cards(*answers: Message | Exception) -> tuple[Cards, Line, Eye]:
    line, eye = Line(), Eye(*answers)
    return Cards("document_reader", cast(OsdpReader, line), cast(EyeOwner, eye)), line, eye


def enrolled(until: str | None = "2027-01-01T00:00:00+00:00", problem: str = "") -> Message:
    return Message({"problem": problem, "valid_until": until, "eyes": None})


async def test_a_card_is_looked_up_by_its_bits() -> None:
    source, line, eye = cards(
        Message({"problem": "", "valid_until": "2027-01-01T00:00:00+00:00", "eyes": None}, (b"j",))
    )
    for event in (KeysPressed(0, "12"), LocalStatus(False, False), CARD):
        line.events.put_nowait(event)
    await source.presented()
    judged = await source.judged(TODAY)
    assert eye.asked == [("refer_to", {"who": "card-26-2011a040"})]
    assert (judged.enrolled_as, judged.photo, judged.document.claim) == ("card-26-2011a040", (b"j", None), Claim.CARD)
    checks = document_checks(judged.document, TODAY)
    assert may_proceed(checks, OFFICE)
    assert [check.reason for check in checks][1] == "The enrolment is valid until 2027-01-01."


@pytest.mark.parametrize(
    ("answer", "said", "known"),
    [
        (enrolled(None, "Nobody is enrolled for this card."), "Nobody is enrolled for this card.", False),
        (enrolled("2026-01-01T00:00:00+00:00", "The enrolment has expired."), "The enrolment has expired.", True),
        (VisionLost("gone"), "The gallery could not be asked.", False),
        (VisionRefused("no gallery"), "The gallery could not be asked.", False),
        (NoResponse("cameras.rgb", "silent"), "The gallery could not be asked.", False),
    ],
)
async def test_a_card_that_proves_nothing_lets_nobody_go_on(answer: Any, said: str, known: bool) -> None:
    source, line, _ = cards(answer)
    line.events.put_nowait(CARD)
    await source.presented()
    judged = await source.judged(TODAY)
    checks = document_checks(judged.document, TODAY)
    assert [(check.result, check.reason) for check in checks] == [(Result.FAILED, said)]
    assert not may_proceed(checks, OFFICE)
    assert bool(judged.enrolled_as) is known


async def test_an_opened_or_lost_reader_is_told() -> None:
    source, line, _ = cards(enrolled())
    line.events.put_nowait(LocalStatus(True, False))
    with pytest.raises(DeviceRefused, match="case is open"):
        await source.presented()
    line.events.put_nowait(Disconnected("document_reader", "silent"))
    with pytest.raises(Disconnected):
        await source.presented()


def test_cards_of_other_lengths_are_other_labels() -> None:
    padded = CardRead(0, CardFormat.WIEGAND, 27, CARD.data)
    assert label_of(padded) != label_of(CARD)


def view(faces: int, *, acceptable: bool = False) -> Message:
    return Message({"faces": faces, "acceptable": acceptable, "advice": None, "figures": ""})


async def test_whoever_was_there_must_leave_before_the_next_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "LOOK_EVERY_S", 0.0)
    good, nobody = view(1, acceptable=True), view(0)
    eye = Eye(good, good, nobody, view(1), VisionLost("x"), good, good)
    free = [False]
    source = Faces(cast(EyeOwner, eye), lambda: free[0])
    waiting = asyncio.create_task(source.presented())
    await asyncio.sleep(0.01)
    assert eye.asked == []
    free[0] = True
    await waiting
    assert len(eye.asked) == 6
    again = asyncio.create_task(source.presented())
    await until(lambda: len(eye.asked) > 9)
    assert not again.done()
    eye.answers = [nobody, good]
    await again


async def test_a_busy_eye_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "LOOK_EVERY_S", 0.0)
    eye = Eye(view(0))
    eye.busy = True
    waiting = asyncio.create_task(Faces(cast(EyeOwner, eye), lambda: True).presented())
    await asyncio.sleep(0.01)
    waiting.cancel()
    assert eye.asked == []


async def test_a_face_alone_claims_nothing_and_needs_a_policy_that_says_so() -> None:
    eye = Eye(enrolled(None))
    judged = await Faces(cast(EyeOwner, eye), lambda: True).judged(TODAY)
    assert eye.asked == [("refer_to", {"who": None})]
    assert document_checks(judged.document, TODAY) == ()
    assert not may_proceed((), Policy())
