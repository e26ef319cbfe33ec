"""`/metrics`, read with Prometheus' own parser from a real collector."""

import io
import json
import os
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from breakeven_collector.errors import StoreUnavailable
from breakeven_collector.metrics import registry_of
from breakeven_collector.probe import Probe
from breakeven_collector.serve import Collector
from breakeven_collector.store import Store
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_fd_to_metric_families as read_openmetrics  # pyright: ignore
from prometheus_client.parser import text_fd_to_metric_families

from tests.collector.client import JSON, Client, counters
from tests.collector.test_ship import wait_until
from tests.spans import Call, body

_LABELS = {
    "signal": {"traces", "metrics", "logs"},
    "protocol": {"http/protobuf", "http/json", "grpc"},
    "reason": {
        *("unavailable", "refused", "internal", "bad_id"),
        *("malformed", "unauthenticated", "forbidden", "too_large", "unsupported", "too_many", "unread"),
        *("part of the usage is missing", "lost after it was sent", "no usage reported", "no rate for the meter"),
        *("model not in the price book", "no rate for a kind of token"),
    },
}


def scrape(client: Client) -> dict[str, Metric]:
    answer = client.send("GET", "/metrics")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return {metric.name: metric for metric in text_fd_to_metric_families(io.StringIO(answer.body.decode()))}


def values(client: Client) -> dict[str, float]:
    """Every sample but the buckets, by name and labels."""
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for metric in scrape(client).values()
        for sample in metric.samples
        if not sample.name.endswith("_bucket")
    }


