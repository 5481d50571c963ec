"""Every fault a virtual passport can have, and the verdict over it: the table of docs/passport.md."""

from collections.abc import Callable
from datetime import date

import pytest
from inspection_bench import NOW, SHORT, Inspect, passport
from inspection_page import lines

from appliance.core.decision import document_checks, may_proceed
from appliance.core.policy import Policy
from appliance.core.types import CheckName, Result
from appliance.core.types import InspectionStep as Step
from appliance.document.chip.passwords import can_password
from appliance.document.inspection import Inspection
from appliance.document.judge import Judged
from appliance.document.reasons import VERDICTS, Action, Reason, worst
from appliance.document.rules import Rules
from appliance.runtime import documents
from hil.bench import verdicts
from hil.passport.choices import FaceEncoding, Freshness
from hil.passport.faults import FAULTS, Fault
from hil.passport.suites import AUTHENTICATIONS, SUITES

AWKWARD = [fault for fault, expected in FAULTS.items() if not expected.reason]
WRONG = [fault for fault, expected in FAULTS.items() if expected.reason]
ANY = Policy(mandatory=Policy().mandatory - {CheckName.DOCUMENT_AUTHENTICITY})
Judge = Callable[[Inspection], Judged]


def steps(inspection: Inspection) -> set[Result]:
    return {inspection.result(step) for step in Step}


def test_a_passport_in_order_passes_every_step(inspected: Inspect, judged: Judge) -> None:
    inspection = inspected(passport(date_of_issue="2024-07-01"))
    assert inspection.found == ()
    assert steps(inspection) == {Result.SUCCESSFUL}
    assert inspection.facts["access"] == "PACE-GM ECDH AES_128"
    assert inspection.facts["clone detection"] == "chip authentication (AES_128), active authentication"
    document = judged(inspection)
    assert may_proceed(document_checks(document.document, NOW.date()), Policy())
    assert document.issued == date(2024, 7, 1)
    assert document.portrait is not None


@pytest.mark.parametrize("fault", AWKWARD)
def test_a_passport_that_is_merely_awkward_passes(inspected: Inspect, fault: Fault) -> None:
    inspection = inspected(passport(fault))
    assert [str(each.reason) for each in inspection.found] == []
    assert inspection.authenticity is Result.SUCCESSFUL
    assert verdicts.line(verdicts.of_fault(fault, inspection)) in lines("faults")


