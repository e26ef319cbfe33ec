"""The dashboards on a collector as `breakeven up --sql` starts it: no ClickHouse server, spans and SQL over its own port."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from breakeven_collector.serve import Collector

from tests.collector.client import Client
from tests.collector.sql.conftest import SqlServer
from tests.conftest import quick_settings
from tests.dashboards.conftest import Grafana, chosen, sql_of
from tests.dashboards.macros import Range
from tests.spans import NOON, Call, body

DAY = Range(NOON.replace(hour=0), NOON.replace(hour=0) + timedelta(days=1))


@pytest.fixture(scope="module")
def collector(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    settings = quick_settings(f"chdb://{engine_folder}?database=embedded", tmp_path_factory.mktemp("embedded"))
    with Collector(settings.model_copy(update={"sql": True})) as collector:
        yield collector


def test_what_is_sent_to_a_collector_stands_on_the_dashboards_of_the_grafana_beside_it(collector: Collector) -> None:
    client, grafana = Client(collector.url), Grafana(SqlServer(collector.pipeline.store, collector.url))
    before = grafana.ask(sql_of("bill", "This period"), chosen(), time=DAY, anew=True).rows
    assert [(row["usd"], row["calls"]) for row in before] == [(None, "0")]
    # One span has an id of a wrong length, one request is no OTLP at all.
    assert client.post(body(Call(feature="it's"), Call(feature="it's"), Call(span_id=b"short"))).status == 200
    assert client.post(b"\xff").status == 400
    collector.pipeline.drain()
    now = datetime.now(UTC)
    collector.pipeline.health_log.write(now)
    (row,) = grafana.ask(sql_of("bill", "This period"), chosen(feature=["it's"]), time=DAY).rows
    assert (row["usd"], row["calls"], row["usd_per_call"]) == ("0.007", "2", "0.0035")
    present = Range(now - timedelta(hours=1), now + timedelta(seconds=1))
    (told,) = grafana.ask(sql_of("pipeline", "Collectors"), chosen(), time=present).rows
    assert {name: told[name] for name in ("rejected", "unkept", "ship_errors", "held_up", "quarantined")} == {
        "rejected": "1", "unkept": "0", "ship_errors": "0", "held_up": "no", "quarantined": "0",
    }  # fmt: skip
    rows = collector.pipeline.store.rows("SELECT received, refused FROM collector_health")
    assert rows == [{"received": 2, "refused": 1}]
