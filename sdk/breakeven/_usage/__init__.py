"""The usage that a provider's response tells, whoever the provider and whatever the client made of it."""

import json
from typing import Any, Final

from breakeven._guard import log_once
from breakeven._usage import bedrock, native, openai
from breakeven._usage.events import folded
from breakeven._usage.fields import get, is_list, text
from breakeven._usage.totals import Reader, Usage, whole

__all__ = ["Usage", "read_response"]

_READERS: Final[tuple[Reader, ...]] = (
    native.anthropic,
    bedrock.invoked,
    native.cohere,
    openai.openai,
    openai.openai_media,
    native.gemini,
    bedrock.converse,
    native.ollama,
)


def read_response(response: object) -> Usage | None:
    """The usage told by a response: a client's object, a dict, JSON text or bytes, or a list of a stream's events.

    The response is neither copied nor changed, and no stream is consumed. Where its shape is not known: None, and one
    line of log for each type. Where it is known and tells nothing: a `Usage` that is `absent`.
    """
    name = type(response).__name__
    if _is_live(response):
        log_once(
            f"response:live:{name}",
            "record(response=…): a %s is read by the application and not by Breakeven; "
            "pass the list of its events, or its final response, when it has ended",
            name,
        )
        return None
    body, batch = _unwrapped(response)
    package = type(body).__module__.partition(".")[0]
    # A list of numbers or strings, passed by mistake, may be long.
    if is_list(body) and len(body) and not isinstance(body[0], int | float | str | bytes):
        package = type(body[0]).__module__.partition(".")[0]
        body = folded(body)
    for reader in _READERS:
        usage = reader(body, package)
        if usage is not None:
            return whole(usage, batch=batch)
    log_once(
        f"response:unsupported:{name}",
        "record(response=…): unsupported response of type %s; the call is recorded with what was passed beside it",
        name,
    )
    return None


def _is_live(response: object) -> bool:
    """Whether to look into it would take something away from the application."""
    kind = type(response)
    return any(hasattr(kind, name) for name in ("__next__", "__anext__", "__aiter__", "__await__"))


def _unwrapped(response: Any) -> tuple[Any, bool]:
    """What the provider said, and whether it is one line of a batch's results.

    Taken off: text (JSON), an HTTP response that has been read (httpx, requests, or either inside a client's raw
    response), the last event of OpenAI's Responses or Realtime, the line of a batch file (OpenAI, Anthropic, Gemini).
    """
    content = get(get(response, "http_response"), "_content") or get(response, "_content")
    if isinstance(content, bytes):
        response = content
    if isinstance(response, str | bytes | bytearray):
        try:
            response = json.loads(response)
        except (ValueError, RecursionError):
            return None, False
    if text(response, "custom_id"):
        line = get(response, "response", "result")
        return get(line, "body", "message"), True
    if (text(response, "type") or "").startswith("response.") and get(response, "response") is not None:
        return get(response, "response"), False
    if text(response, "key") and get(response, "response") is not None:
        return get(response, "response"), True
    return response, False
