from collections.abc import Iterator
from typing import Any

import pytest
from breakeven._baggage import BaggageGate
from breakeven.testing import raise_errors
from opentelemetry import baggage, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

gate = BaggageGate(CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()]), ("llm.corp.test",))
tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")


@pytest.fixture(autouse=True)
def errors_are_raised() -> Iterator[None]:
    with raise_errors():
        yield


def sent(headers: dict[Any, Any] | None = None, **attributes: str) -> bool:
    """Whether baggage goes out with a request of this kind; the trace context must in any case."""
    span = tracer.start_span("POST", attributes={name.replace("__", "."): v for name, v in attributes.items()})
    context = trace.set_span_in_context(span, baggage.set_baggage("k", "v", Context()))
    carrier: dict[Any, Any] = {**(headers or {})}
    gate.inject(carrier, context)
    assert "traceparent" in carrier
    return "baggage" in carrier


@pytest.mark.parametrize(
    "host",
    [
        "api.openai.com",
        "eu.api.openai.com",
        "API.OPENAI.COM:443",
        "corp.openai.azure.com",
        "api.anthropic.com",
        "generativelanguage.googleapis.com",
        "europe-west4-aiplatform.googleapis.com",
        "bedrock-runtime.eu-central-1.amazonaws.com",
        "openrouter.ai",
        "llm.corp.test",
    ],
)
def test_llm_hosts_are_recognised_wherever_they_are_named(host: str) -> None:
    name = host.split(":")[0]
    assert not sent({"Host": host})
    assert not sent({"host": host})
    assert not sent(server__address=name)
    assert not sent(url__full=f"https://{host}/v1/chat?x=1")
    assert not sent(http__url=f"https://{host}/v1/chat")
    assert not sent(net__peer__name=name.upper())


@pytest.mark.parametrize(
    "host", ["orders.corp.test", "api.openai.com.evil.test", "notapi.openai.com.test", "openai.com", "s3.amazonaws.com"]
)
def test_ordinary_hosts_get_the_baggage(host: str) -> None:
    assert sent({"Host": host})
    assert sent(server__address=host)
    assert sent(url__full=f"https://{host}/api.openai.com")


def test_a_running_llm_span_is_enough() -> None:
    assert not sent(gen_ai__operation__name="chat")


def test_odd_carriers_and_values_are_taken() -> None:
    assert sent({"host": b"orders.corp.test", "x": 1})
    assert not sent({"host": b"api.openai.com"})
    assert sent(url__full="http://[")


def test_extraction_is_as_before() -> None:
    context = gate.extract({"baggage": "a=b"}, Context())
    assert baggage.get_all(context) == {"a": "b"}
    assert gate.fields == {"traceparent", "tracestate", "baggage"}
