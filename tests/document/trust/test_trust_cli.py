"""The commands an operator uses: import, list, show, verify."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import pem
from trust_desk import BE, Desk
from trust_pki import (
    Signer,
    files,
    list_signer,
    make_crl,
    make_csca,
    make_dsc,
    make_key,
    master_list,
    sod_of,
)
from typer.testing import CliRunner

from appliance.clock import SystemClock
from appliance.main import app


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def run(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["trust", *map(str, words)], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_an_operator_imports_lists_shows_and_verifies(desk: Desk) -> None:
    now = SystemClock().now()
    first, last = now.date() - timedelta(days=30), now.date() + timedelta(days=300)
    root = make_csca(Signer(make_key("p384", 40), "sha384"), country="DE", common="CSCA DE", first=first, last=last)
    nl = make_csca(first=first, last=last)
    data = master_list([root.raw, nl.raw], list_signer(root, first=first), signed_at=now - timedelta(days=1))
    given = (desk.file("l.ml", data), "--root", desk.file("r.cer", root.raw), "--store", desk.store)
    right = ("--fingerprint", hashlib.sha256(root.raw).hexdigest())

    code, told = run("list", "--store", desk.store)
    assert (code, "appliance trust import" in told) == (1, True)
    code, told = run("import", *given, "--fingerprint", "00" * 32)
    assert (code, "another fingerprint" in told) == (1, True)
    code, told = run("import", *given, *right, "--dry-run")
    assert (code, told.startswith("would import: 2 certificates"), desk.store.exists()) == (0, True, False)
    code, told = run("import", *given, *right)
    assert (code, told.startswith("imported: 2 certificates of 2 states")) == (0, True)

    code, told = run("list", "--store", desk.store)
    assert (code, "2 certificates of 2 states, 0 with a CRL in force." in told) == (0, True)
    sod = desk.file("EF_SOD.bin", sod_of(files(), make_dsc(nl, first=first)))
    code, told = run("verify", sod, "--store", desk.store)
    assert (code, "crl_missing" in told) == (1, True)

    fresh = make_crl(nl, (5,), issued=first, due=now.date() + timedelta(days=3))
    bad, good = desk.file("bad.crl", b"no"), desk.file("nl.crl", pem.armor("X509 CRL", fresh))
    code, told = run("import-crl", bad, good, "--store", desk.store)
    assert (code, "malformed" in told, "1 revoked" in told) == (1, True, True)
    code, told = run("verify", sod, "--store", desk.store)
    assert (code, "right: signed by a trusted issuer" in told) == (0, True)
    code, told = run("list", "--store", desk.store)
    assert "1 with a CRL in force" in told
    for asked in ("nl", "NLD"):
        code, told = run("show", asked, "--store", desk.store)
        assert (code, "secp256r1" in told, "self-signed" in told, "1 revoked" in told) == (0, True, True, True)
    code, told = run("show", "FR", "--store", desk.store)
    assert (code, "no certificate of FR" in told) == (1, True)
    code, told = run("verify", sod, "--store", desk.store, "--on", "yesterday")
    assert code == 2
    code, told = run("verify", sod, "--store", desk.store, "--on", "2001-01-01")
    assert (code, "certificate_expired" in told) == (1, True)


def test_a_single_issuer_comes_in_by_command(desk: Desk) -> None:
    fingerprint = hashlib.sha256(BE.raw).hexdigest()
    file = desk.file("be.cer", BE.raw)
    code, told = run("import-csca", file, "--fingerprint", fingerprint, "--store", desk.store)
    assert (code, told) == (0, "imported: CSCA of BE, valid 2020-01-01 to 2035-01-01.\n")
    code, told = run("import-csca", file, "--fingerprint", "00", "--store", desk.store)
    assert (code, "64 hexadecimal digits" in told) == (1, True)
