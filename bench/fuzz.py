"""Mutated and random requests into a real collector: `python -m bench.fuzz --requests 200000`.

Over loopback, over several connections, all encodings and compressions. Never a 5xx, never a stop; every answer is what
OTLP says; and valid calls between and beside the bad ones land with exact counts.
"""

import argparse
import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.mutations import JSON, PROTOBUF, Mutations, Sent

SERVICE = "a-neighbour"
_EVERY = 10
"""One request in so many is a neighbour."""
_TIMEOUT_S = 120.0
_STALLED_S = 300.0
"""So long without a segment that lands, and it is given up."""


class Wrong(Exception):
    """An answer that should not have come."""


@dataclass
class Tally:
    """What came back, of all connections."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    neighbours: int = 0
    """Valid calls that were answered with 200."""
    wrong: list[str] = field(default_factory=list[str])
    lock: threading.Lock = field(default_factory=threading.Lock)


def check(sent: Sent, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Hold an answer to OTLP's rules.

    Raises:
        Wrong: it breaks one.
    """
    if status >= 500 or 300 <= status < 400:
        raise Wrong(f"answered {status}: {body[:300]!r}")
    got = headers.get("content-type", "")
    media_type = sent.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type in (JSON, PROTOBUF) and sent.path != "/v1/nothing" and got != media_type:
        raise Wrong(f"answered {status} in {got!r}")
    try:
        if status == 200:
            if got == JSON:
                json.loads(body)
            else:
                ExportTraceServiceResponse.FromString(body)
        elif got == JSON:
            if json.loads(body).keys() != {"code", "message"}:
                raise Wrong(f"answered {status} with no Status: {body[:300]!r}")
        elif not Status.FromString(body).message:
            raise Wrong(f"answered {status} without a message")
    except (ValueError, DecodeError) as error:
        raise Wrong(f"answered {status} with what cannot be read: {error}: {body[:300]!r}") from None


def neighbour(draw: random.Random) -> tuple[Sent, int]:
    """A valid request, sometimes with a span beside that is to be rejected alone; and how many calls it holds."""
    now = time.time_ns()
    attributes = {
        "gen_ai.operation.name": AnyValue(string_value="chat"),
        "gen_ai.usage.input_tokens": AnyValue(int_value=7),
    }
    spans = [
        Span(
            trace_id=draw.randbytes(16),
            span_id=draw.randbytes(8),
            start_time_unix_nano=now,
            end_time_unix_nano=now,
            attributes=[KeyValue(key=key, value=value) for key, value in attributes.items()],
        )
        for _ in range(draw.randrange(1, 4))
    ]
    bad = [Span(trace_id=b"bad", span_id=b"bad")] * draw.randrange(2)
    resource = Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value=SERVICE))])
    request = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=[*bad, *spans])])]
    )
    return Sent(request.SerializeToString(), {"Content-Type": PROTOBUF}), len(spans)


