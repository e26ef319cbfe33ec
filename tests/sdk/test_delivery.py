"""How spans get to the collector, and what an application notices while it is away or refuses them."""

import time
from typing import Any

import pytest
from breakeven._outbox import Outbox
from breakeven.testing import raise_errors
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from tests.sdk.programs import CALL, tokens


def test_the_export_is_compressed_otlp_with_the_key_and_the_resource(run: Any, loopback: Any) -> None:
    ended = run(
        CALL + "call()\n",
        BREAKEVEN_API_KEY="secret",
        BREAKEVEN_ENVIRONMENT="staging",
        OTEL_RESOURCE_ATTRIBUTES="team=search",
    )
    assert ended.err == ""
    (request,) = loopback.exports
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["content-encoding"] == "gzip"
    assert request.headers["content-type"] == "application/x-protobuf"
    (span,) = loopback.spans
    instance = span["resource"]["service.instance.id"]
    described = {"service.name", "deployment.environment.name", "team", "service.instance.id"}
    assert instance
    assert {name: value for name, value in span["resource"].items() if name in described} == {
        "service.name": "app",
        "deployment.environment.name": "staging",
        "team": "search",
        "service.instance.id": instance,
    }


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://192.0.2.1:4318"])
def test_with_the_collector_down_the_application_is_neither_slowed_nor_flooded_with_logs(
    run: Any, endpoint: str
) -> None:
    ended = run(
        CALL
        + """
began = time.monotonic()
for n in range(5000):
    call(n)
print(time.monotonic() - began)
""",
        BREAKEVEN_ENDPOINT=endpoint,
    )
    began = time.monotonic()
    ended_empty = run(CALL, BREAKEVEN_ENDPOINT=endpoint)
    nothing_s = time.monotonic() - began
    assert ended.status == ended_empty.status == 0
    assert float(ended.out) < 4
    assert nothing_s < 4
    assert ended_empty.err == ""
    assert all(line.startswith("breakeven WARNING ") for line in ended.err.splitlines())
    assert 1 <= len(ended.err.splitlines()) <= 3
    assert "is the collector running" in ended.err


def test_an_exit_with_the_collector_down_is_not_held_up(run: Any) -> None:
    began = time.monotonic()
    run(CALL, BREAKEVEN_ENDPOINT="http://127.0.0.1:9")
    bare_s = time.monotonic() - began
    began = time.monotonic()
    run(CALL + "call()\n", BREAKEVEN_ENDPOINT="http://192.0.2.1:4318")
    assert time.monotonic() - began - bare_s < 8


def test_an_exit_is_not_held_up_either_when_the_provider_is_the_applications(run: Any, loopback: Any) -> None:
    loopback.delay_s = 60
    began = time.monotonic()
    ended = run(
        "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
        "trace.set_tracer_provider(TracerProvider())\n" + CALL + "call()\n"
    )
    assert ended.status == 0
    assert time.monotonic() - began < 30


def test_a_collector_that_comes_back_gets_the_spans_and_the_log_says_so(run: Any, loopback: Any) -> None:
    loopback.status = 500

    ended_in: list[Any] = []
    import threading

    def restore() -> None:
        while not loopback.exports:
            time.sleep(0.01)
        loopback.requests.clear()
        loopback.status = 200

    helper = threading.Thread(target=restore)
    helper.start()
    # One attempt in each delivery, whatever the version of OpenTelemetry does about a 500.
    ended_in.append(run(CALL + "call(1)\ntime.sleep(1)\ncall(2)\ntime.sleep(1.5)\n"))
    helper.join()
    (ended,) = ended_in
    assert tokens(loopback) == [1, 2]
    lines = ended.err.splitlines()
    assert len(lines) == 2
    assert "cannot deliver spans to" in lines[0]
    assert "code: 500" in lines[0]
    assert lines[1] == f"breakeven WARNING spans are delivered to {loopback.url}/v1/traces again"


def test_a_wrong_key_is_said_once_with_its_mend(run: Any, loopback: Any) -> None:
    loopback.status = 401
    ended = run(CALL + "for n in range(3):\n    call(n)\n    breakeven.flush()\n", BREAKEVEN_API_KEY="bk_ingest_canary")
    assert [export.headers["authorization"] for export in loopback.exports] == ["Bearer bk_ingest_canary"] * 3
    assert "canary" not in ended.err
    (line,) = ended.err.splitlines()
    assert "code: 401" in line
    assert "BREAKEVEN_API_KEY" in line


def test_exports_do_not_become_spans_themselves(run: Any, loopback: Any) -> None:
    pytest.importorskip("opentelemetry.instrumentation.requests")
    ended = run(
        CALL
        + """
from opentelemetry.instrumentation.requests import RequestsInstrumentor
RequestsInstrumentor().instrument()
call()
time.sleep(1.5)
"""
    )
    assert (ended.err, len(loopback.spans)) == ("", 1)


class Slow:
    """A collector that takes its time."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.answers: list[bool] = []

    def send(self, spans: list[ReadableSpan]) -> bool:
        time.sleep(0.05)
        self.sent += [span.name for span in spans]
        return self.answers.pop() if self.answers else True

    def close(self) -> None:
        pass


def outbox_of(sender: Slow, **options: Any) -> tuple[Outbox, Any]:
    settings: dict[str, Any] = {"delay_s": 0.01, "max_queue": 4, "max_batch": 2}
    outbox = Outbox(lambda: sender, **(settings | options))
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(outbox)
    return outbox, provider.get_tracer("t")


def test_a_full_queue_drops_the_oldest_and_flush_still_ends() -> None:
    with raise_errors():
        sender = Slow()
        outbox, tracer = outbox_of(sender, delay_s=60, max_batch=4)
        for n in range(3):
            tracer.start_span(str(n)).end()
        outbox._max_queue = 3  # pyright: ignore[reportPrivateUsage]
        for n in range(3, 6):
            tracer.start_span(str(n)).end()
        assert outbox.flush(5)
        assert sender.sent == ["3", "4", "5"]
        outbox.shutdown()


def test_flush_waits_no_longer_than_it_is_told() -> None:
    with raise_errors():
        sender = Slow()
        outbox, tracer = outbox_of(sender, max_queue=100, max_batch=1)
        for n in range(20):
            tracer.start_span(str(n)).end()
        assert outbox.flush(0.1) is False
        assert len(sender.sent) < 20
        assert outbox.force_flush(5000)
        assert len(sender.sent) == 20
        outbox.shutdown()
        tracer.start_span("late").end()
        assert outbox.flush(1)
        assert "late" not in sender.sent


def test_a_batch_that_was_not_taken_is_sent_again() -> None:
    with raise_errors():
        sender = Slow()
        sender.answers = [False]
        outbox, tracer = outbox_of(sender)
        tracer.start_span("a").end()
        time.sleep(0.2)
        assert outbox.flush(3)
        assert sender.sent == ["a", "a"]
        outbox.shutdown()
