"""What the guard console costs with 24 lanes and 5 stations: how soon a referral's card is there, how old a live
picture is, what a page weighs, what the process holds.

The console is the real one (`python -m ui`), one station is a real Chromium with the page in view, four take every
event and picture as a page does. Lanes and stations are processes of their own (`console_lanes`, `console_stations`).

Clocks: lanes stamp with the monotonic clock that all processes of a machine share. A page's `performance.now()` is
brought to it by asking the page for it many times: the answer with the shortest round trip stands, and half of that
round trip is the error. "Painted" is the first task of the page after the frame in which something was drawn.
"""

import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psutil
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

from hil import front

LANES, STATIONS = 24, 5
PASSWORD = "a passphrase of the bench"
COOKIE = "sallyport_session"
PROBES = 60
PATIENCE_S = 10.0
_PAGE = Path(__file__).with_name("console_page.js")


class BenchRefused(Exception):
    """The console cannot be measured here; the message says why."""


@dataclass(slots=True)
class Figures:
    """Seconds, unless said otherwise. `card` and `whole` are from the referral to the painted card, and to its last
    picture; `frames` from the making of a live picture to its painting."""

    card: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    frames: list[float] = field(default_factory=list)
    filmed_s: float = 0.0
    usable: list[float] = field(default_factory=list)
    wire_bytes: int = 0
    gzip_bytes: int = 0
    rss_bytes: int = 0
    cpu_percent: float = 0.0
    clock_error: float = 0.0


def run(referrals: int, loads: int, film_s: float, tell: Callable[[str], None]) -> Figures:
    """Measure everything in one run. Raises BenchRefused."""
    if not front.CHROMIUM.exists():
        raise BenchRefused("needs Chromium: sudo apt-get install --no-install-recommends --yes chromium")
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder, ExitStack() as stack:
        base = Path(folder)
        tell(f"starting {LANES} lanes and a console")
        lanes = stack.enter_context(_lanes(base))
        url, one_time, process = stack.enter_context(_console(base))
        tokens = _sign_in(url, one_time)
        stack.enter_context(_stations(url, tokens[1:]))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=str(front.CHROMIUM), args=list(front.ARGUMENTS))
        stack.callback(browser.close)
        seat = _Seat(browser, url, tokens[0])
        seat.page.goto("/")
        seat.wait("usable")
        busy = process.cpu_times()
        begun = time.monotonic()
        for number in range(referrals):
            tell(f"referral {number + 1} of {referrals}")
            _refer(seat, lanes, number % LANES, figures)
        tell(f"a live picture in view for {film_s:g} s")
        _film(seat, lanes, film_s, figures)
        spent = process.cpu_times()
        figures.cpu_percent = 100 * (spent.user + spent.system - busy.user - busy.system) / (time.monotonic() - begun)
        figures.rss_bytes = process.memory_info().rss
        seat.context.close()
        for number in range(loads):
            tell(f"first load {number + 1} of {loads}")
            _load(browser, url, tokens[0], figures)
        _weigh(browser, url, tokens[0], figures)
        figures.rss_bytes = max(figures.rss_bytes, process.memory_info().rss)
    return figures


class _Lanes:
    """The lanes' process, by its standard input and output."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def do(self, order: str, lane: int) -> dict[str, Any]:
        """Carry out an order; when it happened, by the shared clock, and the lane's name."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{order} {lane}\n")
        self._process.stdin.flush()
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said


class _Seat:
    """A page in view, in a browser that has nothing of it yet."""

    def __init__(self, browser: Browser, url: str, token: str) -> None:
        self.context: BrowserContext = browser.new_context(
            base_url=url, viewport={"width": 1920, "height": 1080}, locale="en-GB"
        )
        self.context.add_init_script(path=_PAGE)
        self.context.add_cookies([{"name": COOKIE, "value": token, "url": url}])
        self.page: Page = self.context.new_page()

    def wait(self, name: str) -> float:
        """Milliseconds that the page has noted under this name, once it has. Raises BenchRefused."""
        noted = self.page.evaluate("([name, patience]) => bench.until(name, patience)", [name, PATIENCE_S * 1000])
        if noted is None:
            raise BenchRefused(f"the page showed nothing for {PATIENCE_S:g} s ({name})")
        return float(noted)

    def offset(self) -> tuple[float, float]:
        """What to add to the page's milliseconds / 1000 to get the shared clock, and the error of that, in seconds."""
        best = (float("inf"), 0.0)
        for _ in range(PROBES):
            before = time.monotonic()
            now = float(self.page.evaluate("performance.now()")) / 1000
            after = time.monotonic()
            best = min(best, (after - before, (before + after) / 2 - now))
        return best[1], best[0] / 2


