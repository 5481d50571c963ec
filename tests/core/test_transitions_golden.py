"""The transition table in the docs is the machine's, row by row."""

from pathlib import Path

import pytest

from appliance.core.diagram import page
from appliance.core.explore import table
from appliance.core.policy import Policy
from appliance.core.types import Topology

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("topology", list(Topology))
def test_the_docs_show_the_machine_as_it_is(topology: Topology) -> None:
    golden = (DOCS / f"transitions-{topology}.md").read_text(encoding="utf-8")
    assert page(topology, table(Policy(topology=topology))) == golden, (
        f"the machine changed: look at the change, then run appliance transitions --topology {topology}"
        f" --output docs/transitions-{topology}.md"
    )
