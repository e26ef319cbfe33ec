"""The chunks or events of a stream that has ended, folded into the response that they amount to.

Providers repeat or replace what they said before and never ask to add it up: the last value of a field wins, and so it
does for each field of the usage.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, cast

from breakeven._usage.fields import get, is_record, pairs, text

_FIELDS: Final = (
    *("id", "model", "object", "type", "choices", "usage", "service_tier", "provider", "x_groq", "message", "response"),
    *("usage_metadata", "model_version", "response_id", "candidates", "prompt_eval_count", "eval_count", "done"),
)
"""Read from chunks that are no dict, model or dataclass (wrappers of protobuf messages)."""

_MERGED: Final = {"usage", "usageMetadata", "usage_metadata", "x_groq", "amazon-bedrock-invocationMetrics"}
"""Fields whose own fields come in parts."""


def folded(events: Sequence[Any]) -> dict[str, Any]:
    """One response, with the fields that were seen. No event is changed and no text is joined."""
    whole: dict[str, Any] = {}
    for event in events:
        _take(whole, _opened(dict(pairs(event, _FIELDS))))
    return whole


def _opened(event: dict[str, Any]) -> dict[str, Any]:
    """The provider's event inside that of a client: AWS's, Mistral's, OpenAI's assistants and chat helpers."""
    for name in ("chunk", "data"):
        inner = event.get(name)
        if inner is None:
            continue
        raw = get(inner, "bytes")
        if isinstance(raw, bytes | bytearray | str):
            try:
                inner = json.loads(raw)
            except ValueError:
                return {}
        if is_record(inner):
            return dict(pairs(inner, _FIELDS))
    return event


def _take(whole: dict[str, Any], event: dict[str, Any]) -> None:
    kind = event.get("type") or event.get("event_type")
    if kind == "message_start":
        # Its output tokens are those of the first token: they stand for nothing until a message_delta says more.
        _lay(whole, event.get("message"))
        if isinstance(usage := whole.get("usage"), dict):
            usage["output_tokens"] = None
    elif kind in ("message_delta", "message_stop"):
        _lay(whole, event, without=("type",))
    elif kind == "message-start":
        whole["id"] = event.get("id")
    elif kind == "message-end":
        _lay(whole, event.get("delta"))
    elif is_record(response := event.get("response")):
        # OpenAI's Responses and Realtime, Cohere v1.
        _lay(whole, response)
    elif get(metadata := event.get("metadata"), "usage") is not None:
        # The last event of Bedrock's ConverseStream; Nova sends the same inside InvokeModel's.
        _lay(whole, metadata)
    elif (text(event, "object") or "").startswith("thread") and event["object"] != "thread.run":
        # Steps are counted in their run; threads and messages use nothing.
        return
    elif kind is None or "usage" in event:
        _lay(whole, event)


def _lay(whole: dict[str, Any], part: Any, without: Sequence[str] = ()) -> None:
    """Lay a part over what is known. An empty string or list tells nothing: Azure's first chunk has them."""
    for name, value in pairs(part, _FIELDS):
        if name in without or (type(value) in (str, list) and not value):
            continue
        if name in _MERGED and is_record(value):
            # A dict of our own, so that the event's is not changed.
            whole[name] = {**_dict(whole.get(name)), **dict(pairs(value, ()))}
        else:
            whole[name] = value


def _dict(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
