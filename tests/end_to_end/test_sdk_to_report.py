"""The whole way: an application with the SDK in processes of its own, the collector, the report."""

import http.client
import json
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from genai_prices import Usage, calc_price

from tests.end_to_end.processes import CollectorProcess, breakeven, collector, run, wait_until

WORKER = """
import json, sys
import breakeven

breakeven.init(service="worker", instrument=False)
with breakeven.attach(json.loads(sys.argv[1])), breakeven.task("index"):
    breakeven.record(provider="openai", model="gpt-4o-mini", input_tokens=9000, output_tokens=70)
"""

SHOP = """
import json, multiprocessing, os, signal, subprocess, sys, time
from decimal import Decimal
import breakeven

breakeven.init(service="shop", environment="production", instrument=False)


def ask(**more):
    breakeven.record(provider="openai", model="gpt-4o", input_tokens=1000, output_tokens=100, **more)


def work():
    with breakeven.feature("import", tenant="globex"):
        for _ in range(3):
            ask()


with breakeven.feature("support", tenant="acme", user="u1"):
    ask(cached_input_tokens=600)
    with breakeven.task("search"):
        ask(meters={"web_search": 3})
    with breakeven.feature("summarise"):
        ask(reasoning_tokens=40)
    with breakeven.feature("audit", own_bill=True, user="u2"):
        breakeven.record(provider="anthropic", model="claude-sonnet-5-5", input_tokens=10_000, output_tokens=500,
                         cached_input_tokens=2_000, cache_write_tokens=3_000)
    subprocess.run([sys.executable, "-c", sys.argv[1], json.dumps(breakeven.carrier())], check=True)
breakeven.record(provider="openai", model="gpt-4o-mini", input_tokens=200_001, output_tokens=7, service_tier="batch",
                 feature="nightly", tenant="globex")
ask(cost_usd=Decimal("0.012345678901234"))
with breakeven.feature("support", tenant="globex", user="u1"):
    breakeven.record(provider="openai", model="gpt-4o", error=TimeoutError())
    breakeven.record(provider="openai", model="gpt-4o", error="RateLimitError")
    breakeven.record(provider="vllm", model="our-own-7b", input_tokens=50, output_tokens=5)
assert breakeven.flush(20)

with breakeven.feature("lost-on-the-way"):
    ask()
    ask()
assert breakeven.flush(20), "the proxy answers 200"

child = os.fork()
if child == 0:
    work()
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
worker = multiprocessing.get_context("fork").Process(target=work)
worker.start()
worker.join()

with breakeven.feature("support", tenant="acme", user="u1"):
    ask()
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
"""

BREAKEVEN_TOML = """
[features.support]
owner = "care@shop.example"
cost_centre = "CC-7"
budget_usd_per_month = 250.50
"""


@dataclass(frozen=True)
class Call:
    """A call of the application, and what the report must make of it."""

    feature: str | None = None
    tenant: str | None = None
    user: str | None = None
    service: str = "shop"
    provider: str = "openai"
    model: str = "gpt-4o"
    input_tokens: int = 1000
    output_tokens: int = 100
    cached: int = 0
    written: int = 0
    web_searches: int = 0
    processing: str = ""
    failed: bool = False
    told_usd: Decimal | None = None
    unpriced: str = ""

    @property
    def cost_usd(self) -> Decimal | None:
        """By genai-prices itself."""
        if self.unpriced or self.told_usd is not None:
            return self.told_usd
        used = Usage(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_read_tokens=self.cached,
            cache_write_tokens=self.written,
            web_searches=self.web_searches,
        )
        return calc_price(
            used,
            self.model,
            provider_id=self.provider,
            genai_request_timestamp=datetime.now(UTC),
            price_context={"processing": self.processing} if self.processing else None,
        ).total_price


