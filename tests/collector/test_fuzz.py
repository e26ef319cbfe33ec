"""Requests bent at random, over a real socket: each is answered as OTLP says, and valid calls beside it land."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from breakeven_collector.serve import Collector
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.fuzz import Connection, check, neighbour
from bench.mutations import Mutations
from tests.conftest import quick_settings

EXAMPLES = 300


@pytest.fixture(scope="module")
def fuzzed(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    # The whole run is few inserts: what is fuzzed is what comes before them.
    options = quick_settings(f"chdb://{engine_folder}?database=fuzzed", tmp_path_factory.mktemp("fuzz"))
    with Collector(options.model_copy(update={"batch_seconds": 10.0})) as collector:
        yield collector


def test_whatever_is_sent_is_answered_by_the_rules_and_valid_calls_beside_it_land(fuzzed: Collector) -> None:
    connection = Connection(fuzzed.url)
    neighbours = 0

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.integers(0, 1 << 32))
    def exchange(seed: int) -> None:
        nonlocal neighbours
        sent = Mutations(seed).request()
        answer = connection.send(sent)
        if answer:
            check(sent, *answer)
        if seed % 5 == 0:
            valid, calls = neighbour(random.Random())
            answer = connection.send(valid, patient=True)
            assert answer is not None
            assert answer[0] == 200
            neighbours += calls

    exchange()
    connection.close()
    fuzzed.pipeline.drain()
    rows = fuzzed.pipeline.store.rows("SELECT uniqExact(span_id) AS n FROM calls WHERE service = 'a-neighbour'")
    assert (rows, fuzzed.pipeline.shipper.last_error) == ([{"n": neighbours}], "")
    assert neighbours > 0
