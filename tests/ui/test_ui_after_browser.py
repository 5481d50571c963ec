"""The pages about the past in a real Chromium, in front of lanes with real journals."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from ui_after_lane import PastLane, served, written
from ui_fake_lane import FakeLane, LaneThread, held, idle
from ui_rig import ConsoleProcess, Seat

from appliance.clock import SystemClock

pytestmark = pytest.mark.browser
TABS = ("Passages", "Journal", "Statistics", "Devices and versions", "Claims")


@pytest.fixture(scope="module")
def past(lane_thread: LaneThread, tmp_path_factory: pytest.TempPathFactory) -> list[PastLane]:
    base = tmp_path_factory.mktemp("past")
    now = SystemClock().now()
    configs = [written(base, f"E-0{n}", end=now, hours=6, seed=n, busiest=12) for n in (1, 2)]
    return [served(lane_thread, config) for config in configs]


@pytest.fixture(scope="module")
def third(lane_thread: LaneThread, tmp_path_factory: pytest.TempPathFactory) -> FakeLane:
    """A lane out of reach, until a test lets it in; questions about the past it never answers."""
    lane = lane_thread.lane(tmp_path_factory.mktemp("third") / "E-03.sock", idle("E-03"))
    lane_thread.wait(lane.stop())
    return lane


@pytest.fixture
def present(third: FakeLane, lane_thread: LaneThread) -> Iterator[FakeLane]:
    """The third lane, within reach."""
    lane_thread.wait(third.start())
    yield third
    lane_thread.wait(third.stop())


@pytest.fixture(scope="module")
def console(start_console, past: list[PastLane], third: FakeLane) -> ConsoleProcess:
    return start_console(*(lane.path for lane in past), third.path)


@pytest.fixture(scope="module")
def seat(chrome: Browser, console: ConsoleProcess) -> Iterator[Seat]:
    seat = Seat(chrome, console.url)
    # A lane that is silent is waited for, and the check of a chain is a process of its own.
    seat.context.set_default_timeout(15_000)
    seat.page.goto("/")
    seat.first_sign_in(console.one_time)
    yield seat
    seat.close()
    # Refusals that a test provokes are no complaints of the page.
    assert [each for each in seat.complaints if "503" not in each] == []


@pytest.fixture
def page(seat: Seat) -> Page:
    seat.page.get_by_role("button", name="History", exact=True).click()
    return seat.page


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def passages_of(page: Page, lane: str) -> None:
    open_tab(page, "Passages")
    page.get_by_role("combobox", name="Lane", exact=True).select_option(lane)
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_test_id("found")).to_contain_text("passages")


def test_a_lane_that_is_silent_is_named_and_the_others_are_shown(page: Page, present: FakeLane) -> None:
    expect(page.get_by_test_id("lane-lost")).to_have_count(0)
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("E-03 is not in this answer: Lane unreachable: the lane did not answer")).to_be_visible()
    expect(page.get_by_test_id("passages")).to_contain_text("E-01")
    expect(page.get_by_test_id("passages")).to_contain_text("E-02")


def test_passages_are_narrowed_opened_and_followed_into_the_journal(page: Page, seat: Seat) -> None:
    passages_of(page, "E-01")
    assert seat.violations() == []
    page.get_by_role("combobox", name="Result", exact=True).select_option("undetermined")
    page.get_by_role("combobox", name="Check", exact=True).select_option("comparison")
    page.get_by_role("button", name="Find").click()
    table = page.get_by_test_id("passages")
    expect(table).to_contain_text("The face changed during the capture.")
    expect(table).not_to_contain_text("all successful")
    page.get_by_role("button", name="Checks of passage").first.click()
    expect(page.get_by_role("heading", name="The machine does not admit")).to_be_visible()
    expect(page.get_by_role("heading", name="k.moser Admitted")).to_be_visible()
    assert seat.violations() == []
    page.get_by_role("button", name="Its records in the journal").first.click()
    lines = page.get_by_test_id("journal").locator("tbody tr")
    expect(lines).to_have_count(4)
    assert [row.split("\t")[2] for row in lines.all_inner_texts()] == [
        *("passage_ended", "decision_made", "decision_made", "passage_started")
    ]


def test_more_is_shown_until_there_is_no_more(page: Page) -> None:
    passages_of(page, "E-02")
    rows = page.get_by_test_id("passages").locator("tbody")
    further = page.get_by_role("button", name="Show more")
    seen = rows.count()
    while further.is_visible():
        further.click()
        expect(page.get_by_test_id("found")).not_to_contain_text("Asking")
        assert rows.count() > seen
        seen = rows.count()
    names = page.get_by_test_id("passages").get_by_role("button").evaluate_all("all => all.map(b => b.ariaLabel)")
    assert len(set(names)) == len(names) == seen


def test_what_is_saved_is_what_was_asked_for(page: Page, tmp_path: Path) -> None:
    passages_of(page, "E-02")
    page.get_by_role("combobox", name="Outcome", exact=True).select_option("refused_by_officer")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_test_id("passages")).not_to_contain_text("all successful")
    count = page.get_by_test_id("passages").locator("tbody").count()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    saved.value.save_as(tmp_path / "table.csv")
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert {row["outcome"] for row in rows} == {"refused_by_officer"}
    assert len(rows) == count
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as JSON").click()
    saved.value.save_as(tmp_path / "transactions.json")
    document = json.loads((tmp_path / "transactions.json").read_text())
    assert document["complete"]
    assert len(document["transactions"]) == count


def test_no_file_is_made_while_a_lane_is_out_of_reach(page: Page) -> None:
    open_tab(page, "Journal")
    open_tab(page, "Passages")
    expect(page.get_by_text("E-03 is not in this answer")).to_be_visible()
    page.get_by_role("button", name="Save as CSV").click()
    expect(page.get_by_text("No file was made")).to_be_visible()


def test_the_chain_is_checked_and_a_foreign_head_is_told(page: Page, seat: Seat) -> None:
    open_tab(page, "Journal")
    chain = page.get_by_test_id("chain")
    expect(chain).to_contain_text("Not checked since")
    page.get_by_role("button", name="Check the chain").click()
    expect(chain).to_contain_text("Intact")
    expect(chain).to_contain_text("head")
    assert seat.violations() == []
    page.get_by_label("Earlier head").fill(f"5:{'0' * 64}")
    page.get_by_role("button", name="Check the chain").click()
    expect(chain).to_contain_text("BROKEN at record 5")


def test_statistics_are_drawn_and_told(page: Page, seat: Seat) -> None:
    open_tab(page, "Statistics")
    page.get_by_role("combobox", name="Lane", exact=True).select_option("E-01")
    page.get_by_role("button", name="Last 24 hours").click()
    drawn = page.get_by_test_id("throughput").locator("rect.bar")
    expect(drawn.first).to_be_visible()
    rates = page.get_by_test_id("rates")
    for words in ("Suspected attack, of faces judged", "Wrongly held, of all admitted"):
        expect(rates.get_by_role("img", name=words, exact=True)).to_be_visible()
    page.get_by_test_id("throughput").get_by_text("As a table").click()
    cells = page.get_by_test_id("throughput").locator("tbody td").all_inner_texts()
    told = sum(int(cell) for cell in cells)
    listed = page.get_by_test_id("steps").locator("text").filter(has_text=f"({told})")
    assert listed.count() >= 1, "the whole passage was timed as often as passages were counted"
    assert seat.violations() == []
    boxes = drawn.evaluate_all("all => all.map(r => Number(r.getAttribute('height')))")
    assert min(boxes) > 0


def test_devices_versions_and_claims(page: Page, seat: Seat) -> None:
    open_tab(page, "Devices and versions")
    expect(page.get_by_test_id("faults")).to_contain_text("3008 LEDs have drifted")
    expect(page.get_by_test_id("identities")).to_contain_text("Sallyport gate I/O")
    expect(page.get_by_test_id("versions")).to_contain_text("liveness detector")
    assert seat.violations() == []
    open_tab(page, "Claims")
    species = page.get_by_test_id("species").locator("tbody tr")
    expect(species.first).to_contain_text("≤")
    expect(species.last).to_contain_text("untested")
    bounds = [text.split("≤")[1] for text in species.all_inner_texts() if "≤" in text]
    worst = [float(text.split("%")[0]) for text in bounds]
    assert worst == sorted(worst, reverse=True)
    expect(page.get_by_test_id("faces")).to_contain_text("installed")
    expect(page.get_by_test_id("label")).to_contain_text("simulated")
    assert seat.violations() == []


def test_every_page_fits_a_narrow_screen(page: Page, seat: Seat) -> None:
    page.set_viewport_size({"width": 420, "height": 900})
    try:
        for name in TABS:
            open_tab(page, name)
            expect(page.locator("main table, main svg").first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") == 420, name
            assert seat.violations() == [], name
    finally:
        page.set_viewport_size({"width": 1280, "height": 800})


def test_who_reads_the_past_still_hears_of_the_present(page: Page, present: FakeLane, lane_thread: LaneThread) -> None:
    open_tab(page, "Claims")
    lane_thread.do(lambda: present.show(held("E-03", revision=3)))
    expect(page.get_by_test_id("held-elsewhere")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="Traveller held in lane E-03")).to_have_count(1)
    page.get_by_test_id("held-elsewhere").get_by_role("button").click()
    expect(page.get_by_role("heading", name="E-03: Suspected attack")).to_be_visible()
    lane_thread.do(lambda: present.show(idle("E-03", revision=4)))
