"""24 lanes on one screen in a real Chromium: calm ones are quiet, what is wrong stands out, nothing old looks live."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from ui_fake_lane import FAULT, FakeLane, LaneThread, filmed, held, idle, standing, watching
from ui_rig import ConsoleProcess, Seat

pytestmark = pytest.mark.browser
LANES = 24
NAMES = [f"E-{n:02}" for n in range(1, LANES + 1)]
BIG, SMALL = {"width": 1920, "height": 1080}, {"width": 1366, "height": 768}


@pytest.fixture(scope="module")
def lanes(lane_thread: LaneThread, tmp_path_factory: pytest.TempPathFactory) -> list[FakeLane]:
    folder = tmp_path_factory.mktemp("line")
    return [lane_thread.lane(folder / f"lane-{n:02}.sock", idle(name)) for n, name in enumerate(NAMES, start=1)]


@pytest.fixture(scope="module")
def console(start_console, lanes: list[FakeLane]) -> ConsoleProcess:
    return start_console(*(lane.path for lane in lanes))


@pytest.fixture(scope="module")
def signed_in(chrome: Browser, console: ConsoleProcess) -> Iterator[Seat]:
    seat = Seat(chrome, console.url)
    seat.page.set_viewport_size(BIG)
    seat.page.goto("/")
    seat.first_sign_in(console.one_time)
    yield seat
    seat.close()
    assert seat.complaints == []


@pytest.fixture
def guard(signed_in: Seat, lanes: list[FakeLane], lane_thread: LaneThread) -> Iterator[Seat]:
    """The guard's page as a test finds it: big, every lane calm, nothing opened."""
    yield signed_in
    for lane, name in zip(lanes, NAMES, strict=True):
        if not lane.listening:
            lane_thread.wait(lane.start())
        show(lane_thread, lane, idle(name, revision=lane.snapshot.revision + 1))
    signed_in.page.set_viewport_size(BIG)
    expect(signed_in.page.get_by_text("24 lanes, 24 calm")).to_be_visible(timeout=15_000)
    for button in signed_in.page.get_by_role("button", name="Close").all():
        button.click()


def show(lane_thread: LaneThread, lane: FakeLane, snapshot: Any) -> None:
    lane_thread.do(lambda: lane.show(snapshot))


def tile(page: Page, number: int) -> Locator:
    return page.get_by_test_id(f"line-lane-{number:02}")


def overflow(page: Page) -> list[str]:
    """Tiles whose content is wider or taller than they are, or that cover another."""
    return page.evaluate(
        """() => { const tiles = [...document.querySelectorAll('.line-tile')];
           const boxes = tiles.map(each => each.getBoundingClientRect());
           const cut = tiles.filter(one => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight);
           const over = tiles.filter((_, i) => boxes.some((box, j) => j > i && box.left < boxes[i].right - 0.5
             && box.right > boxes[i].left + 0.5 && box.top < boxes[i].bottom - 0.5 && box.bottom > boxes[i].top + 0.5));
           return [...cut, ...over].map(each => each.dataset.testid); }"""
    )


def test_24_calm_lanes_fit_one_screen_and_none_of_them_draws_the_eye(guard: Seat) -> None:
    page = guard.page
    expect(page.locator(".line-tile")).to_have_count(LANES)
    expect(page.get_by_text("24 lanes, 24 calm")).to_be_visible()
    first = tile(page, 1)
    for words in ("E-01", "In service", "Ready", "shown: present document", "High security", "camera 850 940", "gate"):
        expect(first).to_contain_text(words)
    size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [1920, 1080], "the line must fit the screen without scrolling"
    assert overflow(page) == []
    grounds = page.evaluate(
        "[...new Set([...document.querySelectorAll('.line-tile')].map(each => getComputedStyle(each).backgroundColor))]"
    )
    assert grounds == [page.evaluate("getComputedStyle(document.querySelector('.panel')).backgroundColor")]
    assert guard.violations() == []