TOLD_USD = Decimal("0.012345678901234")
LOST_AFTER_IT_WAS_SENT = "lost after it was sent"
USUAL_USD = Decimal("0.0035")
"""What a call of gpt-4o usually costs here: 1,000 tokens in, 100 out, as ten of its calls do."""
NOTHING: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0, "failed": True}
ACME: dict[str, Any] = {"feature": "support", "tenant": "acme", "user": "u1"}
GLOBEX: dict[str, Any] = {**ACME, "tenant": "globex"}
CALLS = [
    Call(**ACME, cached=600),
    Call(**ACME, web_searches=3),
    Call(**ACME),
    Call(
        feature="audit",
        tenant="acme",
        user="u2",
        provider="anthropic",
        model="claude-sonnet-5-5",
        input_tokens=10_000,
        output_tokens=500,
        cached=2_000,
        written=3_000,
    ),
    Call(**ACME, service="worker", model="gpt-4o-mini", input_tokens=9000, output_tokens=70),
    Call(
        feature="nightly",
        tenant="globex",
        model="gpt-4o-mini",
        input_tokens=200_001,
        output_tokens=7,
        processing="batch",
    ),
    Call(told_usd=TOLD_USD),
    Call(**GLOBEX, **NOTHING, unpriced=LOST_AFTER_IT_WAS_SENT),
    # Turned away before any work: free.
    Call(**GLOBEX, **NOTHING, told_usd=Decimal(0)),
    Call(
        **GLOBEX,
        provider="vllm",
        model="our-own-7b",
        input_tokens=50,
        output_tokens=5,
        unpriced="model not in the price book",
    ),
    *[Call(feature="import", tenant="globex")] * 6,
    Call(**ACME),
]
LOST = 2


