"""Calls go when their days are over and the bill stays, whatever comes late, twice, or is shipped again after a crash."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector import seals
from breakeven_collector.catalog import Catalog
from breakeven_collector.ledger import Ledger
from breakeven_collector.report import build_report
from breakeven_collector.retention import Retention
from breakeven_collector.settings import Settings
from breakeven_collector.store import Store
from pydantic import ValidationError

from tests.spans import Call, body

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class World:
    """A store, a journal folder and a clock of our own, which only goes forward: boundaries never go back."""

    def __init__(self, store: Store, journal: Path) -> None:
        self.store = store
        self.ledger = Ledger(store)
        self.journal = journal
        self.now = datetime(2025, 3, 1, 8, tzinfo=UTC)
        self.retention = Retention(store, journal, calls_days=7, ledger_days=None)
        self._segments = 0

    def pass_time(self, time: timedelta) -> None:
        """Time goes by, and the collector keeps up with it."""
        self.now += time
        self.retention.keep_up(self.now)

    def take(self, *calls: Call, project: str) -> "Taken":
        """A request is taken, and waits in the journal."""
        self._segments += 1
        moment = int(self.now.timestamp() * 1e9)
        file = self.journal / f"{moment:020d}-{self._segments:08x}.seg"
        file.touch()
        return Taken(self, file, record(body(*calls), project, file.stem, moment))

    def land(self, *calls: Call, project: str) -> None:
        self.take(*calls, project=project).ship()

    def counted(self, project: str) -> dict[str, int]:
        rows = self.store.rows(
            "SELECT counted, sum(s.calls) AS n FROM spend_slices AS s WHERE project = {p:String} GROUP BY counted HAVING n != 0",
            {"p": project},
        )
        return {row["counted"]: row["n"] for row in rows}

    def kept(self, project: str, table: str = "calls") -> int:
        return self.store.rows(f"SELECT count() AS n FROM {table} FINAL WHERE project = {{p:String}}", {"p": project})[
            0
        ]["n"]


class Taken:
    """A request that was acknowledged."""

    def __init__(self, world: World, file: Path, data: bytes) -> None:
        self._world = world
        self._file = file
        self._data = data

    def insert(self) -> None:
        """The first half of shipping: a crash may come after it, or between it and the rest."""
        self._world.store.insert_requests(self._data, token=self._file.stem)

    def ship(self) -> None:
        self.insert()
        self._world.ledger.pass_segments([self._file.stem])
        self._file.unlink()


def record(request: bytes, project: str, segment: str, received_ns: int) -> bytes:
    """As the journal writes it, taken at a moment of our choice."""

    def varint(number: int) -> bytes:
        return bytes([number & 127 | 128]) + varint(number >> 7) if number > 127 else bytes([number])

    def text(field: int, value: str) -> bytes:
        return varint(field << 3 | 2) + varint(len(value)) + value.encode()

    data = request + text(1000, project) + varint(1001 << 3) + varint(received_ns) + text(1002, segment)
    return varint(len(data)) + data


@pytest.fixture(scope="module")
def world(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    store = Store(f"chdb://{engine_folder}?database=retention").open()
    Catalog(store).load()
    yield World(store, tmp_path_factory.mktemp("journal"))
    store.close()


def test_ten_thousand_calls_that_expired_and_one_late_span_are_10_001_calls(world: World, project: str) -> None:
    hour = world.now - 2 * HOUR
    calls = [Call(at=hour + n * HOUR / 10_000, response_id=f"{project}-{n}") for n in range(10_000)]
    world.land(*calls, project=project)
    before = world.store.rows(
        "SELECT * FROM spend_slices FINAL WHERE project = {p:String} ORDER BY ALL", {"p": project}
    )
    for _ in range(11):
        world.pass_time(DAY)
    assert world.kept(project) == 0
    late = Call(at=hour + HOUR / 2, response_id="late")
    world.land(late, project=project)
    world.land(late, project=project)
    Catalog(world.store).resolve_new()
    assert world.counted(project) == {"yes": 10_000, "late": 1}
    held = world.store.rows("SELECT * FROM spend_slices FINAL WHERE project = {p:String} ORDER BY ALL", {"p": project})
    assert [row for row in held if row["counted"] == "yes"] == before
    grains = world.store.rows(
        "SELECT grain, sum(s.calls) AS calls, sum(s.cost_usd) AS usd FROM spend AS s "
        "WHERE project = {p:String} AND counted IN ('yes', 'late') GROUP BY grain",
        {"p": project},
    )
    assert {row["calls"] for row in grains} == {10_001}
    assert len(grains) == 5
    report = build_report(world.store, days=30, now=world.now, project=project)
    assert report["totals"]["calls"] == 10_001
    # 1,000 input tokens at $2.50 and 100 output tokens at $10 the million
    assert report["late"] == {"calls": 1, "cost_usd": "0.0035"}


def test_late_calls_are_compared_among_themselves(world: World, project: str) -> None:
    outer = Call(at=world.now, response_id="r1", scope="opentelemetry.instrumentation.openai.v1", feature="a")
    inner = Call(at=world.now, response_id="r1", feature="b")
    trace: dict[str, Any] = {"trace_id": b"L" * 16, "at": world.now}
    wrapper = Call(**trace, span_id=b"wrapper1", scope="another.scope", seconds=2)
    step = Call(**trace, operation="invoke_agent", span_id=b"agent-01", parent=b"wrapper1", input_tokens=None)
    call = Call(**trace, span_id=b"inner-01", parent=b"agent-01", response_id="r2")
    for _ in range(9):
        world.pass_time(DAY)
    for one in (outer, step, call, inner, wrapper):
        world.land(one, project=project)
    assert world.counted(project) == {"late": 2, "late_duplicate": 1, "late_wrapper": 1}
    report = build_report(world.store, days=30, now=world.now, project=project)
    assert (report["removed"]["duplicate_calls"], report["removed"]["wrapper_calls"]) == (1, 1)
    assert world.kept(project) == 0


def test_what_waits_in_the_journal_is_not_late_and_holds_the_seal_up(world: World, project: str) -> None:
    world.pass_time(DAY)
    at = world.now.replace(hour=0) - 5 * DAY - HOUR
    waiting = world.take(Call(at=at), project=project)
    waiting.insert()  # and then the collector dies
    for _ in range(6):
        world.pass_time(DAY)
    assert seals.read(world.store).is_open
    world.land(Call(at=at), project=project)  # taken after the announcement
    waiting.ship()
    assert world.counted(project) == {"yes": 1, "late": 1}
    for _ in range(6):
        world.pass_time(DAY)
    assert seals.read(world.store).closed > at
    assert (world.kept(project), world.counted(project)) == (0, {"yes": 1, "late": 1})


def test_a_better_half_of_a_call_beside_the_boundary_still_takes_the_other_one_out(world: World, project: str) -> None:
    world.pass_time(DAY)
    boundary = world.now.replace(hour=0)
    outer = Call(at=boundary - timedelta(minutes=9), response_id="r1", scope="another.scope")
    world.land(outer, project=project)
    while seals.read(world.store).closed < boundary:
        world.pass_time(6 * HOUR)
    assert world.kept(project) == 1
    world.land(Call(at=boundary + timedelta(seconds=5), response_id="r1", feature="found"), project=project)
    assert world.counted(project) == {"yes": 1, "duplicate": 1}
    for _ in range(4):
        world.pass_time(DAY)
    assert (world.kept(project), world.counted(project)) == (0, {"yes": 1, "duplicate": 1})


def test_a_late_call_of_a_name_that_is_resolved_late_is_cut_along_its_edges(world: World, project: str) -> None:
    at = world.now
    for _ in range(9):
        world.pass_time(DAY)
    call = Call(at=at, provider="google", model="gemini-2.5-pro", input_tokens=300_000)
    world.land(call, project=project)
    tiers = "SELECT tier_start, sum(s.calls) AS n FROM spend_slices AS s WHERE project = {p:String} GROUP BY ALL HAVING n != 0"
    assert world.store.rows(tiers, {"p": project}) == [{"tier_start": 0, "n": 1}]
    Catalog(world.store).resolve_new()
    world.ledger.pass_names([("google", "gemini-2.5-pro", "")])
    assert world.store.rows(tiers, {"p": project}) == [{"tier_start": 200_000, "n": 1}]


def test_a_ledger_that_is_over_its_time_goes_by_whole_months_and_takes_late_calls_again(
    world: World, project: str
) -> None:
    world.now = world.now.replace(day=20)
    old = world.now
    world.land(Call(at=old, response_id="r1"), project=project)
    world.retention = Retention(world.store, world.journal, calls_days=7, ledger_days=30)
    while world.now.month == old.month or world.now.day < 28:
        world.pass_time(DAY)
    assert world.counted(project) == {"yes": 1}
    while world.counted(project):
        world.pass_time(DAY)
    # thirty days after the last of the month
    assert world.now.replace(hour=0) == old.replace(month=old.month + 1, day=1, hour=0) + 30 * DAY
    grains = "SELECT count() AS n FROM spend_cubes WHERE project = {p:String}"
    assert world.store.rows(grains, {"p": project}) == [{"n": 0}]
    world.land(Call(at=old, response_id="r2"), project=project)
    assert world.counted(project) == {"late": 1}
    world.pass_time(DAY)
    assert (world.counted(project), world.kept(project, "late_spans")) == ({}, 0)
    world.retention = Retention(world.store, world.journal, calls_days=7, ledger_days=None)


# A world costs seconds, for each pass does: a few are drawn, each other than the one before.
@pytest.mark.parametrize("seed", [3, 8])
def test_whenever_calls_land_and_minutes_are_sealed_and_go_each_call_is_counted_once(
    world: World, project: str, seed: int
) -> None:
    draw = random.Random(seed)
    waiting: list[Taken] = []
    sent = 0
    for _ in range(3):
        # days back; minutes are sealed five days back, and go after seven
        ages = draw.sample([0.0, 3.9, 4.7, 5.1, 6.9, 8.0], k=2)
        calls = [Call(at=world.now - age * DAY, response_id=f"r{sent + n}") for n, age in enumerate(ages)]
        sent += len(calls)
        taken = world.take(*calls, project=project)
        waiting.append(taken)
        if draw.random() < 0.5:
            taken.insert()  # a crash: it is shipped again, now or days later
        for _ in range(draw.randint(0, 3)):
            world.pass_time(draw.choice([HOUR / 2, 2 * HOUR, 11 * HOUR, DAY]))
        while waiting and draw.random() < 0.6:
            waiting.pop(draw.randrange(len(waiting))).ship()
    for taken in waiting:
        taken.ship()
    before = world.counted(project)
    assert sum(before.values()) == sent
    for _ in range(5):
        world.pass_time(3 * DAY)
    assert world.kept(project) == 0
    world.ledger.pass_names([("openai", "gpt-4o", "")])
    assert world.counted(project) == before


def test_without_a_setting_nothing_is_sealed_or_deleted(store: Store, tmp_path: Path) -> None:
    old = datetime(2023, 7, 1, tzinfo=UTC)
    store.insert_requests(record(body(Call(at=old)), "p", "s", int(old.timestamp() * 1e9)), token="s")
    retention = Retention(store, tmp_path, calls_days=None, ledger_days=None)
    for month in range(1, 13):
        retention.keep_up(datetime(2026, month, 1, tzinfo=UTC))
    assert store.rows("SELECT (SELECT count() FROM calls) AS calls, (SELECT count() FROM seals) AS seals") == [
        {"calls": 1, "seals": 0}
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"keep_ledger_days": 400}, "KEEP_CALLS_DAYS to 400 or less"),
        ({"keep_ledger_days": 30, "keep_calls_days": 31}, "KEEP_CALLS_DAYS to 30 or less"),
        ({"keep_calls_days": 1}, "greater than or equal to 7"),
    ],
)
def test_days_that_would_lose_the_bill_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Settings(**values)
