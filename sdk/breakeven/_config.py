"""Configuration: arguments of `init`, then BREAKEVEN_*, then OTEL_*, then defaults."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

from breakeven._guard import log_once
from breakeven._text import clean

DEFAULT_ENDPOINT: Final = "http://127.0.0.1:4318"
_PATH: Final = "/v1/traces"

N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What `init` settled on."""

    service: str | None
    """`service.name`; None leaves it to OpenTelemetry."""
    endpoint: str
    """URL that spans are posted to, with its path."""
    api_key: str | None
    """Sent as `Authorization: Bearer …`; None also where the endpoint may be another's."""
    environment: str | None
    """`deployment.environment.name`: production, staging, evaluation, …"""
    timeout_s: float
    """For one request with its quick retries."""
    compression: str
    """`gzip`, `deflate` or `none`."""
    delay_s: float
    """How long an ended span waits for company."""
    max_queue: int
    """Spans kept while the collector does not answer."""
    max_batch: int
    """Spans in one request."""
    instrument: bool
    """Turn on the installed instrumentations of LLM clients."""
    stream_usage: bool
    """Ask streams of the openai client for their usage."""
    propagate_threads: bool
    """Carry the feature into executors and threads."""
    llm_hosts: tuple[str, ...]
    """Further hosts that get no baggage."""

    def __repr__(self) -> str:
        """Without the key: configurations end up in logs."""
        return f"Config(service={self.service!r}, endpoint={self.endpoint!r}, environment={self.environment!r})"


def _env(*names: str) -> str | None:
    """The first of these variables that is set to something."""
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def _number(kind: Callable[[str], N], default: N, *names: str) -> N:
    text = _env(*names)
    if text is None:
        return default
    try:
        number = kind(text)
        if 0 < number < float("inf"):
            return number
    except ValueError:
        pass
    log_once(f"number:{names[0]}", "%s=%r: must be a positive number; using %s", names[0], text, default)
    return default


def traces_url(base: object, source: str) -> str | None:
    """The URL to post to, from the collector's base URL; None (and one line of log) if it is no URL."""
    text = base.strip() if isinstance(base, str) else ""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
        port = parts.port
    except ValueError:
        valid, port = False, None
    if not valid:
        log_once(f"endpoint:{source}", "%s %r: must look like %s; ignored", source, base, DEFAULT_ENDPOINT)
        return None
    if port == 4317:
        log_once("endpoint:4317", "%s %r: 4317 is the port for gRPC; OTLP/HTTP listens on 4318", source, text)
    # A trailing slash would be answered by a redirect, which the exporter takes for success.
    text = text.rstrip("/")
    return text if text.endswith(_PATH) else text + _PATH


def _endpoint(argument: str | None) -> tuple[str, bool]:
    """Where spans go, and whether that is surely a collector of Breakeven's: OTEL_* may name any vendor's."""
    candidates = (
        ("endpoint", argument),
        ("BREAKEVEN_ENDPOINT", _env("BREAKEVEN_ENDPOINT")),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", _env("OTEL_EXPORTER_OTLP_ENDPOINT")),
    )
    for source, value in candidates:
        if source == "OTEL_EXPORTER_OTLP_ENDPOINT" and (whole := _env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
            # OpenTelemetry takes this one as it stands, path and all.
            return whole, False
        if value is not None and (url := traces_url(value, source)):
            return url, source != "OTEL_EXPORTER_OTLP_ENDPOINT"
    return DEFAULT_ENDPOINT + _PATH, True


def _key(argument: str | None, ours: bool) -> str | None:
    key = clean(argument) or clean(_env("BREAKEVEN_API_KEY"))
    if key is None:
        return None
    # What cannot stand in a header would be told in the exporter's error, key and all.
    if not (key.isascii() and key.isprintable() and " " not in key):
        log_once("api_key", "api_key: must be ASCII without spaces to be sent in a header; sending no key")
        return None
    if not ours:
        log_once(
            "api_key:endpoint",
            "the Breakeven key is not sent to OTEL_EXPORTER_OTLP_ENDPOINT, which may be somebody else's: name the "
            "collector with init(endpoint=…) or BREAKEVEN_ENDPOINT",
        )
        return None
    return key


def _compression() -> str:
    text = _env("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION") or "gzip"
    if text.lower() in ("gzip", "deflate", "none"):
        return text.lower()
    log_once("compression", "OTEL_EXPORTER_OTLP_COMPRESSION=%r: must be gzip, deflate or none; using gzip", text)
    return "gzip"


def resolve(
    *,
    service: str | None,
    endpoint: str | None,
    api_key: str | None,
    environment: str | None,
    instrument: bool,
    stream_usage: bool,
    propagate_threads: bool,
    llm_hosts: tuple[str, ...],
) -> Config:
    """Settle every option. Never raises: what is unfit is logged once and the next in line is taken."""
    url, ours = _endpoint(endpoint)
    return Config(
        service=clean(service) or clean(_env("BREAKEVEN_SERVICE", "OTEL_SERVICE_NAME")),
        endpoint=url,
        api_key=_key(api_key, ours),
        environment=clean(environment) or clean(_env("BREAKEVEN_ENVIRONMENT")),
        timeout_s=_number(float, 10.0, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"),
        compression=_compression(),
        delay_s=_number(float, 500.0, "OTEL_BSP_SCHEDULE_DELAY") / 1000,
        max_queue=_number(int, 2048, "OTEL_BSP_MAX_QUEUE_SIZE"),
        max_batch=_number(int, 512, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
        instrument=instrument,
        stream_usage=stream_usage,
        propagate_threads=propagate_threads,
        llm_hosts=tuple(llm_hosts),
    )
