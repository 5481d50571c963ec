"""What a document's inspection means: the table of reasons row by row, and what core and guard are told of it."""

import io
import itertools
from datetime import date

import numpy as np
import pytest
from PIL import Image

from appliance.core.decision import document_checks, may_proceed
from appliance.core.policy import Policy
from appliance.core.types import Advice, CheckName, Result
from appliance.core.types import InspectionStep as Step
from appliance.document.inspection import Found, Inspection
from appliance.document.judge import judge
from appliance.document.mrz import parse
from appliance.document.reasons import VERDICTS, Action, DocumentFault, Reason, gravest_first, worst

pytestmark = pytest.mark.anyio

TODAY = date(2012, 1, 1)
ZONE = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
MRZ = parse(ZONE, TODAY)
_STREAM = io.BytesIO()
Image.fromarray(np.full((40, 30, 3), 90, np.uint8)).save(_STREAM, "JPEG")
JPEG = _STREAM.getvalue()
IN_ORDER = Inspection((), frozenset(Step), MRZ, MRZ, JPEG, date(2007, 4, 16))
STRICT = Policy()
LAX = Policy(mandatory=STRICT.mandatory - {CheckName.DOCUMENT_AUTHENTICITY})

# Section 6 of the reference on eMRTDs, step by step: result value, then what is done.
RETRY = {"mrz_unreadable", "mrz_check_digit", "no_chip", "chip_lost", "chip_silent", "access_denied"}
RETRY |= {"mac_wrong", "unprotected_response"}
FORGERY = {"curve_forged", "sod_attributes", "signature_wrong", "chain_wrong", "certificate_revoked"}
FORGERY |= {"country_mismatch", "hash_mismatch", "file_not_signed", "mrz_mismatch"}
CLONE = {"chip_key_invalid", "signed_file_unreadable", "access_downgraded", "chip_authentication_failed"}
CLONE |= {"active_authentication_failed", "cam_failed"}
NOT_ADMISSIBLE = {"type_not_allowed", "expired"}
UNKNOWN = {"trust_unavailable", "algorithm_unsupported", "algorithm_weak", "unknown_csca", "certificate_expired"}
UNKNOWN |= {"crl_missing", "crl_stale", "no_clone_detection"}


def test_every_reason_has_a_row_with_its_action() -> None:
    assert set(VERDICTS) == set(Reason)
    expected = {
        **dict.fromkeys(RETRY, Action.RETRY),
        **dict.fromkeys(FORGERY, Action.SUSPECTED_FORGERY),
        **dict.fromkeys(CLONE, Action.SUSPECTED_CLONE),
        **dict.fromkeys(NOT_ADMISSIBLE, Action.NOT_ADMISSIBLE),
    }
    for reason, verdict in VERDICTS.items():
        assert verdict.action is expected.get(reason, Action.CANNOT_VERIFY), reason
        assert (verdict.advice is not None) == (verdict.action is Action.RETRY), reason
        assert verdict.advice in (None, Advice.LAY_DOWN_AGAIN, Advice.LEAVE_IT_THERE), reason
        assert verdict.words.endswith("."), reason
        assert verdict.result is not Result.SUCCESSFUL, reason
    for reason in FORGERY | CLONE:
        assert VERDICTS[Reason(reason)].result is Result.FAILED, reason
    for reason in UNKNOWN:
        assert VERDICTS[Reason(reason)].result is Result.UNDETERMINED, reason


def test_the_gravest_action_wins_and_of_equals_the_first_found() -> None:
    order = [Reason.CHIP_LOST, Reason.UNKNOWN_CSCA, Reason.EXPIRED, Reason.CAM_FAILED, Reason.HASH_MISMATCH]
    for found in itertools.permutations(order):
        assert gravest_first(found) == tuple(reversed(order))
    assert worst(()) is None
    assert gravest_first([Reason.CRL_STALE, Reason.UNKNOWN_CSCA, Reason.CRL_STALE]) == (
        Reason.CRL_STALE,
        Reason.UNKNOWN_CSCA,
    )


