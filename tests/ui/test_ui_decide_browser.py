"""A guard uses every further decision by keyboard, and a second station takes what nobody acknowledged.

The lane behind the socket is the real core; the clocks and the traveller are the test's.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from ui_core_lane import CoreLane
from ui_fake_lane import LaneThread
from ui_rig import ConsoleProcess, Seat

from appliance.core import events as ev
from appliance.core.explore import face_checks
from appliance.core.types import OfficerAction, Outcome, Result

pytestmark = pytest.mark.browser

TONES = """
window.tones = [];
const made = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () {
  const tone = made.call(this);
  window.tones.push(tone.frequency);
  return tone;
};
"""
"""Keeps what the page sounds; the tones themselves are the browser's own."""
URGENT, USUAL = [988, 784, 659], [659, 880]
UNSURE = {"comparison": Result.UNDETERMINED}


@pytest.fixture(scope="module")
def lane(lane_thread: LaneThread, tmp_path_factory: pytest.TempPathFactory) -> CoreLane:
    return CoreLane(lane_thread, tmp_path_factory.mktemp("lanes") / "lane-1.sock", "E-01")


@pytest.fixture(scope="module")
def console(start_console, lane: CoreLane) -> ConsoleProcess:
    return start_console(lane.fake.path)


def seated(chrome: Browser, console: ConsoleProcess) -> Seat:
    seat = Seat(chrome, console.url)
    seat.page.add_init_script(TONES)
    seat.page.goto("/")
    seat.first_sign_in(console.one_time)
    return seat


@pytest.fixture(scope="module")
def guard(chrome: Browser, console: ConsoleProcess) -> Iterator[Seat]:
    seat = seated(chrome, console)
    yield seat
    seat.close()
    assert seat.complaints == []


@pytest.fixture(autouse=True)
def nobody_is_left(lane: CoreLane) -> Iterator[None]:
    yield
    if type(lane.phase).__name__ == "Referred":
        lane.tell(ev.OfficerDecided(lane.phase.passage_id, OfficerAction.REFUSE, False, "test", "over"))
    lane.is_emptied()
    assert type(lane.phase).__name__ == "Ready"


def holds(seat: Seat, lane: CoreLane, passage: str, **results: Result) -> None:
    """The page is rid of the traveller before, and shows this one."""
    expect(seat.page.get_by_test_id("referral")).to_have_count(0)
    lane.holds(passage, **results)
    expect(seat.page.get_by_test_id("referral")).to_be_visible()


def last(lane: CoreLane) -> tuple[str, str, str]:
    said = lane.fake.heard("decide")[-1]
    return said["action"], said["officer"], said["reason"]


def tones(seat: Seat) -> list[int]:
    return [round(each) for each in seat.page.evaluate("window.tones.splice(0).map(tone => tone.value)")]


@pytest.mark.parametrize(
    ("key", "action"),
    [("V", "retry"), ("M", "ask_mask_off"), ("G", "ask_glasses_off"), ("T", "ask_hat_off")],
)
def test_the_traveller_is_verified_again_and_every_attempt_stays_in_view(
    guard: Seat, lane: CoreLane, key: str, action: str
) -> None:
    page, idle = guard.page, guard.page.get_by_role("heading", name="No traveller is waiting for you")
    holds(guard, lane, f"p-{action}", **UNSURE)
    page.get_by_label("Reason (mandatory").fill("Capture was poor")
    page.keyboard.press(f"Alt+Key{key}")
    expect(idle).to_be_visible()
    assert last(lane) == (action, "officer", "Capture was poor")
    assert type(lane.phase).__name__ == "Verifying"
    tones(guard)
    lane.tell(ev.VerificationDone(f"p-{action}", face_checks(single_face=Result.FAILED)))
    earlier = page.get_by_test_id("earlier")
    expect(earlier).to_contain_text("Earlier attempts of this passage: 1")
    assert tones(guard)[:2] == USUAL, "the second referral of a passage is announced like the first"
    expect(page.get_by_label("Reason (mandatory")).to_have_value("")
    earlier.locator("summary").press("Enter")
    expect(earlier.get_by_role("listitem").first).to_contain_text("Face comparison")
    assert guard.violations() == []