class Dropping(ThreadingHTTPServer):
    """Stands between application and collector; a request that names `lost-on-the-way` is answered 200 and dropped."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), Between)
        self.target = urlsplit(target)
        self.dropped = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Between(BaseHTTPRequestHandler):
    """One request to the proxy."""

    server: Dropping  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = 200, b""
        if b"lost-on-the-way" in body:
            self.server.dropped += 1
        else:
            target = self.server.target
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
            connection.request("POST", self.path, body, dict(self.headers.items()))
            reply = connection.getresponse()
            status, answer = reply.status, reply.read()
            connection.close()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[CollectorProcess]:
    config = tmp_path / "breakeven.toml"
    config.write_text(BREAKEVEN_TOML, encoding="utf-8")
    with collector(tmp_path / "data", BREAKEVEN_CONFIG=str(config)) as process:
        yield process


def test_every_call_of_an_application_stands_in_every_report(configured: CollectorProcess, tmp_path: Path) -> None:
    proxy = Dropping(configured.url)
    threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
    ended = run(
        *(sys.executable, "-W", "ignore::DeprecationWarning", "-c", SHOP, WORKER),
        BREAKEVEN_ENDPOINT=proxy.url,
        # Requests are made when the application says so, and readable for the proxy.
        OTEL_BSP_SCHEDULE_DELAY="60000",
        OTEL_EXPORTER_OTLP_COMPRESSION="none",
    )
    proxy.shutdown()
    proxy.server_close()
    assert (ended.status, ended.out, ended.err) == (-15, "", ""), "it died of the signal"
    assert proxy.dropped == 1

    configured.report_of(len(CALLS))
    wait_until(lambda: configured.report("feature")["totals"]["estimated_usd"])
    dimensions = ("feature", "tenant", "user", "model", "service", "provider")
    reports = {by: configured.report(by) for by in dimensions}
    for by, report in reports.items():
        assert report["price_book"].startswith("genai-prices@")
        assert report == expected_report(by, report["period"]["to"], report["price_book"])

    asked = {by: printed("--by", by, "--url", configured.url) for by in dimensions}
    configured.stop()
    config = str(tmp_path / "breakeven.toml")
    direct = (*("--port", configured.url.rpartition(":")[2]), *("--data-dir", str(configured.data_dir)))
    for by in dimensions[:2]:
        assert printed("--by", by, *direct, BREAKEVEN_CONFIG=config) == asked[by], "the store says the same"
    assert [json.loads("\n".join(lines))[f"{by}s"] for by, lines in asked.items()] == [
        report[f"{by}s"] for by, report in reports.items()
    ]


def printed(*arguments: str, **env: str) -> list[str]:
    """The report as the command line prints it, without the moment it was made."""
    done = breakeven("report", "--format", "json", *arguments, **env)
    assert (done.status, done.err) == (0, "")
    lines = done.out.split("\n")
    (moment,) = [line for line in lines if line.startswith('    "to": ')]
    lines.remove(moment)
    return lines


def expected_report(by: str, to: str, price_book: str) -> dict[str, Any]:
    today = datetime.fromisoformat(to).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    total, unknown = cost_of(CALLS), [call for call in CALLS if call.unpriced]
    assert total is not None
    allocated = [call for call in CALLS if call.feature]
    return {
        "period": {"from": (today - timedelta(days=29)).isoformat(), "to": to, "days": 30, "timezone": "UTC"},
        "by": by,
        "price_book": price_book,
        "config_error": None,
        "billed": None,
        f"{by}s": expected_rows(by),
        "totals": {
            **counts_of(CALLS),
            "cost_usd": digits(total),
            "estimated_usd": digits(USUAL_USD),
            "estimated_calls": 1,
            "reported_usd": digits(TOLD_USD),
            "allocated_usd": digits(cost_of(allocated)),
            "mapped_usd": None,
            "previous_cost_usd": None,
            "trend": None,
            "unpriced_calls": len(unknown),
        },
        "coverage": {
            "priced": round(1 - len(unknown) / len(CALLS), 6),
            "reported_usage": round(1 - 1 / len(CALLS), 6),
            "allocated": round(len(allocated) / len(CALLS), 6),
            "allocated_usd": share(cost_of(allocated) or Decimal(0), total),
            "reported_usd": share(TOLD_USD, total),
            "estimated_usd": share(USUAL_USD, total + USUAL_USD),
        },
        "unpriced": [
            {
                "reason": call.unpriced,
                "provider": call.provider,
                "model": call.model,
                "meter": None,
                "calls": 1,
                "quantity": None,
                "estimated_usd": digits(estimate_of([call])),
            }
            for call in sorted(unknown, key=lambda call: call.provider)
        ],
        "unallocated": [{"service": "shop", "calls": 1, "cost_usd": digits(TOLD_USD), "estimated_usd": None}],
        "retries": {"calls": 0, "cost_usd": None, "resends": 0},
        "gateway_cache": {"calls": 0, "avoided_usd": None},
        "late": {"calls": 0, "cost_usd": None},
        "removed": {"duplicate_calls": 0, "wrapper_calls": 0, "cost_usd": "0", "rows": []},
        "lost": {"spans": LOST, "numbered": len(CALLS) + LOST},
    }


def expected_rows(by: str) -> list[dict[str, Any]]:
    groups: dict[str | None, list[Call]] = {}
    for call in CALLS:
        groups.setdefault(getattr(call, by), []).append(call)

    def place(name: str | None) -> tuple[bool, Decimal, int, str]:
        spent = spent_on(groups[name])
        return spent is None, -(spent or Decimal(0)), -len(groups[name]), name or ""

    total = spent_on(CALLS)
    assert total is not None
    rows: list[dict[str, Any]] = []
    running = Decimal(0)
    for name in sorted(groups, key=place):
        calls = groups[name]
        cost, unknown = cost_of(calls), sum(bool(call.unpriced) for call in calls)
        spent = spent_on(calls)
        running += spent or 0
        declared = by == "feature" and name == "support"
        of_feature: dict[str, Any] = {
            "allocated_calls": len(calls) if name else 0,
            "owner": "care@shop.example" if declared else None,
            "cost_centre": "CC-7" if declared else None,
            "budget_usd_per_month": "250.5" if declared else None,
        }
        rows.append(
            {
                by: name,
                **(of_feature if by == "feature" else {}),
                **counts_of(calls),
                "cost_usd": digits(cost),
                "estimated_usd": digits(estimate_of(calls)),
                "cost_per_call_usd": None
                if cost is None
                else digits((cost / (len(calls) - unknown)).quantize(Decimal("1e-9"))),
                "share": None if spent is None else share(spent, total),
                "cumulative_share": None if spent is None else share(running, total),
                "previous_cost_usd": None,
                "trend": None,
                "unpriced_calls": unknown,
                "unpriced_units": "0",
            }
        )
    return rows


def counts_of(calls: Sequence[Call]) -> dict[str, int]:
    return {
        "calls": len(calls),
        "failed_calls": sum(call.failed for call in calls),
        "input_tokens": sum(call.input_tokens for call in calls),
        "cached_input_tokens": sum(call.cached for call in calls),
        "output_tokens": sum(call.output_tokens for call in calls),
    }


def cost_of(calls: Sequence[Call]) -> Decimal | None:
    known = [cost for call in calls if (cost := call.cost_usd) is not None]
    return sum(known, Decimal(0)) if known else None


def estimate_of(calls: Sequence[Call]) -> Decimal | None:
    """By what is usual, for the one that was lost."""
    lost = sum(call.unpriced == LOST_AFTER_IT_WAS_SENT for call in calls)
    return USUAL_USD * lost if lost else None


def spent_on(calls: Sequence[Call]) -> Decimal | None:
    """Known and estimated together."""
    parts = [part for part in (cost_of(calls), estimate_of(calls)) if part is not None]
    return sum(parts, Decimal(0)) if parts else None


def share(part: Decimal, whole: Decimal) -> float:
    return float(round(part / whole, 9))


def digits(amount: Decimal | None) -> str | None:
    """Plain digits without trailing zeros."""
    if amount is None:
        return None
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
