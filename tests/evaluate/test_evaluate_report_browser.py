"""The report in a real Chromium: it asks for nothing, complains of nothing, and fits a narrow window."""

from pathlib import Path

import pytest
from evaluate_rows import drawn, header
from playwright.sync_api import Browser

from appliance.evaluate.outcome import Run
from appliance.evaluate.report import render

pytestmark = pytest.mark.browser
BANDS = ("rgb", "rgb+850+940+1050+1300+1550")


@pytest.mark.parametrize("width", [1100, 420])
def test_the_report_stands_by_itself(chrome: Browser, tmp_path: Path, width: int) -> None:
    path = tmp_path / "report.html"
    path.write_text(render([Run(header=header(name), outcomes=tuple(drawn(name))) for name in BANDS]), encoding="utf-8")
    page = chrome.new_page(viewport={"width": width, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_role("note").first.is_visible()
    assert page.get_by_role("img").count() == 3 * len(BANDS)
    assert page.get_by_role("table").count() >= 4 * len(BANDS)
    for cell in page.locator("td.good, td.poor, td.middling").all_inner_texts():
        assert cell[0] in "✔●✖"
    page.close()
    assert said == []
