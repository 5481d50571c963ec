"""The page stands by itself, says of every figure what it is, and never mixes simulated with measured."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from evaluate_rows import STRENGTH, attack, drawn, genuine, header

from appliance.core.types import Result
from appliance.evaluate.figures import Rate, at_most, between
from appliance.evaluate.outcome import Outcome, OutcomesError, Run
from appliance.evaluate.report import render

NIR = "rgb+850+940"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c6360000000020001"
    "48afa4710000000049454e44ae426082"
)


def run(band_set: str = NIR, rows: list[Outcome] | None = None, **changes: object) -> Run:
    made = drawn(band_set, per_species=60, bona_fide=120) if rows is None else rows
    return Run(header=header(band_set, **changes), outcomes=tuple(made))


class Page(HTMLParser):
    """Checks nesting, and collects text and addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attributes if name in ("href", "src", "action", "data")]
        if tag not in ("meta", "img", "br", "!doctype"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))


@pytest.fixture(scope="module")
def whole() -> str:
    return render([run(name, fold_bpcer={"a": 0.01, "b": 0.03}) for name in STRENGTH])


def test_the_page_loads_nothing_and_runs_nothing(whole: str) -> None:
    page = Page(whole)
    assert "script" not in page.tags
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", whole)
    assert "url(" not in whole
    assert "default-src 'none'" in whole


def test_every_figure_says_that_it_is_simulated(whole: str) -> None:
    captions = re.findall(r"<(?:caption|figcaption)>(.*?)</", whole, re.S)
    assert len(captions) > 20
    assert all(caption.strip().startswith('<span class="tag">SIMULATED.') for caption in captions)
    titles = re.findall(r"<title>(.*?)</title>", whole)
    assert all("SIMULATED" in words for words in titles)
    assert "MEASURED" not in Page(whole).words


def test_a_measured_page_never_says_simulated() -> None:
    words = Page(render([run(kind="measured")])).words
    assert "MEASURED." in words
    assert "SIMULATED" not in words


def test_simulated_and_measured_runs_never_share_a_page() -> None:
    with pytest.raises(OutcomesError, match="never share a report"):
        render([run(), run(kind="measured")])
    with pytest.raises(OutcomesError, match="at least one run"):
        render([])


def test_species_stand_worst_first_with_n_errors_rate_and_bounds() -> None:
    rows = [attack(Result.SUCCESSFUL, "latex_mask")] * 3 + [attack(Result.FAILED, "latex_mask")] * 57
    rows += [attack(Result.FAILED, "print_dye")] * 59 + [attack(Result.NOT_PERFORMED, "print_dye")]
    rows += [genuine(Result.SUCCESSFUL)] * 99 + [genuine(Result.FAILED)]
    numbered = [row.model_copy(update={"record": f"n{place}"}) for place, row in enumerate(rows)]
    words = Page(render([run(rows=numbered)])).words
    table = words[words.index("Attacks, worst species first") :]
    latex, dye = (
        table.index("Latex mask 60 3 ✖ 5.0" if "✖ 5.0" in table else "Latex mask 60 3"),
        table.index("Ink-jet print"),
    )
    assert latex < dye
    assert re.search(r"Ink-jet print \(dye\) 59 0 ✔ 0\.0.% 0\.0.% to 5\.0.% 0 1 of 60", table)
    assert re.search(r"Taken for an attack \(BPCER\) 100 1 1\.0.%", table)


def test_colour_never_speaks_alone(whole: str) -> None:
    for symbol, look in (("✔", "good"), ("●", "middling"), ("✖", "poor")):
        cells = re.findall(rf'<td class="{look}">(.*?)</td>', whole)
        assert cells
        assert all(symbol in cell for cell in cells)


def test_every_plot_is_well_formed_and_has_words_for_a_screen_reader(whole: str) -> None:
    plots = re.findall(r"<svg.*?</svg>", whole, re.S)
    assert len(plots) == 3 * len(STRENGTH)
    for plot in plots:
        root = Xml.fromstring(plot)
        assert root.attrib["role"] == "img"
        assert "nan" not in plot
        assert "inf" not in re.sub(r"<title>.*?</title>", "", plot)


def test_what_somebody_wrote_into_the_data_is_text_and_no_markup() -> None:
    evil = "<script>alert(1)</script>"
    rows = [genuine(Result.FAILED, groups={evil: evil}), genuine(Result.SUCCESSFUL, groups={evil: "b"})]
    rows += [attack(Result.FAILED)]
    rows[0] = rows[0].model_copy(update={"reason": evil})
    page = render([run(rows=rows, source=evil, detector=evil)])
    assert "<script" not in page
    assert evil in Page(page).words


@pytest.mark.parametrize(
    "rows",
    [
        [genuine(Result.SUCCESSFUL)],
        [attack(Result.FAILED)],
        [attack(Result.NOT_PERFORMED), genuine(Result.NOT_PERFORMED)],
        [],
    ],
)
def test_a_run_with_half_of_everything_missing_still_makes_a_page(rows: list[Outcome]) -> None:
    assert "nan" not in Page(render([run(rows=rows, stated=None)])).words


def test_pictures_are_inside_the_page(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    sheet.write_bytes(PNG)
    page = Page(render([run(rows=[genuine(Result.SUCCESSFUL)])], [sheet]))
    assert any(address.startswith("data:image/png;base64,iVBOR") for address in page.addresses)
    (tmp_path / "sheet.svg").write_text("<svg/>")
    with pytest.raises(OutcomesError, match="no PNG or JPEG"):
        render([run(rows=[])], [tmp_path / "sheet.svg"])
    with pytest.raises(OSError, match="gone"):
        render([run(rows=[])], [tmp_path / "gone.png"])


def test_bounds_are_rounded_away_from_what_they_promise() -> None:
    assert at_most(Rate(0, 58)) == "5.1\u00a0%"
    assert at_most(Rate(0, 59)) == "5.0\u00a0%"
    assert at_most(Rate(5, 5)) == "100.0\u00a0%"
    assert between(Rate(0, 0)) == "0.0\u00a0% to 100.0\u00a0%"
