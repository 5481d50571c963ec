"""`appliance document read`, from the command line to its exit code, with a virtual passport on the reader."""

import json
from pathlib import Path

import pytest
from inspection_bench import passport
from typer.testing import CliRunner, Result

from appliance.clock import SystemClock
from appliance.main import app
from hil.passport.faults import Fault
from hil.rig.trust import import_trust

SECRET = ("OKONJO", "AMARA", "L8A8170C0", "1994-03-12")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trust")
    import_trust(folder / "store", folder / "files", SystemClock().now())
    return folder / "store"


def read(store: Path, folder: Path, *more: str) -> Result:
    given = ["document", "read", "--simulation", f"hil.plate:{folder}", "--store", str(store), *more]
    return CliRunner().invoke(app, given, env={"COLUMNS": "160"})


@pytest.fixture
def genuine(tmp_path: Path) -> Path:
    passport(can="500540", date_of_issue="2024-07-01").save(tmp_path / "genuine")
    return tmp_path / "genuine"


def test_a_genuine_document_ends_in_0_and_its_holder_stays_hidden(store: Path, genuine: Path) -> None:
    done = read(store, genuine)
    assert done.exit_code == 0
    assert "document, SIMULATED" in done.output
    assert "genuine: every step in order" in done.output
    assert done.output.count("✓") == 7
    assert not [word for word in SECRET if word in done.output]
    assert all(word in read(store, genuine, "--unmask").output for word in SECRET)


def test_a_program_is_told_the_same(store: Path, genuine: Path) -> None:
    done = read(store, genuine, "--json")
    told = json.loads(done.output)
    assert (done.exit_code, told["genuine"], told["simulated"], told["action"]) == (0, True, True, None)
    assert set(told["steps"].values()) == {"successful"}
    assert not [word for word in SECRET if word in done.output]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.CLONE_CHIP, "refer: suspected clone"),
        (Fault.DG2_ALTERED, "refer: suspected forgery"),
        (Fault.IMAGE_BOMB, "refer: cannot be verified"),
        (Fault.CARD_PULLED, "read it again, then refer"),
    ],
)
def test_any_other_document_ends_in_1(store: Path, tmp_path: Path, fault: Fault, said: str) -> None:
    passport(fault).save(tmp_path / "bad")
    done = read(store, tmp_path / "bad")
    assert done.exit_code == 1
    assert said in done.output
    assert "genuine" not in done.output


def test_without_its_printed_zone_a_document_is_not_found_genuine(store: Path, genuine: Path) -> None:
    done = read(store, genuine, "--can", "500540")
    assert done.exit_code == 1
    assert done.output.count("not performed") == 2


def test_without_a_trust_store_the_issuer_is_unknown(tmp_path: Path, genuine: Path) -> None:
    done = read(tmp_path / "nothing", genuine)
    assert done.exit_code == 1
    assert "trust_unavailable" in done.output


def test_the_portrait_is_saved_on_request_and_over_nothing(store: Path, genuine: Path, tmp_path: Path) -> None:
    path = tmp_path / "portrait.jpg"
    assert read(store, genuine, "--save-portrait", str(path)).exit_code == 0
    assert path.read_bytes().startswith(b"\xff\xd8")
    path.write_bytes(b"kept")
    refused = read(store, genuine, "--save-portrait", str(path))
    assert refused.exit_code == 2
    assert path.read_bytes() == b"kept"


@pytest.mark.parametrize(
    "given",
    [
        (),
        ("--reader", "x", "--simulation", "hil.plate:x"),
        ("--simulation", "hil.nothing:x"),
        ("--simulation", "hil.plate:/nonexistent"),
        ("--simulation", "hil.plate:/nonexistent", "--can", "12345x"),
    ],
)
def test_what_cannot_be_tried_ends_in_2_with_words(given: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, ["document", "read", *given])
    assert done.exit_code == 2
    assert done.output.strip()
    assert "Traceback" not in done.output