def test_after_the_last_attempt_none_is_offered(guard: Seat, lane: CoreLane) -> None:
    page = guard.page
    holds(guard, lane, "p-last", **UNSURE)
    for left in ("2 further attempts are left.", "One further attempt is left."):
        page.get_by_text("More…").press("Enter")
        expect(page.get_by_text(left)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_text(left)).to_be_hidden()
        page.get_by_label("Reason (mandatory").fill("Capture was poor")
        page.keyboard.press("Alt+KeyV")
        expect(page.get_by_role("heading", name="No traveller is waiting for you")).to_be_visible()
        lane.tell(ev.VerificationDone("p-last", face_checks(**UNSURE)))
    expect(page.get_by_test_id("earlier")).to_contain_text("2")
    expect(page.get_by_role("button", name="Verify again")).to_have_count(0)
    heard = len(lane.fake.heard("decide"))
    page.get_by_label("Reason (mandatory").fill("Once more")
    page.keyboard.press("Alt+KeyV")
    expect(page.get_by_role("alert").filter(has_text="Verify again is not possible")).to_be_visible()
    assert len(lane.fake.heard("decide")) == heard


def test_after_a_suspected_attack_the_menu_says_why_nothing_is_tried_again(guard: Seat, lane: CoreLane) -> None:
    page = guard.page
    holds(guard, lane, "p-attack", liveness=Result.FAILED)
    expect(page.get_by_role("heading", name="E-01: Suspected attack")).to_be_visible()
    page.get_by_text("More…").press("Enter")
    expect(page.get_by_text("After a suspected attack nothing is verified again.")).to_be_visible()
    expect(page.get_by_role("button", name="Glasses")).to_have_count(0)
    expect(page.get_by_role("button", name="Open entry only")).to_be_visible()
    assert guard.violations() == []
    page.keyboard.press("Escape")


def test_a_hold_is_shown_with_its_officer_and_the_case_stays(guard: Seat, lane: CoreLane) -> None:
    page, care = guard.page, guard.page.get_by_test_id("care")
    holds(guard, lane, "p-hold", **UNSURE)
    expect(care).to_contain_text("Not acknowledged: escalates in 0:")
    page.keyboard.press("Alt+KeyH")
    expect(page.get_by_text("Give a reason first")).to_be_visible()
    page.get_by_label("Reason (mandatory").fill("A colleague comes")
    page.keyboard.press("Alt+KeyH")
    expect(care).to_contain_text("Held by officer since")
    expect(care).to_contain_text("escalates in 4:5")
    assert last(lane) == ("hold", "officer", "A colleague comes")
    expect(page.get_by_label("Reason (mandatory")).to_have_value("")
    expect(page.get_by_role("button", name="Hold Alt+H")).to_have_count(0)
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    assert guard.violations() == []


def test_acknowledging_takes_one_key_and_leaves_a_half_typed_reason_alone(guard: Seat, lane: CoreLane) -> None:
    page, care = guard.page, guard.page.get_by_test_id("care")
    holds(guard, lane, "p-seen", **UNSURE)
    page.get_by_label("Reason (mandatory").fill("half a rea")
    page.keyboard.press("Alt+KeyK")
    expect(care).to_contain_text("Seen by officer at")
    assert last(lane) == ("acknowledge", "officer", "Seen")
    expect(page.get_by_label("Reason (mandatory")).to_have_value("half a rea")
    expect(page.get_by_role("status").filter(has_text="Acknowledged: E-01")).to_have_count(1)


def test_the_entry_alone_is_opened_from_the_menu(guard: Seat, lane: CoreLane) -> None:
    page = guard.page
    holds(guard, lane, "p-out", **UNSURE)
    page.get_by_label("Reason (mandatory").fill("Wants to leave")
    page.get_by_text("More…").press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Open entry only")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No traveller is waiting for you")).to_be_visible()
    assert last(lane) == ("open_entry", "officer", "Wants to leave")
    assert lane.data.outcome is Outcome.LET_OUT_BY_OFFICER
    expect(page.get_by_role("region", name="Recent passages")).to_contain_text("Let out by officer")


