"""An hour of Azure's traffic while the collector is killed again and again: every token once, none twice."""

import csv
import hashlib
import http.client
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from genai_prices import Usage, calc_price
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.end_to_end.processes import CollectorProcess, breakeven, by_name, store_rows
from tests.spans import Call, request

FILES = {"code": "AzureLLMInferenceTrace_code.csv", "conv": "AzureLLMInferenceTrace_conv.csv"}
MODEL = "gpt-4o-mini"
CALLS, INPUT_TOKENS, OUTPUT_TOKENS = 28_185, 40_421_844, 4_334_561
DAYS = 1500
"""Back to the traffic of November 2023, until the end of 2027."""
KILLS = 4
SENDERS = 4


@dataclass(frozen=True)
class Row:
    """One request of a trace."""

    start_ns: int
    feature: str
    number: int
    input_tokens: int
    output_tokens: int


def read(folder: Path) -> Iterator[Row]:
    for feature, name in FILES.items():
        with (folder / name).open(newline="") as file:
            for number, (stamp, context, generated) in enumerate(list(csv.reader(file))[1:], 1):
                # "2023-11-16 18:17:03.9799600": UTC, with a digit more than datetime takes.
                second, _, digits = stamp.partition(".")
                moment = datetime.strptime(second, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
                nanoseconds = int(moment.timestamp()) * 10**9 + int(digits.ljust(9, "0"))
                yield Row(nanoseconds, feature, number, int(context), int(generated))


def encoded(rows: Sequence[Row]) -> bytes:
    """One OTLP request. The same rows give the same bytes, ids and all."""
    calls: list[Call] = []
    for row in rows:
        ids = hashlib.sha256(f"{row.feature} {row.number}".encode()).digest()
        calls.append(
            Call(
                at=datetime.fromtimestamp(row.start_ns // 10**9, UTC),
                feature=row.feature,
                model=MODEL,
                input_tokens=row.input_tokens,
                output_tokens=row.output_tokens,
                # Half of the traffic has ids of the provider, half must do with the span's.
                response_id=f"chatcmpl-{row.number}" if row.feature == "conv" else None,
                trace_id=ids[:16],
                span_id=ids[16:24],
                attributes={"breakeven.seq": row.number, "breakeven.seq.source": f"azure-{row.feature}"},
            )
        )
    message = request(*calls, service="azure")
    spans = message.resource_spans[0].scope_spans[0].spans
    for row, span in zip(rows, spans, strict=True):
        span.start_time_unix_nano = row.start_ns
        span.end_time_unix_nano = row.start_ns + 10**9
    return message.SerializeToString()


class Sender:
    """Posts requests as an exporter does: again and again until one is answered 200. Some answers get lost."""

    def __init__(self, url: str, bodies: Sequence[bytes], seed: int) -> None:
        self._address = urlsplit(url)
        self._bodies = bodies
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self.acknowledged = 0
        """Requests that were answered 200."""
        self.unanswered = 0
        """Attempts that were not."""
        self.repeated = 0
        """Requests sent once more after they were acknowledged."""

    def send_all(self) -> None:
        """Send with several connections at once."""
        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(self._send_share, range(SENDERS)))

    def _send_share(self, first: int) -> None:
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=30)
        for body in self._bodies[first::SENDERS]:
            self._deliver(connection, body)
            with self._lock:
                self.acknowledged += 1
                again = self._random.random() < 0.15
                self.repeated += again
            if again:
                self._deliver(connection, body)
            time.sleep(0.1)
        connection.close()

    def _deliver(self, connection: http.client.HTTPConnection, body: bytes) -> None:
        while True:
            try:
                connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    return
                assert answer.status >= 500, answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
            with self._lock:
                self.unanswered += 1
            time.sleep(0.05)


