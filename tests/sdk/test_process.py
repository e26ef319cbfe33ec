"""How spans leave a process, and what an application notices of it: programs of their own, a real collector."""

import signal
import time
from typing import Any

import pytest
from breakeven._outbox import Outbox
from breakeven.testing import raise_errors
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

CALL = """
import logging, os, sys, time
logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
import breakeven
breakeven.init(service="app", instrument=False)

def call(n=1):
    with breakeven.feature("f"):
        breakeven.record(provider="openai", model="m", input_tokens=n)
"""


def tokens(loopback: Any) -> list[int]:
    return sorted(span["attributes"]["gen_ai.usage.input_tokens"] for span in loopback.spans)


def sources(loopback: Any) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for span in loopback.spans:
        found.setdefault(span["attributes"]["breakeven.seq.source"], []).append(span["attributes"]["breakeven.seq"])
    return found


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise ValueError('theirs')", 1),
        ("import signal; os.kill(os.getpid(), signal.SIGINT); time.sleep(5)", -2),
    ],
)
def test_spans_arrive_when_the_program_ends(run: Any, loopback: Any, end: str, status: int) -> None:
    ended = run(CALL + "call()\n" + end + "\n")
    assert (ended.status, tokens(loopback)) == (status, [1])


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


def test_sigterm_delivers_and_keeps_its_exit_status(start: Any, loopback: Any) -> None:
    process = start(CALL + "call()\nprint('ready', flush=True)\ntime.sleep(30)\n", OTEL_BSP_SCHEDULE_DELAY="60000")
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    assert tokens(loopback) == [1]


def test_sigterm_with_the_collector_down_ends_in_time(start: Any) -> None:
    process = start(
        CALL + "call()\nprint('ready', flush=True)\ntime.sleep(30)\n", BREAKEVEN_ENDPOINT="http://127.0.0.1:9"
    )
    process.stdout.readline()
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    assert time.monotonic() - began < 3.5


def test_a_sigterm_handler_of_the_application_goes_on_working_and_later_spans_arrive(start: Any, loopback: Any) -> None:
    process = start(
        """
        import os, signal, sys, time
        done = []
        signal.signal(signal.SIGTERM, lambda *_: done.append(1))
        """
        + CALL.replace("\n", "\n        ")
        + """
        print("ready", flush=True)
        while not done:
            time.sleep(0.01)
        call()
        time.sleep(0.3)
        os._exit(7)  # no exit handlers: only what was sent at once arrives
        """,
        OTEL_BSP_SCHEDULE_DELAY="60000",
    )
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 7
    assert tokens(loopback) == [1]


def test_an_ignored_sigterm_stays_ignored(run: Any) -> None:
    ended = run(
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + CALL
        + "os.kill(os.getpid(), signal.SIGTERM)\nassert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN\n"
    )
    assert (ended.status, ended.err) == (0, "")


def test_init_outside_the_main_thread_works(run: Any, loopback: Any) -> None:
    program = CALL.replace('breakeven.init(service="app", instrument=False)\n', "")
    ended = run(
        program
        + "import threading\n"
        + "t = threading.Thread(target=lambda: (breakeven.init(instrument=False), call()))\nt.start(); t.join()\n"
    )
    assert (ended.status, ended.err, tokens(loopback)) == (0, "", [1])


def test_a_forked_child_delivers_its_own_spans_and_counts_for_itself(run: Any, loopback: Any) -> None:
    ended = run(
        CALL
        + """
call(1); call(2)
pid = os.fork()
if pid == 0:
    call(10); call(11)
    sys.exit(0)
os.waitpid(pid, 0)
call(3)
"""
    )
    assert ended.err == ""
    assert tokens(loopback) == [1, 2, 3, 10, 11]
    assert sorted(sources(loopback).values()) == [[1, 2], [1, 2, 3]]


def test_prefork_workers_with_init_in_the_master_deliver(start: Any, loopback: Any) -> None:
    process = start(
        CALL
        + """
import signal
workers = []
for n in range(2):
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as gunicorn's workers do
        call(n)
        while True:
            time.sleep(0.01)
    workers.append(pid)
time.sleep(0.2)
for pid in workers:
    os.kill(pid, signal.SIGTERM)
for pid in workers:
    assert os.waitpid(pid, 0)[1] == 0
""",
        OTEL_BSP_SCHEDULE_DELAY="60000",
    )
    assert process.communicate(timeout=20) == ("", "")
    assert tokens(loopback) == [0, 1]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_deliver(run: Any, loopback: Any, method: str) -> None:
    ended = run(
        CALL
        + f"""
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    worker = context.Process(target=call, args=(1,))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(call, 2).result()
    with context.Pool(1) as pool:  # leaves by SIGTERM
        pool.apply(call, (3,))
""",
        OTEL_BSP_SCHEDULE_DELAY="60000",
    )
    assert (ended.status, ended.err) == (0, "")
    assert tokens(loopback) == [1, 2, 3]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_process_knows_the_feature_through_a_carrier_only(run: Any, loopback: Any, method: str) -> None:
    ended = run(
        CALL
        + f"""
def work(n, carrier):
    with breakeven.attach(carrier):
        breakeven.record(provider="openai", model="m", input_tokens=n)

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("{method}")) as pool:
        pool.submit(abs, -1).result()
        with breakeven.feature("outer"):
            pool.submit(work, 1, breakeven.carrier()).result()
            pool.submit(work, 2, None).result()
"""
    )
    assert (ended.status, ended.err) == (0, "")
    seen = [span["attributes"] for span in loopback.spans]
    assert {each["gen_ai.usage.input_tokens"]: each.get("breakeven.feature") for each in seen} == {1: "outer", 2: None}


