"""docs/passport.md has a line for every fault and every reason; that each fault's is right: test_inspection_faults."""

from inspection_page import lines

from hil.bench import verdicts
from hil.passport.faults import FAULTS


def test_the_page_has_one_line_for_every_fault_in_their_order() -> None:
    assert [line.split("`")[1] for line in lines("faults")] == list(FAULTS)


def test_the_page_says_what_every_reason_means() -> None:
    said = "look at the change, then run: python -m hil bench passport --markdown docs/passport.md"
    assert lines("reasons") == [verdicts.line(cells) for cells in verdicts.of_reasons()], said
