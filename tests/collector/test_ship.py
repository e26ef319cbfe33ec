"""From the journal into the store: everything lands exactly once, whatever refuses, stalls or dies in between."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector import otlp
from breakeven_collector.errors import StoreError, StoreUnavailable
from breakeven_collector.journal import Segment
from breakeven_collector.pipeline import Pipeline

from tests.spans import Call, after, body


def append(pipeline: Pipeline, data: bytes, project: str) -> None:
    pipeline.journal.append(data, project).result(10)


def bill(pipeline: Pipeline, project: str) -> dict[str, Any]:
    return pipeline.store.rows(
        "SELECT sum(calls) AS calls, sum(uncached_tokens) AS tokens FROM spend_slices "
        "WHERE project = {p:String} AND counted = 'yes'",
        {"p": project},
    )[0]


def wait_until(condition: Callable[[], bool], at_most: float = 10) -> None:
    deadline = time.monotonic() + at_most
    while not condition():
        assert time.monotonic() < deadline, f"not within {at_most} s"
        time.sleep(0.01)


class Door:
    """Stands before the store's inserts: may refuse them, and sees what was asked."""

    def __init__(self, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
        self._insert = pipeline.store.insert_requests
        self.refuse: Callable[[bytes, str], Exception | None] = lambda _body, _token: None
        self.asked: list[tuple[str, int]] = []
        monkeypatch.setattr(pipeline.store, "insert_requests", self)

    def __call__(self, data: bytes, *, token: str) -> None:
        self.asked.append((token, len(data)))
        error = self.refuse(data, token)
        if error:
            raise error
        self._insert(data, token=token)


@pytest.fixture
def door(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Door:
    pipeline.drain()
    return Door(pipeline, monkeypatch)


def one_segment(pipeline: Pipeline, door: Door, project: str, *bodies: bytes) -> str:
    """Make one segment of these requests and let it be shipped; its name."""
    futures = [pipeline.journal.append(data, project) for data in bodies]
    for future in futures:
        future.result(10)
    pipeline.drain()
    return door.asked[0][0]


def odd_span(extra: bytes) -> bytes:
    """One call of search, 1000 tokens in, with bytes of a stranger in its span."""
    data = body(Call())
    (span,) = otlp.ExportTraceServiceRequest.FromString(data).resource_spans[0].scope_spans[0].spans

    def field(number: int, content: bytes) -> bytes:
        length = len(content)
        return bytes([number << 3 | 2, length & 127 | 128, length >> 7]) + content

    return field(1, field(2, field(2, span.SerializeToString() + extra)))


# What protobuf's reader takes and ClickHouse's does not; what protobuf writes of it is regular.
@pytest.mark.parametrize(
    "extra",
    [
        b"\x4a\x0a\x0a\x04bool\x12\x02\x10\x6b",  # an attribute whose bool is 107
        b"\x7a\x06\x18\xff\xff\xff\xff\x0f",  # a status code of 2^32 - 1
        b"\x28\x03",  # a name that is a number
    ],
)
def test_what_only_clickhouse_cannot_read_is_written_anew_and_lands(
    pipeline: Pipeline, project: str, door: Door, extra: bytes
) -> None:
    data = odd_span(extra)
    assert otlp.read_traces(data, otlp.Encoding.PROTOBUF).body == data
    record = bytes([len(data) & 127 | 128, len(data) >> 7]) + data
    with pytest.raises(StoreError) as caught:
        pipeline.store.insert_requests(record, token=f"direct-{project}")
    assert not isinstance(caught.value, StoreUnavailable)
    door.asked.clear()
    before = pipeline.shipper.quarantined_requests
    segment = one_segment(pipeline, door, project, body(Call()), data, body(Call()))
    # as it came, an empty one to see that the store is well, all of it written anew
    assert [token for token, _ in door.asked] == [segment, "", f"{segment}/0-2"]
    assert bill(pipeline, project) == {"calls": 3, "tokens": 3000}
    assert pipeline.shipper.quarantined_requests == before


def test_what_nobody_can_read_is_set_aside_with_its_reason_and_its_neighbours_land(
    pipeline: Pipeline, project: str, door: Door
) -> None:
    quarantine = pipeline.settings.data_dir / "quarantine"
    before = pipeline.shipper.quarantined_requests
    garbage = b"\xff\xff\xff garbage " + project.encode()
    segment = one_segment(pipeline, door, project, body(Call()), garbage, body(Call(), Call()))
    assert bill(pipeline, project) == {"calls": 3, "tokens": 3000}
    assert pipeline.shipper.quarantined_requests == before + 1
    assert garbage in (quarantine / f"{segment}-1.pb").read_bytes()
    reason = (quarantine / f"{segment}-1.txt").read_text(encoding="utf-8")
    assert reason.startswith("Code: ")
    assert reason.endswith("\n")
    assert pipeline.shipper.last_error == ""
    assert not list(pipeline.settings.journal_dir.glob(f"{segment}*"))


def test_a_request_is_counted_as_set_aside_once_however_often_the_segment_is_tried(
    pipeline: Pipeline, project: str, door: Door
) -> None:
    down = [True, True]

    def refuse(_data: bytes, token: str) -> Exception | None:
        return StoreUnavailable("down") if token.endswith("/1") and down and down.pop() else None

    door.refuse = refuse
    before = pipeline.shipper.quarantined_requests
    futures = [pipeline.journal.append(data, project) for data in (b"\xff\xff\xff garbage", body(Call()))]
    for future in futures:
        future.result(10)
    pipeline.drain()
    assert pipeline.shipper.quarantined_requests == before + 1
    assert bill(pipeline, project) == {"calls": 1, "tokens": 1000}


def test_while_the_store_is_away_the_journal_grows_and_then_drains_exactly(
    pipeline: Pipeline, project: str, door: Door
) -> None:
    shipped = pipeline.shipper.shipped_segments
    door.refuse = lambda _data, _token: StoreUnavailable("the store does not answer")
    sizes: list[int] = []
    for number in range(5):
        append(pipeline, body(*(Call(at=after(number * 10 + n)) for n in range(10))), project)
        time.sleep(0.05)
        sizes.append(pipeline.journal.waiting_bytes)
    wait_until(lambda: pipeline.shipper.last_error != "")
    assert pipeline.shipper.last_error == "the store does not answer"
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]
    with pytest.raises(TimeoutError, match="the store does not answer"):
        pipeline.drain(timeout=0.1)
    assert bill(pipeline, project)["calls"] in (0, None)
    door.refuse = lambda _data, _token: None
    pipeline.drain()
    assert bill(pipeline, project) == {"calls": 50, "tokens": 50_000}
    assert (pipeline.journal.waiting_bytes, pipeline.shipper.last_error) == (0, "")
    wait_until(lambda: pipeline.shipper.shipped_segments > shipped)


def test_a_failure_after_the_insert_repeats_the_pass_and_adds_nothing(
    pipeline: Pipeline, project: str, monkeypatch: pytest.MonkeyPatch, door: Door
) -> None:
    ledger = pipeline.shipper._ledger  # pyright: ignore[reportPrivateUsage]
    real = ledger.pass_segments
    failures = [ZeroDivisionError("a bug"), StoreUnavailable("down")]

    def pass_segments(names: Any) -> None:
        if len(failures) == 1:
            real(names)  # even after the pass is done
        if failures:
            raise failures.pop(0)
        real(names)

    monkeypatch.setattr(ledger, "pass_segments", pass_segments)
    append(pipeline, body(Call(), Call(response_id="r1")), project)
    pipeline.drain()
    assert failures == []
    assert len(door.asked) == 1
    assert bill(pipeline, project) == {"calls": 2, "tokens": 2000}


def test_the_same_segment_shipped_again_adds_nothing(pipeline: Pipeline, project: str, tmp_path: Path) -> None:
    append(pipeline, body(*(Call(at=after(n)) for n in range(20))), project)
    (path,) = pipeline.settings.journal_dir.glob("*.seg")
    data = path.read_bytes()
    pipeline.drain()
    expected = {"calls": 20, "tokens": 20_000}
    assert bill(pipeline, project) == expected
    for name in (path.name, "00000000000000000009-00000009.seg"):  # by its name, and by the calls' own identity
        again = pipeline.settings.journal_dir / name
        again.write_bytes(data)
        pipeline.journal.hand_out(Segment(again), time.monotonic())
        pipeline.drain()
        assert bill(pipeline, project) == expected
        assert not again.exists()


def test_many_segments_are_shipped_in_order(pipeline: Pipeline, project: str, door: Door) -> None:
    for number in range(30):
        append(pipeline, body(Call(at=after(number))), project)
        if number % 10 == 0:
            time.sleep(0.05)
    pipeline.drain()
    tokens = [token for token, _ in door.asked]
    assert tokens == sorted(tokens)
    assert bill(pipeline, project) == {"calls": 30, "tokens": 30_000}


# ---------------------------------------------------------------------------------- a process that is killed, again

PROGRAM = """
import signal, sys, time
from pathlib import Path
from breakeven_collector.serve import Collector, until_stopped
from breakeven_collector.settings import Settings
folder = Path(sys.argv[1])
settings = Settings(data_dir=folder, config=folder / "none.toml", port=0, batch_seconds=float(sys.argv[2]))
with Collector(settings) as collector:
    if sys.argv[3] == "serve":
        until_stopped(lambda: print(collector.url, flush=True))
    collector.pipeline.drain()
    (row,) = collector.pipeline.store.rows(
        "SELECT toUInt64(sum(calls)) AS calls, toUInt64(sum(uncached_tokens)) AS tokens FROM spend_slices "
        "WHERE counted = 'yes'"
    )
    print(row["calls"], row["tokens"], flush=True)
"""


def test_a_collector_that_is_killed_again_and_again_keeps_what_it_acknowledged_and_counts_it_once(
    tmp_path: Path,
) -> None:
    acknowledged = sent = 0
    for round_ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), "0.05", "serve"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        address = process.stdout.readline().strip().removeprefix("http://")

        def send(number: int, address: str = address, round_: int = round_) -> bool:
            call = Call(at=after(number), trace_id=bytes([round_ + 1]) * 16, span_id=(number + 1).to_bytes(8, "big"))
            connection = http.client.HTTPConnection(address, timeout=10)
            try:
                connection.request("POST", "/v1/traces", body(call), {"Content-Type": "application/x-protobuf"})
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            results = pool.map(send, range(120))
            for number, good in enumerate(results):
                acknowledged += good
                sent += 1
                if number == 60:
                    os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
    assert 120 <= acknowledged < sent
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), "0.05", "count"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    calls, tokens = map(int, result.stdout.split())
    # a request may have been written whose answer did not get out any more
    assert acknowledged <= calls <= acknowledged + 16
    assert tokens == calls * 1000
    assert list((tmp_path / "journal").iterdir()) == []


def test_what_waits_in_the_folder_is_replayed_exactly_once(tmp_path: Path) -> None:
    process = subprocess.Popen(
        # segments stay open: nothing is shipped before the end
        [sys.executable, "-c", PROGRAM, str(tmp_path), "30", "serve"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    address = process.stdout.readline().strip().removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=10)
    for number in range(25):
        connection.request(
            "POST", "/v1/traces", body(Call(at=after(number))), {"Content-Type": "application/x-protobuf"}
        )
        assert connection.getresponse().read() == b""
    connection.request("GET", "/healthz")
    assert json.loads(connection.getresponse().read())["spans"] == 25
    process.kill()
    process.wait(10)
    process.stdout.close()
    (segment,) = (tmp_path / "journal").glob("*.seg")
    data = segment.read_bytes()
    for _ in range(2):
        # the second time as if it had been killed before the file was deleted
        segment.write_bytes(data)
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path), "0.05", "count"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert result.stdout.split() == ["25", "25000"]
        assert list((tmp_path / "journal").iterdir()) == []
