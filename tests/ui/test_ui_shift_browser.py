"""A whole shift in a real Chromium before the real appliance on a simulated rig: set-up, log-in, referral, decision,
audit, export, hand-over. Each step rests on the one before, so it is one test."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from ui_rig import PASSWORD, ConsoleProcess, Seat

from hil.passport.folder import document_below
from hil.rig import Rig
from hil.rig.config import LaneSettings
from hil.scenarios.script import VALID
from hil.scenarios.tour import appliance_of
from hil.scene import CAST, bona_fide

pytestmark = [pytest.mark.browser, pytest.mark.rig, pytest.mark.timeout(240)]
SLOW_MS = 60_000
REASON = "Not the holder of the document."


def view(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Pages", exact=True).get_by_role("button", name=name).click()


def sets_up(page: Page) -> None:
    view(page, "Set-up")
    page.get_by_role("button", name="Self-test").click()
    page.get_by_label("Reason (recorded)").fill("before the shift")
    page.get_by_role("button", name="Take out of service").click()
    test = page.get_by_role("button", name="Test this lane")
    expect(test).to_be_enabled(timeout=SLOW_MS)
    test.click()
    expect(page.get_by_test_id("proofs")).to_contain_text("gate", timeout=SLOW_MS)
    expect(page.get_by_test_id("test-state")).to_contain_text("All parts were tested.", timeout=SLOW_MS)
    expect(page.get_by_test_id("proofs")).not_to_contain_text("failed")
    page.get_by_label("Reason (recorded)").fill("all proved")
    page.get_by_role("button", name="Return to service").click()


def refuses(page: Page, rig: Rig) -> None:
    expect(page.get_by_test_id("overview")).to_contain_text("Ready", timeout=SLOW_MS)
    rig.present(bona_fide(CAST[3]), document_below(rig.paths.directory / "documents", CAST[0], VALID))
    card = page.get_by_test_id("referral")
    card.wait_for(timeout=SLOW_MS)
    expect(card).to_contain_text("The face does not match")
    expect(card.locator("[data-testid=face-portrait][data-shown=true]")).to_have_count(1)
    page.get_by_label("Reason (mandatory").fill(REASON)
    page.keyboard.press("Alt+r")
    expect(card).to_have_count(0)
    expect(page.get_by_test_id("overview")).to_contain_text("Ready", timeout=SLOW_MS)


def hands_over(page: Page, successor: str) -> None:
    view(page, "Hand over")
    asked = page.get_by_test_id("handover")
    asked.get_by_label("Name of your successor").fill(successor)
    asked.get_by_label("Password of your successor").fill(PASSWORD)
    asked.get_by_label("Note for your successor").fill("One refused at E-01")
    asked.get_by_role("button", name="Take the station over").click()
    expect(page.locator(".who")).to_have_text(successor)
    expect(page.get_by_role("status").filter(has_text="Not in the journal")).to_have_count(0)


def audits(page: Page, saved: Path) -> list[dict[str, str]]:
    view(page, "History")
    row = page.get_by_test_id("passages").locator("tbody").first
    expect(row).to_contain_text("Refused by officer")
    expect(row).to_contain_text(f"ana: Refused – {REASON}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    download.value.save_as(saved)
    page.get_by_role("button", name="Journal", exact=True).click()
    page.get_by_role("button", name="Check the chain").click()
    expect(page.get_by_test_id("chain")).to_contain_text("Intact", timeout=SLOW_MS)
    page.get_by_label("Words in the record").fill("One refused at E-01")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_test_id("journal")).to_contain_text("guard_handed_over")
    return list(csv.DictReader(saved.read_text().splitlines()))


def test_a_whole_shift(chrome: Browser, start_console, tmp_path: Path) -> None:
    with Rig(tmp_path / "rig", LaneSettings()) as rig, appliance_of(rig):
        console: ConsoleProcess = start_console(rig.paths.control)
        boss = Seat(chrome, console.url)
        boss.page.goto("/")
        boss.first_sign_in(console.one_time)
        maintainer, officer, _, auditor = (
            boss.hires(chrome, name, role)
            for name, role in (("mia", "maintainer"), ("ana", "officer"), ("ben", "officer"), ("aki", "auditor"))
        )
        expect(officer.page.get_by_test_id("overview")).to_contain_text("Ready", timeout=SLOW_MS)
        sets_up(maintainer.page)
        refuses(officer.page, rig)
        hands_over(officer.page, "ben")
        rows = audits(auditor.page, tmp_path / "passages.csv")
        assert [row["outcome"] for row in rows] == ["refused_by_officer"]
        for seat in (boss, maintainer, officer, auditor):
            assert seat.complaints == []
            seat.close()