@pytest.mark.parametrize("fault", WRONG)
def test_a_passport_with_a_fault_is_found_out_by_its_reason(
    inspected: Inspect, judged: Judge, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    if fault is Fault.SILENCE:
        monkeypatch.setattr(documents, "TALK_S", 0.2)
    document = judged(inspected(passport(fault)))
    assert document.inspection is not None
    assert worst(document.inspection.reasons()) == FAULTS[fault].reason
    assert verdicts.line(verdicts.of_fault(fault, document.inspection)) in lines("faults")
    checks = document_checks(document.document, NOW.date())
    assert not may_proceed(checks, Policy())
    verdict = VERDICTS[Reason(FAULTS[fault].reason)]
    if verdict.action in (Action.SUSPECTED_CLONE, Action.SUSPECTED_FORGERY):
        assert not may_proceed(checks, ANY)


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_of_pace_opens_a_chip(inspected: Inspect, suite: str) -> None:
    clone = {"chip_authentication": (), "active_authentication": ""} if suite.startswith("cam") else {}
    inspection = inspected(passport(pace=(suite,), **clone))
    mapping, cipher, group = suite.split("-", 2)
    words = inspection.facts["access"]
    assert words.startswith(f"PACE-{mapping.upper()} {'DH' if group.startswith('dh') else 'ECDH'}")
    assert words.endswith("TDES" if cipher == "3des" else f"AES_{cipher[3:]}")
    assert inspection.found == ()
    assert inspection.authenticity is Result.SUCCESSFUL


@pytest.mark.parametrize("variant", AUTHENTICATIONS)
def test_every_variant_of_chip_authentication_is_proven(inspected: Inspect, variant: str) -> None:
    inspection = inspected(passport(chip_authentication=(variant,), active_authentication=""))
    assert inspection.facts["clone detection"].startswith("chip authentication")
    assert inspection.found == ()
    assert inspection.authenticity is Result.SUCCESSFUL


@pytest.mark.parametrize(
    "active",
    [
        "rsa-2048-sha1",
        "rsa-2048-sha256",
        "rsa-2048-sha512",
        "ecdsa-p256-sha256",
        "ecdsa-bp256-sha256-der",
        "ecdsa-p384-sha384",
    ],
)
@pytest.mark.parametrize("extended", [True, False])
def test_active_authentication_proves_the_chip(inspected: Inspect, active: str, extended: bool) -> None:
    given = passport(chip_authentication=(), active_authentication=active, extended_length=extended)
    inspection = inspected(given)
    assert inspection.facts["clone detection"] == "active authentication"
    assert inspection.found == ()


@pytest.mark.parametrize(
    "signature",
    [
        "rsa-2048-sha256",
        "rsa-3072-sha512",
        "pss-2048-sha256",
        "ecdsa-p256-sha256-named",
        "ecdsa-bp384-sha384",
        "ecdsa-p521-sha512",
    ],
)
def test_every_way_an_issuer_signs(inspected: Inspect, signature: str) -> None:
    inspection = inspected(passport(signature=signature))
    assert inspection.found == ()
    assert inspection.authenticity is Result.SUCCESSFUL


def test_an_issuer_known_by_its_link_certificate_alone(inspected: Inspect) -> None:
    assert inspected(passport(csca_generation=2)).authenticity is Result.SUCCESSFUL


def test_a_portrait_of_the_new_standard(inspected: Inspect, judged: Judge) -> None:
    document = judged(inspected(passport(face=FaceEncoding.ISO39794)))
    assert document.portrait is not None


@pytest.mark.parametrize(("freshness", "reason"), [(Freshness.STALE, "crl_stale"), (Freshness.NONE, "crl_missing")])
def test_without_a_fresh_revocation_list_nothing_is_proven(
    inspected: Inspect, freshness: Freshness, reason: str
) -> None:
    inspection = inspected(passport(), freshness=freshness)
    assert [each.reason for each in inspection.found] == [reason]
    assert inspection.authenticity is Result.UNDETERMINED
    assert inspection.result(Step.CLONE_DETECTION) is Result.NOT_PERFORMED, "nothing counts on what is not proven"


def test_short_and_extended_length_read_the_same(inspected: Inspect) -> None:
    given = passport(extended_length=True)
    assert inspected(given).portrait == inspected(given, SHORT).portrait


def test_a_card_is_opened_by_its_number_and_proves_less_without_its_zone(inspected: Inspect) -> None:
    card = passport(can="500540", td1=True)
    rules = Rules(types=frozenset("PI"))
    whole = inspected(card, rules, password=can_password("500540"))
    assert whole.authenticity is Result.SUCCESSFUL
    wrong = inspected(card, rules, password=can_password("500541"))
    assert wrong.reasons() == (Reason.ACCESS_DENIED,)


def test_a_type_that_is_not_admitted_never_meets_its_chip(inspected: Inspect) -> None:
    inspection = inspected(passport(td1=True))
    assert inspection.reasons() == (Reason.TYPE_NOT_ALLOWED,)
    assert inspection.result(Step.ACCESS) is Result.NOT_PERFORMED


# --- what a site may decide -------------------------------------------------------------------------------------------


def test_an_issuer_without_clone_detection_passes_where_it_is_named(inspected: Inspect) -> None:
    given = passport(Fault.NO_CLONE_DETECTION)
    assert inspected(given, Rules(without_clone_detection=frozenset({"UTO"}))).authenticity is Result.SUCCESSFUL
    assert inspected(given, Rules(without_clone_detection=frozenset({"D"}))).authenticity is Result.UNDETERMINED


def test_sha1_is_believed_only_where_it_is_said_so(inspected: Inspect) -> None:
    assert inspected(passport(Fault.SHA1), Rules(allow_sha1=True)).authenticity is Result.SUCCESSFUL
