"""Real lists, real security objects and the published test passports: each gets its right verdict."""

import hashlib
import json
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from appliance.document.lds import groups
from appliance.document.lds.sod import security_object
from appliance.document.lds.sod import sod as parse_sod
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.trust import imports
from appliance.document.trust.active import verify
from appliance.document.trust.imports import Import
from appliance.document.trust.keys import public_key
from appliance.document.trust.passive import authenticate, check_card_security, check_sod
from appliance.document.trust.signatures import Policy
from appliance.document.trust.store import Store, load

pytestmark = pytest.mark.measured

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
ROOTS = {
    "DE": "2084aed7a991b3158e63ad750d3dc38bc6c9dcf5958f28d1162f49884e91ada8",
    "NL": "411356d206b99da15efadf4b84149f8600ee6260c6727cd6bc230d6b6e151a24",
}
LISTS = {
    "DE": ("DE_ML_2026-05-28-08-28-45.ml", "DE_ROOT_CA_CSCA07.cer"),
    "NL": ("NL_ML_2026-07-22.ml", "NL_ROOT_CA.cer"),
}


@pytest.fixture(scope="module")
def emrtd(shared: Path) -> Path:
    return shared / "data/emrtd"


@pytest.fixture(scope="module")
def folder(emrtd: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the German and the Dutch list, made once."""
    folder = tmp_path_factory.mktemp("trust")
    for state, (file, root) in LISTS.items():
        how = Import(folder, NOW)
        imports.master_list(how, emrtd / "csca" / file, root=emrtd / "csca" / root, fingerprint=ROOTS[state])
    return folder


@pytest.fixture(scope="module")
def store(folder: Path) -> Store:
    return load(folder, frozenset(ROOTS.values()))


def test_both_lists_hold_what_was_counted_in_them(store: Store) -> None:
    certificates = store.anchors.certificates
    assert (len(certificates), store.unreadable) == (627, 0)
    assert len({one.country for one in certificates} - {"EU", "UN", ""}) == 127
    kinds = [public_key(one.public_key_info) for one in certificates]
    assert sum(hasattr(kind, "curve") for kind in kinds) == 179


def test_a_store_loads_without_verifying_each_certificate(folder: Path) -> None:
    begun = time.process_time()
    load(folder)
    assert time.process_time() - begun < 3, "loading takes seconds: it must not verify 627 signatures"


def test_single_issuers_come_in_and_link_their_names(emrtd: Path, tmp_path: Path) -> None:
    for file in sorted((emrtd / "csca").glob("IDN_*.cer")):
        fingerprint = hashlib.sha256(file.read_bytes()).hexdigest()
        imports.csca(Import(tmp_path, NOW), file, fingerprint=fingerprint)
    anchors = load(tmp_path).anchors
    assert {one.country for one in anchors.certificates} == {"ID"}
    links = [one for one in anchors.certificates if one.authority_key_id not in (None, one.key_id)]
    for link in links:
        signers = [one for one in anchors.candidates(link) if link.is_signed_by(one)]
        assert signers, "a link certificate is signed by the key before it"


def test_the_certificates_say_where_most_states_publish_their_revocations(store: Store) -> None:
    addresses = {(one.country, address) for one in store.anchors.certificates for address in one.crl_addresses}
    assert ("DE", "http://www.bsi.bund.de/csca_crl") in addresses
    assert ("NL", "http://crl.npkd.nl/CRLs/NLD.crl") in addresses
    assert len({country for country, _ in addresses}) > 100


VERDICTS = {
    "gmrtd_AT_EF_SOD.bin": (Reason.CRL_MISSING,),
    "gmrtd_DE_EF_SOD.bin": (Reason.CRL_MISSING,),
    "gmrtd_FR_EF_SOD.bin": (Reason.CRL_MISSING,),
    "gmrtd_NZ_EF_SOD.bin": (Reason.CRL_MISSING,),
    "gmrtd_US_EF_SOD.bin": (Reason.CRL_MISSING,),
    "NZ2013_EF_SOD.bin": (Reason.UNKNOWN_CSCA, Reason.CERTIFICATE_EXPIRED),
}
"""No state's CRL is in the lists, so that is all that is left to find with a genuine one."""


def test_every_real_security_object_has_a_row(emrtd: Path) -> None:
    assert {path.name for path in (emrtd / "sod").glob("*SOD*")} == set(VERDICTS)


@pytest.mark.parametrize("file", VERDICTS)
def test_real_security_objects_get_their_verdict(emrtd: Path, store: Store, file: str) -> None:
    data = (emrtd / "sod" / file).read_bytes()
    result = check_sod(data, on=NOW.date(), anchors=store.anchors, policy=Policy())
    assert tuple(reason for reason, _ in result.findings) == VERDICTS[file]
    assert bool(result.facts.csca_key_id) is (Reason.UNKNOWN_CSCA not in VERDICTS[file])
    assert result.content is not None
    assert {1, 2} <= set(security_object(result.content).hashes)


@pytest.mark.parametrize("file", VERDICTS)
def test_one_bit_anywhere_in_a_real_security_object_is_never_better(emrtd: Path, store: Store, file: str) -> None:
    genuine = (emrtd / "sod" / file).read_bytes()
    content = parse_sod(genuine).content
    start = genuine.find(content)
    assert start > 0
    for at in range(start, start + len(content), 13):
        spoilt = genuine[:at] + bytes((genuine[at] ^ 1,)) + genuine[at + 1 :]
        result = check_sod(spoilt, on=NOW.date(), anchors=store.anchors, policy=Policy())
        assert Reason.SOD_ATTRIBUTES in {reason for reason, _ in result.findings}


def test_the_german_card_security_is_signed_like_a_security_object(emrtd: Path, store: Store) -> None:
    data = (emrtd / "sod/gmrtd_DE_EF_CardSecurity.bin").read_bytes()
    result = check_card_security(data, on=NOW.date(), anchors=store.anchors, policy=Policy())
    assert tuple(reason for reason, _ in result.findings) == (Reason.CRL_MISSING,)
    assert result.facts.signature_algorithm == "ECDSA with SHA-384"


def test_the_test_passport_of_the_bsi_hashes_and_its_issuer_is_unknown(emrtd: Path, store: Store) -> None:
    folder = emrtd / "dg/bsi2008"
    read = {number: (folder / f"Datagroup{number}.bin").read_bytes() for number in (1, 2, 14)}
    lines = groups.mrz_lines(read[1])
    result = authenticate(
        (folder / "EF_SOD.bin").read_bytes(),
        read,
        issuer=lines[0][2:5],
        on=date(2008, 6, 1),
        anchors=store.anchors,
        policy=Policy(allow_sha1=True),
    )
    # Its signer's key is on brainpoolP224r1, which cannot be verified here; every hash is right.
    assert [reason for reason, _ in result.findings] == [Reason.UNKNOWN_CSCA, Reason.ALGORITHM_UNSUPPORTED]
    assert result.facts.signed_groups == (1, 2, 3, 14)
    dg15 = (folder / "Datagroup15.bin").read_bytes()
    with_dg15 = authenticate(
        (folder / "EF_SOD.bin").read_bytes(),
        {**read, 15: dg15},
        issuer=lines[0][2:5],
        on=date(2008, 6, 1),
        anchors=store.anchors,
        policy=Policy(allow_sha1=True),
    )
    assert (Reason.FILE_NOT_SIGNED, "DG15") in with_dg15.findings
    assert groups.common((folder / "EF_COM.bin").read_bytes()).tags == (0x61, 0x75, 0x63, 0x6E)


def test_the_key_agreement_of_icao_s_dg14_is_read(emrtd: Path) -> None:
    infos = groups.security_infos((emrtd / "dg/doc9303_dg14.bin").read_bytes())
    assert [oid for oid, _ in infos] == ["0.4.0.127.0.7.2.2.1.1", "0.4.0.127.0.7.2.2.3.1.1", "0.4.0.127.0.7.2.2.2"]


def test_the_answer_of_a_real_chip_is_right_for_its_challenge_and_no_other(emrtd: Path) -> None:
    told = json.loads((emrtd / "vectors/emrtd_vectors.json").read_text())["aa_rsa_1792"]
    dg15, challenge, answer = (bytes.fromhex(told[name]) for name in ("dg15", "rnd_ifd", "signature"))
    verify(dg15, challenge=challenge, response=answer, digest=None)
    for other in (bytes(8), bytes((challenge[0] ^ 1, *challenge[1:]))):
        with pytest.raises(DocumentFault) as caught:
            verify(dg15, challenge=other, response=answer, digest=None)
        assert caught.value.reason is Reason.ACTIVE_AUTHENTICATION_FAILED