def kill_now_and_then(collector: CollectorProcess, sender: Sender, requests: int, seed: int) -> list[int]:
    """Kill and restart the collector at random moments of the delivery; how many requests were acknowledged at each."""
    draw = random.Random(seed)
    killed_at: list[int] = []
    for number in range(KILLS):
        threshold = requests * (number + draw.uniform(0.1, 0.5)) / KILLS
        while sender.acknowledged < threshold:
            time.sleep(0.002)
        # Anywhere between the write to the journal, the insert, and the pass over the ledger.
        time.sleep(draw.uniform(0, 0.3))
        killed_at.append(sender.acknowledged)
        collector.kill()
        collector.start()
    return killed_at


def test_traffic_of_azure_is_counted_once_though_the_collector_is_killed_and_clients_send_again(
    running: CollectorProcess, shared_data: Path
) -> None:
    rows = sorted(read(shared_data), key=lambda row: row.start_ns)
    bodies = [encoded(batch) for batch in batched_rows(rows, 200)]
    assert sum(len(spans_of(body)) for body in bodies) == len(rows) == CALLS
    seed = random.randrange(10**6)
    print(f"seed {seed}")

    sender = Sender(running.url, bodies, seed)
    delivery = threading.Thread(target=sender.send_all)
    delivery.start()
    killed_at = kill_now_and_then(running, sender, len(bodies), seed)
    delivery.join()
    assert len(killed_at) == KILLS
    assert all(0 < acknowledged < len(bodies) for acknowledged in killed_at), "each kill was in the middle"
    assert running.starts == KILLS + 1
    assert sender.acknowledged == len(bodies)
    assert sender.unanswered >= KILLS
    assert sender.repeated > 0
    print(f"killed after {killed_at} of {len(bodies)} requests; {sender.unanswered} unanswered attempts,", end=" ")
    print(f"{sender.repeated} acknowledged requests sent again")

    running.stop()
    assert not list((running.data_dir / "journal").glob("*.seg"))
    assert not (running.data_dir / "quarantine").exists()
    port = running.url.rpartition(":")[2]
    printed = breakeven(
        *("report", "--format", "json", "--days", str(DAYS), "--port", port, "--data-dir", running.data_dir)
    )
    assert printed.status == 0, printed.err
    report = json.loads(printed.out)

    features = by_name(report)
    assert set(features) == set(FILES)
    for feature, found in features.items():
        of_file = [row for row in rows if row.feature == feature]
        assert (found["calls"], found["input_tokens"], found["output_tokens"]) == (
            len(of_file),
            sum(row.input_tokens for row in of_file),
            sum(row.output_tokens for row in of_file),
        )
        assert Decimal(found["cost_usd"]) == dollars(of_file)
    totals = report["totals"]
    assert (totals["calls"], totals["input_tokens"], totals["output_tokens"]) == (CALLS, INPUT_TOKENS, OUTPUT_TOKENS)
    assert (totals["failed_calls"], totals["cached_input_tokens"], totals["unpriced_calls"]) == (0, 0, 0)
    assert Decimal(totals["cost_usd"]) == dollars(rows)
    assert report["removed"] == {"duplicate_calls": 0, "wrapper_calls": 0, "cost_usd": "0", "rows": []}
    assert report["lost"] == {"spans": 0, "numbered": CALLS}

    sums = "count() AS calls, sum(input_tokens) AS i, sum(output_tokens) AS o, uniqExact(trace_id, span_id) AS spans"
    assert store_rows(running.data_dir, f"SELECT {sums} FROM calls FINAL") == [
        {"calls": CALLS, "i": INPUT_TOKENS, "o": OUTPUT_TOKENS, "spans": CALLS}
    ]


def batched_rows(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def spans_of(body: bytes) -> Sequence[object]:
    return ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans


def dollars(rows: Sequence[Row]) -> Decimal:
    """By genai-prices itself; its rates for this model do not depend on the size of a call."""
    used = Usage(
        input_tokens=sum(row.input_tokens for row in rows), output_tokens=sum(row.output_tokens for row in rows)
    )
    return calc_price(
        used, MODEL, provider_id="openai", genai_request_timestamp=datetime(2023, 11, 16, 19, tzinfo=UTC)
    ).total_price
