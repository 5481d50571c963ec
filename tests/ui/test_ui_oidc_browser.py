"""Signing in through an identity provider in a real Chromium: over to another site and back, cookies and all."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from ui_fake_lane import LaneThread, idle
from ui_rig import ConsoleProcess, Seat

pytest.importorskip("authlib")
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore:get_jwt_config")]


def test_an_officer_comes_in_by_the_provider_and_a_stranger_is_told_why_not(
    chrome: Browser, lane_thread: LaneThread, tmp_path: Path
) -> None:
    from oidc_provider_mock import User, run_server_in_thread

    ana = User(sub="u1", claims={"preferred_username": "Ana", "roles": ["gate-officers"]})
    stranger = User(sub="u2", claims={"preferred_username": "Otto", "roles": ["canteen"]})
    with run_server_in_thread(user_claims=[ana, stranger]) as server:
        (tmp_path / "secret").write_text("s3cret")
        file = tmp_path / "oidc.toml"
        file.write_text(
            f'issuer = "http://localhost:{server.server_port}"\nclient_id = "sallyport"\nlabel = "Border Agency"\n'
            f'client_secret_file = "{tmp_path}/secret"\n[roles]\ngate-officers = "officer"\n'
        )
        lane = lane_thread.lane(tmp_path / "lane-1.sock", idle())
        console = ConsoleProcess([lane.path], tmp_path / "state", "--oidc", str(file))
        seat = Seat(chrome, console.url)
        # The provider's own page would fetch a style sheet from elsewhere.
        seat.context.route(re.compile(r"^https:"), lambda route: route.abort())
        try:
            page = seat.page
            page.goto("/")
            page.get_by_role("button", name="Sign in with Border Agency").click()
            page.get_by_role("button", name="u2").click()
            page.get_by_role("alert").get_by_text("no role at this console").wait_for()
            assert page.url == f"{console.url}/"
            assert seat.violations() == []
            page.get_by_role("button", name="Sign in with Border Agency").click()
            page.get_by_role("button", name="u1").click()
            page.get_by_test_id("link").get_by_text("Live").wait_for()
            assert page.locator(".who").inner_text() == "Ana"
        finally:
            seat.close()
            console.stop()
