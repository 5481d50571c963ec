"""Every page of the guard console, in front of lanes in which something happens. Test only.

`PAGES` is the one list of pages: the tests look at each in every one of `VARIANTS`, `make shots` takes its picture.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page
from ui_after_lane import served, written
from ui_fake_lane import LaneThread, held, idle, now, watching
from ui_rig import ConsoleProcess, Seat

from appliance.clock import SystemClock
from appliance.control.messages import CheckView, FaultView, LaneSnapshot
from appliance.core.faults import CATALOGUE

VARIANTS = {"dark": ("en", "dark"), "light": ("en", "light"), "arabic": ("ar", "dark")}
"""What every page is looked at in: language and theme."""

_FAULT = CATALOGUE[3008]
CHECKS = (
    CheckView(
        name="liveness",
        result="failed",
        reason="Most like: Silicone mask. Unlike skin in water (970 / 850 nm), +4.1 sd. And 2 more.",
        detail="detector 2026.3, score 0.93",
    ),
    CheckView(name="comparison", result="undetermined", reason="The face changed during the capture."),
    CheckView(
        name="document_read", result="successful", reason="The document was read and its check digits are right."
    ),
    CheckView(name="document_authenticity", result="not_performed", reason="The chip was not read."),
    CheckView(name="document_validity", result="successful", reason="The document is valid until 2032-04-15."),
    CheckView(name="single_face", result="successful", reason="One face is in view."),
    CheckView(name="face_quality", result="aborted", reason="A door opened during the verification."),
)


class Tour:
    """The lanes, the console, a supervisor who has signed in and a page where nobody has."""

    def __init__(self, browser: Browser, lanes: LaneThread, base: Path, start: Callable[..., ConsoleProcess]) -> None:
        self.lanes = lanes
        end = SystemClock().now()
        past = [served(lanes, written(base, f"E-0{n}", end=end, hours=6, seed=n, busiest=12)) for n in (1, 2)]
        self.lane = lanes.lane(base / "E-03.sock", quiet())
        self.lane.no_past = "Nothing is kept here that could be asked for."
        post = lanes.lane(base / "H-01.sock", watching({"alert_id": "hall-1"}))
        console = start(*(lane.path for lane in past), self.lane.path, post.path)
        self.seat, self.stranger = Seat(browser, console.url), Seat(browser, console.url)
        for seat in (self.seat, self.stranger):
            seat.context.set_default_timeout(20_000)
            seat.page.goto("/")
        self.seat.first_sign_in(console.one_time)
        self.seat.page.get_by_test_id("page-people").click()
        self.seat.page.get_by_label("Name (as it will stand").fill("Ben Adler")
        self.seat.page.get_by_role("button", name="Create account").click()
        self.seat.page.get_by_test_id("account-Ben Adler").wait_for()
        self._revision = 2

    def wear(self, language: str, theme: str) -> None:
        """Language and theme of both seats, kept there as a choice by hand is."""
        for seat in (self.seat, self.stranger):
            seat.page.evaluate(
                "([language, theme]) => { localStorage.setItem('sallyport.language', language);"
                " localStorage.setItem('sallyport.theme', theme); }",
                [language, theme],
            )
            seat.page.reload()
        self.seat.page.locator(".chip.calm[data-testid=link]").wait_for()
        self.seat.page.get_by_test_id("sound").click()
        self.stranger.page.get_by_test_id("station").wait_for()

    def show(self, snapshot: LaneSnapshot) -> None:
        """What the third lane does from now on."""
        self._revision += 1
        self.lanes.do(lambda: self.lane.show(snapshot.model_copy(update={"revision": self._revision})))

    def close(self) -> None:
        """Close both seats."""
        self.seat.close()
        self.stranger.close()


def quiet() -> LaneSnapshot:
    """The third lane at rest, with a fault."""
    fault = FaultView(
        code=_FAULT.code,
        title=_FAULT.title,
        advice=f"{_FAULT.advice} (LEDs differ from their calibration: 940L -24%. Clean the lamps and the reference;"
        " if that does not help, calibrate anew.)",
        severity="notice",
        device="illumination.nir",
        since=now(),
    )
    return idle("E-03", faults=(fault,))


def taken() -> LaneSnapshot:
    """The third lane with somebody suspected in it."""
    what: dict[str, Any] = {"checks": CHECKS, "irregularities": ("The portrait is blurred.",)}
    return held("E-03", **what)


def _sign_in(tour: Tour) -> Page:
    return tour.stranger.page


def _lanes(tour: Tour) -> Page:
    tour.show(quiet())
    tour.seat.page.get_by_test_id("page-lanes").click()
    tour.seat.page.get_by_test_id("overview").wait_for()
    return tour.seat.page


def _referral(tour: Tour) -> Page:
    page = _lanes(tour)
    tour.show(taken())
    page.locator("[data-testid=face-live][data-shown=true]").wait_for()
    return page


def _reset(tour: Tour) -> Page:
    tour.show(quiet())
    tour.seat.page.locator("[data-testid=held-elsewhere], [data-testid=referral]").first.wait_for(state="detached")
    return tour.seat.page


def _view(clicks: str, ready: str) -> Callable[[Tour], Page]:
    """The page behind buttons, each known by its test id, once something on it is there."""

    def opened(tour: Tour) -> Page:
        page = _reset(tour)
        for name in clicks.split():
            page.get_by_test_id(name).click()
        page.get_by_test_id(ready).first.wait_for()
        return page

    return opened


PAGES: dict[str, Callable[[Tour], Page]] = {
    "sign-in": _sign_in,
    "lanes": _lanes,
    "referral": _referral,
    "accounts": _view("page-people", "account-Ben Adler"),
    "my-account": _view("page-me", "station"),
    "passages": _view("page-after tab-passages", "passages"),
    "journal": _view("page-after tab-journal", "journal"),
    "statistics": _view("page-after tab-statistics", "rates"),
    "devices": _view("page-after tab-devices", "versions"),
    "claims": _view("page-after tab-claims", "faces"),
}
"""Opens each page and waits until what it shows is there; the page it is on."""
