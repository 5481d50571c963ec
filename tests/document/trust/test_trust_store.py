"""The trust store: what may come in, what it replaces, and what a changed folder is worth."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import pem, x509
from trust_desk import BE, FINGERPRINT, LISTER, NL, ROOT, Desk, a_list
from trust_pki import (
    NOW,
    YESTERDAY,
    Party,
    Signer,
    explicit,
    files,
    list_signer,
    make_crl,
    make_csca,
    make_dsc,
    make_key,
    master_list,
    sod_of,
)

from appliance.document.trust import imports, masterlist
from appliance.document.trust.certificate import certificate
from appliance.document.trust.imports import Import, ImportRefused
from appliance.document.trust.store import FILES, MANIFEST, load

ROW = '{"kind": "CRL", "sha256": "aa", "country": "NL", "signed": "2026-01-01", "imported": "", "name": "", "root": ""}'


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_list_comes_in_is_kept_as_it_came_and_loads(desk: Desk) -> None:
    data = a_list(BE)
    assert desk.import_list(data) == "3 certificates of 3 states, signed by DE at 2026-11-27T09:00:00+00:00."
    store = load(desk.store)
    assert {one.raw for one in store.anchors.certificates} == {ROOT.raw, NL.raw, BE.raw}
    assert (desk.store / FILES / hashlib.sha256(data).hexdigest()).read_bytes() == data
    (source,) = store.sources
    assert (source.kind, source.country, source.name, source.root) == ("master list", "DE", "list.ml", FINGERPRINT)
    assert source.imported == "2026-11-28T09:00:00+00:00"


@pytest.mark.parametrize("written", [FINGERPRINT.upper(), ":".join(FINGERPRINT[i : i + 2] for i in range(0, 64, 2))])
def test_a_fingerprint_is_taken_as_people_write_it(desk: Desk, written: str) -> None:
    desk.import_list(fingerprint=written)
    assert load(desk.store).roots == {FINGERPRINT}


def test_a_root_in_pem_is_the_same_root(desk: Desk) -> None:
    desk.import_list(root=desk.file("root.pem", pem.armor("CERTIFICATE", ROOT.raw)))
    assert load(desk.store).roots == {FINGERPRINT}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"fingerprint": "00" * 32}, "another fingerprint"),
        ({"fingerprint": FINGERPRINT[:-2]}, "64 hexadecimal digits"),
        ({"fingerprint": ""}, "64 hexadecimal digits"),
        ({"data": b"rubbish"}, "malformed"),
        ({"data": a_list()[:-1]}, "malformed"),
        ({"data": a_list(spoil=True)}, "not proven"),
        ({"data": a_list(said_digest=bytes(32))}, "not the content's"),
        ({"data": a_list(kind="2.23.136.1.1.1")}, "no master list"),
        ({"data": a_list(signed_at=None)}, "does not say when"),
        ({"data": a_list(signed_at=NOW + timedelta(days=2))}, "clock"),
        ({"data": a_list(by=list_signer(ROOT, extended=[]))}, "not one for master lists"),
        ({"data": a_list(by=list_signer(ROOT, last=date(2026, 1, 1)))}, "not valid when it was signed"),
        ({"data": a_list(by=list_signer(make_csca(Signer(make_key("p256", 44)), "DE", "CSCA DE")))}, "this root"),
        ({"data": sod_of(files(), make_dsc(NL))}, "malformed"),
    ],
)
def test_a_list_that_is_not_proven_stays_out(desk: Desk, how: dict[str, Any], words: str) -> None:
    with pytest.raises(ImportRefused, match=words):
        desk.import_list(**how)
    assert not desk.store.exists()


def test_an_expired_root_vouches_for_nothing_new(desk: Desk) -> None:
    old = make_csca(Signer(make_key("p384", 40), "sha384"), country="DE", common="CSCA DE", last=date(2026, 11, 27))
    with pytest.raises(ImportRefused, match="not valid any more"):
        desk.import_list(
            a_list(by=list_signer(old)),
            root=desk.file("old.cer", old.raw),
            fingerprint=hashlib.sha256(old.raw).hexdigest(),
        )


def test_a_newer_list_takes_out_what_the_older_had(desk: Desk) -> None:
    desk.import_list(a_list(BE))
    desk.import_list(a_list(signed_at=NOW))
    store = load(desk.store)
    assert {one.country for one in store.anchors.certificates} == {"DE", "NL"}
    assert len(store.sources) == 1
    assert len(list((desk.store / FILES).iterdir())) == 2


def test_an_older_list_stays_out_unless_one_insists(desk: Desk) -> None:
    desk.import_list()
    older = a_list(BE, signed_at=YESTERDAY - timedelta(days=1))
    with pytest.raises(ImportRefused, match="--allow-older"):
        desk.import_list(older)
    desk.import_list(older, allow_older=True)
    assert {one.country for one in load(desk.store).anchors.certificates} == {"DE", "NL", "BE"}


def test_a_dry_run_proves_and_writes_nothing(desk: Desk) -> None:
    assert desk.import_list(dry_run=True).startswith("2 certificates")
    assert not desk.store.exists()
    with pytest.raises(ImportRefused):
        desk.import_list(a_list(spoil=True), dry_run=True)


def test_certificates_nobody_can_read_are_counted_and_not_trusted() -> None:
    broken = x509.Certificate.load(BE.raw).copy()
    broken["tbs_certificate"]["signature"] = {"algorithm": "sha512_rsa"}
    data = master_list([NL.raw, broken.dump(force=True)], LISTER, signed_at=YESTERDAY)
    found = masterlist.verified(data, certificate(ROOT.raw))
    assert ([one.raw for one in found.certificates], found.unreadable) == ([NL.raw], 1)


# --- single certificates


def import_csca(desk: Desk, party: Party, fingerprint: str | None = None) -> str:
    told = fingerprint or hashlib.sha256(party.raw).hexdigest()
    return imports.csca(Import(desk.store, NOW), desk.file("one.cer", party.raw), fingerprint=told)


def test_a_single_issuer_comes_in_by_its_fingerprint_only(desk: Desk) -> None:
    with pytest.raises(ImportRefused, match="another fingerprint"):
        import_csca(desk, BE, FINGERPRINT)
    assert import_csca(desk, BE) == "CSCA of BE, valid 2020-01-01 to 2035-01-01."
    import_csca(desk, BE)
    store = load(desk.store)
    assert [one.raw for one in store.anchors.certificates] == [BE.raw]
    assert len(store.sources) == 1


def test_a_signer_or_a_rogue_key_is_no_issuer(desk: Desk) -> None:
    with pytest.raises(ImportRefused, match="may not sign certificates"):
        import_csca(desk, make_dsc(NL))
    key = make_key("p256", 45)
    point = key.public_key().public_numbers()
    with pytest.raises(ImportRefused, match="not its own"):
        import_csca(desk, make_csca(Signer(key), public=explicit(key, x=point.x, y=point.y)))
    assert not desk.store.exists()


# --- revocation lists


def test_a_revocation_list_comes_in_when_its_issuer_is_trusted(desk: Desk) -> None:
    with pytest.raises(ImportRefused, match="holds no trusted issuer"):
        desk.import_crl(make_crl(NL))
    desk.import_list()
    with pytest.raises(ImportRefused, match="signed by no CSCA of BE"):
        desk.import_crl(make_crl(BE))
    with pytest.raises(ImportRefused, match="signed by no CSCA of NL"):
        desk.import_crl(make_crl(NL, by=BE.signer))
    assert desk.import_crl(make_crl(NL, (1, 2))) == "CRL of NL: 2 revoked, fresh until 2026-12-20."
    (found,) = load(desk.store).anchors.crls
    assert found.revoked == {1, 2}


@pytest.mark.parametrize(
    ("crl", "words"),
    [
        (make_crl(NL, due=date(2026, 11, 27)), "not in force today"),
        (make_crl(NL, due=None), "not in force today"),
        (make_crl(NL, extension=("issuing_distribution_point", {"only_contains_ca_certs": True})), "not complete"),
        (make_crl(NL, extension=("delta_crl_indicator", 4)), "not complete"),
        (make_crl(NL)[:-1], "malformed"),
        (b"", "malformed"),
    ],
)
def test_a_revocation_list_that_hides_something_stays_out(desk: Desk, crl: bytes, words: str) -> None:
    desk.import_list()
    with pytest.raises(ImportRefused, match=words):
        desk.import_crl(crl)
    assert load(desk.store).anchors.crls == ()


def test_an_older_revocation_list_does_not_forget_revocations(desk: Desk) -> None:
    desk.import_list()
    desk.import_crl(make_crl(NL, (1, 2), number=6))
    for older in (make_crl(NL, (1,), number=5), make_crl(NL, (1,), issued=date(2026, 11, 19), number=9)):
        with pytest.raises(ImportRefused, match="--allow-older"):
            desk.import_crl(older)
    desk.import_crl(make_crl(NL, (1, 2, 3), issued=date(2026, 11, 21), number=7))
    (found,) = load(desk.store).anchors.crls
    assert found.revoked == {1, 2, 3}


def test_two_issuers_of_one_name_each_keep_their_own_list(desk: Desk) -> None:
    home = make_csca(Signer(make_key("p256", 47)), "GB", "Authority", crl_at="http://one.example/GBR.crl")
    away = make_csca(Signer(make_key("p256", 48)), "GB", "Authority", crl_at="http://one.example/BMU.crl", serial=2)
    desk.import_list(a_list(home, away))
    desk.import_crl(make_crl(away, (1,)))
    desk.import_crl(make_crl(home, (2,)))
    desk.import_crl(make_crl(home, (2, 3), issued=date(2026, 11, 21), number=6))
    assert sorted(sorted(one.revoked) for one in load(desk.store).anchors.crls) == [[1], [2, 3]]


# --- a folder somebody changed


def test_no_store_is_no_trust(desk: Desk) -> None:
    assert "appliance trust import" in desk.unavailable()


@pytest.mark.parametrize("which", ["list", "root", "crl"])
@pytest.mark.parametrize("how", ["change", "remove"])
def test_a_file_that_was_touched_closes_the_store(desk: Desk, which: str, how: str) -> None:
    data, crl = a_list(), make_crl(NL)
    desk.import_list(data)
    desk.import_crl(crl)
    path = desk.store / FILES / hashlib.sha256({"list": data, "root": ROOT.raw, "crl": crl}[which]).hexdigest()
    if how == "remove":
        path.unlink()
    else:
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(bytes(raw))
    assert ("missing" if how == "remove" else "changed") in desk.unavailable()


def test_a_forged_list_with_a_right_hash_in_the_manifest_is_still_not_signed(desk: Desk) -> None:
    genuine, rogue = a_list(), make_csca(Signer(make_key("p256", 46)), "FR", "CSCA FR")
    desk.import_list(genuine)
    forged = genuine.replace(NL.raw, NL.raw[:-1] + bytes((NL.raw[-1] ^ 1,)))
    unsigned = master_list([rogue.raw], list_signer(rogue), signed_at=YESTERDAY)
    for data in (forged, unsigned):
        rewrite(desk, hashlib.sha256(genuine).hexdigest(), data)
        desk.unavailable()
        rewrite(desk, hashlib.sha256(data).hexdigest(), genuine)
        assert load(desk.store).roots == {FINGERPRINT}


def rewrite(desk: Desk, old: str, data: bytes) -> None:
    """What somebody who may write to the folder can do."""
    new = hashlib.sha256(data).hexdigest()
    (desk.store / FILES / new).write_bytes(data)
    manifest = desk.store / MANIFEST
    manifest.write_text(manifest.read_text().replace(old, new))


def test_a_root_the_lane_does_not_pin_closes_the_store(desk: Desk) -> None:
    desk.import_list()
    assert load(desk.store, frozenset({FINGERPRINT})).roots == {FINGERPRINT}
    import_csca(desk, BE)
    assert "does not pin" in desk.unavailable(pinned=frozenset({FINGERPRINT}))


def test_a_dropped_revocation_list_only_closes_its_state(desk: Desk) -> None:
    desk.import_list(a_list(BE))
    desk.import_crl(make_crl(BE))
    desk.import_list(a_list(signed_at=NOW))
    anchors = load(desk.store).anchors
    assert len(anchors.crls) == 1
    assert anchors.crls_for(certificate(make_dsc(BE, country="BE").raw), certificate(BE.raw)) == ()


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"format": 2, "sources": []}',
        '{"format": 1, "sources": [{"kind": "other"}]}',
        '{"format": 1, "sources": [{"kind": "CSCA"}]}',
        '{"format": 1, "sources": [5]}',
        '{"format": 1, "sources": [' + ROW.replace('"2026-01-01"', '"soon"') + "]}",
        '{"format": 1, "sources": [' + ROW.replace('"aa"', "7") + "]}",
        "[" * 100_000,
        '"' + "x" * 2_000_000 + '"',
    ],
)
def test_a_manifest_nobody_wrote_closes_the_store(desk: Desk, manifest: str) -> None:
    desk.store.mkdir()
    (desk.store / MANIFEST).write_text(manifest)
    assert "cannot be read" in desk.unavailable()


def test_a_manifest_names_no_file_outside_of_the_store(desk: Desk) -> None:
    desk.import_list()
    outside = desk.file("outside", NL.raw)
    manifest = desk.store / MANIFEST
    told = json.loads(manifest.read_text())
    told["sources"][0] |= {"kind": "CSCA", "root": f"../../{outside.name}"}
    manifest.write_text(json.dumps(told))
    assert "missing" in desk.unavailable()


def test_an_import_that_cannot_be_written_leaves_the_old_store(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.import_list()
    before = (desk.store / MANIFEST).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("appliance.document.trust.store.os.replace", full)
    with pytest.raises(OSError, match="No space"):
        desk.import_list(a_list(BE, signed_at=NOW))
    monkeypatch.undo()
    assert (desk.store / MANIFEST).read_bytes() == before
    assert not list(desk.store.rglob("*.part"))
    load(desk.store)


def test_two_imports_at_once_both_come_in(desk: Desk) -> None:
    desk.import_list()
    parties = [make_csca(Signer(make_key("p256", 50 + n)), common=f"CSCA {n}") for n in range(4)]

    def one(party: Party) -> None:
        file = desk.file(f"{party.common}.cer", party.raw)
        imports.csca(Import(desk.store, NOW), file, fingerprint=hashlib.sha256(party.raw).hexdigest())

    with ThreadPoolExecutor(len(parties)) as pool:
        list(pool.map(one, parties))
    assert len(load(desk.store).anchors.certificates) == 2 + len(parties)
