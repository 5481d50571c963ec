"""Every page of the guard console, in front of lanes in which something happens. Test only.

`PAGES` is the one list of pages: the tests look at each in every one of `VARIANTS`, `make shots` takes its picture.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, Page
from ui_after_lane import served, written
from ui_document import document
from ui_fake_lane import LaneThread, held, idle, now, picture, watching
from ui_rig import ConsoleProcess, Seat

from appliance.clock import SystemClock
from appliance.config import LaneConfig
from appliance.control.looks import BandFigures, LookView, SetupView
from appliance.control.messages import (
    CheckView,
    FaultView,
    LaneSnapshot,
)
from appliance.control.setup import Proof, SelfTestState, SetupAnswer
from appliance.core.faults import CATALOGUE
from appliance.core.types import Result
from appliance.document.reasons import VERDICTS, Reason
from appliance.runtime import configured
from appliance.runtime.configured import Live
from appliance.store.lane_store import LaneStore
from appliance.store.records import JournalRecord
from appliance.vision import focus
from hil.rig.trust import fingerprint, import_trust

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
    CheckView(name="document_authenticity", result="successful", reason="The chip's data is authentic."),
    CheckView(name="document_validity", result="successful", reason="The document is valid until 2032-04-15."),
    CheckView(name="single_face", result="not_performed", reason="This check was not performed."),
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
        self.maintainer = self.seat.hires(browser, "Mia Weber", "maintainer")
        self.lane.after = _obeyed
        self.lane.tells = {"setup": set_up(base), "self_test": tested()}

    def wear(self, language: str, theme: str) -> None:
        """Language and theme of all seats, kept there as a choice by hand is."""
        for seat in self.seats:
            seat.page.evaluate(
                "([language, theme]) => { localStorage.setItem('sallyport.language', language);"
                " localStorage.setItem('sallyport.theme', theme); }",
                [language, theme],
            )
            seat.page.reload()
        for seat in (self.seat, self.maintainer):
            seat.page.locator(".chip.calm[data-testid=link]").wait_for()
        self.seat.page.get_by_test_id("sound").click()
        self.stranger.page.get_by_test_id("station").wait_for()

    def show(self, snapshot: LaneSnapshot) -> None:
        """What the third lane does from now on."""
        self._revision += 1
        self.lanes.do(lambda: self.lane.show(snapshot.model_copy(update={"revision": self._revision})))

    @property
    def seats(self) -> tuple[Seat, ...]:
        """A supervisor, nobody, a maintainer."""
        return (self.seat, self.stranger, self.maintainer)

    def close(self) -> None:
        """Close all seats."""
        for seat in self.seats:
            seat.close()


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


def forged() -> LaneSnapshot:
    """The third lane with a document in it that its issuer did not sign."""
    gravest = VERDICTS[Reason.SIGNATURE_WRONG]
    authenticity = CheckView(
        name="document_authenticity", result=gravest.result, reason=gravest.words, detail=Reason.SIGNATURE_WRONG
    )
    shown = held(
        "E-03",
        document=document(Reason.SIGNATURE_WRONG),
        checks=(authenticity, *(check for check in CHECKS if check.name in ("document_read", "document_validity"))),
        referral={
            "suspected_attack": False,
            "inside": False,
            "needs_visual_check": False,
            "actions": ("refuse", "second_line", "hold", "acknowledge"),
        },
    )
    assert shown.passage is not None
    images = tuple(image for image in shown.passage.images if image.channel in ("portrait", "live"))
    return shown.model_copy(update={"occupied": False, "passage": shown.passage.model_copy(update={"images": images})})


def closed(look_id: str = "", channel: str = "rgb") -> LaneSnapshot:
    """The third lane out of service; with an id a maintainer looks at a channel, whose figures are the drawing's."""
    out: dict[str, Any] = {"phase": "OutOfService", "in_service": False, "closed_by_hand": True}
    if not look_id:
        return idle("E-03", **out)
    drawn = cv2.imdecode(np.frombuffer(picture(channel)[0], np.uint8), cv2.IMREAD_COLOR)
    view = focus.View(drawn, (cv2.cvtColor(drawn, cv2.COLOR_BGR2GRAY),), 250)
    figures = BandFigures.model_validate(focus.figures(view, channel, (0.5, 0.5), focus.Peak()))
    ends = now() + timedelta(minutes=2)
    look = LookView(look_id=look_id, channel=channel, version=1, ends=ends, figures=figures, problem="")
    doing = SetupView(doing="look", officer="Mia Weber", since=now(), ended=None, words="", done=0, look=look)
    return idle("E-03", setup=doing, **out)


def _obeyed(request: dict[str, Any]) -> LaneSnapshot:
    """What the third lane does when a console orders something of it."""
    order = request.get("order", {})
    return closed(order["look_id"], order["channel"]) if order.get("do") == "look" else closed()


