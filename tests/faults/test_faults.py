"""Under every fault: what was acknowledged landed, all of it, once."""

from collections.abc import Iterator

import pytest
from breakeven_collector import records

from tests.clickhouse_server import clickhouse_server
from tests.faults import scenarios
from tests.faults.front import Mode
from tests.faults.load import exact

# Collectors are started again and again: on a busy machine that takes its time.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with clickhouse_server() as address:
        yield address


@pytest.fixture
def store(server: str) -> str:
    return f"http://{server}"


def test_a_collector_that_is_killed_twenty_times_under_load_loses_and_doubles_nothing(store: str) -> None:
    outcome, load = scenarios.killed(store, 20)
    assert outcome == exact(outcome.acknowledged)
    assert load.statuses[0] >= 20  # answers that never came
    assert load.sent_again > 0


def test_an_engine_that_is_killed_with_its_collector_loses_and_doubles_nothing() -> None:
    outcome, load = scenarios.killed("", 2)
    assert outcome == exact(outcome.acknowledged)
    assert load.statuses[0] >= 2


def test_whatever_way_the_store_is_away_the_journal_grows_and_then_drains_exactly(server: str) -> None:
    modes = [Mode.REFUSING, Mode.FAILING, Mode.HANGING, Mode.MUTE]
    outcome, seen = scenarios.away(server, modes, 1)
    assert outcome == exact(outcome.acknowledged)
    assert all(grown > 0 for grown in seen.grown.values())


def test_two_collectors_on_one_store_in_the_same_minutes_add_up_exactly(store: str) -> None:
    assert scenarios.two_collectors(store, 60) == exact(180)


def test_a_full_disk_is_answered_503_and_it_goes_on_by_itself_once_there_is_room(store: str) -> None:
    try:
        outcome, load, health = scenarios.disk_full(store)
    except scenarios.CannotMount as error:
        pytest.skip(f"a small disk takes root: {error}")
    assert outcome == exact(outcome.acknowledged)
    assert load.statuses[503] > 50
    assert (health["status"], health["held_up"]) == ("ok", None)


def test_a_journal_at_its_limit_is_answered_503_and_drains_exactly(server: str) -> None:
    outcome, load, waiting = scenarios.journal_full(server)
    assert outcome == exact(outcome.acknowledged)
    assert load.statuses[503] > 50
    assert 900_000 < waiting < 1_010_000


def test_a_torn_last_record_costs_nothing_that_was_acknowledged(store: str) -> None:
    outcome, _ = scenarios.left_behind(
        store, lambda name: records.record(b"never acknowledged" * 20, "default", name), lambda data: data[:-100]
    )
    assert outcome == exact(200)


def test_a_request_that_nobody_can_read_is_set_aside_and_everything_else_lands(store: str) -> None:
    outcome, health = scenarios.left_behind(
        store, lambda name: records.record(b"\xff\xff\xff garbage", "default", name), bytes
    )
    assert outcome == exact(200)
    assert (health["quarantined_requests"], health["status"]) == (1, "ok")


def test_a_clock_that_steps_forward_and_back_loses_and_doubles_nothing(store: str) -> None:
    day = 86_400
    outcome = scenarios.clock_steps(store, [3 * day, -6 * day, 365 * day, -730 * day])
    assert outcome == exact(outcome.acknowledged)


def test_memory_stays_flat_while_the_store_is_away_on_a_start_and_in_the_drain(server: str) -> None:
    outcome, memory = scenarios.memory(server, 30)
    assert outcome == exact(outcome.acknowledged)
    assert memory.journal > 30
    # A batch of requests, an HTTP body, what the allocator keeps: none of it grows with the journal.
    assert memory.while_away < memory.before + 40
    assert memory.restarted < memory.before + 40
    assert memory.highest_in_drain < memory.before + 110
