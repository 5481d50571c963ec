"""A post that only watches, in a real Chromium: an alert cannot be missed, an old picture is never shown as live."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect
from ui_fake_lane import FakeLane, LaneThread, watching
from ui_rig import Seat

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def post(lane_thread: LaneThread, tmp_path_factory: pytest.TempPathFactory) -> FakeLane:
    return lane_thread.lane(tmp_path_factory.mktemp("posts") / "hall.sock", watching())


@pytest.fixture(scope="module")
def guard(chrome: Browser, start_console, post: FakeLane) -> Iterator[Seat]:
    console = start_console(post.path)
    seat = Seat(chrome, console.url)
    seat.page.goto("/")
    seat.first_sign_in(console.one_time)
    yield seat
    seat.close()
    assert seat.complaints == []


def show(lane_thread: LaneThread, post: FakeLane, *alerts: dict, **more: object) -> None:
    lane_thread.do(lambda: post.show(watching(*alerts, revision=post.snapshot.revision + 1, **more)))


def row_of(guard: Seat, alert_id: str) -> Locator:
    """The row of an alert, once its still is loaded: the post keeps no still of an alert that went."""
    row = guard.page.get_by_test_id(f"alert-{alert_id}")
    assert row.get_by_role("img").evaluate("each => each.decode().then(() => each.naturalWidth)") == 640
    return row


def test_an_alert_says_what_it_is_and_is_acknowledged(guard: Seat, post: FakeLane, lane_thread: LaneThread) -> None:
    page = guard.page
    tile = page.get_by_test_id("tile-hall")
    show(lane_thread, post)
    expect(tile).to_contain_text("nothing moves here")
    expect(tile).to_contain_text("link up")
    show(lane_thread, post, {})
    row = row_of(guard, "hall-1")
    expect(row).to_contain_text("Lower face covered, as by a medical mask.")
    expect(row).to_contain_text("cannot tell skin from resin or silicone")
    expect(row).to_contain_text("not live")
    expect(row).to_contain_text("Still in view.")
    expect(page.get_by_role("alert").filter(has_text="Camera hall: Lower face covered")).to_have_count(1)
    expect(page.locator("#queue-title")).to_contain_text("1 alert not acknowledged")
    assert guard.violations() == []
    post.after = lambda _said: watching({"acknowledged_by": "officer"}, revision=post.snapshot.revision + 1)
    row.get_by_role("button", name="Acknowledge").click()
    expect(row).to_contain_text("Acknowledged by officer")
    expect(row.get_by_role("button")).to_have_count(0)
    assert post.heard("acknowledge")[-1]["officer"] == "officer"
    expect(page.locator("#queue-title")).to_contain_text("No traveller is waiting")


def test_a_refused_acknowledgement_is_said(guard: Seat, post: FakeLane, lane_thread: LaneThread) -> None:
    show(lane_thread, post, {"alert_id": "hall-2"})
    post.answer, post.after = (lambda _said: (False, "somebody was first")), None
    row_of(guard, "hall-2").get_by_role("button", name="Acknowledge").click()
    expect(guard.page.get_by_test_id("tile-hall")).to_contain_text("somebody was first")
    post.answer = lambda _said: (True, "")


def test_a_lost_link_and_missed_alerts_cannot_be_overlooked(
    guard: Seat, post: FakeLane, lane_thread: LaneThread
) -> None:
    page = guard.page
    ended = {"alert_id": "hall-3", "because": "link lost", "ended": post.snapshot.at}
    show(lane_thread, post, ended, link="lost", missed=7)
    expect(page.get_by_test_id("link-hall")).to_contain_text("LINK LOST")
    expect(page.get_by_test_id("link-hall")).to_contain_text("has hung up")
    expect(row_of(guard, "hall-3")).to_contain_text("(link lost)")
    expect(page.get_by_test_id("tile-hall")).to_contain_text("7 alerts found no room")
    show(lane_thread, post, link="lost")
    expect(page.locator("#queue-title")).to_contain_text("Not every camera can be seen")
    assert guard.violations() == []


def test_text_of_a_camera_is_text(guard: Seat, post: FakeLane, lane_thread: LaneThread) -> None:
    show(lane_thread, post, {"alert_id": "hall-4", "camera": "<img src=x onerror=alert(1)>"})
    expect(row_of(guard, "hall-4")).to_contain_text("<img src=x onerror=alert(1)>")


def test_a_post_out_of_reach_shows_no_face(guard: Seat, post: FakeLane, lane_thread: LaneThread) -> None:
    page = guard.page
    show(lane_thread, post, {"alert_id": "hall-5"})
    expect(row_of(guard, "hall-5")).to_be_visible()
    lane_thread.wait(post.stop())
    expect(page.get_by_test_id("lane-lost")).to_contain_text("POST H-01 UNREACHABLE")
    expect(page.get_by_test_id("lane-lost")).to_contain_text("No alert can come from it")
    expect(page.get_by_test_id("alert-hall-5")).to_have_count(0)
    lane_thread.wait(post.start())
    expect(row_of(guard, "hall-5")).to_be_visible()
