"""The set-up pages in a real Chromium, in front of the real appliance on a simulated rig."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect
from ui_rig import PASSWORD, ConsoleProcess, Seat

from hil.rig import Rig
from hil.rig.config import LaneSettings
from hil.scenarios.tour import appliance_of
from hil.scene import Light

pytestmark = [pytest.mark.browser, pytest.mark.rig]

SLOW_MS = 20_000
TABS = (
    "Devices",
    "Self-test",
    "Bands, focus and exposure",
    "Thresholds",
    "Checks and time-outs",
    "Trust and retention",
)


@pytest.fixture(scope="module")
def rig(no_thread_is_left: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Rig(tmp_path_factory.mktemp("rig"), LaneSettings()) as rig, appliance_of(rig):
        yield rig


@pytest.fixture(scope="module")
def console(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleProcess]:
    process = ConsoleProcess([rig.paths.control], tmp_path_factory.mktemp("console"))
    yield process
    process.stop()


@pytest.fixture(scope="module")
def boss(chrome: Browser, console: ConsoleProcess) -> Iterator[Seat]:
    seat = Seat(chrome, console.url)
    seat.page.goto("/")
    seat.first_sign_in(console.one_time)
    yield seat
    seat.close()
    assert seat.complaints == []


@pytest.fixture(scope="module")
def seat(chrome: Browser, console: ConsoleProcess, boss: Seat) -> Iterator[Seat]:
    """A maintainer."""
    seat = hired(chrome, boss, "m.weber")
    yield seat
    seat.close()
    assert seat.complaints == []


def hired(chrome: Browser, boss: Seat, name: str) -> Seat:
    seat = boss.hires(chrome, name, "maintainer")
    # The matcher is loaded and everything proved before the lane is ready.
    expect(seat.page.get_by_test_id("overview")).to_contain_text("Ready", timeout=60_000)
    open_setup(seat.page)
    return seat


def open_setup(page: Page) -> None:
    page.get_by_role("navigation", name="Pages", exact=True).get_by_role("button", name="Set-up").click()


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Pages of the set-up").get_by_role("button", name=name).click()


def service(page: Page, button: str) -> None:
    """On a page that has the button; a lane that is as wanted already is left so."""
    tab(page, "Bands")
    page.get_by_test_id("service").wait_for()
    if page.get_by_role("button", name=button).count() == 0:
        return
    page.get_by_label("Reason (recorded)").fill("lens cleaned")
    page.get_by_role("button", name=button).click()


def figure(page: Page, name: str) -> float:
    found = re.search(r"[\d.]+", page.get_by_test_id(name).inner_text())
    assert found is not None
    return float(found.group())


def pictures(page: Page, more: int = 2) -> None:
    """Until so many further pictures were drawn."""
    frame = page.get_by_text(re.compile(r", picture \d+$"))
    at = int(frame.inner_text().rsplit(" ", 1)[1])
    page.wait_for_function(
        "([least]) => [...document.querySelectorAll('p')].some((p) => {"
        " const m = / picture (\\d+)$/.exec(p.textContent ?? ''); return m && Number(m[1]) >= least; })",
        arg=[at + more],
        timeout=SLOW_MS,
    )


def shows_a_picture(page: Page) -> None:
    expect(page.locator("canvas[data-shown=true]")).to_be_visible()


def looking(page: Page) -> None:
    """A look is going on, begun now where none is: each test stands alone."""
    tab(page, "Bands")
    begin = page.get_by_role("button", name=re.compile("^(Look|End)$"))
    expect(begin).to_be_enabled()
    said: list[str] = []
    for _ in range(3):  # on a loaded machine the lane may refuse, or end the look for a burst that failed: asked again
        if begin.inner_text() == "Look":
            begin.click()
        try:
            page.locator("canvas[data-shown=true]").wait_for(timeout=10_000)
            return
        except TimeoutError:
            said.append(" | ".join(page.locator("[data-testid=look-state], .problem").all_inner_texts()))
    raise AssertionError(f"no picture; the page said: {said}")


def pixels(page: Page) -> list[int]:
    """What the canvas holds now."""
    script = (
        "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, n) => n % 4004 === 0)"
    )
    return list(page.get_by_test_id("band").evaluate(script))


def test_only_a_maintainer_has_these_pages(boss: Seat) -> None:
    expect(boss.page.get_by_role("button", name="Set-up")).to_have_count(0)
    assert boss.context.request.get("/api/setup/lane-1").status == 403


def test_a_lane_in_service_shows_its_set_up_and_nothing_else(seat: Seat) -> None:
    page = seat.page
    tab(page, "Devices")
    devices = page.get_by_test_id("devices")
    for words in ("illumination.nir", "Waveshare Modbus RTU Relay", "✓ answers", "SIMULATED"):
        expect(devices).to_contain_text(words)
    assert seat.violations() == []
    tab(page, "Thresholds")
    expect(page.get_by_test_id("matcher").first).to_contain_text("False match rate")
    expect(page.get_by_test_id("matcher").first).to_contain_text("LFW")
    expect(page.get_by_test_id("matcher").first).to_contain_text("n = 7,")
    expect(page.get_by_test_id("detector")).to_contain_text("SIMULATED")
    assert seat.violations() == []
    tab(page, "Checks and time-outs")
    expect(page.get_by_test_id("checks")).to_contain_text("Must succeed: nothing else admits anybody.")
    expect(page.get_by_text("policy.timeouts.Verifying")).to_be_visible()
    assert seat.violations() == []
    tab(page, "Trust and retention")
    expect(page.get_by_test_id("trust")).to_contain_text("5 CSCA certificates of 2 states are trusted.")
    expect(page.get_by_test_id("retention")).to_contain_text(re.compile(r"\d+ records since"))
    assert seat.violations() == []
    for name, button in (("Self-test", "Test this lane"), ("Bands", "Look")):
        tab(page, name)
        expect(page.get_by_role("button", name=button, exact=True)).to_be_disabled()
        assert seat.violations() == []


def test_the_self_test_is_run_and_told_part_by_part(seat: Seat, rig: Rig) -> None:
    page = seat.page
    before = [rig.observer.closings(relay) for relay in (0, 1)]
    service(page, "Take out of service")
    tab(page, "Self-test")
    expect(page.get_by_test_id("test-state")).to_have_text("Not tested since the lane was started.")
    page.get_by_role("button", name="Test this lane").click()
    expect(page.get_by_test_id("test-state")).to_contain_text("Testing…")
    expect(page.get_by_test_id("test-state")).to_contain_text("All parts were tested")
    expect(page.get_by_test_id("test-state")).to_contain_text("m.weber")
    expect(page.get_by_test_id("test-state")).to_contain_text("0 failed, 0 undetermined, 2 not performed, 0 aborted")
    proofs = page.get_by_test_id("proofs")
    for words in ("exit door closed", "940R", "lit minus dark", "camera, nir", "document reader", "persons 0"):
        expect(proofs).to_contain_text(words)
    assert seat.violations() == []
    assert [rig.observer.closings(relay) for relay in (0, 1)] == before, "no release contact ever closed"


def test_a_lamp_that_is_broken_is_found(seat: Seat, rig: Rig) -> None:
    page = seat.page
    rig.faults.dead_led("940R")
    page.get_by_role("button", name="Test this lane").click()
    row = page.get_by_test_id("proofs").locator("tr", has_text="940R").first
    expect(row).to_contain_text("failed")
    expect(page.get_by_test_id("test-state")).to_contain_text("All parts were tested")
    tab(page, "Devices")
    expect(page.get_by_test_id("devices")).to_contain_text("3003 A band of the illumination is missing")
    rig.faults.repair_leds()


def test_focus_and_exposure_follow_lens_and_light(seat: Seat, rig: Rig) -> None:
    page = seat.page
    tab(page, "Bands")
    page.get_by_label("Channel").select_option("850")
    looking(page)
    # Onto the reference: its edges are what there is to focus on in an empty lane.
    page.get_by_label("Window, across").fill("0.1")
    page.get_by_label("Window, down").fill("0.9")
    page.get_by_test_id("advice").get_by_text("As sharp as it has been").wait_for(timeout=SLOW_MS)
    first = pixels(page)
    pictures(page)
    assert pixels(page) != first, "no two exposures of a sensor are the same picture"
    sharp, mean = figure(page, "sharpness"), figure(page, "mean")
    assert seat.violations() == []

    rig.faults.defocus("nir", 3.0)
    page.get_by_test_id("advice").get_by_text("It has been sharper").wait_for(timeout=SLOW_MS)
    pictures(page)
    assert figure(page, "sharpness") < 0.7 * sharp
    assert figure(page, "mean") == pytest.approx(mean, rel=0.05), "what is out of focus is no darker"
    rig.faults.defocus("nir", 0.0)
    page.get_by_test_id("advice").get_by_text("As sharp as it has been").wait_for(timeout=SLOW_MS)
    assert figure(page, "sharpness") > 0.9 * sharp

    rig.faults.light(Light(led_power={"850L": 3.0, "850R": 3.0}))
    page.get_by_test_id("advice").get_by_text("Too bright").wait_for(timeout=SLOW_MS)
    assert figure(page, "clipped") > 1.0
    assert figure(page, "mean") > 1.2 * mean
    rig.faults.light(Light())
    page.get_by_test_id("advice").get_by_text("Too bright").wait_for(state="hidden", timeout=SLOW_MS)

    page.get_by_label("Channel").select_option("dark.nir")
    expect(page.get_by_text("A dark frame has no focus.")).to_be_visible()
    assert figure(page, "mean") < mean
    page.get_by_label("Channel").select_option("rgb")
    expect(page.get_by_text(re.compile("^visible, picture"))).to_be_visible()
    assert seat.violations() == []


def test_a_second_maintainer_waits_and_sees_who_looks(
    seat: Seat, boss: Seat, chrome: Browser, console: ConsoleProcess
) -> None:
    answer = boss.context.request.post(
        "/api/accounts", data={"name": "n.ruiz", "role": "maintainer"}, headers={"origin": console.url}
    )
    second = boss.context.browser.new_context(base_url=console.url)  # type: ignore[union-attr]
    one_time, headers = answer.json()["password"], {"origin": console.url}
    second.request.post("/api/session", data={"name": "n.ruiz", "password": one_time}, headers=headers)
    second.request.post("/api/password", data={"current": one_time, "new": PASSWORD}, headers=headers)
    looking(seat.page)
    look = {"look_id": "another-page", "channel": "rgb"}
    refused = second.request.post("/api/setup/lane-1/look", data=look, headers=headers).json()
    assert not refused["accepted"]
    assert "m.weber is looking at the bands" in refused["message"]
    page = second.new_page()
    page.goto("/")
    page.get_by_test_id("link").get_by_text("Live").wait_for()
    open_setup(page)
    tab(page, "Bands")
    for _ in range(3):  # a burst that failed on a loaded machine ends the look: it is begun again
        looking(seat.page)
        with suppress(TimeoutError):
            page.get_by_text("m.weber has been looking at the bands").wait_for(timeout=10_000)
            break
    expect(page.get_by_test_id("look-state")).to_contain_text("m.weber has been looking at the bands")
    expect(page.get_by_role("button", name="Look", exact=True)).to_be_disabled()
    expect(page.locator("canvas")).to_have_count(0)
    second.close()


def test_leaving_the_page_ends_the_look(seat: Seat) -> None:
    page = seat.page
    looking(page)
    tab(page, "Devices")
    tab(page, "Bands")
    expect(page.locator("canvas")).to_have_count(0)
    expect(page.get_by_role("button", name="Look", exact=True)).to_be_enabled()


def test_a_lane_put_back_in_service_takes_the_picture_away(seat: Seat) -> None:
    page = seat.page
    looking(page)
    service(page, "Return to service")
    expect(page.get_by_test_id("look-state")).to_contain_text("Ended: The lane was not taken out of service by hand")
    expect(page.locator("canvas")).to_have_count(0)
    expect(page.get_by_test_id("service")).to_contain_text("is not out of service by hand")


def test_by_keyboard_alone_and_on_a_narrow_screen(seat: Seat, tmp_path: Path) -> None:
    page = seat.page
    service(page, "Take out of service")
    button = page.get_by_role("button", name="Look", exact=True)
    expect(button).to_be_enabled()
    button.focus()
    page.keyboard.press("Enter")
    shows_a_picture(page)
    expect(page.get_by_role("button", name="End", exact=True)).to_be_focused()
    slider = page.get_by_label("Window, across")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".picture svg rect")).to_have_attribute("x", "0")
    page.set_viewport_size({"width": 420, "height": 900})
    try:
        assert page.evaluate("document.documentElement.scrollWidth") == 420
        for name in TABS:
            tab(page, name)
            expect(page.locator("main table, main form").first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") == 420, name
            assert seat.violations() == [], name
    finally:
        page.set_viewport_size({"width": 1280, "height": 800})
