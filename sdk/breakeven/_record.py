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
from breakeven._usage import Usage, read_response

SCOPE: Final = "breakeven"
_MAX_INT: Final = 2**63 - 1


@guard("record a call")
def record(
    *,
    response: object = None,
    provider: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cached_input_tokens: int | None = None,
    cache_write_tokens: int | None = None,
    reasoning_tokens: int | None = None,
    meters: Mapping[str, int | float | Decimal] | None = None,
    cost_usd: Decimal | str | int | float | None = None,
    response_id: str | None = None,
    operation: str | None = None,
    service_tier: str | None = None,
    duration_s: float | None = None,
    error: BaseException | str | None = None,
    retry: bool | None = None,
    feature: str | None = None,
    tenant: str | int | None = None,
    user: str | int | None = None,
    session: str | int | None = None,
    tags: Mapping[str, object] | None = None,
) -> None:
    """Record one call of a model, for clients that nothing instruments and for results of batch files.

    Args:
        response: What the provider answered: its client's object, a dict, JSON text or bytes, one line of a batch's
            results, or the list of the chunks or events of a stream that has ended. All below is read from it as far as
            it tells; what is passed beside it wins. Anthropic, Azure, Bedrock, Cohere, DeepSeek, Gemini, Groq, Mistral,
            Ollama, OpenAI, OpenRouter, vLLM and xAI are known. A stream that still runs is left alone.
        provider: Who is billed for it: `openai`, `anthropic`, `aws.bedrock`, … Pass it where the response does not
            tell: many speak OpenAI's language.
        model: The model that answered, as the provider calls it. Bedrock's Converse and Cohere do not tell it.
        input_tokens: All input tokens, cached ones included.
        output_tokens: All output tokens, reasoning included.
        cached_input_tokens: Those of the input that were read from the provider's cache.
        cache_write_tokens: Those of the input that were written to the provider's cache.
        reasoning_tokens: Those of the output that were spent on reasoning.
        meters: Quantities billed beside tokens: `{"web_search": 2, "audio_second": 12.5}`.
        cost_usd: What the provider said the call cost, in USD; it wins over the price book.
        response_id: The provider's id of the answer: a call that a client's instrumentation reports too is counted
            once. Recording it twice is two calls.
        operation: `chat` (where nothing else is known), `text_completion`, `generate_content`, `embeddings`, …
        service_tier: `batch`, `flex`, `priority`, …, where it changes the price.
        duration_s: Seconds the call took; it is taken to end now.
        error: The exception, or its type as a word, if the call failed.
        retry: Whether this call repeats an earlier attempt.
        feature: Who pays, where it is not the feature this is called in.
        tenant: As in `feature()`; so are `user`, `session` and `tags`.

    A number that is negative, NaN or no number is logged once and left out: unknown, which is not zero. Does nothing
    without `init` or a TracerProvider of the application. Never raises.
    """
    if _switch.off:
        return
    told = _told(response)
    tokens = {
        a.INPUT_TOKENS: _tokens("input_tokens", input_tokens, told.input_tokens),
        a.OUTPUT_TOKENS: _tokens("output_tokens", output_tokens, told.output_tokens),
        a.CACHE_READ_TOKENS: _tokens("cached_input_tokens", cached_input_tokens, told.cache_read_tokens),
        a.CACHE_WRITE_TOKENS: _tokens("cache_write_tokens", cache_write_tokens, told.cache_write_tokens),
        a.CACHE_WRITE_1H_TOKENS: told.cache_write_1h_tokens if cache_write_tokens is None else None,
        a.REASONING_TOKENS: _tokens("reasoning_tokens", reasoning_tokens, told.reasoning_tokens),
        a.AUDIO_INPUT_TOKENS: told.audio_input_tokens,
        a.AUDIO_OUTPUT_TOKENS: told.audio_output_tokens,
        a.IMAGE_INPUT_TOKENS: told.image_input_tokens,
        a.IMAGE_OUTPUT_TOKENS: told.image_output_tokens,
    }
    _check_inclusive(tokens)
    asked_for, operation_name = clean(model), clean(operation) or told.operation or "chat"
    model_name = asked_for or clean(told.model)
    provider_name = clean(provider) or told.provider
    if provider_name is None:
        log_once("record:provider", "record(…): neither the response nor provider= tells who is billed; pass provider=")
    values: dict[str, Any] = {
        a.OPERATION: operation_name,
        a.PROVIDER: provider_name,
        a.REQUEST_MODEL: asked_for,
        a.RESPONSE_MODEL: model_name,
        a.RESPONSE_ID: clean(response_id) or clean(told.response_id),
        a.SERVICE_TIER: clean(service_tier) or clean(told.service_tier),
        a.SPEED: clean(told.speed),
        a.COST_USD: _usd(told.cost_usd if cost_usd is None else cost_usd),
        a.ERROR_TYPE: _error_type(error),
        a.RETRY: retry if isinstance(retry, bool) else None,
        **tokens,
        **_meters(told.meters),
        **_meters(meters),
    }
    seconds = _quantity("duration_s", told.duration_s if duration_s is None else duration_s)
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
            start_time=now_ns - round((seconds or 0) * 1e9),
        )
        if error is not None:
            span.set_status(Status(StatusCode.ERROR))
        span.end(now_ns)


def _told(response: object) -> Usage:
    usage = None
    if response is not None:
        # Its own guard: what was passed beside the response is recorded whatever becomes of this.
        with guard("read a response"):
            usage = read_response(response)
    if usage is not None and usage.absent:
        log_once(
            f"response:absent:{usage.provider}",
            "record(response=…): a response of %s tells no usage; of a stream, ask for it "
            '(OpenAI: stream_options={"include_usage": True})',
            usage.provider or "an unknown provider",
        )
    return usage or Usage()


def _refuse(name: str, value: object, mend: str) -> None:
    log_once(f"record:{name}", "record(%s=%r): %s; it is left out and counts as unknown", name, value, mend)


def _tokens(name: str, value: object, told: int | None = None) -> int | None:
    if value is None:
        value = told
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
