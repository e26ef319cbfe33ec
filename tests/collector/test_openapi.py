"""What `/api/openapi.json` promises of the bill, held against the running collector."""

from typing import Any

import pytest
import schemathesis
from breakeven_collector.serve import Collector
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance  # pyright: ignore[reportUnknownVariableType]

from tests.collector.client import Client
from tests.spans import Call, body

PATHS = ("/api/report", "/api/series", "/api/calls", "/api/calls/{call_id}", "/api/pulse")


@pytest.fixture(scope="module")
def api(collector: Collector) -> Any:
    """The schema, over a collector with a call."""
    assert Client(collector.url).post(body(Call())).status == 200
    return schemathesis.openapi.from_url(f"{collector.url}/api/openapi.json")


@pytest.mark.parametrize("path", PATHS)
def test_the_api_of_the_bill_answers_as_its_schema_says(api: Any, path: str) -> None:
    @given(case=api[path]["GET"].as_strategy())
    @settings(
        max_examples=4,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    def answers(case: Any) -> None:
        # What a day or a time zone is, a schema cannot say: 422 is an answer, too.
        case.call_and_validate(timeout=60, excluded_checks=[positive_data_acceptance])

    answers()


def test_routes_of_the_page_have_examples(collector: Collector) -> None:
    paths = Client(collector.url).get("/api/openapi.json")["paths"]
    for path in PATHS[1:]:
        answers = paths[path]["get"]["responses"]
        assert {"200", "401", "403", "422"} <= answers.keys(), path
        assert all(answer["content"]["application/json"]["example"] for answer in answers.values()), path
