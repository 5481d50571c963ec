"""The whole API of a running console under schemathesis: what fits its description, and what does not."""

from collections.abc import Iterator

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction
from ui_fake_lane import LaneThread, held
from ui_rig import PASSWORD, ConsoleProcess

from ui.app import api as description

# Without an end: what they send is looked at in test_ui_streams.
ENDLESS = ["/api/events", "/api/traveller/{lane}/events"]


def no_crash(_context: object, response: schemathesis.Response, _case: schemathesis.Case) -> None:
    """503 is an answer: a lane does not say what is asked of it."""
    assert response.status_code in range(200, 500) or response.status_code == 503, response.text


CHECKS: list[CheckFunction] = [
    no_crash,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
]


class People:
    """A supervisor of a console, signed in anew whenever a request has ended the session."""

    def __init__(self, console: ConsoleProcess) -> None:
        self.url = console.url
        self.http = requests.Session()
        self.origin = {"origin": console.url}
        self._send("post", "session", {"name": "officer", "password": console.one_time})
        self._send("post", "password", {"current": console.one_time, "new": PASSWORD, "name": "officer"})

    def here(self) -> requests.Session:
        if self._send("get", "session")["officer"] is None:
            self._send("post", "session", {"name": "officer", "password": PASSWORD})
        return self.http

    def _send(self, method: str, what: str, body: object = None) -> dict[str, object]:
        answer = self.http.request(method, f"{self.url}/api/{what}", json=body, headers=self.origin, timeout=10)
        answer.raise_for_status()
        return dict(answer.json())


@pytest.fixture(scope="module")
def supervisor(lane_thread: LaneThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    folder = tmp_path_factory.mktemp("fuzz")
    lane = lane_thread.lane(folder / "lane-1.sock", held())
    lane.no_past = "not here"
    console = ConsoleProcess([lane.path], folder / "state")
    people = People(console)
    yield people
    people.http.close()
    console.stop()


OPERATIONS = {
    operation.ok().label: operation.ok()
    for operation in schemathesis.openapi.from_dict(description(None).openapi()).get_all_operations()
    if operation.ok().path not in ENDLESS
}


@pytest.mark.parametrize("label", OPERATIONS)
def test_whatever_is_sent_the_answer_is_a_described_one(label: str, supervisor: People) -> None:
    operation = OPERATIONS[label]
    kinds = [GenerationMode.POSITIVE]
    if operation.body or any(operation.iter_parameters()):
        kinds.append(GenerationMode.NEGATIVE)

    @settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=st.one_of([operation.as_strategy(generation_mode=kind) for kind in kinds]))
    def fuzzed(case: schemathesis.Case) -> None:
        case.call_and_validate(
            base_url=supervisor.url, session=supervisor.here(), headers=supervisor.origin, checks=CHECKS, timeout=10
        )

    fuzzed()


def test_the_description_is_for_who_is_signed_in(supervisor: People) -> None:
    where = f"{supervisor.url}/api/openapi.json"
    assert requests.get(where, timeout=10).status_code == 401
    assert set(supervisor.here().get(where, timeout=10).json()["paths"]) >= {one.path for one in OPERATIONS.values()}
