"""The pages in a real Chromium, served by the real console, in front of a lane on a real socket."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from ui_document import document
from ui_fake_lane import FAULT, FakeLane, LaneThread, filmed, held, idle, passage
from ui_hands import eventually
from ui_rig import PASSWORD, ConsoleProcess, Seat

from appliance.control.messages import Advice, DocumentView, Step
from appliance.document.reasons import VERDICTS, Reason

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def lanes(lane_thread: LaneThread, tmp_path_factory: pytest.TempPathFactory) -> list[FakeLane]:
    folder = tmp_path_factory.mktemp("lanes")
    return [lane_thread.lane(folder / f"lane-{n}.sock", idle(f"E-0{n}")) for n in (1, 2)]


@pytest.fixture(scope="module")
def console(start_console, lanes: list[FakeLane]) -> ConsoleProcess:
    return start_console(*(lane.path for lane in lanes))


@pytest.fixture(scope="module")
def guard(chrome: Browser, console: ConsoleProcess) -> Iterator[Seat]:
    """A signed-in guard; the tests of this module share the page, as a guard does for hours."""
    seat = Seat(chrome, console.url)
    seat.page.goto("/")
    seat.first_sign_in(console.one_time)
    yield seat
    seat.close()
    assert seat.complaints == []


@pytest.fixture
def one(lanes: list[FakeLane], lane_thread: LaneThread) -> Iterator[FakeLane]:
    """The first lane; both are idle again afterwards."""
    lane = lanes[0]
    yield lane
    if not lane.listening:
        lane_thread.wait(lane.start())
    for each, name in zip(lanes, ("E-01", "E-02"), strict=True):
        each.answer, each.after = (lambda _said: (True, "")), None
        lane_thread.do(lambda each=each, name=name: each.show(idle(name, revision=each.snapshot.revision + 1)))


def show(lane_thread: LaneThread, lane: FakeLane, snapshot) -> None:
    lane_thread.do(lambda: lane.show(snapshot))


def test_the_one_time_password_opens_nothing_but_its_own_change(chrome: Browser, console: ConsoleProcess) -> None:
    seat = Seat(chrome, console.url)
    page = seat.page
    page.goto("/")
    seat.sign_in("not the password")
    expect(page.get_by_role("alert").filter(has_text="name or password is wrong")).to_be_visible()
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    assert seat.violations() == []
    seat.sign_in(console.one_time)
    expect(page.get_by_role("heading", name="Choose your own password")).to_be_focused()
    page.reload()
    expect(page.get_by_role("heading", name="Choose your own password")).to_be_visible()
    assert seat.violations() == []
    page.get_by_label("Your name").fill("officer")
    page.get_by_label("One-time password").fill(console.one_time)
    page.get_by_label("New password", exact=True).fill("a different passphrase")
    page.get_by_label("New password again").fill("a different passphrasE")
    page.get_by_role("button", name="Save and continue").click()
    expect(page.get_by_text("The two new passwords differ.")).to_be_visible()
    assert (console.state_dir / "first-login.txt").exists()
    seat.close()
    assert [each for each in seat.complaints if "401" not in each] == []


def test_an_idle_console_is_quiet_but_never_hides_what_it_is(guard: Seat, console: ConsoleProcess) -> None:
    page = guard.page
    expect(page.get_by_role("heading", name="No traveller is waiting for you")).to_be_visible()
    expect(page.get_by_test_id("simulated")).to_contain_text("SIMULATED LANE")
    expect(page.get_by_test_id("grade")).to_contain_text("development grade")
    expect(page.get_by_test_id("tile-lane-1")).to_contain_text("Entry door closed")
    assert guard.violations() == []
    assert not (console.state_dir / "first-login.txt").exists()


def test_the_page_may_sound_its_alarm_after_signing_in(guard: Seat) -> None:
    expect(guard.page.get_by_test_id("sound")).to_have_text("♪ Sound on")
    guard.page.reload()
    expect(guard.page.get_by_test_id("sound")).to_contain_text("Sound off")
    guard.page.get_by_test_id("sound").click()
    expect(guard.page.get_by_test_id("sound")).to_have_text("♪ Sound on")


def test_the_referral_shows_everything_on_one_screen(guard: Seat, one: FakeLane, lane_thread: LaneThread) -> None:
    page = guard.page
    show(lane_thread, one, held("E-01"))
    expect(page.get_by_role("heading", name="E-01: Suspected attack on the face check")).to_be_visible()
    for channel in ("portrait", "rgb", "850", "940", "map", "live"):
        expect(page.get_by_test_id(f"face-{channel}")).to_have_attribute("data-shown", "true")
    words = page.get_by_test_id("checks").get_by_role("listitem").all_inner_texts()
    order = [next(word for word in RESULT_WORDS if word in text) for text in words]
    assert order == sorted(order, key=RESULT_WORDS.index)
    assert set(order) == set(RESULT_WORDS)
    assert words[0].startswith("✕")
    assert "a mask is suspected" in words[0]
    expect(page.get_by_test_id("document")).to_contain_text("ERIKSSON")
    expect(page.get_by_test_id("evidence")).to_contain_text("no attack species has been measured")
    height, width = page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]")
    assert (height, width) == (800, 1280), "the card must fit the screen without scrolling"
    assert guard.violations() == []


RESULT_WORDS = ("failed", "undetermined", "aborted", "not performed", "successful")
EYE_SPOTS = """canvas => { const c = canvas.getContext('2d');
  return [[102, 160], [218, 160], [160, 120]].map(([x, y]) => c.getImageData(x, y, 1, 1).data[0]); }"""


def test_all_faces_have_their_eyes_in_the_same_place(guard: Seat, one: FakeLane, lane_thread: LaneThread) -> None:
    show(lane_thread, one, held("E-01"))
    for channel in ("portrait", "rgb", "850", "940"):
        figure = guard.page.get_by_test_id(f"face-{channel}")
        expect(figure).to_have_attribute("data-shown", "true")
        left, right, brow = figure.locator("canvas").evaluate(EYE_SPOTS)
        assert left < 60, channel
        assert right < 60, channel
        assert brow > 80, channel


def test_the_live_picture_moves_and_the_map_is_coloured_on_a_fixed_scale(
    guard: Seat, one: FakeLane, lane_thread: LaneThread
) -> None:
    show(lane_thread, one, held("E-01"))
    expect(guard.page.get_by_test_id("face-map").get_by_text("like skin", exact=True)).to_be_visible()
    for _ in range(4):
        before = one.served
        show(lane_thread, one, filmed(one.snapshot))
        lane_thread.wait(eventually(lambda before=before: one.served > before))


def test_a_reason_is_mandatory_and_the_bare_face_must_be_confirmed_before_admitting(
    guard: Seat, one: FakeLane, lane_thread: LaneThread
) -> None:
    page, before = guard.page, len(one.heard("decide"))
    show(lane_thread, one, held("E-01"))
    page.get_by_role("button", name="Admit").click()
    expect(page.get_by_text("Give a reason first")).to_be_visible()
    reason = page.get_by_label("Reason (mandatory")
    expect(reason).to_be_focused()
    reason.fill("  a ")
    page.keyboard.press("Alt+KeyR")
    expect(page.get_by_text("Give a reason first")).to_be_visible()
    page.get_by_role("button", name="Bare face, no mask").click()
    expect(reason).to_have_value("Bare face, no mask")
    page.keyboard.press("Alt+KeyA")
    expect(page.get_by_text("Confirm that you have seen the bare face")).to_be_visible()
    tick = page.get_by_label("I have seen the traveller's bare face")
    expect(tick).to_be_focused()
    assert len(one.heard("decide")) == before
    page.keyboard.press("Space")
    one.after = lambda _said: idle("E-01", revision=one.snapshot.revision + 1)
    page.keyboard.press("Alt+KeyA")
    asked = page.get_by_test_id("confirm")
    asked.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No traveller is waiting for you")).to_be_visible()
    said = one.heard("decide")[-1]
    assert (said["action"], said["reason"], said["visual_check"], said["officer"]) == (
        "admit",
        "Bare face, no mask",
        True,
        "officer",
    )


def test_the_keyboard_alone_decides_and_lands_on_the_next_case(
    guard: Seat, lanes: list[FakeLane], one: FakeLane, lane_thread: LaneThread
) -> None:
    page = guard.page
    show(lane_thread, one, held("E-01", "p-10"))
    show(lane_thread, lanes[1], held("E-02", "p-20", referral={"needs_visual_check": False}))
    expect(page.get_by_role("heading", name="E-01: Suspected")).to_be_visible()
    expect(page.get_by_role("navigation", name="Travellers waiting for you").get_by_role("button")).to_have_count(2)
    page.get_by_label("Reason (mandatory").fill("Wears a mask")
    one.after = lambda _said: idle(
        "E-01",
        revision=one.snapshot.revision + 1,
        passage=passage("p-10", outcome="refused_by_officer").model_copy(update={"referral": None}),
    )
    page.keyboard.press("Alt+KeyR")
    expect(page.get_by_role("heading", name="E-02: Suspected attack")).to_be_focused()
    expect(page.get_by_label("Reason (mandatory")).to_have_value("")
    page.get_by_label("Reason (mandatory").fill("Identity in doubt")
    lanes[1].after = lambda _said: idle("E-02", revision=lanes[1].snapshot.revision + 1)
    page.keyboard.press("Alt+KeyS")
    expect(page.get_by_role("heading", name="No traveller is waiting for you")).to_be_focused()
    recent = page.get_by_role("region", name="Recent passages")
    expect(recent).to_contain_text("Refused by officer")
    expect(recent).not_to_contain_text("ERIKSSON")


def test_another_case_does_not_take_the_screen_or_a_half_typed_reason(
    guard: Seat, lanes: list[FakeLane], one: FakeLane, lane_thread: LaneThread
) -> None:
    page = guard.page
    show(lane_thread, one, held("E-01", "p-11"))
    expect(page.get_by_role("heading", name="E-01: Suspected")).to_be_visible()
    page.get_by_label("Reason (mandatory").fill("half a rea")
    show(lane_thread, lanes[1], held("E-02", "p-21", referral={"escalated": True}))
    queue = page.get_by_role("navigation", name="Travellers waiting for you")
    expect(queue.get_by_role("button").first).to_contain_text("! E-02")
    expect(page.get_by_role("heading", name="E-01: Suspected")).to_be_visible()
    queue.get_by_role("button", name="E-02").click()
    expect(page.get_by_role("heading", name="E-02: Suspected")).to_be_focused()
    expect(page.get_by_test_id("held-for")).to_contain_text("ESCALATED")
    queue.get_by_role("button", name="E-01").click()
    expect(page.get_by_label("Reason (mandatory")).to_have_value("half a rea")


def test_what_the_lane_does_not_allow_cannot_be_asked_and_its_refusal_is_shown(
    guard: Seat, one: FakeLane, lane_thread: LaneThread
) -> None:
    page = guard.page
    show(lane_thread, one, held("E-01", "p-12", referral={"actions": ("refuse", "second_line")}))
    expect(page.get_by_role("button", name="Admit")).to_be_disabled()
    page.get_by_label("Reason (mandatory").fill("Same person")
    before = len(one.heard("decide"))
    page.keyboard.press("Alt+KeyA")
    expect(page.get_by_role("alert").filter(has_text="Admit is not possible")).to_be_visible()
    assert len(one.heard("decide")) == before
    one.answer = lambda _said: (False, "the traveller has left")
    page.keyboard.press("Alt+KeyR")
    expect(page.get_by_text("The lane did not accept this: the traveller has left")).to_be_visible()


def test_faults_stand_on_the_lane_with_their_advice_and_service_needs_a_reason(
    guard: Seat, one: FakeLane, lane_thread: LaneThread
) -> None:
    page, tile = guard.page, guard.page.get_by_test_id("tile-lane-1")
    show(lane_thread, one, idle("E-01", revision=30, faults=(FAULT,)))
    expect(tile).to_contain_text("3002 NIR 940 nm illumination does not answer")
    expect(tile).to_contain_text("Check the cable of illuminator 2")
    tile.get_by_role("button", name="Take out of service").click()
    assert guard.violations() == []
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("dialog").get_by_label("Reason").fill("cable")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    said = one.heard("service")[-1]
    assert (said["in_service"], said["reason"]) == (False, "cable")


def test_a_lost_lane_cannot_be_missed_and_its_traveller_is_not_shown_as_if_present(
    guard: Seat, one: FakeLane, lane_thread: LaneThread
) -> None:
    page = guard.page
    show(lane_thread, one, held("E-01", "p-13"))
    expect(page.get_by_test_id("referral")).to_be_visible()
    lane_thread.wait(one.stop())
    banner = page.get_by_test_id("lane-lost")
    expect(banner).to_contain_text("LANE E-01 UNREACHABLE")
    expect(banner).to_contain_text("A traveller was held when the link was lost")
    expect(page.get_by_test_id("tile-lane-1")).to_contain_text("UNREACHABLE")
    expect(page.get_by_test_id("referral")).to_have_count(0)
    expect(page.get_by_role("alert").filter(has_text="Lane E-01 is unreachable")).to_have_count(1)
    assert guard.violations() == []
    lane_thread.wait(one.start())
    expect(banner).to_have_count(0)
    expect(page.get_by_test_id("referral")).to_be_visible()


def test_text_from_a_document_is_text(guard: Seat, one: FakeLane, lane_thread: LaneThread) -> None:
    hostile = passage("p-14")
    hostile = hostile.model_copy(
        update={"document": hostile.document.model_copy(update={"surname": "<img src=x onerror=alert(1)>"})}
    )
    show(lane_thread, one, held("E-01").model_copy(update={"passage": hostile}))
    expect(guard.page.get_by_test_id("document")).to_contain_text("<img src=x onerror=alert(1)>")
    assert guard.page.get_by_test_id("document").locator("img").count() == 0


def test_a_document_in_order_is_one_line_that_opens_by_key(guard: Seat, one: FakeLane, lane_thread: LaneThread) -> None:
    show(lane_thread, one, held("E-01", "p-15"))
    steps = guard.page.get_by_test_id("inspection").get_by_role("listitem")
    line = guard.page.locator("summary").filter(has_text="Genuine: every step in order")
    expect(line).to_be_visible()
    expect(steps).to_have_count(0)
    line.press("Enter")
    expect(steps).to_have_count(7)
    expect(steps.first).to_have_text("✓ Printed zone successful")
    assert guard.violations() == []


def test_what_is_not_in_order_with_a_document_comes_first(guard: Seat, one: FakeLane, lane_thread: LaneThread) -> None:
    found = (Reason.NO_CLONE_DETECTION, Reason.SIGNATURE_WRONG, Reason.CRL_STALE, Reason.CRL_STALE)
    show(lane_thread, one, held("E-01", "p-16", document=document(*found)))
    steps = guard.page.get_by_test_id("inspection").get_by_role("listitem")
    expect(steps).to_have_count(7)
    assert [[line for line in text.splitlines() if line] for text in steps.all_inner_texts()[:3]] == [
        ["✕", "Signature of the issuer failed", *(VERDICTS[each].words for each in found[1:3])],
        ["?", "Original chip, no copy undetermined", VERDICTS[found[0]].words],
        ["✓", "Printed zone successful"],
    ]
    expect(guard.page.get_by_text("Genuine")).to_have_count(0)
    assert guard.violations() == []


@pytest.mark.parametrize(
    ("told", "first"),
    [
        (document(inspection=()), "– Inspection of the document not performed"),
        (document(inspection=document().inspection[1:]), "– Printed zone not performed"),
        (document(inspection=(*document().inspection, *document(Reason.CAM_FAILED).inspection)), "✕ Original chip"),
    ],
)
def test_no_document_is_genuine_by_what_is_not_told(
    guard: Seat, one: FakeLane, lane_thread: LaneThread, told: DocumentView, first: str
) -> None:
    show(lane_thread, one, held("E-01", "p-17", document=told))
    expect(guard.page.get_by_test_id("inspection").get_by_role("listitem").first).to_contain_text(first)
    expect(guard.page.get_by_text("Genuine")).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "direction", "enter"),
    [("en", "ltr", "Please walk in"), ("de", "ltr", "Bitte gehen Sie hinein"), ("ar", "rtl", "تفضل بالدخول")],
)
def test_the_traveller_display_shows_every_step_in_every_language(
    chrome: Browser,
    console: ConsoleProcess,
    one: FakeLane,
    lane_thread: LaneThread,
    language: str,
    direction: str,
    enter: str,
) -> None:
    seat, titles = Seat(chrome, console.url), {}
    page = seat.page
    page.goto(f"/traveller?lane=lane-1&lang={language}")
    for revision, step in enumerate(Step, start=40):
        show(lane_thread, one, idle("E-01", revision=revision, step=step))
        shown = page.get_by_test_id("step")
        expect(shown).to_have_attribute("data-step", step.value)
        expect(shown.locator("svg")).to_be_visible()
        titles[step] = shown.get_by_role("heading").inner_text()
    assert titles[Step.ENTER] == enter
    usual = page.get_by_test_id("advice").inner_text()
    of_document = {verdict.advice for verdict in VERDICTS.values()}
    for revision, advice in enumerate(Advice, start=60):
        step = Step.READING_DOCUMENT if advice in of_document else Step.LOOK_AT_CAMERA
        show(lane_thread, one, idle("E-01", revision=revision, step=step, advice=advice))
        expect(page.get_by_test_id("step")).to_have_attribute("data-step", step.value)
        expect(page.get_by_test_id("advice")).not_to_have_text(usual)
        usual = page.get_by_test_id("advice").inner_text()
    show(lane_thread, one, idle("E-01", revision=80, step=Step.GO, advice=Advice.COME_CLOSER))
    expect(page.get_by_test_id("step")).to_have_attribute("data-step", "go")
    expect(page.get_by_test_id("advice")).not_to_have_text(usual)
    assert page.evaluate("document.documentElement.dir") == direction
    expect(page.get_by_test_id("strip")).to_contain_text("development grade")
    assert seat.violations() == []
    seat.close()
    assert seat.complaints == []


def test_signing_out_leaves_nothing_on_the_screen(guard: Seat, one: FakeLane, lane_thread: LaneThread) -> None:
    page = guard.page
    show(lane_thread, one, held("E-01", "p-15"))
    expect(page.get_by_test_id("document")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("ERIKSSON")).to_have_count(0)
    lane_thread.wait(eventually(lambda: one.heard("heartbeat")[-1]["watching"] is False))


def test_a_console_that_dies_is_announced_on_the_page(
    chrome: Browser, start_console, lanes: list[FakeLane], lane_thread: LaneThread
) -> None:
    process = start_console(lanes[0].path)
    seat = Seat(chrome, process.url)
    seat.page.goto("/")
    seat.first_sign_in(process.one_time)
    process.stop()
    expect(seat.page.get_by_test_id("console-lost")).to_contain_text("CONSOLE DISCONNECTED")
    expect(seat.page.get_by_test_id("link")).to_contain_text("Not live")
    seat.close()
    assert [each for each in seat.complaints if "ERR_CONNECTION_REFUSED" not in each] == []
