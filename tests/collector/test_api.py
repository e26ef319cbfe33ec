"""What the collector tells over HTTP: its health, the bill, and what it can be asked."""

import json
import time
from datetime import UTC, datetime

import pytest
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.serve import Collector
from breakeven_collector.version import program_version

from tests.collector.client import Client, status_of
from tests.spans import NOON, Call, body, request


def test_healthz_tells_what_came(collector: Collector, client: Client) -> None:
    collector.pipeline.drain()
    before = client.get("/healthz")
    client.post(request(Call(), Call(), Call(trace_id=b"x")).SerializeToString())
    client.post(b"\xff")
    client.post(b"", path="/v1/logs")
    collector.pipeline.drain()
    deadline = time.monotonic() + 5
    # the shipper counts a segment just after it has landed
    while client.get("/healthz")["shipped_segments"] == before["shipped_segments"] and time.monotonic() < deadline:
        time.sleep(0.01)
    after = client.get("/healthz")
    assert after.pop("journal_disk_free_bytes") > 0
    assert after.pop("newest_span_seconds") == pytest.approx(datetime.now(UTC).timestamp() - NOON.timestamp(), abs=5)
    assert (datetime.now(UTC) - datetime.fromisoformat(after.pop("clock"))).total_seconds() < 5
    # what only the store knows is asked behind the first look
    for key in ("store_error", "price_book", "newest_price"):
        after.pop(key)
    assert after == {
        "status": "ok",
        "held_up": None,
        "version": program_version(),
        "config": str(collector.pipeline.settings.config),
        "config_error": None,
        "alerts_error": None,
        "started": before["started"],
        "store": collector.pipeline.store.address,
        "lag_seconds": 0.0,
        "journal_bytes": 0,
        "journal_limit_bytes": 20_000_000_000,
        "journal_segments": 0,
        "resent_requests": before["resent_requests"],
        "shipped_segments": before["shipped_segments"] + 1,
        "ship_errors": before["ship_errors"],
        "quarantined_requests": before["quarantined_requests"],
        "quarantine": {"requests": 0, "bytes": 0, "oldest_seconds": None, "reasons": {}},
        "requests": before["requests"] + 1,
        "spans": before["spans"] + 2,
        "ahead_requests": before["ahead_requests"],
        "farthest_ahead_seconds": before["farthest_ahead_seconds"],
        "rejected_spans": before["rejected_spans"] + 1,
        "refused_requests": before["refused_requests"] + 1,
        "refused": {**before["refused"], "malformed": before["refused"]["malformed"] + 1},
        "unkept_requests": before["unkept_requests"],
        "damaged_segments": 0,
        "dropped_requests": {**before["dropped_requests"], "logs": before["dropped_requests"]["logs"] + 1},
    }
    assert datetime.fromisoformat(before["started"]) <= datetime.now(UTC)


@pytest.fixture(scope="module")
def call_of_today(collector: Collector) -> None:
    call = Call(at=datetime.now(UTC), attributes={"breakeven.tenant": "t", "user.id": "u"})
    assert Client(collector.url).post(body(call)).status == 200
    collector.pipeline.drain()


@pytest.mark.parametrize("by", list(Dimension))
@pytest.mark.usefixtures("call_of_today")
def test_the_bill_comes_over_http_by_every_dimension(collector: Collector, client: Client, by: Dimension) -> None:
    document = client.get(f"/api/report?days=7&by={by}")
    direct = json.loads(json.dumps(build_report(collector.pipeline.store, days=7, by=by))) | {"billed": None}
    assert document[by.plural]
    document["period"]["to"] = direct["period"]["to"] = None  # the present
    assert document == direct


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            "by=nothing",
            "query.by: Input should be 'feature', 'model', 'provider', 'tenant', 'user', 'service', 'environment', "
            "'owner', 'cost_centre', 'cost_class', 'day' or 'month'",
        ),
        ("timezone=Mars/Olympus", "timezone 'Mars/Olympus' is not known; write one such as Europe/Berlin or UTC"),
        ("month=soon", "month 'soon' is not known; write year and month, such as 2026-10"),
        ("month=2099-01", "month '2099-01' has not begun"),
        ("from=2026-02-02&to=2026-02-01", "from 2026-02-02 to 2026-02-01: the last day is before the first"),
        ("month=2026-01&from=2026-01-01", "a month, or days from and to: not both"),
        ("book=none@1", "book 'none@1' is not in the store; it has"),
        ("days=0", "query.days: Input should be greater than or equal to 1"),
        ("days=3661", "query.days: Input should be less than or equal to 3660"),
        ("days=ten", "query.days: Input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_a_bad_parameter_is_told(client: Client, parameters: str, message: str) -> None:
    answer = client.send("GET", f"/api/report?{parameters}")
    assert answer.status == 422
    assert status_of(answer)[1].startswith(message)


def test_a_broken_features_file_takes_nothing_from_the_bill_and_is_told(
    collector: Collector, client: Client, call_of_today: None
) -> None:
    def told() -> tuple[str | None, str | None]:
        report = client.get("/api/report?days=7")
        return report["features"][0]["owner"], report["config_error"]

    config = collector.pipeline.settings.config
    config.write_text("[features.search]\nowner = 'Ann'\n", encoding="utf-8")
    try:
        assert told() == ("Ann", None)
        config.write_text("[features.search]\nownr = 'Bo'\n", encoding="utf-8")
        owner, error = told()
        assert owner == "Ann"
        assert error is not None
        assert error.startswith(f"{config}: features.search: unknown key 'ownr'")
        assert client.get("/healthz")["config_error"] == error
        config.write_text("[features.search]\nowner = 'Bo'\n", encoding="utf-8")
        assert told() == ("Bo", None)
    finally:
        config.unlink()
    assert told() == (None, None)


def test_the_api_describes_itself(client: Client) -> None:
    assert set(client.get("/api/openapi.json")["paths"]) == {
        *("/healthz", "/readyz", "/api/origins", "/api/report"),
        *("/api/series", "/api/calls", "/api/calls/{call_id}", "/api/pulse"),
        *("/api/prices", "/api/prices/model", "/api/prices/overrides"),
        *("/api/prices/overrides/{what}", "/api/prices/books", "/api/keys", "/api/keys/{key_id}"),
        *("/api/alerts", "/api/alerts/run", "/api/alerts/snooze", "/api/alerts/test", "/api/alerts/channels"),
        *("/api/backup", "/api/backup/{name}", "/api/erase", "/api/jobs/{name}"),
        *("/api/imports", "/api/imports/days", "/api/imported", "/api/imported/limits", "/api/imported/settled"),
        *(
            "/api/tieout",
            "/api/report/billed",
            "/api/verdicts",
            "/api/decisions",
            "/api/revenue",
            "/api/margin",
        ),
        *("/api/export/tables", "/api/export/tables/{name}", "/api/export/focus", "/api/export/focus/metadata"),
    }
