"""The real console as a process of its own, and a real Chromium in front of it. Test only."""

import re
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).parents[3]
PASSWORD = "a calm and long passphrase"


class ConsoleProcess:
    """`python -m ui` on a free port. `stop` fails on anything it wrote to its error output."""

    def __init__(self, sockets: list[Path], state_dir: Path, *more: str) -> None:
        arguments = [part for path in sockets for part in ("--socket", str(path))] + [*more]
        self.state_dir = state_dir
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "ui", *arguments, "--state-dir", str(state_dir), "--port", "0"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url, self.one_time = "", ""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if match := re.search(r"http://[\d.:]+", line):
                self.url = match.group()
            if match := re.search(r"one-time password:\s+(\S+)", line):
                self.one_time = match.group(1)
            if "until it is changed" in line or "sign in with" in line or "password is in" in line:
                break
        if not self.url:
            raise AssertionError(f"the console did not start: {self._process.communicate()[1]}")

    def stop(self) -> None:
        if self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGINT)
        _, errors = self._process.communicate(timeout=15)
        assert self._process.returncode == 0, f"exit code {self._process.returncode}: {errors}"
        assert errors == "", errors


class Seat:
    """One page of one browser context; remembers everything the page complained about."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.context: BrowserContext = browser.new_context(
            viewport={"width": 1280, "height": 800}, base_url=url, locale="en-GB", timezone_id="UTC"
        )
        self.context.set_default_timeout(8000)
        self.complaints: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on(
            "console", lambda message: self.complaints.append(message.text) if message.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def sign_in(self, password: str = PASSWORD, name: str = "officer") -> None:
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def first_sign_in(self, one_time: str) -> None:
        """One-time password, then one's own; the first supervisor keeps the name "officer"."""
        self.sign_in(one_time)
        self.page.get_by_label("Your name").fill("officer")
        self.page.get_by_label("One-time password").fill(one_time)
        self.page.get_by_label("New password", exact=True).fill(PASSWORD)
        self.page.get_by_label("New password again").fill(PASSWORD)
        self.page.get_by_role("button", name="Save and continue").click()
        self.page.get_by_test_id("link").get_by_text("Live").wait_for()

    def hires(self, browser: Browser, name: str, role: str) -> "Seat":
        """This seat's supervisor gives somebody an account; their own seat, signed in."""
        asked = {"data": {"name": name, "role": role}, "headers": {"origin": self.url}}
        one_time = self.context.request.post("/api/accounts", **asked).json()["password"]
        seat = Seat(browser, self.url)
        seat.page.goto("/")
        seat.sign_in(one_time, name)
        for label in ("New password", "New password again"):
            seat.page.get_by_label(label, exact=True).fill(PASSWORD)
        seat.page.get_by_label("One-time password").fill(one_time)
        seat.page.get_by_role("button", name="Save and continue").click()
        seat.page.get_by_test_id("link").get_by_text("Live").wait_for()
        return seat

    def violations(self) -> list[str]:
        """What axe-core finds (WCAG 2.0 to 2.2, A and AA)."""
        script = (ROOT / "ui/web/node_modules/axe-core/axe.min.js").read_text()
        # Evaluated over the debugging protocol: a script tag would break the page's own policy.
        self.page.evaluate(script)
        found = self.page.evaluate(
            """async () => (await axe.run(document, {runOnly:
               ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})).violations
               .map(v => `${v.id}: ${v.nodes.map(n => n.target + ' ' + n.failureSummary).join(' | ')}`)"""
        )
        return list(found)

    def close(self) -> None:
        self.context.close()