@pytest.mark.parametrize("reason", Reason)
async def test_no_reason_ever_lets_a_holder_go_on(reason: Reason, monkeypatch: pytest.MonkeyPatch) -> None:
    async def decoded(_: bytes) -> object:
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr("appliance.document.judge.decode", decoded)
    judged = await judge(IN_ORDER.with_(reason, "detail"))
    checks = document_checks(judged.document, TODAY)
    if reason is Reason.EXPIRED:  # the core compares the day itself
        checks = document_checks(judged.document, date(2012, 4, 16))
        assert checks[2].result is Result.FAILED
    assert not may_proceed(checks, STRICT)
    verdict = VERDICTS[reason]
    assert judged.document.readable == (verdict.action is not Action.RETRY), (
        "only what can be done better is read again"
    )
    assert judged.advice is verdict.advice, "and its traveller is told what helps"
    if verdict.action in (Action.SUSPECTED_FORGERY, Action.SUSPECTED_CLONE):
        assert not may_proceed(checks, LAX), "not even where authenticity is not mandatory"
    if reason is not Reason.EXPIRED:
        assert verdict.words in [check.reason for check in checks]
        assert verdict.result in [check.result for check in checks]
        assert str(reason) in [check.detail for check in checks]


@pytest.mark.parametrize("missing", Step)
async def test_a_step_that_did_not_come_to_its_end_is_not_performed_and_never_passes(missing: Step) -> None:
    inspection = Inspection((), IN_ORDER.done - {missing}, MRZ, MRZ, b"" if missing is Step.PORTRAIT else JPEG)
    assert inspection.result(missing) is Result.NOT_PERFORMED
    judged = await judge(inspection)
    if missing is not Step.MRZ:  # without its printed zone, a card that its number opened
        assert not may_proceed(document_checks(judged.document, TODAY), STRICT)


async def test_a_document_in_order_goes_on_with_all_that_is_known_of_it() -> None:
    judged = await judge(IN_ORDER)
    document = judged.document
    assert (document.readable, document.checks_ok, document.chip_authentic) == (True, True, Result.SUCCESSFUL)
    assert (document.expires, judged.issued, document.code) == (date(2012, 4, 15), date(2007, 4, 16), "")
    assert judged.portrait is not None
    assert judged.portrait.shape == (40, 30, 3)
    assert may_proceed(document_checks(document, TODAY), STRICT)


async def test_a_portrait_that_cannot_be_decoded_is_the_guards_at_once() -> None:
    judged = await judge(Inspection((), frozenset(Step), MRZ, MRZ, b"junk"))
    assert (judged.document.readable, judged.document.checks_ok, judged.portrait) == (True, False, None)
    assert judged.document.code == Reason.PORTRAIT_BROKEN
    assert judged.inspection is not None
    assert judged.inspection.result(Step.PORTRAIT) is Result.FAILED
    assert "neither JPEG" in judged.inspection.found[-1].detail


async def test_what_is_read_again_touches_no_portrait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: bytes) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("appliance.document.judge.decode", never)
    judged = await judge(IN_ORDER.with_(Reason.CHIP_LOST))
    assert (judged.document.unread, judged.portrait) == (Result.ABORTED, None)
    assert judged.mrz is not None, "the guard sees whose it claims to be"


async def test_a_chip_that_gave_nothing_is_said_in_its_own_words() -> None:
    judged = await judge(Inspection((Found(Reason.TRUST_UNAVAILABLE, "no list"),)))
    read, authenticity, validity = document_checks(judged.document, TODAY)
    assert (read.result, read.reason) == (Result.UNDETERMINED, VERDICTS[Reason.TRUST_UNAVAILABLE].words)
    assert authenticity.result is Result.UNDETERMINED
    assert validity.result is Result.UNDETERMINED


def test_authenticity_is_the_conjunction_of_its_steps() -> None:
    proving = {Step.ACCESS, Step.READING, Step.PASSIVE_AUTHENTICATION, Step.CLONE_DETECTION, Step.CONSISTENCY}
    for count in range(len(proving) + 1):
        for done in itertools.combinations(sorted(proving), count):
            found = Inspection((), frozenset(done)).authenticity
            assert (found is Result.SUCCESSFUL) == (set(done) == proving)
    forged = Inspection((Found(Reason.CRL_STALE), Found(Reason.HASH_MISMATCH)), frozenset(Step))
    assert forged.authenticity is Result.FAILED
    assert Inspection((Found(Reason.CRL_STALE),), frozenset(Step)).authenticity is Result.UNDETERMINED


def test_a_fault_says_its_reason_and_names_nobody() -> None:
    assert str(DocumentFault(Reason.HASH_MISMATCH, "DG2")) == "hash_mismatch: DG2"
    assert str(DocumentFault(Reason.NO_CHIP)) == "no_chip"