def test_who_comes_too_late_is_told(guard: Seat, lane: CoreLane) -> None:
    """Another station has held the traveller; this page has not heard of it yet."""
    page = guard.page
    holds(guard, lane, "p-both", **UNSURE)
    page.get_by_label("Reason (mandatory").fill("Waiting for help")
    expect(page.get_by_role("button", name="Hold Alt+H")).to_be_visible()
    lane._step(ev.OfficerDecided("p-both", OfficerAction.HOLD, False, "k.moser", "mine"))
    page.keyboard.press("Alt+KeyH")
    expect(page.get_by_text("The lane did not accept this: The lane cannot do that now.")).to_be_visible()
    expect(page.get_by_test_id("care")).to_contain_text("Held by k.moser since")


def test_a_lane_is_blocked_and_unblocked_with_a_reason(
    chrome: Browser, guard: Seat, lane: CoreLane, console: ConsoleProcess
) -> None:
    page, tile = guard.page, guard.page.get_by_test_id("tile-lane-1")
    page.keyboard.press("Alt+KeyB")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Block lane E-01 for new travellers")
    assert guard.violations() == []
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    assert lane.fake.heard("block") == [], "not without a reason"
    page.keyboard.type("Water on the floor")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_test_id("blocked")).to_contain_text("Blocked by officer: Water on the floor")
    expect(tile.get_by_text("Blocked", exact=True)).to_be_visible()
    expect(tile).not_to_contain_text("Out of service")
    traveller = Seat(chrome, console.url)
    traveller.page.goto("/traveller?lane=lane-1&lang=en")
    expect(traveller.page.get_by_role("heading", name="Lane closed")).to_be_visible()
    expect(traveller.page.get_by_text("Please use another lane.")).to_be_visible()
    tile.get_by_role("button", name="Unblock").click()
    page.keyboard.type("The floor is dry")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("blocked")).to_have_count(0)
    expect(traveller.page.get_by_role("heading", name="Place your passport on the reader")).to_be_visible()
    traveller.close()
    assert [(said["blocked"], said["reason"]) for said in lane.fake.heard("block")] == [
        (True, "Water on the floor"),
        (False, "The floor is dry"),
    ]


def test_what_nobody_acknowledges_reaches_the_second_station_though_the_first_is_dead(
    chrome: Browser, start_console, lane: CoreLane
) -> None:
    first, second = start_console(lane.fake.path), start_console(lane.fake.path, more=("--escalations-only",))
    here, there = seated(chrome, first), seated(chrome, second)
    expect(there.page.get_by_test_id("second-station")).to_be_visible()
    lane.holds("p-lost", **UNSURE)
    expect(here.page.get_by_test_id("referral")).to_be_visible()
    assert tones(here)[:2] == USUAL
    expect(there.page.get_by_test_id("tile-lane-1")).to_contain_text("Referred")
    expect(there.page.get_by_test_id("referral")).to_have_count(0)
    assert there.violations() == []
    first.stop()
    lane.tell(ev.PhaseTimedOut("Referred"))
    expect(there.page.get_by_test_id("held-for")).to_contain_text("ESCALATED")
    expect(there.page.get_by_role("alert").filter(has_text="Escalated: the traveller in lane E-01")).to_have_count(1)
    assert tones(there)[:3] == URGENT
    assert there.violations() == []
    there.page.keyboard.press("Alt+KeyK")
    expect(there.page.get_by_test_id("care")).to_contain_text("Seen by officer at")
    there.page.get_by_label("Reason (mandatory").fill("Identity in doubt")
    there.page.keyboard.press("Alt+KeyS")
    expect(there.page.get_by_test_id("referral")).to_have_count(0)
    assert lane.data.outcome is Outcome.SECOND_LINE
    for seat in (here, there):
        seat.close()
    assert there.complaints == []


def test_the_first_station_hears_an_escalation_as_something_more_urgent(guard: Seat, lane: CoreLane) -> None:
    holds(guard, lane, "p-urgent", **UNSURE)
    tones(guard)
    lane.tell(ev.PhaseTimedOut("Referred"))
    expect(guard.page.get_by_test_id("held-for")).to_contain_text("ESCALATED")
    assert tones(guard)[:3] == URGENT
    expect(guard.page.get_by_role("alert").filter(has_text="Escalated: the traveller in lane E-01")).to_have_count(1)
    expect(guard.page.get_by_test_id("care")).to_contain_text("let back out in")
