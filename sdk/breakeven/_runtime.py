"""`init`, `flush`, `shutdown`: setting up the pipeline of one process."""

import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any, cast

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter

from breakeven import _switch
from breakeven._baggage import hold_back_baggage
from breakeven._clients import instrument_clients
from breakeven._config import Config, resolve
from breakeven._exporter import Exporter
from breakeven._guard import guard, log_once, logger
from breakeven._outbox import Outbox
from breakeven._process import unwatch, watch
from breakeven._processor import FeatureSpanProcessor
from breakeven._stream_usage import ask_for_usage, stop_asking
from breakeven._threads import follow_threads

_lock = threading.Lock()
_running: tuple[Config, Outbox] | None = None
_STAMPS = "_breakeven_stamps"
"""Mark of providers that have a FeatureSpanProcessor from an earlier `init`. Logfire's cannot be put into a set."""


@guard("start")
def init(
    *,
    service: str | None = None,
    endpoint: str | None = None,
    api_key: str | None = None,
    environment: str | None = None,
    instrument: bool = True,
    stream_usage: bool = True,
    propagate_threads: bool = True,
    llm_hosts: Sequence[str] = (),
) -> None:
    """Send every LLM call of this process, with its feature, to the Breakeven collector.

    Call it once, early, and after the application has set up OpenTelemetry, if it does: a TracerProvider that exists is
    used and goes on exporting where it did. In servers that fork workers, both before and after the fork is fine.

    Args:
        service: `service.name`. Else BREAKEVEN_SERVICE, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES.
        endpoint: Base URL of the collector. Else BREAKEVEN_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
            OTEL_EXPORTER_OTLP_ENDPOINT, http://127.0.0.1:4318.
        api_key: Of the collector, sent to it as `Authorization: Bearer …`. Else BREAKEVEN_API_KEY. It is not sent to an
            endpoint that only OTEL_* names: that may be somebody else's.
        environment: `production`, `staging`, `evaluation`, … Else BREAKEVEN_ENVIRONMENT.
        instrument: Turn on the installed `opentelemetry-instrumentation-genai-*` and `-google-genai` packages. No
            prompt or answer is sent, unless `feature(…, capture=True)` says so.
        stream_usage: Ask streams of the `openai` client for their usage (`stream_options.include_usage`), where the
            application does not say itself whether it wants it. The chunk that carries it is hidden from the
            application. A server that refuses to be asked is not asked again.
        propagate_threads: Carry the feature into ThreadPoolExecutor, run_in_executor and non-daemon threads.
        llm_hosts: Hosts, beside those of the known providers, that must not get the application's W3C baggage; `*`
            stands for any characters. No provider gets the feature in any case.

    OTEL_EXPORTER_OTLP_HEADERS, …_TIMEOUT, …_COMPRESSION (gzip if unset), …_CERTIFICATE and OTEL_BSP_* apply.
    With BREAKEVEN_DISABLED=1 or OTEL_SDK_DISABLED=true nothing is set up and all of Breakeven does nothing.

    Never raises. What is wrong is logged once, to the logger "breakeven". A second call changes nothing.
    """
    if _switch.reread():
        logger.debug("disabled by the environment")
        return
    config = resolve(
        service=service,
        endpoint=endpoint,
        api_key=api_key,
        environment=environment,
        instrument=instrument,
        stream_usage=stream_usage,
        propagate_threads=propagate_threads,
        llm_hosts=(llm_hosts,) if isinstance(llm_hosts, str) else tuple(llm_hosts),
    )
    with _lock:
        _start(config)


def _start(config: Config) -> None:
    global _running
    if _running is not None:
        if _running[0] == config:
            logger.debug("init() called again")
        else:
            log_once("init twice", "init() called again with other arguments: the first call stays in force")
        return
    provider = _provider(config)
    add = cast("Callable[[Any], None] | None", getattr(provider, "add_span_processor", None))
    if add is None:
        log_once(
            "provider",
            "the TracerProvider of the application (%s) takes no span processors; give it to the SDK's TracerProvider, "
            "or send its spans to Breakeven through its own exporter",
            type(provider).__qualname__,
        )
        return
    if not hasattr(provider, _STAMPS):
        add(FeatureSpanProcessor())
        setattr(provider, _STAMPS, True)
    outbox = Outbox(
        lambda: Exporter(_exporter(config), config.endpoint),
        delay_s=config.delay_s,
        max_queue=config.max_queue,
        max_batch=config.max_batch,
    )
    add(outbox)
    _running = (config, outbox)
    watch(outbox)
    hold_back_baggage(config.llm_hosts)
    if config.propagate_threads:
        follow_threads()
    if config.instrument:
        instrument_clients(provider)
    if config.stream_usage:
        ask_for_usage()


def _provider(config: Config) -> trace.TracerProvider:
    """The application's provider, or one of our own made global."""
    existing = trace.get_tracer_provider()
    if not isinstance(existing, trace.ProxyTracerProvider):
        return existing
    # Without its own exit handler: that one would wait for a collector that is down.
    own = TracerProvider(resource=_resource(config), shutdown_on_exit=False)
    trace.set_tracer_provider(own)
    return trace.get_tracer_provider()


def _resource(config: Config) -> Resource:
    from_env = Resource.create().attributes
    described = {
        "service.name": config.service,
        "deployment.environment.name": config.environment,
        "service.instance.id": None if "service.instance.id" in from_env else str(uuid.uuid4()),
    }
    return Resource.create({name: value for name, value in described.items() if value is not None})


def _exporter(config: Config) -> SpanExporter:
    # Not at the top: it takes longest to import, and a process where Breakeven is off needs none of it.
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(
        endpoint=config.endpoint,
        headers={} if config.api_key is None else {"Authorization": f"Bearer {config.api_key}"},
        timeout=config.timeout_s,  # type: ignore[arg-type]  # older versions say int and take both
        compression=Compression(config.compression),
    )


def flush(timeout_s: float = 2.0) -> bool:
    """Wait until the spans that have ended so far are delivered.

    Needed only before an end of the process that runs no exit handlers: `os._exit`, or the freeze of a serverless
    function. Returns False if they could not be delivered in `timeout_s` seconds. Never raises.
    """
    running = _running
    if running is None:
        return True
    with guard("flush"):
        return running[1].flush(timeout_s)
    return False


@guard("shut down")
def shutdown() -> None:
    """Deliver what waits, for at most 2 seconds, and stop exporting. `init` may be called again."""
    global _running
    with _lock:
        running, _running = _running, None
    if running is not None:
        stop_asking()
        running[1].shutdown()
        unwatch(running[1])
