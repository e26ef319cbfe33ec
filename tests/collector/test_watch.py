"""What is measured on the way, what the store is asked behind it, and what lies in quarantine."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector import probe as probe_module
from breakeven_collector import watch as watch_module
from breakeven_collector.errors import StoreError, StoreUnavailable
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.probe import Probe
from breakeven_collector.set_aside import SetAside, look
from breakeven_collector.store import Store
from breakeven_collector.watch import Watch
from prometheus_client import Histogram

from tests.collector.test_ship import wait_until


def observed(histogram: Histogram) -> tuple[int, float]:
    """How many, and their sum."""
    samples = {s.name.rsplit("_", 1)[1]: s.value for m in histogram.collect() for s in m.samples}
    return int(samples["count"]), samples["sum"]


def ns_ago(seconds: float) -> int:
    return time.time_ns() - int(seconds * 1e9)


def test_what_was_acknowledged_before_the_oldest_waiting_segment_has_landed() -> None:
    watch = Watch()
    watch.acknowledged(3, ns_ago(20), ns_ago(19))
    time.sleep(0.05)
    watch.acknowledged(4, ns_ago(10), ns_ago(9))
    watch.landed(lambda: 60.0)  # both still wait
    assert (watch.landed_spans, observed(watch.span_to_ledger_seconds)) == (0, (0, 0.0))
    watch.landed(lambda: 0.03)  # a segment that was begun after the first was acknowledged
    assert watch.landed_spans == 3
    assert observed(watch.span_to_ledger_seconds) == (1, pytest.approx(20, abs=1))
    watch.landed(lambda: 0.0)
    assert watch.landed_spans == 7
    assert observed(watch.span_to_ledger_seconds) == (2, pytest.approx(30, abs=1))
    count, seconds = observed(watch.receipt_to_ledger_seconds)
    assert (count, seconds < 18) == (2, True)


def test_a_request_that_comes_while_it_is_looked_has_not_landed() -> None:
    watch = Watch()
    watch.acknowledged(1, ns_ago(1), ns_ago(1))

    def a_segment_is_begun_meanwhile() -> float:
        watch.acknowledged(1, ns_ago(0), ns_ago(0))
        return 0.0

    watch.landed(a_segment_is_begun_meanwhile)
    assert watch.landed_spans == 1


def test_while_the_store_is_away_memory_stays_flat_and_spans_are_still_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch_module, "_MOST_ON_THE_WAY", 10)
    watch = Watch()
    for _ in range(1000):
        watch.acknowledged(2, ns_ago(1), ns_ago(1))
    watch.landed(lambda: 0.0)
    assert (watch.landed_spans, observed(watch.span_to_ledger_seconds)[0]) == (2000, 10)


@pytest.mark.parametrize("end_ns", [0, 1, 1_500_000_000_000_000_000])
def test_an_end_that_cannot_be_is_not_measured(end_ns: int) -> None:
    watch = Watch()
    watch.acknowledged(1, end_ns, end_ns)
    watch.landed(lambda: 0.0)
    assert (watch.landed_spans, observed(watch.span_to_ledger_seconds)) == (1, (0, 0.0))


def test_spans_from_the_future_are_counted_and_are_not_the_newest() -> None:
    watch = Watch()
    newest = ns_ago(-5)  # a few seconds are no reason to look at a clock
    watch.acknowledged(1, ns_ago(6), newest)
    watch.acknowledged(2, ns_ago(6), ns_ago(-3600))
    assert (watch.ahead_requests, watch.newest_end_ns) == (1, newest)
    assert watch.farthest_ahead_seconds == pytest.approx(3600, abs=1)
    watch.acknowledged(1, ns_ago(-50), ns_ago(-50))
    watch.landed(lambda: 0.0)
    # it seems to end after its dollars are there: 0, never less
    assert observed(watch.span_to_ledger_seconds) == (3, pytest.approx(12, abs=1))


def test_errors_are_told_apart() -> None:
    watch = Watch()
    for error in (StoreUnavailable("x"), StoreError("x"), StoreError("y"), KeyError("x")):
        watch.ship_failed(error)
    counts = {s.labels["reason"]: s.value for m in watch.ship_errors.collect() for s in m.samples}
    assert counts == {"unavailable": 1, "refused": 2, "internal": 1}
    assert watch.ship_error_count == 4


# ----------------------------------------------------------------------------------------------------- the probe


def test_the_store_is_asked_once_however_often_somebody_looks(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = pipeline.store.query_file

    def overheard(name: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        asked.append(name)
        return ask(name, parameters)

    monkeypatch.setattr(pipeline.store, "query_file", overheard)
    probe = Probe(pipeline.store, seconds=3600)
    try:
        assert (probe.last(), probe.store_error()) == (None, None)
        wait_until(lambda: probe.last() is not None)
        assert len({id(probe.last()) for _ in range(100)}) == 1
        told = probe.last()
        assert told
        assert (told.price_book, probe.store_error()) == (pipeline.catalog.versions()[-1], "")
        assert told.newest_price
        assert asked == ["watch", "book_age"]
    finally:
        probe.close()


def test_a_store_that_fails_leaves_the_last_figures_and_is_told(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    probe = Probe(pipeline.store, seconds=0)
    try:
        wait_until(lambda: probe.last() is not None)
        told = probe.last()
        for error, expected in ((StoreUnavailable("away"), "away"), (KeyError("a bug"), "KeyError")):

            def fail(*_: object, error: Exception = error) -> None:
                raise error

            with monkeypatch.context() as patch:
                patch.setattr(pipeline.store, "query_file", fail)

                def is_told(expected: str = expected) -> bool:
                    last = probe.last()
                    assert last
                    assert told
                    assert last.calls == told.calls
                    return probe.store_error() == expected

                wait_until(is_told)
        wait_until(lambda: bool(probe.last()) and probe.store_error() == "")
    finally:
        probe.close()
    assert "could not be asked" in caplog.text


def test_a_store_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_module, "_HANGS_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        probe = Probe(Store(f"http://127.0.0.1:{server.getsockname()[1]}/db"))
        start = time.monotonic()
        assert probe.last() is None
        time.sleep(0.1)
        error = probe.store_error()
        assert error
        assert error.startswith("no answer for")
        probe.close(timeout=0.05)
        assert time.monotonic() - start < 20


# ------------------------------------------------------------------------------------------------------ quarantine


def test_what_lies_in_quarantine_is_told_without_its_content(tmp_path: Path) -> None:
    assert look(tmp_path / "none") == SetAside()
    reasons = (
        "Code: 436. DB::Exception: Could not convert value 'my (SECRET_PROMPT) 7': x. (PROTOBUF_BAD_CAST)\n",
        "Code: 436. DB::Exception: again. (PROTOBUF_BAD_CAST)\n",
        "chdb:///x: Code: 62. DB::Exception: cut off (SECRET_PROMPT) in the mid",
        "my secret prompt",
    )
    for number, reason in enumerate(reasons):
        (tmp_path / f"s-{number}.pb").write_bytes(b"x" * 100)
        (tmp_path / f"s-{number}.txt").write_text(reason, encoding="utf-8")
    hour_ago = time.time() - 3600
    os.utime(tmp_path / "s-2.pb", (hour_ago, hour_ago))
    found = look(tmp_path, with_reasons=True)
    size = 400 + sum(len(reason) for reason in reasons)
    assert found == SetAside(4, size, found.oldest_seconds, {"PROTOBUF_BAD_CAST": 2, "code 62": 1, "other": 1})
    assert found.oldest_seconds == pytest.approx(3600, abs=5)
    assert look(tmp_path).reasons == {}