def grown(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {
        name: value - before.get(name, 0)
        for name, value in after.items()
        if name.startswith("breakeven_") and re.search(r"_(total|count)( |$)", name) and value != before.get(name, 0)
    }


def test_what_comes_and_lands_is_counted(collector: Collector, client: Client) -> None:
    collector.pipeline.drain()
    wait_until(lambda: collector.pipeline.watch.landed_spans == collector.pipeline.received.spans)
    before = values(client)
    now = datetime.now(UTC)
    assert client.post(body(Call(at=now), Call(at=now), Call(trace_id=b"x"))).status == 200
    assert client.post(b'{"resourceSpans": []}', JSON).status == 200
    client.post(b"\xff")
    client.post(b"", {"Content-Type": "text/plain"})
    client.post(b"", path="/v1/logs")
    collector.pipeline.drain()
    wait_until(lambda: collector.pipeline.watch.landed_spans == collector.pipeline.received.spans)
    wait_until(lambda: grown(before, values(client)).get("breakeven_shipped_segments_total") == 1)
    after = values(client)
    assert grown(before, after) == {
        "breakeven_requests_total traces": 2,
        "breakeven_requests_total logs": 1,
        "breakeven_trace_requests_total http/protobuf": 1,
        "breakeven_trace_requests_total http/json": 1,
        "breakeven_spans_total": 2,
        "breakeven_rejected_spans_total bad_id": 1,
        "breakeven_refused_requests_total malformed": 1,
        "breakeven_refused_requests_total unsupported": 1,
        "breakeven_shipped_segments_total": 1,
        "breakeven_landed_spans_total": 2,
        "breakeven_store_insert_seconds_count": 1,
        "breakeven_ledger_pass_seconds_count": 1,
        "breakeven_span_to_ledger_seconds_count": 1,
        "breakeven_receipt_to_ledger_seconds_count": 1,
    }
    assert [after[f"breakeven_{name}"] for name in ("journal_bytes", "journal_segments", "ledger_lag_seconds")] == [
        0
    ] * 3
    assert after["breakeven_journal_limit_bytes"] == 20e9
    assert after["process_resident_memory_bytes"] > 0
    assert after["breakeven_newest_span_timestamp_seconds"] == pytest.approx(now.timestamp() + 1, abs=1)
    # those two spans end a second after they are sent: less than nothing is 0
    assert after["breakeven_span_to_ledger_seconds_sum"] >= before["breakeven_span_to_ledger_seconds_sum"]


def test_while_the_store_is_away_lag_and_journal_grow_and_nobody_waits(
    collector: Collector, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = collector.pipeline
    pipeline.drain()
    before = values(client)

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("chdb does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.store, "insert_requests", away)
        assert client.post(body(Call(at=datetime.now(UTC)))).status == 200
        wait_until(lambda: values(client)["breakeven_ship_held_up"] == 1)
        time.sleep(0.2)
        during = values(client)
        health = client.get("/healthz")
        ready = client.send("GET", "/readyz")
    assert during["breakeven_ship_errors_total unavailable"] > before["breakeven_ship_errors_total unavailable"]
    assert during["breakeven_ledger_lag_seconds"] > 0.2
    assert during["breakeven_journal_segments"] == 1
    assert during["breakeven_journal_bytes"] == health["journal_bytes"] > 100
    assert (health["status"], health["held_up"]) == ("degraded", "chdb does not answer")
    assert health["lag_seconds"] > 0.2
    assert (ready.status, json.loads(ready.body)) == (200, {"status": "ready"})
    pipeline.drain()
    wait_until(lambda: values(client)["breakeven_ship_held_up"] == 0)
    assert values(client)["breakeven_ledger_lag_seconds"] == 0


def test_what_only_the_store_knows_never_makes_a_scrape_wait(
    collector: Collector, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post(body(Call(at=datetime.now(UTC), model="canary-model"), Call(at=datetime.now(UTC))))
    collector.pipeline.drain()
    probe = Probe(collector.pipeline.store, seconds=0)
    monkeypatch.setattr(collector.pipeline, "probe", probe)
    try:
        assert "breakeven_calls" not in values(client)  # not known is absent, not 0
        wait_until(lambda: values(client).get("breakeven_unpriced_calls model not in the price book", 0) >= 1)
        known = values(client)
        assert known["breakeven_calls"] >= 2
        assert known["breakeven_store_up"] == 1
        assert known["breakeven_store_told_timestamp_seconds"] == pytest.approx(time.time(), abs=30)
        assert known["breakeven_price_book_newest_price_timestamp_seconds"] < time.time()
    finally:
        probe.close()
    unreachable = Probe(Store("http://127.0.0.1:1/db"), seconds=0)
    monkeypatch.setattr(collector.pipeline, "probe", unreachable)
    try:
        wait_until(lambda: values(client).get("breakeven_store_up") == 0)
        assert not [name for name in values(client) if name.startswith(("breakeven_calls", "breakeven_unpriced_calls"))]
    finally:
        unreachable.close()


def test_openmetrics_is_given_to_who_asks_for_it(client: Client) -> None:
    answer = client.send("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    names = {metric.name for metric in read_openmetrics(io.StringIO(answer.body.decode()))}
    assert {"breakeven_spans", "breakeven_ledger_lag_seconds", "process_cpu_seconds"} <= names


def test_names_and_labels_keep_to_the_conventions(client: Client) -> None:
    for metric in scrape(client).values():
        assert metric.documentation
        for sample in metric.samples:
            assert re.fullmatch(r"(breakeven|process|python)_[a-z_]+", sample.name)
            if metric.type == "counter":
                assert sample.name.endswith("_total")
            if sample.name.startswith("breakeven_"):
                assert all(value in _LABELS[label] for label, value in sample.labels.items() if label in _LABELS)
                assert sample.labels.keys() <= {*_LABELS, "le", "version", "python"}
        if metric.type == "histogram":
            assert metric.name.endswith("_seconds")


def test_no_name_of_a_user_feature_or_model_is_told(collector: Collector, client: Client) -> None:
    call = Call(
        at=datetime.now(UTC),
        feature="canary-feature",
        model="canary-model",
        provider="canary-provider",
        attributes={"breakeven.tenant": "canary-tenant", "user.id": "canary-user", "gen_ai.prompt": "canary-prompt"},
    )
    client.post(body(call, service="canary-service"))
    client.post(b"canary-body")
    client.post(b"", {"Content-Type": "text/canary"})
    client.send("GET", "/canary-path")
    collector.pipeline.drain()
    assert b"canary" not in client.send("GET", "/metrics").body


def test_collectors_in_one_process_do_not_clash(collector: Collector) -> None:
    one, two = registry_of(collector.pipeline), registry_of(collector.pipeline)
    assert {m.name for m in one.collect()} == {m.name for m in two.collect()}


# --------------------------------------------------------------------------------------------- quarantine, readiness


def test_quarantine_is_told_in_numbers(collector: Collector, client: Client) -> None:
    collector.pipeline.drain()
    before = values(client)
    # A request that was acknowledged and that ClickHouse cannot take, however it is written.
    collector.pipeline.journal.append(b"\xff\xff\xff canary", "default").result(10)
    collector.pipeline.drain()
    after = values(client)
    assert after["breakeven_quarantined_requests_total"] == before["breakeven_quarantined_requests_total"] + 1
    assert after["breakeven_quarantine_requests"] == before["breakeven_quarantine_requests"] + 1
    assert after["breakeven_quarantine_bytes"] > before["breakeven_quarantine_bytes"]
    aside = client.get("/healthz")["quarantine"]
    assert aside["requests"] == after["breakeven_quarantine_requests"]
    assert aside["bytes"] == after["breakeven_quarantine_bytes"]
    assert sum(aside["reasons"].values()) == aside["requests"]
    assert "canary" not in json.dumps(aside)
    assert aside["oldest_seconds"] >= 0


def test_a_collector_whose_journal_cannot_be_written_is_not_ready_until_it_can(
    collector: Collector, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    real, folder = os.open, collector.pipeline.settings.journal_dir

    def refuse(path: object, *rest: int) -> int:
        return full() if str(path).startswith(str(folder)) and rest[0] & os.O_CREAT else real(path, *rest)  # pyright: ignore

    before = counters(client)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert client.post(body(Call())).status == 503
        answer = client.send("GET", "/readyz")
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        assert json.loads(answer.body) == {
            "status": "not ready",
            "why": f"the journal in {folder} cannot be written: No space left on device",
        }
    # nobody sent anything since: it finds out by itself
    assert client.send("GET", "/readyz").status == 200
    assert client.post(body(Call())).status == 200
    assert counters(client)["unkept_requests"] == before["unkept_requests"] + 1
    assert not [path for path in folder.iterdir() if path.suffix != ".seg"]
