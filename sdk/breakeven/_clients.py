"""Turns on the instrumentations of LLM clients that are installed."""

import logging
import os
import re
from importlib import metadata
from importlib.util import find_spec
from typing import Any, Final

from opentelemetry.trace import TracerProvider

from breakeven._calls import completion_hook
from breakeven._guard import guard, log_once

_GENAI: Final = re.compile(r"opentelemetry-instrumentation-(genai-.+|google-genai)")
_ANTHROPIC_EMITS_SINCE: Final = (1, 17)


@guard("turn on the instrumentations of LLM clients")
def instrument_clients(provider: TracerProvider) -> None:
    """Turn on opentelemetry-instrumentation-genai-* and -google-genai; each that fails is logged and skipped."""
    for entry_point in metadata.entry_points(group="opentelemetry_instrumentor"):
        package = entry_point.dist.name.lower().replace("_", "-") if entry_point.dist else ""
        if _GENAI.fullmatch(package) and _is_wanted(entry_point.name):
            _turn_on(entry_point, package, provider)


def _is_wanted(client: str) -> bool:
    try:
        if find_spec(client.split("-", maxsplit=1)[0]) is None:
            return False
    except (ImportError, ValueError):
        return False
    return not (client == "anthropic" and _anthropic_emits_spans())


def _anthropic_emits_spans() -> bool:
    """Since 1.17 the client emits spans by itself; an instrumentation on top would count each call twice."""
    if os.environ.get("ANTHROPIC_OPEN_TELEMETRY", "").lower() == "false":
        return False
    try:
        major, minor = metadata.version("anthropic").split(".")[:2]
        return (int(major), int(minor)) >= _ANTHROPIC_EMITS_SINCE
    except (metadata.PackageNotFoundError, ValueError):
        return False


def _turn_on(entry_point: metadata.EntryPoint, package: str, provider: TracerProvider) -> None:
    try:
        instrumentor: Any = entry_point.load()()
        if instrumentor.is_instrumented_by_opentelemetry:
            return
        instrumentor.instrument(
            tracer_provider=provider, raise_exception_on_conflict=True, completion_hook=completion_hook()
        )
    except Exception as error:  # noqa: BLE001 - foreign code, one of several
        # A client that is not installed, or of a version the instrumentation does not know.
        conflict = getattr(error, "conflict", None)
        level = logging.DEBUG if conflict is not None and getattr(conflict, "found", True) is None else logging.WARNING
        log_once(
            f"client:{package}",
            "%s could not be turned on (%s: %s); calls of this client are not seen",
            package,
            type(error).__name__,
            error,
            level=level,
        )