@contextmanager
def _lanes(base: Path) -> Iterator[_Lanes]:
    command = [sys.executable, "-m", "hil.bench.console_lanes", str(base), str(LANES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise BenchRefused("the lanes of the bench did not start")
            yield _Lanes(process)
        finally:
            process.terminate()


@contextmanager
def _console(base: Path) -> Iterator[tuple[str, str, psutil.Process]]:
    sockets = [base / f"lane-{number:02}.sock" for number in range(1, LANES + 1)]
    with subprocess.Popen(front.command(sockets, base / "console"), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if "until it is changed" in line:
                    break
            found = front.told(said)
            if found is None:
                raise BenchRefused("the console did not start; are the pages built? (make setup)")
            yield *found, psutil.Process(process.pid)
        finally:
            process.terminate()


@contextmanager
def _stations(url: str, tokens: list[str]) -> Iterator[None]:
    command = [sys.executable, "-m", "hil.bench.console_stations", url, *tokens]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield
            if process.poll() is not None:
                raise BenchRefused("a station of the bench ended before its time")
        finally:
            process.terminate()


def _sign_in(url: str, one_time: str) -> list[str]:
    """A session for each station."""
    tokens = []
    for number in range(STATIONS):
        with httpx2.Client(base_url=url, headers={"origin": url}, timeout=20) as client:
            password = PASSWORD if number else one_time
            client.post("/api/session", json={"name": "officer", "password": password}).raise_for_status()
            if not number:
                change = {"current": one_time, "new": PASSWORD, "name": "officer"}
                client.post("/api/password", json=change).raise_for_status()
            tokens.append(client.cookies[COOKIE])
    return tokens


def _refer(seat: _Seat, lanes: _Lanes, lane: int, figures: Figures) -> None:
    offset, error = seat.offset()
    seat.page.evaluate("name => { bench.card = bench.whole = null; bench.wanted = name; }", f"B-{lane + 1:02}:")
    at = lanes.do("refer", lane)["at"]
    figures.card.append(seat.wait("card") / 1000 + offset - at)
    figures.whole.append(seat.wait("whole") / 1000 + offset - at)
    figures.clock_error = max(figures.clock_error, error)
    seat.page.evaluate("bench.wanted = null")
    lanes.do("release", lane)
    seat.page.get_by_test_id("referral").wait_for(state="detached", timeout=PATIENCE_S * 1000)


def _film(seat: _Seat, lanes: _Lanes, film_s: float, figures: Figures) -> None:
    """One lane in view, live; the first second is not counted, in it the stills come too."""
    lanes.do("refer", 0)
    seat.page.get_by_test_id("referral").wait_for(timeout=PATIENCE_S * 1000)
    seat.page.wait_for_timeout(1000)
    offset, error = seat.offset()
    seat.page.evaluate("bench.frames = []")
    begun = time.monotonic()
    seat.page.wait_for_timeout(film_s * 1000)
    frames = seat.page.evaluate("bench.frames")
    figures.filmed_s = time.monotonic() - begun
    figures.frames = [painted / 1000 + offset - made for made, painted in frames]
    figures.clock_error = max(figures.clock_error, error)
    lanes.do("release", 0)


def _load(browser: Browser, url: str, token: str, figures: Figures) -> None:
    """A page from nothing, with an empty cache: when every lane was there."""
    seat = _Seat(browser, url, token)
    seat.page.goto("/", wait_until="commit")
    figures.usable.append(seat.wait("usable") / 1000)
    seat.context.close()


def _weigh(browser: Browser, url: str, token: str, figures: Figures) -> None:
    """The same once more, for what came over the wire; looking at it takes time."""
    seat = _Seat(browser, url, token)
    protocol = seat.context.new_cdp_session(seat.page)
    protocol.send("Network.enable")
    sizes: list[int] = []
    answers: list[Response] = []
    protocol.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    seat.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - a method takes no mark of Playwright
    seat.page.goto("/", wait_until="load")
    seat.wait("usable")
    files = [answer.body() for answer in answers if not urlsplit(answer.url).path.startswith("/api")]
    figures.wire_bytes = sum(sizes)
    figures.gzip_bytes = sum(len(gzip.compress(body)) for body in files)
    seat.context.close()
