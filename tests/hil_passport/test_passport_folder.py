"""Passports in folders, the commands that make them, what they refuse."""

import hashlib
import io
import json
from dataclasses import replace

import pytest
from PIL import Image
from typer.testing import CliRunner

from hil.cli import app
from hil.passport.card import CARD_SECURITY, DG1, DG2, DG12
from hil.passport.faults import FAULTS, Fault
from hil.passport.holder import access_key, zone
from hil.passport.passport import PassportError, load
from hil.passport.personalise import Options, OptionsError, make_passport
from hil.passport.suites import SUITES
from hil.passport.tlv import objects, walk
from tests.hil_passport.conftest import HOLDER
from tests.hil_passport.terminal import Terminal

RICH = Options(
    pace=("cam-aes256-bp384", "gm-3des-dh2048-224"),
    chip_authentication=("3des-p192", "aes192-dh2048-256"),
    active_authentication="rsa-1024-sha1",
    can="500540",
    date_of_issue="2024-07-01",
)


def run(*words):
    return CliRunner().invoke(app, ["passport", *map(str, words)])


@pytest.mark.parametrize("options", [Options(), RICH, Options(td1=True, bac=False)])
def test_a_folder_holds_all_of_it(make, tmp_path, options):
    passport = make(options=options)
    assert passport.save(tmp_path / "one") == tmp_path / "one/passport.json"
    assert load(tmp_path / "one") == passport
    record = json.loads((tmp_path / "one/passport.json").read_text("utf-8"))
    assert record["about"].startswith("A simulated passport")
    assert (tmp_path / "one/EF_DG2.bin").read_bytes() == passport.card.application[DG2]


def test_what_an_earlier_passport_left_is_gone(make, tmp_path):
    make(options=RICH).save(tmp_path)
    make().save(tmp_path)
    assert load(tmp_path) == make()
    assert not (tmp_path / "EF_CardSecurity.bin").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "holds no passport.json"),
        ("{", "cannot be used"),
        ("[]", "cannot be used"),
        ('{"format": 2}', "of format 2"),
        ('{"format": 1, "card": {}}', "cannot be used"),
        ('{"format": 1, "card": null, "printed": [], "faults": []}', "cannot be used"),
    ],
)
def test_folders_that_hold_no_passport(tmp_path, content, words):
    if content is not None:
        (tmp_path / "passport.json").write_text(content, encoding="utf-8")
    with pytest.raises(PassportError, match=words):
        load(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pace": ("gm-aes128-p255",)}, "there is no suite 'gm-aes128-p255'"),
        ({"pace": (), "bac": False}, "nothing would open"),
        ({"pace": ("cam-aes128-p256", "cam-aes128-p384")}, "one key for PACE-CAM"),
        ({"active_authentication": "pss-2048-sha256"}, "active authentication signs as"),
        ({"active_authentication": "ecdsa-p256-sha256-named"}, "active authentication signs as"),
        ({"signature": "md5"}, "no way of signing"),
    ],
)
def test_passports_that_cannot_be_made(make, change, words):
    with pytest.raises(OptionsError, match=words):
        make(options=Options(**change))


@pytest.mark.parametrize("day", ["2034-02-30", "34-06-30", "20340630", ""])
def test_dates_that_are_none(portrait, day):
    with pytest.raises(OptionsError):
        make_passport(HOLDER, portrait, day)


def test_a_card_with_three_lines(make, draw):
    passport = make(options=Options(td1=True))
    assert [len(line) for line in passport.printed] == [30, 30, 30]
    terminal = Terminal(passport.chip(draw), draw)
    terminal.bac(passport.card.mrz_key)
    assert terminal.read(DG1)[5:] == "".join(passport.printed).encode()


def test_the_specimen_of_9303_part_5():
    anna = replace(
        HOLDER,
        surname="ERIKSSON",
        given_names="ANNA MARIA",
        document_number="D23145890",
        date_of_birth="1974-08-12",
        sex="F",
    )
    lines = zone(anna, "2012-04-15", td1=True)
    assert lines == (
        "I<UTOD231458907<<<<<<<<<<<<<<<",
        "7408122F1204159UTO<<<<<<<<<<<6",
        "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
    )
    assert access_key(lines) == "D23145890774081221204159"


def test_a_jpeg_2000_in_the_new_encoding(make):
    packed = io.BytesIO()
    Image.new("RGB", (40, 50), "grey").save(packed, "JPEG2000")
    passport = make(portrait=packed.getvalue(), options=Options(face="39794-5"))
    group = dict(walk(objects(passport.card.application[DG2])[0x75]))[0x7F61]
    template = objects(objects(group)[0x7F60])
    assert objects(template[0xA1])[0x88] == b"\x00\x2a"
    assert packed.getvalue() in template[0x7F2E]
    old = make(portrait=packed.getvalue()).card.application[DG2]
    record = old[old.index(b"FAC\x00010\x00") :]
    assert len(record) == int.from_bytes(record[8:12], "big")
    assert (record[35:40], record[46:]) == (b"\x01\x00\x28\x00\x32", packed.getvalue())


def test_make_writes_what_was_asked_for(tmp_path, portrait):
    (tmp_path / "face.jpg").write_bytes(portrait)
    done = run(
        "make", "--out", tmp_path / "p", "--portrait", tmp_path / "face.jpg", "--pace", "cam-aes256-p384",
        "--chip-authentication", "none", "--active", "none", "--no-bac", "--surname", "Ecks", "--number", "X1",
        "--issued", "2024-07-01", "--fault", "short-reads",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "P<UTOECKS<<AMARA<IFE" in done.output
    assert "short-reads: READ BINARY gives 100 bytes" in done.output
    passport = load(tmp_path / "p")
    assert passport.card.suites == (SUITES["cam-aes256-p384"],)
    assert (passport.card.bac, passport.card.chip_keys, passport.card.active) == (False, (), None)
    assert CARD_SECURITY in passport.card.master
    assert b"20240701" in passport.card.application[DG12]
    assert passport.faults == {Fault.SHORT_READS}


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--fault", "nonsense"], "no fault is called 'nonsense'"),
        (["--holder", "nobody"], "no traveller 'nobody'"),
        (["--pace", "gm"], "there is no suite 'gm'"),
        (["--expiry", "tomorrow"], "tomorrow"),
        (["--number", "TOOLONG1234"], "44"),
    ],
)
def test_make_refuses_clearly(tmp_path, portrait, words, answer):
    (tmp_path / "face.jpg").write_bytes(portrait)
    done = run("make", "--out", tmp_path / "p", "--portrait", tmp_path / "face.jpg", *words)
    assert done.exit_code == 2
    assert answer in done.output
    assert not (tmp_path / "p").exists()


def test_list_names_every_fault_and_its_reason():
    done = CliRunner(env={"COLUMNS": "160"}).invoke(app, ["passport", "list"])
    assert done.exit_code == 0
    for name, expected in FAULTS.items():
        line = next(line for line in done.output.splitlines() if line.startswith(f"│ {name} "))
        assert expected.reason in line
    assert "bp320" in done.output


def test_trust_says_what_to_pin(tmp_path):
    done = run("trust", "--out", tmp_path / "trust", "--crl", "none")
    assert done.exit_code == 0
    assert hashlib.sha256((tmp_path / "trust/root.cer").read_bytes()).hexdigest() in done.output
    assert not list((tmp_path / "trust").glob("*.crl"))


def test_serve_refuses_a_folder_without_a_passport(tmp_path):
    done = run("serve", tmp_path)
    assert (done.exit_code, "holds no passport.json" in done.output) == (2, True)
