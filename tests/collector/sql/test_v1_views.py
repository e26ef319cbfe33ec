"""The promised views tell the same bill as `spend`."""

from datetime import UTC, datetime

import pytest
from breakeven_collector.pipeline import Pipeline

from tests.collector.test_retention import record
from tests.spans import Call, body

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SUMS = "sum(calls) AS calls, sum(uncached_tokens) AS uncached, sum(answer_tokens) AS answer, sum(cost_usd) AS usd"


@pytest.mark.parametrize("view", ["v1_spend_daily", "v1_spend_hourly"])
def test_a_view_adds_up_to_the_bill_without_duplicates(pipeline: Pipeline, project: str, view: str) -> None:
    # the same call seen by two instrumentations, another call, and one of a model that has no price
    calls = [
        Call(at=NOW, response_id=f"{project}-a", scope="a.scope"),
        Call(at=NOW, response_id=f"{project}-a", scope="b.scope"),
        Call(at=NOW, response_id=f"{project}-b"),
        Call(at=NOW, response_id=f"{project}-c", model="nobody-has-it"),
    ]
    data = record(body(*calls), project, project, int(NOW.timestamp() * 1e9))
    pipeline.store.insert_requests(data, token=project)
    pipeline.catalog.resolve_new()
    pipeline.ledger.pass_segments([project])
    rows = pipeline.store.rows(f"SELECT {SUMS} FROM {view} WHERE project = {{p:String}}", {"p": project})
    bill = pipeline.store.rows(
        f"SELECT {SUMS} FROM spend WHERE grain = 'minute' AND counted = 'yes' AND project = {{p:String}}",
        {"p": project},
    )
    assert rows == bill
    assert rows[0]["calls"] == 3
    assert rows[0]["usd"] > 0
    unpriced = pipeline.store.rows(
        f"SELECT sum(calls) AS calls, sum(cost_usd) AS usd, any(unpriced_reason) AS why FROM {view} "
        "WHERE project = {p:String} AND model = 'nobody-has-it'",
        {"p": project},
    )
    assert unpriced == [{"calls": 1, "usd": None, "why": "model not in the price book"}]


def test_the_view_of_prices_is_the_active_book(pipeline: Pipeline) -> None:
    counted = pipeline.store.rows(
        "SELECT count() AS n FROM price_book FINAL WHERE book_version = (SELECT argMax(book_version, loaded_at) FROM price_books)"
    )
    assert pipeline.store.rows("SELECT count() AS n FROM v1_prices") == counted
    assert counted[0]["n"] > 1000
