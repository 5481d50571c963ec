"""The report in a real Chromium: it asks for nothing, complains of nothing, and fits a narrow window."""

from collections.abc import Callable
from pathlib import Path

import pytest
from faces_toys import ColourPack
from playwright.sync_api import Browser

from appliance.clock import ManualClock
from appliance.evaluate.faces.loaders import load
from appliance.evaluate.faces.report import render
from appliance.evaluate.faces.run import Options, run

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1100, 420])
def test_the_report_stands_by_itself(chrome: Browser, people: Callable[..., Path], tmp_path: Path, width: int) -> None:
    options = Options(least_eyes_px=10.0, masked=True)
    path = tmp_path / "report.html"
    found = run(ColourPack(), load(people(40, 3)), tmp_path / "run", options, ManualClock())
    path.write_text(render(found), encoding="utf-8")
    page = chrome.new_page(viewport={"width": width, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_role("note").is_visible()
    assert page.get_by_role("img").count() == 2
    assert page.get_by_role("table").count() == 3
    for image in page.get_by_role("img").all():
        box = image.bounding_box()
        assert box is not None
        assert 0 < box["width"] <= width
    page.close()
    assert said == []
