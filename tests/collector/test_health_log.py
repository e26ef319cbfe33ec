"""What a collector writes of itself into the store, over the whole way."""

import threading
import time
from datetime import UTC, datetime

import pytest
from breakeven_collector import otlp
from breakeven_collector.errors import StoreUnavailable
from breakeven_collector.health_log import HealthLog, collector_name
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.version import program_version

from tests.spans import Call, body

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def log_of(pipeline: Pipeline, name: str, seconds: float = 60.0) -> HealthLog:
    return HealthLog(
        pipeline.store,
        collector=name,
        received=pipeline.received,
        journal=pipeline.journal,
        shipper=pipeline.shipper,
        watch=pipeline.watch,
        quarantine=pipeline.quarantine,
        gate=pipeline.gate,
        seconds=seconds,
    )


def test_a_row_tells_what_came_what_landed_and_what_waits(pipeline: Pipeline, project: str) -> None:
    read = otlp.read_traces(body(Call(), Call(), Call()), otlp.Encoding.PROTOBUF)
    before = pipeline.received.spans, pipeline.watch.landed_spans
    pipeline.journal.append(read.body, project).result(10)
    pipeline.received.refuse(401)
    pipeline.received.could_not_keep("the disk is full")
    # What is kept again takes the error away, and leaves the count.
    pipeline.received.took(3, 1, protocol="http/protobuf", oldest_end_ns=1, newest_end_ns=1)
    pipeline.drain()
    deadline = time.monotonic() + 10
    while pipeline.watch.landed_spans < before[1] + 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    pipeline.quarantine.mkdir(parents=True, exist_ok=True)
    aside = pipeline.quarantine / f"{project}.pb"
    aside.write_bytes(b"what no store takes")
    began = datetime.now(UTC)
    log_of(pipeline, project).write(NOW)
    aside.unlink()
    (row,) = pipeline.store.rows("SELECT * FROM collector_health WHERE collector = {c:String}", {"c": project})
    started = row.pop("started_at").replace(tzinfo=UTC)
    assert abs((started - began).total_seconds()) < 5
    assert row == {
        "collector": project,
        "at": NOW.replace(tzinfo=None),
        "version": program_version(),
        "lag_seconds": 0.0,
        "journal_bytes": 0,
        "journal_limit_bytes": pipeline.journal.max_bytes,
        "received": before[0] + 3,
        "landed": before[1] + 3,
        "rejected": pipeline.received.rejected_spans,
        "refused": pipeline.received.refused_requests,
        "unkept": pipeline.received.unkept_requests,
        "ship_errors": pipeline.watch.ship_error_count,
        "held_up": False,
        "quarantined": 1 + len(list(pipeline.quarantine.glob("*.pb"))),
    }
    assert min(row["rejected"], row["refused"], row["unkept"]) >= 1


def test_it_writes_by_itself_and_goes_on_after_the_store_was_away(
    pipeline: Pipeline, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_of(pipeline, project, seconds=0.01)
    failed = threading.Event()
    write = log.write

    def away_once(now: datetime) -> None:
        if not failed.is_set():
            failed.set()
            raise StoreUnavailable("the store does not answer")
        write(now)

    monkeypatch.setattr(log, "write", away_once)
    log.start()
    deadline = time.monotonic() + 10
    while not (rows := count(pipeline, project)) and time.monotonic() < deadline:
        time.sleep(0.02)
    log.close()
    assert failed.is_set()
    assert rows > 0
    written = count(pipeline, project)
    time.sleep(0.05)
    assert count(pipeline, project) == written, "it writes after it was closed"


def count(pipeline: Pipeline, collector: str) -> int:
    found = pipeline.store.rows(
        "SELECT count() AS n FROM collector_health WHERE collector = {c:String}", {"c": collector}
    )
    return found[0]["n"]


def test_each_collector_of_a_machine_has_a_name_of_its_own(pipeline: Pipeline) -> None:
    assert collector_name(4318) != collector_name(4319)
    assert collector_name(4318).endswith(":4318")
    # The pipeline's own is running.
    assert any(thread.name == "breakeven-health" and thread.is_alive() for thread in threading.enumerate())
