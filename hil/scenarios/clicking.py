"""A guard who decides by clicking: the real console as a process of its own, and a real Chromium in front of it.

Not responsible for what the guard decides (`conductor`), nor for what the page looks like (`tests/ui`).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from playwright.async_api import Error, Page, async_playwright

from appliance.control.messages import PassageView
from hil.front import ARGUMENTS, CHROMIUM, command, told
from hil.scenarios.conductor import Decide, TourError
from hil.scenarios.script import GuardDoes

PASSWORD = "a calm and long passphrase"
START_S, CLICK_MS = 30.0, 10_000


@contextlib.asynccontextmanager
async def clicking(control: Path, state: Path) -> AsyncIterator[Decide]:
    """Somebody at the console of a lane, signed in, until the block ends. Raises TourError when it does not come up."""
    async with _console(control, state) as (url, one_time), async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
            context = await browser.new_context(base_url=url, locale="en-GB", viewport={"width": 1280, "height": 800})
            context.set_default_timeout(CLICK_MS)
            page = await context.new_page()
            await _sign_in(page, one_time)
        except Error as error:
            raise TourError(f"no guard came to the console's page: {error}") from error
        yield partial(_click, page)
        await browser.close()


@contextlib.asynccontextmanager
async def _console(control: Path, state: Path) -> AsyncIterator[tuple[str, str]]:
    """The console in front of a lane; its address and the one-time password of its first supervisor."""
    process = await asyncio.create_subprocess_exec(*command([control], state), stdout=asyncio.subprocess.PIPE)
    try:
        yield await _told(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _told(process: asyncio.subprocess.Process) -> tuple[str, str]:
    assert process.stdout is not None
    said = ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_S):
            while line := (await process.stdout.readline()).decode():
                said += line
                if found := told(said):
                    return found
    raise TourError(f"the console did not come up within {START_S:.0f} s; it said: {said}")


async def _sign_in(page: Page, one_time: str) -> None:
    await page.goto("/")
    await page.get_by_label("Name").fill("officer")
    await page.get_by_label("Password", exact=True).fill(one_time)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.get_by_label("Your name").fill("tour")
    await page.get_by_label("One-time password").fill(one_time)
    for label in ("New password", "New password again"):
        await page.get_by_label(label, exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Save and continue").click()
    await page.get_by_test_id("link").get_by_text("Live").wait_for()


async def _click(page: Page, view: PassageView, does: GuardDoes) -> str:
    """Look at the pictures on the card, give the reason, tick, click; "" once the lane has taken it, else why not."""
    card, dialog = page.get_by_test_id("referral"), page.locator("dialog[open]")
    try:
        await card.wait_for()
        for image in view.images:
            if image.channel != "live":
                await card.locator(f"[data-testid=face-{image.channel}][data-shown=true]").wait_for()
        await card.locator("#reason").fill(does.reason)
        if does.visual_check and await card.get_by_test_id("visual-check").count():
            await card.get_by_test_id("visual-check").locator("input").check()
        await card.locator(f"button.decide.{does.action}").click()
        while await card.count():
            if await dialog.count() and not await dialog.locator("input[type=password]").first.input_value():
                await dialog.locator("input[type=password]").first.fill(PASSWORD)
                await dialog.get_by_role("button", name="Confirm", exact=True).click()
            # All of none, where the card has just gone.
            if problem := "".join(await card.locator("#decide-problem").all_inner_texts()).strip():
                return problem
            await asyncio.sleep(0.05)
    except Error as error:
        return f"the page: {error}"
    return ""