class Connection:
    """One that is opened again when the other side has closed it."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._open: http.client.HTTPConnection | None = None

    def send(self, sent: Sent, *, patient: bool = False) -> tuple[int, Mapping[str, str], bytes] | None:
        """Status, headers and body; None if the connection was closed before the answer came.

        Args:
            sent: what to send.
            patient: send again until there is an answer.
        """
        for attempt in range(10):
            connection = self._open = self._open or http.client.HTTPConnection(self._address, timeout=_TIMEOUT_S)
            try:
                body = iter([sent.body[:50], sent.body[50:]]) if sent.chunked else sent.body
                connection.request(sent.method, sent.path, body, dict(sent.headers), encode_chunked=sent.chunked)
                answer = connection.getresponse()
                data = answer.read()
            except (http.client.HTTPException, ConnectionError):
                self.close()
                # On a connection that was kept alive the other side may just have hung up.
                if not patient and attempt:
                    return None
                continue
            if answer.will_close:
                self.close()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, data
        return None

    def close(self) -> None:
        """Hang up."""
        if self._open:
            self._open.close()
        self._open = None


def run(url: str, requests: int, connections: int, seed: int, console: Console) -> Tally:
    """Send them all."""
    tally = Tally()
    left = iter(range(requests))
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip
    with progress:
        task = progress.add_task("Requests", total=requests)

        def worker(number: int) -> None:
            mutations, draw, connection = Mutations(seed * 1000 + number), random.Random(), Connection(url)
            while not tally.wrong:
                with tally.lock:
                    if next(left, None) is None:
                        break
                is_neighbour = draw.randrange(_EVERY) == 0
                sent, calls = neighbour(draw) if is_neighbour else (mutations.request(), 0)
                try:
                    answer = connection.send(sent, patient=is_neighbour)
                    if answer:
                        check(sent, *answer)
                    if is_neighbour and (answer is None or answer[0] != 200):
                        raise Wrong(f"a valid request is answered {answer}")
                except (Wrong, OSError) as error:
                    with tally.lock:
                        tally.wrong.append(
                            f"{error!r} to {sent.method} {sent.path} {sent.headers} {sent.body[:2000]!r}"
                        )
                    break
                with tally.lock:
                    tally.statuses[answer[0] if answer else 0] += 1
                    tally.neighbours += calls
                progress.advance(task)
            connection.close()

        threads = [threading.Thread(target=worker, args=(n,), daemon=True) for n in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return tally


def landed(url: str, want: int, console: Console) -> tuple[int, dict[str, Any]]:
    """Neighbours that stand in the bill, and the collector's health, once all are there or nothing moves any more."""
    last, moved = 0, time.monotonic()
    with console.status("") as status:
        while True:
            health = _get(url, "/healthz")
            if health["journal_bytes"] != last:
                last, moved = health["journal_bytes"], time.monotonic()
            status.update(f"{last / 1e6:,.1f} MB wait in the journal")
            if not last or time.monotonic() - moved > _STALLED_S:
                rows = _get(url, "/api/report?by=service&days=3")["services"]
                found = sum(row["calls"] for row in rows if row["service"] == SERVICE)
                if found == want or time.monotonic() - moved > _STALLED_S:
                    return found, health
            time.sleep(1)


def _get(url: str, path: str) -> dict[str, Any]:
    with urlopen(url + path, timeout=_TIMEOUT_S) as answer:
        return json.load(answer)


def main() -> None:
    """Start a collector, send, wait until all has landed, stop it; exit code 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1, help="Same seed, same bad requests.")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="breakeven-fuzz-") as folder:
        problems = _fuzz(Path(folder), options, console)
    for problem in problems:
        console.print(f"wrong: {problem}", style="red", markup=False)
    sys.exit(1 if problems else 0)


def _fuzz(folder: Path, options: argparse.Namespace, console: Console) -> list[str]:
    command = [sys.executable, "-u", "-c", "from breakeven_collector.entry import main; main()"]
    log = folder / "collector.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            [*command, "up", "--port", "0", "--grpc-port", "-1", "--data-dir", str(folder / "data")],
            # Few large inserts: what is fuzzed is what comes before them.
            env={**os.environ, "COLUMNS": "200", "BREAKEVEN_BATCH_SECONDS": "10"},
            cwd=folder,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        url = _url(process, log)
        started = time.monotonic()
        tally = run(url, options.requests, options.connections, options.seed, console)
        seconds = time.monotonic() - started
        problems = list(tally.wrong)
        if process.poll() is not None:
            return [*problems, f"the collector ended: {log.read_text()[-3000:]}"]
        found, health = landed(url, tally.neighbours, console)
        settled = time.monotonic() - started
        if found != tally.neighbours:
            problems.append(f"{tally.neighbours} valid calls were acknowledged, {found} landed")
        if health["status"] != "ok" or health["damaged_segments"]:
            problems.append(f"the collector is not well: {health}")
        process.send_signal(signal.SIGTERM)
        if process.wait(120):
            problems.append(f"the collector ended with {process.returncode}: {log.read_text()[-3000:]}")
    finally:
        process.kill()
    answers = ", ".join(f"{count:,} × {status or 'hung up'}" for status, count in sorted(tally.statuses.items()))
    total = sum(tally.statuses.values())
    console.print(f"{total:,} requests in {seconds:.0f} s over {options.connections} connections: {answers}")
    console.print(
        f"{found:,} of {tally.neighbours:,} valid calls landed {settled - seconds:.0f} s after the last; "
        f"{health['spans']:,} spans taken, {health['rejected_spans']:,} rejected singly, "
        f"{health['refused_requests']:,} requests refused, {health['quarantined_requests']:,} set aside"
    )
    return problems


def _url(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if up := re.search(r"Listening on (http://\S+),", log.read_text()):
            return up[1]
        time.sleep(0.1)
    raise SystemExit(f"the collector does not start:\n{log.read_text()}")


if __name__ == "__main__":
    main()
