"""init() and shutdown() in programs of their own: called twice, elsewhere, switched off, beside a foreign provider."""

from typing import Any

import pytest

from tests.sdk.programs import CALL, tokens


def test_init_outside_the_main_thread_works(run: Any, loopback: Any) -> None:
    program = CALL.replace('breakeven.init(service="app", instrument=False)\n', "")
    ended = run(
        program
        + "import threading\n"
        + "t = threading.Thread(target=lambda: (breakeven.init(instrument=False), call()))\nt.start(); t.join()\n"
    )
    assert (ended.status, ended.err, tokens(loopback)) == (0, "", [1])


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