def test_after_shutdown_a_forked_child_sends_nothing_either(run: Any, loopback: Any) -> None:
    ended = run(CALL + "breakeven.shutdown()\npid = os.fork()\ncall(1)\nif pid:\n    os.waitpid(pid, 0)\n")
    assert (ended.status, ended.err, loopback.spans) == (0, "", [])


def test_os_exit_loses_what_was_not_flushed(run: Any, loopback: Any) -> None:
    program = CALL + "call(1)\nassert breakeven.flush()\ncall(2)\nos._exit(0)\n"
    assert run(program, OTEL_BSP_SCHEDULE_DELAY="60000").status == 0
    assert tokens(loopback) == [1]


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
    assert time.monotonic() - began - bare_s < 3


def test_an_exit_is_not_held_up_either_when_the_provider_is_the_applications(run: Any, loopback: Any) -> None:
    loopback.delay_s = 20
    began = time.monotonic()
    ended = run(
        "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
        "trace.set_tracer_provider(TracerProvider())\n" + CALL + "call()\n"
    )
    assert ended.status == 0
    assert time.monotonic() - began < 5


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
    ended = run(CALL + "for n in range(3):\n    call(n)\n    breakeven.flush()\n")
    assert len(loopback.exports) == 3
    (line,) = ended.err.splitlines()
    assert "code: 401" in line
    assert "BREAKEVEN_API_KEY" in line


@pytest.mark.parametrize("switch", [{"BREAKEVEN_DISABLED": "1"}, {"OTEL_SDK_DISABLED": "true"}])
def test_disabled_it_does_nothing_at_all(run: Any, loopback: Any, switch: dict[str, str]) -> None:
    ended = run(
        CALL
        + """
import signal, threading
from opentelemetry import trace, propagate
call()
assert breakeven.carrier() == {}
assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
assert threading.active_count() == 1
assert "Gate" not in type(propagate.get_global_textmap()).__name__
assert breakeven.flush()
breakeven.shutdown()
""",
        **switch,
    )
    assert (ended.status, ended.err, loopback.requests) == (0, "", [])


def test_a_second_init_does_not_export_twice(run: Any, loopback: Any) -> None:
    ended = run(
        CALL
        + "breakeven.init(service='app', instrument=False)\nbreakeven.init(service='other')\n"
        + "breakeven.init(service='other')\ncall()\n"
    )
    assert ended.err == ("breakeven WARNING init() called again with other arguments: the first call stays in force\n")
    assert tokens(loopback) == [1]


def test_after_shutdown_nothing_is_sent_until_init_is_called_again(run: Any, loopback: Any) -> None:
    ended = run(
        CALL + "call(1)\nbreakeven.shutdown()\ncall(2)\nbreakeven.init(service='app', instrument=False)\ncall(3)\n"
    )
    assert (ended.err, tokens(loopback)) == ("", [1, 3])


def test_a_provider_of_the_application_is_used_and_keeps_its_own_exporter(run: Any, loopback: Any) -> None:
    ended = run(
        """
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        theirs = InMemorySpanExporter()
        provider = TracerProvider(resource=Resource({"service.name": "theirs"}))
        provider.add_span_processor(SimpleSpanProcessor(theirs))
        trace.set_tracer_provider(provider)
        import breakeven
        provider.add_span_processor(breakeven.FeatureSpanProcessor())
        breakeven.init(service="ours", instrument=False)
        assert trace.get_tracer_provider() is provider
        with breakeven.feature("f"):
            breakeven.record(provider="openai", model="m")
        (span,) = theirs.get_finished_spans()
        assert span.attributes["breakeven.feature"] == "f"
        assert span.attributes["breakeven.seq"] == 1
        """
    )
    assert (ended.status, ended.err) == (0, "")
    (span,) = loopback.spans
    assert (span["resource"]["service.name"], span["attributes"]["breakeven.seq"]) == ("theirs", 1)


def test_a_foreign_provider_is_pointed_out(run: Any) -> None:
    ended = run(
        "from opentelemetry import trace\ntrace.set_tracer_provider(trace.NoOpTracerProvider())\n" + CALL + "call()\n"
    )
    assert ended.status == 0
    assert ended.err.startswith("breakeven WARNING the TracerProvider of the application (NoOpTracerProvider) takes no")


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
        began = time.monotonic()
        assert outbox.flush(0.1) is False
        assert time.monotonic() - began < 0.3
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
