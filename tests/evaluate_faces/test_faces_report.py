"""The report: nothing from elsewhere, nobody's image, everything escaped; and the words for a terminal."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from faces_toys import ColourPack

from appliance.clock import ManualClock
from appliance.evaluate.faces.loaders import load
from appliance.evaluate.faces.outcome import Outcome
from appliance.evaluate.faces.report import in_words, interval, rate, render
from appliance.evaluate.faces.run import Options, run

People = Callable[..., Path]


def measured(root: Path, out: Path, **more: object) -> Outcome:
    labels = out.parent / "labels.csv"
    rows = [
        f"{path.relative_to(root).as_posix()},{'<b>odd</b>' if 'P00' in path.name else 'even'}"
        for path in sorted(root.glob("*/*.png"))
    ]
    labels.write_text("path,kind\n" + "\n".join(rows) + "\n")
    options = Options(least_eyes_px=10.0, **more)  # type: ignore[arg-type]
    return run(ColourPack(), load(root, labels), out, options, ManualClock())


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "data", "srcset")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_by_itself(people: People, tmp_path: Path) -> None:
    page = render(measured(people(40, 3, "<i>set</i>"), tmp_path / "run"))
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.links == []
    assert not tags.seen & {"script", "img", "image", "link", "iframe", "object"}
    assert "url(" not in page
    assert "<b>odd</b>" not in page
    assert "<i>set</i>" not in page
    assert page.count("<svg") == 2
    assert "not supported by n" in page
    assert "SYNTHETIC" not in page


def test_masks_are_called_synthetic(people: People, tmp_path: Path) -> None:
    found = measured(people(8, 3), tmp_path / "run", masked=True)
    assert "SYNTHETIC MASKS" in render(found)
    assert "masks drawn on probes" in in_words(found)
    assert "flip-averaged" in in_words(measured(people(8, 3, name="other"), tmp_path / "flip", flip=True))


def test_a_set_without_impostors_has_no_plots(people: People, tmp_path: Path) -> None:
    page = render(measured(people(1, 3), tmp_path / "run"))
    assert "<svg" not in page
    assert "unknown" in page


def test_the_words_hold_every_threshold(people: People, tmp_path: Path) -> None:
    words = in_words(measured(people(40, 3), tmp_path / "run"))
    assert re.search(r"FMR 0\.01: threshold 0\.\d{4}, FMR \d\.\d\d", words)
    assert "FMR 1e-05: not supported by n" in words
    assert "threshold of the pack: threshold 0.5000" in words


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "unknown"), (0.0, "0.00 %"), (0.5, "50.00 %"), (0.001, "0.10 %"), (0.0001, "0.010 %"), (1e-5, "0.0010 %")],
)
def test_small_rates_keep_their_digits(value: float | None, words: str) -> None:
    assert rate(value).replace("\u00a0", " ") == words
    assert interval(None) == "says nothing"
