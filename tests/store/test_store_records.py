import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.types import Check, CheckName, OfficerAction, Outcome, Result, Topology
from appliance.store.errors import RecordRefused
from appliance.store.records import (
    DERIVING,
    MAX_BYTES,
    STRUCK_OUT,
    DecisionMade,
    JournalRecord,
    PassageEnded,
    PassageStarted,
    canonical,
    describe,
)

keys = st.from_regex(r"[a-z]{1,3}_[0-9]{1,4}", fullmatch=True)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4))
fine = Check(CheckName.LIVENESS, Result.SUCCESSFUL, "fine")
failed = Check(CheckName.COMPARISON, Result.FAILED, "The faces differ.")
PASSPORT = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
CARD = "I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"
FULL_SECOND_LINE = "L898902C36UTO7408122F1204159ZE184226B1234510"


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(keys, values, max_size=5))
def test_the_canonical_form_comes_back_exact_whatever_the_order(payload: dict[str, object]) -> None:
    _, checked = describe(JournalRecord("event", payload))
    text = canonical(checked)  # type: ignore[arg-type]
    assert json.loads(text) == payload
    assert canonical(json.loads(text)) == text == canonical(dict(reversed(list(checked.items()))))
    assert text.isascii()


def test_minus_zero_and_the_smallest_float_keep_their_bits() -> None:
    text = canonical(describe(JournalRecord("event", {"a": -0.0, "b": 5e-324}))[1])
    read = json.loads(text)
    assert math.copysign(1, read["a"]) == -1
    assert read["b"] == 5e-324


@pytest.mark.parametrize(
    "payload",
    [
        {"x": math.nan},
        {"x": math.inf},
        {"x": 2**53},
        {"x": b"raw"},
        {"x": {1, 2}},
        {"x": object()},
        {"x": [0.1] * 128},
        {"x": "a" * 2001},
        {"a b": 1},
        {1: 1},
        {"P<UTOERIKSSON": 1},
        {"mrz": "anything"},
        {"Surname": "ERIKSSON"},
        {"deep": [{"document_number": "L898902C3"}]},
        {"embedding": [0.1]},
        {f"k{number}": "a" * 1999 for number in range(MAX_BYTES // 2000 + 1)},
        {"x": [[[[[[[[[[]]]]]]]]]]},
    ],
    ids=lambda payload: str(payload)[:30],
)
def test_what_is_no_fact_for_a_journal_is_refused(payload: dict[str, object]) -> None:
    with pytest.raises(RecordRefused):
        describe(JournalRecord("event", payload))


@pytest.mark.parametrize("line", [*PASSPORT, *CARD, FULL_SECOND_LINE, PASSPORT[1].lower(), "".join(PASSPORT)])
def test_a_machine_readable_zone_in_free_text_is_struck_out(line: str) -> None:
    reason = f"Officer typed {line} here"
    _, payload = describe(DecisionMade("p", False, (failed,), "o", OfficerAction.REFUSE, reason))
    assert payload["reason"] == f"Officer typed {STRUCK_OUT} here"


@pytest.mark.parametrize("text", ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "a < b, c << d"])
def test_hashes_and_plain_sentences_stay(text: str) -> None:
    assert describe(JournalRecord("event", {"x": text}))[1] == {"x": text}


@pytest.mark.parametrize("kind", ["", "Event", "a b", "é", "x" * 65, "1st", "a\n", *sorted(DERIVING)])
def test_kinds_are_plain_words_and_derived_ones_have_their_own_records(kind: str) -> None:
    with pytest.raises(RecordRefused):
        describe(JournalRecord(kind))


@pytest.mark.parametrize(
    "record",
    [
        DecisionMade("p", True, ()),
        DecisionMade("p", True, (fine, failed)),
        DecisionMade("p", True, (Check(CheckName.LIVENESS, Result.UNDETERMINED, "unclear"),)),
        DecisionMade("p", False, (fine, fine)),
        DecisionMade("p", True, (fine,), officer="o"),
        DecisionMade("p", True, (fine,), "o", OfficerAction.ADMIT),
        DecisionMade("p", True, (fine,), "o", OfficerAction.REFUSE, "no"),
        DecisionMade("p", False, (fine,), "o", OfficerAction.ADMIT, "yes"),
        PassageStarted("../p", Topology.MANTRAP, "pack", True),
        PassageStarted("", Topology.MANTRAP, "pack", True),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(record: DecisionMade | PassageStarted) -> None:
    with pytest.raises(RecordRefused):
        describe(record)


def test_words_of_the_house_are_written_as_their_values() -> None:
    assert describe(PassageEnded("p", Outcome.WALKED_AWAY)) == (
        "passage_ended",
        {"passage_id": "p", "outcome": "walked_away"},
    )
