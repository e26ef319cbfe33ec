"""Recording a call that no instrumentation sees."""

import math
import time
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from breakeven import _switch
from breakeven import attributes as a
from breakeven._entry import Entry, Feature, Labels
from breakeven._guard import guard, log_once
from breakeven._payer import current
from breakeven._text import clean

SCOPE: Final = "breakeven"
_MAX_INT: Final = 2**63 - 1


@guard("record a call")
def record(
    *,
    provider: str,
    model: str,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cached_input_tokens: int | None = None,
    cache_write_tokens: int | None = None,
    reasoning_tokens: int | None = None,
    meters: Mapping[str, int | float | Decimal] | None = None,
    cost_usd: Decimal | str | int | float | None = None,
    response_id: str | None = None,
    operation: str = "chat",
    service_tier: str | None = None,
    duration_s: float | None = None,
    error: BaseException | str | None = None,
    feature: str | None = None,
    tenant: str | int | None = None,
    user: str | int | None = None,
    session: str | int | None = None,
    tags: Mapping[str, object] | None = None,
) -> None:
    """Record one call of a model, for clients that nothing instruments and for results of batch files.

    Args:
        provider: Who is billed for it: `openai`, `anthropic`, `aws.bedrock`, …
        model: The model that answered, as the provider calls it.
        input_tokens: All input tokens, cached ones included.
        output_tokens: All output tokens, reasoning included.
        cached_input_tokens: Those of the input that were read from the provider's cache.
        cache_write_tokens: Those of the input that were written to the provider's cache.
        reasoning_tokens: Those of the output that were spent on reasoning.
        meters: Quantities billed beside tokens: `{"web_search": 2, "audio_second": 12.5}`.
        cost_usd: What the provider said the call cost, in USD; it wins over the price book.
        response_id: The provider's id of the answer: a call that a client's instrumentation reports too is counted
            once. Recording it twice is two calls.
        operation: `chat`, `text_completion`, `generate_content`, `embeddings`, …
        service_tier: `batch`, `flex`, `priority`, …, where it changes the price.
        duration_s: Seconds the call took; it is taken to end now.
        error: The exception, or its type as a word, if the call failed.
        feature: Who pays, where it is not the feature this is called in.
        tenant: As in `feature()`; so are `user`, `session` and `tags`.

    A number that is negative, NaN or no number is logged once and left out: unknown, which is not zero. Does nothing
    without `init` or a TracerProvider of the application. Never raises.
    """
    if _switch.off:
        return
    tokens = {
        a.INPUT_TOKENS: _tokens("input_tokens", input_tokens),
        a.OUTPUT_TOKENS: _tokens("output_tokens", output_tokens),
        a.CACHE_READ_TOKENS: _tokens("cached_input_tokens", cached_input_tokens),
        a.CACHE_WRITE_TOKENS: _tokens("cache_write_tokens", cache_write_tokens),
        a.REASONING_TOKENS: _tokens("reasoning_tokens", reasoning_tokens),
    }
    _check_inclusive(tokens)
    model_name, operation_name = clean(model), clean(operation) or "chat"
    values: dict[str, Any] = {
        a.OPERATION: operation_name,
        a.PROVIDER: clean(provider),
        a.REQUEST_MODEL: model_name,
        a.RESPONSE_MODEL: model_name,
        a.RESPONSE_ID: clean(response_id),
        a.SERVICE_TIER: clean(service_tier),
        a.COST_USD: _usd(cost_usd),
        a.ERROR_TYPE: _error_type(error),
        **tokens,
        **_meters(meters),
    }
    entry: Entry = Labels(tenant, user, session, tags or {})
    if feature is not None:
        entry = Feature(feature, tenant=tenant, user=user, session=session, tags=tags, own_bill=True)
    with entry:
        now_ns = time.time_ns()
        span = trace.get_tracer(SCOPE).start_span(
            f"{operation_name} {model_name}" if model_name else operation_name,
            kind=SpanKind.CLIENT,
            # The stamp of FeatureSpanProcessor, which is not there in an application that runs without `init`.
            attributes={name: v for name, v in {**current().attributes(), **values}.items() if v is not None},
            start_time=now_ns - round((_quantity("duration_s", duration_s) or 0) * 1e9),
        )
        if error is not None:
            span.set_status(Status(StatusCode.ERROR))
        span.end(now_ns)


def _refuse(name: str, value: object, mend: str) -> None:
    log_once(f"record:{name}", "record(%s=%r): %s; it is left out and counts as unknown", name, value, mend)


def _tokens(name: str, value: object) -> int | None:
    if value is None:
        return None
    number = value
    # Some clients hand on floats, and numpy its own integers.
    if not isinstance(value, bool | str) and (as_int := _as_int(value)) is not None:
        number = as_int
    if type(number) is not int or not 0 <= number <= _MAX_INT:
        _refuse(name, value, "must be a whole number of tokens, 0 or more")
        return None
    return number


def _as_int(value: Any) -> int | None:
    try:
        number = int(value)
        return number if number == value else None
    except (TypeError, ValueError, OverflowError):
        return None


def _quantity(name: str, value: object) -> int | float | None:
    if value is None:
        return None
    if type(value) is int and 0 <= value <= _MAX_INT:
        return value
    if isinstance(value, float | Decimal) and math.isfinite(value) and value >= 0:
        return float(value)
    _refuse(name, value, "must be a number, 0 or more")
    return None


def _meters(meters: object) -> dict[str, int | float | None]:
    if meters is None:
        return {}
    if not isinstance(meters, Mapping):
        _refuse("meters", meters, "must be a dict from name to quantity")
        return {}
    named: dict[str, int | float | None] = {}
    for name, value in meters.items():  # pyright: ignore[reportUnknownVariableType]
        fit = clean(name)  # pyright: ignore[reportUnknownArgumentType]
        if fit is not None:
            named[a.METER_PREFIX + fit] = _quantity(f"meters[{fit!r}]", value)  # pyright: ignore[reportUnknownArgumentType]
    return named


def _usd(value: object) -> str | None:
    """Decimal digits: a float attribute would round, and money is added up."""
    if value is None:
        return None
    try:
        if not isinstance(value, bool):
            amount = Decimal(str(value).strip())
            if amount.is_finite() and amount >= 0 and -30 < amount.adjusted() < 15:
                return format(amount, "f")
    except InvalidOperation:
        pass
    _refuse("cost_usd", value, "must be an amount of USD, 0 or more, as Decimal, str, int or float")
    return None


def _error_type(error: object) -> str | None:
    """The type only: messages of exceptions may quote the prompt."""
    return type(error).__qualname__ if isinstance(error, BaseException) else clean(error)


def _check_inclusive(tokens: Mapping[str, int | None]) -> None:
    total = tokens[a.INPUT_TOKENS]
    cached = (tokens[a.CACHE_READ_TOKENS] or 0) + (tokens[a.CACHE_WRITE_TOKENS] or 0)
    if total is not None and cached > total:
        log_once(
            "record:inclusive",
            "record(input_tokens=%r): less than its %r cached tokens; input_tokens includes cached ones: add them",
            total,
            cached,
        )