def test_on_a_small_screen_one_scroll_shows_all_and_nothing_is_cut(guard: Seat) -> None:
    page = guard.page
    page.set_viewport_size(SMALL)
    width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert width == SMALL["width"]
    assert height <= 2 * SMALL["height"]
    assert overflow(page) == []
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.device')).fontSize)") >= 11


ANOMALIES = {
    1: ({"faults": (FAULT,)}, "degraded", "! Degraded"),
    2: (
        {"faults": (FAULT.model_copy(update={"severity": "critical", "code": 1001, "device": "gate"}),)},
        "fault",
        "fault",
    ),
    3: ({"step": "emergency", "phase": "Emergency", "in_service": False}, "emergency", "✕ Emergency release"),
    4: ({"in_service": False, "phase": "OutOfService"}, "outOfService", "– Out of service"),
}


def test_what_is_wrong_is_large_and_coloured_and_has_its_symbol(
    guard: Seat, lanes: list[FakeLane], lane_thread: LaneThread
) -> None:
    page = guard.page
    for number, (changes, state, words) in ANOMALIES.items():
        show(lane_thread, lanes[number - 1], idle(NAMES[number - 1], revision=50, **changes))
        expect(tile(page, number)).to_have_attribute("data-state", state)
        assert words in re.sub(r"\s+", " ", tile(page, number).inner_text())
    unwell = standing(gate="critical", document_reader="unknown", illumination_nir="notice")
    show(lane_thread, lanes[4], idle(NAMES[4], revision=50, devices=unwell))
    expect(tile(page, 5).get_by_test_id("device-gate")).to_have_text("✕gate: out of order, ")
    expect(tile(page, 5).get_by_test_id("device-document_reader")).to_have_text("?reader: not known, ")
    expect(tile(page, 5).get_by_test_id("device-illumination.nir")).to_have_text("ilight 850 940: notice, ")
    expect(tile(page, 5).get_by_test_id("device-camera.rgb")).to_have_text("✓camera rgb: well, ")
    expect(page.get_by_text("24 lanes, 20 calm")).to_be_visible()
    sizes = page.evaluate(
        "[...document.querySelectorAll('.line-tile .what')].map(one => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(sizes[:3]) > max(sizes[4:]), "an anomaly is larger than a calm lane"
    assert overflow(page) == []
    assert guard.violations() == []


def test_a_post_that_only_watches_stands_in_the_line(
    guard: Seat, lanes: list[FakeLane], lane_thread: LaneThread
) -> None:
    page = guard.page
    show(lane_thread, lanes[6], watching({}, revision=60))
    expect(tile(page, 7)).to_have_attribute("data-state", "alerts")
    expect(tile(page, 7)).to_contain_text("1 alert")
    tile(page, 7).click()
    expect(page.get_by_test_id("tile-lane-07")).to_contain_text("Lower face covered")
    assert guard.violations() == []


def test_the_keyboard_moves_along_the_line_opens_a_lane_and_comes_back(guard: Seat) -> None:
    page = guard.page
    stops = page.locator(".line-tile[tabindex='0']")
    expect(stops).to_have_count(1)
    stops.focus()
    page.keyboard.press("Home")
    expect(tile(page, 1)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(tile(page, 3)).to_be_focused()
    columns = page.evaluate(
        "getComputedStyle(document.querySelector('.line ul')).gridTemplateColumns.split(' ').length"
    )
    page.keyboard.press("ArrowDown")
    expect(tile(page, 3 + columns)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    expect(tile(page, 2)).to_be_focused()
    expect(stops).to_have_count(1)
    page.keyboard.press("Enter")
    detail = page.get_by_role("group", name="Lane in detail")
    expect(detail).to_be_focused()
    expect(detail).to_contain_text("Entry door closed")
    expect(detail).to_contain_text("High security")
    expect(tile(page, 2)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(detail.get_by_role("button", name="Close")).to_be_focused()
    assert guard.violations() == []
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)
    expect(tile(page, 2)).to_be_focused()
    page.keyboard.press("End")
    expect(tile(page, LANES)).to_be_focused()


def test_the_mode_says_what_it_leaves_out(guard: Seat, lanes: list[FakeLane], lane_thread: LaneThread) -> None:
    page = guard.page
    mode = {"name": "high_convenience", "relaxed": ("No guard has to watch.",)}
    show(lane_thread, lanes[0], idle(NAMES[0], revision=50, mode=mode))
    expect(tile(page, 1)).to_contain_text("High convenience")
    tile(page, 1).click()
    expect(page.get_by_test_id("tile-lane-01")).to_contain_text("No guard has to watch.")
    show(lane_thread, lanes[0], idle(NAMES[0], revision=51, mode=None, devices=()))
    expect(tile(page, 1)).to_contain_text("Mode not told")


def test_a_referral_takes_the_screen_and_the_line_stays_beside_it(
    guard: Seat, lanes: list[FakeLane], lane_thread: LaneThread
) -> None:
    page = guard.page
    show(lane_thread, lanes[11], held(NAMES[11], "p-12", revision=70))
    expect(page.get_by_role("heading", name="E-12: Suspected attack")).to_be_visible()
    expect(tile(page, 12)).to_have_attribute("data-state", "attack")
    expect(tile(page, 12)).to_contain_text(re.compile(r"0:0\d"))
    plain = {"suspected_attack": False, "escalated": True, "since": lanes[0].snapshot.at.replace(year=2026, month=1)}
    show(lane_thread, lanes[3], held(NAMES[3], "p-4", revision=70, referral=plain))
    queue = page.get_by_role("navigation", name="Travellers waiting for you").get_by_role("button")
    expect(queue).to_have_count(2)
    expect(queue.first).to_contain_text(re.compile(r"! E-04\s+\d+:\d\d"))
    expect(queue.last).to_contain_text(re.compile(r"^\s*E-12\s+0:\d\d"))
    expect(page.get_by_role("heading", name="E-12: Suspected attack")).to_be_visible()
    tile(page, 4).click()
    expect(page.get_by_role("heading", name="E-04:")).to_be_focused()
    tile(page, 5).click()
    expect(page.get_by_test_id("tile-lane-05")).to_be_visible()
    expect(page.get_by_role("heading", name="E-04:")).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == BIG["width"]
    assert guard.violations() == []


def test_24_travellers_held_at_once_still_fit_the_width_and_are_all_in_the_queue(
    guard: Seat, lanes: list[FakeLane], lane_thread: LaneThread
) -> None:
    page = guard.page
    page.set_viewport_size(SMALL)
    for number, lane in enumerate(lanes):
        show(lane_thread, lane, held(NAMES[number], f"p-{number}", revision=80))
    queue = page.get_by_role("navigation", name="Travellers waiting for you").get_by_role("button")
    expect(queue).to_have_count(LANES)
    assert page.evaluate("document.documentElement.scrollWidth") == SMALL["width"]
    assert overflow(page) == []
    assert guard.violations() == []


def test_one_lost_lane_of_24_cannot_be_missed(guard: Seat, lanes: list[FakeLane], lane_thread: LaneThread) -> None:
    page = guard.page
    show(lane_thread, lanes[8], idle(NAMES[8], revision=90, occupied=True, phase="Verifying"))
    expect(tile(page, 9)).to_contain_text("Verifying")
    lane_thread.wait(lanes[8].stop())
    expect(page.get_by_test_id("lane-lost")).to_contain_text("LANE E-09 UNREACHABLE")
    expect(tile(page, 9)).to_have_attribute("data-state", "lost")
    expect(tile(page, 9)).to_contain_text("✕ Link lost")
    expect(tile(page, 9)).to_contain_text("Somebody was inside.")
    expect(tile(page, 9)).not_to_contain_text("Verifying")
    expect(tile(page, 9).locator(".device")).to_have_count(0)
    expect(tile(page, 10)).to_have_attribute("data-state", "inService")
    expect(page.locator("#queue-title")).to_contain_text("Not every lane can be seen")
    assert guard.violations() == []


def test_all_lanes_lost_are_said_once_and_none_is_shown_as_live(
    guard: Seat, lanes: list[FakeLane], lane_thread: LaneThread
) -> None:
    page = guard.page
    show(lane_thread, lanes[2], held(NAMES[2], "p-3", revision=95))
    expect(page.get_by_test_id("referral")).to_be_visible()
    for lane in lanes:
        lane_thread.wait(lane.stop())
    banner = page.get_by_test_id("lanes-lost")
    expect(banner).to_contain_text("24 lanes UNREACHABLE")
    expect(banner).to_contain_text("Go there first, a traveller was held or inside: E-03.")
    expect(page.get_by_test_id("referral")).to_have_count(0)
    expect(page.locator(".line-tile[data-state='lost']")).to_have_count(LANES)
    expect(page.locator(".device")).to_have_count(0)
    expect(page.get_by_role("alert").filter(has_text="24 lanes are unreachable")).to_have_count(1)
    assert page.evaluate("document.querySelector('.line-tile').getBoundingClientRect().bottom") <= BIG["height"]
    assert guard.violations() == []


def test_a_station_may_choose_tiles_and_keeps_its_choice(guard: Seat) -> None:
    page = guard.page
    page.get_by_role("button", name="Show as tiles").click()
    expect(page.get_by_test_id("tile-lane-01")).to_be_visible()
    expect(page.locator(".line-tile")).to_have_count(0)
    page.reload()
    expect(page.get_by_test_id("tile-lane-24")).to_be_visible()
    page.get_by_role("button", name="Show as a line").click()
    expect(page.locator(".line-tile")).to_have_count(LANES)


def test_text_of_a_lane_is_text(guard: Seat, lanes: list[FakeLane], lane_thread: LaneThread) -> None:
    page, hostile = guard.page, "<img src=x onerror=alert(1)>"
    fault = FAULT.model_copy(update={"title": hostile})
    devices = (standing()[0].model_copy(update={"bands": (hostile,)}),)
    show(lane_thread, lanes[0], idle(hostile, revision=99, faults=(fault,), devices=devices))
    expect(tile(page, 1).locator(".name")).to_contain_text(hostile)
    expect(tile(page, 1).locator(".worst")).to_contain_text(hostile)
    expect(tile(page, 1).locator(".devices")).to_contain_text(hostile)
    assert page.locator(".line img").count() == 0
    assert overflow(page) == []


PIXELS = """canvas => { const { width, height } = canvas, c = canvas.getContext('2d');
  return [...c.getImageData(0, 0, width, height).data.filter((_, i) => i % 4 === 0)]; }"""


def dark_spots(figure: Locator, *spots: tuple[int, int]) -> list[bool]:
    """Whether a picture is as dark as a pupil there, in pixels of its canvas."""
    pixels = figure.locator("canvas").evaluate(PIXELS)
    return [pixels[y * 320 + x] < 70 for x, y in spots]


def closer(page: Page) -> int:
    """The scale of the pictures, in percent."""
    return int(page.get_by_test_id("zoom").get_by_role("button").nth(1).inner_text().removesuffix("%"))


def test_all_pictures_zoom_and_move_together_by_button_key_wheel_and_drag(
    guard: Seat, lanes: list[FakeLane], lane_thread: LaneThread
) -> None:
    page = guard.page
    show(lane_thread, lanes[0], held(NAMES[0], "p-1", revision=120))
    figures = [page.get_by_test_id(f"face-{channel}") for channel in ("portrait", "rgb", "850", "940")]
    for figure in (*figures, page.get_by_test_id("face-live")):
        expect(figure).to_have_attribute("data-shown", "true")
        assert dark_spots(figure, (102, 160), (218, 160), (160, 250)) == [True, True, False]
    zoom = page.get_by_test_id("zoom").get_by_role("button")
    zoom.nth(1).focus()
    for _ in range(3):
        page.keyboard.press("+")
    assert closer(page) == 195
    # About the middle of the picture (160, 200): the eyes go up and apart, in every picture alike.
    for figure in figures:
        assert dark_spots(figure, (47, 122), (273, 122), (102, 160)) == [True, True, False]
    page.keyboard.press("ArrowLeft")
    for figure in figures:
        assert dark_spots(figure, (47 + 32, 122), (273 + 32, 122)) == [True, True]
    page.keyboard.press("0")
    assert closer(page) == 100
    box = figures[0].locator("canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -100)
    assert closer(page) == 125
    assert page.evaluate("scrollY") == 0
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 1000, box["y"] + box["height"] / 2, steps=20)
    page.mouse.up()
    zoom.nth(2).click()
    assert closer(page) == 156
    zoom.nth(0).click()
    zoom.nth(0).click()
    assert closer(page) == 100
    page.get_by_label("Reason (mandatory").fill("0 + - 0")
    assert closer(page) == 100
    assert guard.violations() == []


def test_the_map_lies_over_the_face_as_strongly_as_the_guard_wants(
    guard: Seat, lanes: list[FakeLane], lane_thread: LaneThread
) -> None:
    page = guard.page
    show(lane_thread, lanes[0], held(NAMES[0], "p-1", revision=120))
    figure, slider = page.get_by_test_id("face-map"), page.get_by_label("Map over the face")
    for shown in (figure, page.get_by_test_id("face-rgb")):
        expect(shown).to_have_attribute("data-shown", "true")
    expect(figure.get_by_text("like skin", exact=True)).to_be_visible()
    expect(page.get_by_text("How unlike skin a spot answers to infrared")).to_be_visible()
    middle = figure.locator("canvas").evaluate(PIXELS)
    slider.fill("0")
    face = page.get_by_test_id("face-rgb").locator("canvas").evaluate(PIXELS)
    assert figure.locator("canvas").evaluate(PIXELS) == face
    slider.fill("100")
    full = figure.locator("canvas").evaluate(PIXELS)
    assert full != face
    assert middle not in (face, full)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert slider.input_value() == "90"
    assert closer(page) == 100


def test_a_live_picture_that_does_not_move_on_goes_and_a_new_one_comes_back(
    guard: Seat, lanes: list[FakeLane], lane_thread: LaneThread
) -> None:
    show(lane_thread, lanes[0], held(NAMES[0], "p-1", revision=120))
    live = guard.page.get_by_test_id("face-live")
    expect(live).to_have_attribute("data-shown", "true")
    expect(live).to_have_attribute("data-shown", "false", timeout=15_000)
    expect(guard.page.get_by_test_id("face-rgb")).to_have_attribute("data-shown", "true")
    show(lane_thread, lanes[0], filmed(lanes[0].snapshot))
    expect(live).to_have_attribute("data-shown", "true")


def test_a_console_that_dies_leaves_no_lane_that_looks_live(
    chrome: Browser, start_console, lanes: list[FakeLane], lane_thread: LaneThread
) -> None:
    process = start_console(*(lane.path for lane in lanes))
    seat = Seat(chrome, process.url)
    seat.page.set_viewport_size(BIG)
    seat.page.goto("/")
    seat.first_sign_in(process.one_time)
    show(lane_thread, lanes[0], held(NAMES[0], "p-x", revision=110))
    expect(seat.page.get_by_test_id("face-live")).to_have_attribute("data-shown", "true")
    process.stop()
    expect(seat.page.get_by_test_id("console-lost")).to_contain_text("CONSOLE DISCONNECTED")
    expect(seat.page.locator(".line-tile[data-state='notLive']")).to_have_count(LANES)
    expect(seat.page.locator(".line-tile").first).to_have_text(re.compile(r"^\s*E-01\s+✕\s*Not live\s*$"))
    expect(seat.page.locator(".device")).to_have_count(0)
    expect(seat.page.get_by_test_id("face-live")).to_have_attribute("data-shown", "false")
    expect(seat.page.get_by_test_id("face-portrait")).to_have_attribute("data-shown", "true")
    assert seat.violations() == []
    seat.close()
    assert [each for each in seat.complaints if "ERR_CONNECTION_REFUSED" not in each] == []