def set_up(base: Path) -> SetupAnswer:
    """How a lane says it is set up: the real answer, of a configuration as one of the rig's lanes has it."""
    camera = {"kind": "rig", "reference": {"box": (0, 0, 10, 10), "width_mm": 7}}
    config = LaneConfig.model_validate(
        {
            "lane_id": "E-03",
            "profile": "simulated",
            "state_dir": base / "set-up",
            "control_socket": base / "none.sock",
            "gate": {"port": "/dev/serial/by-path/gate"},
            "illumination": {"nir": {"port": "/dev/serial/by-path/light", "bands": {"850": {}, "940": {}}}},
            "cameras": {"rgb": camera, "nir": camera},
            "document_reader": {"kind": "rig"},
            "trust": {"store": base / "trust", "roots": [fingerprint()]},
            "simulation": {"module": "none"},
        }
    )
    clock = SystemClock()
    import_trust(base / "trust", base / "utopia", clock.now())
    with LaneStore.open(config.state_dir, clock, boot_id="boot") as store:
        store.append([JournalRecord("lane_started", {"lane_id": config.lane_id})])
    who = {"gate": {"model": "simulated gate", "firmware": "1", "serial_number": "S-1", "proved": False}}
    live = Live(who, (), {}, "open-omz", ("rgb", "850", "940"), 0, clock.now())
    told = configured.answer(config, live, clock.monotonic).model_dump_json()
    return SetupAnswer.model_validate_json(told.replace(str(base), "/var/lib/sallyport"))


def tested() -> SelfTestState:
    """A self-test with every result."""
    seen = {
        "successful": ("gate", "every output off", "every contact reads back as open"),
        "failed": ("LEDs of the nir camera", "940", "lit minus dark 0.4 DN (n=3)"),
        "undetermined": ("presence", "lane empty", "persons unknown, something left: unknown, 31 % of the area seen"),
        "not_performed": ("gate", "exit release", "Only appliance selftest releases doors, with the lane stopped."),
        "aborted": ("cameras", "broken off", "The lane was stopped."),
    }
    proofs = tuple(Proof(part=a, what=b, result=Result(name), seen=c) for name, (a, b, c) in seen.items())
    return SelfTestState(officer="Mia Weber", started=now(), ended=now(), words="All parts were tested.", proofs=proofs)


def _sign_in(tour: Tour) -> Page:
    return tour.stranger.page


def _lanes(tour: Tour) -> Page:
    tour.show(quiet())
    tour.seat.page.get_by_test_id("page-lanes").click()
    tour.seat.page.get_by_test_id("overview").wait_for()
    return tour.seat.page


def _held(snapshot: Callable[[], LaneSnapshot]) -> Callable[[Tour], Page]:
    """The card of whoever the third lane holds then."""

    def opened(tour: Tour) -> Page:
        page = _lanes(tour)
        tour.show(snapshot())
        page.locator("[data-testid=face-live][data-shown=true]").wait_for()
        return page

    return opened


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


def _set_up(
    tab: int, ready: str, snapshot: Callable[[], LaneSnapshot] = quiet, click: str = ""
) -> Callable[[Tour], Page]:
    """A page of the set-up, by its place among the tabs."""

    def opened(tour: Tour) -> Page:
        page = _reset(tour) and tour.maintainer.page
        tour.show(snapshot())
        page.get_by_test_id("page-lanes").click()  # leaving it ends a look
        page.get_by_test_id("page-setup").click()
        page.locator("main.setup select").first.select_option("E-03")
        page.locator("main.setup .tabs button").nth(tab).click()
        if click:
            page.locator(click).click()
        page.locator(ready).first.wait_for()
        return page

    return opened


PAGES: dict[str, Callable[[Tour], Page]] = {
    "sign-in": _sign_in,
    "lanes": _lanes,
    "referral": _held(taken),
    "forgery": _held(forged),
    "accounts": _view("page-people", "account-Ben Adler"),
    "my-account": _view("page-me", "station"),
    "passages": _view("page-after tab-passages", "passages"),
    "journal": _view("page-after tab-journal", "journal"),
    "statistics": _view("page-after tab-statistics", "rates"),
    "devices": _view("page-after tab-devices", "versions"),
    "claims": _view("page-after tab-claims", "faces"),
    "set-up-devices": _set_up(0, "[data-testid=devices]"),
    "set-up-self-test": _set_up(1, "[data-testid=proofs]", closed),
    "set-up-bands": _set_up(2, "[data-testid=band][data-shown=true]", closed, "main.setup .row > button.primary"),
    "set-up-thresholds": _set_up(3, "[data-testid=matcher]"),
    "set-up-rules": _set_up(4, "[data-testid=checks]"),
    "set-up-trust": _set_up(5, "[data-testid=retention]"),
}
"""Opens each page and waits until what it shows is there; the page it is on."""
