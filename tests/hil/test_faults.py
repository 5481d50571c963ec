"""The fault menu: whole, judged strictly, run on a real controller; and what its report says."""

import asyncio
import csv
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from typer.testing import CliRunner

from hil.bench import chain
from hil.cli import app
from hil.faults import board, command, gate, lane, own
from hil.faults.menu import COUNT, Fault, MenuError, read
from hil.faults.observed import Observed
from hil.faults.run import Plan, Result, run, skipped
from hil.report.measurements import Measurement, bound
from hil.report.write import Case, Report, write
from hil.stand import SIMULATED, Bench, BenchError, Tier, load

SIM = Bench("simulated", Tier.T1)
CASES = {"gate": gate.CASES, "lane": lane.CASES, "own": own.CASES, "board": board.CASES}


def test_every_fault_is_on_the_menu_and_run_by_something_or_says_why_not() -> None:
    rows = read()
    assert [row.number for row in rows] == list(range(1, COUNT + 1))
    for row in rows:
        if row.case is not None:
            kind, name = row.case.split(".")
            assert name in CASES[kind], row.title
            assert row.without is None
    named = {row.case for row in rows}
    unused = {f"{kind}.{name}" for kind, cases in CASES.items() for name in cases} - named
    assert not unused, "cases nobody orders"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("title: Bit flips", "titel: Bit flips"),
        ("tier: T1\n  case: gate.bit_flips", "tier: T9\n  case: gate.bit_flips"),
        ("  case: gate.bit_flips\n", ""),
        ("- number: 1\n", "- number: 2\n"),
    ],
)
def test_a_menu_that_is_not_whole_is_refused(change: str, message: str, tmp_path: Path) -> None:
    from hil.faults.menu import MENU

    text = MENU.read_text(encoding="utf-8")
    assert change in text
    spoilt = tmp_path / "menu.yaml"
    spoilt.write_text(text.replace(change, message, 1), encoding="utf-8")
    with pytest.raises(MenuError, match="fault"):
        read(spoilt)


FAULT = Fault(1, "t", "i", "e", Tier.T1, case="gate.x", secure_s=1.0, told_s=2.0, codes=(1001,))


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        (Observed(0.5, 1.0, codes=(1001, 3001)), []),
        (Observed(1.1, 1.0, codes=(1001,)), ["secure after 1.100 s, 1.0 s is allowed"]),
        (Observed(None, None, codes=(1001,)), ["secure after never", "told after never"]),
        (Observed(0.5, 1.0, codes=(2001,)), ["faults [2001] were raised"]),
        (Observed(0.5, 1.0, codes=(1001,), wrong=["the exit was released"]), ["the exit was released"]),
    ],
)
def test_what_was_seen_is_judged_against_the_row(seen: Observed, wrong: list[str]) -> None:
    judged = seen.judge(FAULT)
    assert len(judged) == len(wrong)
    assert all(word in said for word, said in zip(wrong, judged, strict=True))


def test_a_row_above_the_benchs_tier_is_skipped_with_its_reason() -> None:
    assert skipped(FAULT, SIM) is None
    assert skipped(Fault(1, "t", "i", "e", Tier.T3, case="gate.x"), SIM) == "T3: the bench simulated is T1"
    assert skipped(Fault(1, "t", "i", "e", Tier.T1, without="because"), SIM) == "T1: because"


def patient() -> tuple[Fault, ...]:
    """The menu with limits that only "never" misses: how fast this machine is just now is no question of a test."""
    return tuple(
        replace(row, **{name: 60.0 for name in ("secure_s", "told_s") if getattr(row, name) is not None})
        for row in read()
    )


def test_gate_faults_on_a_real_controller() -> None:
    rows = [row for row in patient() if row.number in (5, 8, 12, 13)]
    results = asyncio.run(run(rows, Plan(SIM, repeats=1), lambda _: None))
    assert [result.wrong for result in results] == [[]] * 4
    assert all(result.seen for result in results)


def test_a_controller_that_releases_again_after_the_fault_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = gate._seen

    async def releasing(controller, begun, *, told=True):  # type: ignore[no-untyped-def]
        asyncio.get_running_loop().call_later(0.3, lambda: controller.board._flash(1, 3))
        return await honest(controller, begun, told=told)

    monkeypatch.setattr(gate, "_seen", releasing)
    (row,) = (row for row in read() if row.number == 7)
    (result,) = asyncio.run(run([row], Plan(SIM, repeats=1), lambda _: None))
    assert any("released 1 times more" in words for words in result.wrong)


@pytest.mark.parametrize(("allowed", "code"), [(1e6, 0), (0.0, 1)])
def test_the_command_prints_its_table_and_writes_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: float, code: int
) -> None:
    monkeypatch.setattr(command, "read", patient)
    monkeypatch.setattr(chain, "LIMITS_MS", dict.fromkeys(chain.LIMITS_MS, allowed))
    monkeypatch.setattr(command, "SECURE_P99_S", 1e6)
    monkeypatch.setattr(command, "SECURE_MAX_S", 1e6)
    arguments = ["faults", "--only", "12", "--only", "15", "--repeats", "1", "--decisions", "2", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, done.output
    assert ("later than allowed" in done.output) == bool(code)
    assert "not run: 1 of 2" in done.output
    assert "decision to contact, 9600 baud" in done.output
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No hardware was part of this" in page
    assert "<script" not in page
    suite = Xml.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "0", "1")
    with (tmp_path / "measurements.csv").open(encoding="utf-8") as file:
        assert {row["quantity"] for row in csv.DictReader(file)} >= {"secure", "told", "after the decision"}


def test_a_report_says_what_is_wrong_and_escapes_what_it_is_told(tmp_path: Path) -> None:
    cases = (Case("<b>", 1.0, ("it <i>opened</i>",), None), Case("left", 0.0, (), "no bench"))
    report = Report("t", Bench("desk", Tier.T2), 7, cases, (Measurement("a", "b", "s", (0.1, 2.0), 1.0, 7),))
    page = write(report, tmp_path).read_text(encoding="utf-8")
    assert "it &lt;i&gt;opened&lt;/i&gt;" in page
    assert "No hardware was part" not in page
    assert "above 1.0 s" in page
    failure = Xml.parse(tmp_path / "junit.xml").getroot().find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "it <i>opened</i>"


def test_figures_in_words() -> None:
    one = Measurement("t", "q", "s", (1.0, 2.0, 3.0), None, 1)
    assert one.words() == "p50 2.000 s, p99 2.980, max 3.000 (n=3)"
    assert one.met is None
    assert bound(1000) == "3.0e-03"
    assert Result(FAULT).seen == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "mapping"),
        ("name: x\ntier: T7", "tier must be one of T0"),
        ("name: 3\ntier: T1", "name must be a text"),
        ("name: x\ntier: T1\nports: {}", "unknown key 'ports'"),
        ("name: x\ntier: T1\ndevices: [gate]", "devices must map"),
        ("name: [", "expected"),
    ],
)
def test_a_bench_file_that_says_nothing_usable_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bench.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BenchError, match=message):
        load(path)


def test_the_shipped_benches_are_read() -> None:
    assert load(SIMULATED).tier is Tier.T1
    desk = load(SIMULATED.with_name("desk.yaml"))
    assert desk.device("gate.waveshare") is not None
    assert desk.device("gate.nothing") is None
    assert desk.has("relay.contact_readback")
