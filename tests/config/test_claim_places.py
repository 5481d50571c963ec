"""A problem in the section of a reader is told by its path in the file, in which no kind stands."""

from pathlib import Path
from typing import Any

import pytest

from appliance.claim_config import ClaimConfig
from appliance.config import ConfigError, checked
from appliance.section import Section

READER = {"kind": "pcsc", "reader": "ACS", "zone": {"kind": "serial_text", "port": "/dev/ttyUSB0"}}


class Lane(Section):
    """A file with nothing but this section."""

    document_reader: ClaimConfig


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"reader": ""}, "document_reader.reader"),
        ({"zone": READER["zone"] | {"framd": True}}, "document_reader.zone.framd"),
        ({"zone": {"kind": "idbox"}}, "document_reader.zone.port"),
        ({"zone": {"kind": "keyboard_wedge"}}, "document_reader.zone"),
    ],
)
def test_a_reader_s_problem_is_told_by_its_path(change: dict[str, Any], place: str) -> None:
    assert checked(Path("lane.toml"), {"document_reader": READER}, Lane).document_reader.kind == "pcsc"
    with pytest.raises(ConfigError, match="has 1 problem:") as caught:
        checked(Path("lane.toml"), {"document_reader": READER | change}, Lane)
    assert f"  {place}: " in str(caught.value)
