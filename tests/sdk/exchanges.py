# pyright: basic
"""Recorded exchanges with providers whose usage is known: what was asked, what was answered, what was reported."""

import base64
import gzip
import json
import re
import struct
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ARCHIVE = "provider_cassettes.tar.xz"

FAMILIES = {
    "openai.azure.com": "azure",
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "amazonaws.com": "bedrock",
    "api.cohere.com": "cohere",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.deepseek.com": "deepseek",
    "aiplatform.googleapis.com": "vertex",
    "localhost": "vllm",
}


@dataclass(frozen=True)
class Recorded:
    name: str
    family: str
    model: str
    messages: Any
    system: Any
    tools: Any
    answer: Any
    input_tokens: int
    """All of them, cached ones included."""
    output_tokens: int
    reasoning_tokens: int


def read(archive: Path) -> Iterator[Recorded]:
    """Those with a request and an answer in JSON or server-sent events, and a usage that is not 0."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            if file is None:
                continue
            for interaction in yaml.load(file.read(), Loader=loader)["interactions"]:
                recorded = _recorded(member.name, interaction)
                if recorded is not None and recorded.input_tokens and recorded.output_tokens:
                    yield recorded


def _recorded(name: str, interaction: Any) -> Recorded | None:
    response = interaction.get("response")
    if not response or response["status"]["code"] != 200:
        return None
    uri = interaction["request"]["uri"]
    host, path = urlsplit(uri).hostname or "", unquote(urlsplit(uri).path)
    family = next((family for part, family in FAMILIES.items() if part in host), None)
    asked, events = _json(interaction["request"].get("body")), _answer(response)
    if family is None or not isinstance(asked, dict) or not events:
        return None
    usage = _usage(events)
    if usage is None:
        return None
    keys = ("messages", "contents", "input", "prompt", "message", "inputText")
    messages = next((asked[key] for key in keys if key in asked), None)
    if messages is None:
        return None
    in_path = re.search(r"/model/([^/]+)/", path) or re.search(r"/models/([^/:]+)", path)
    model = next((event["model"] for event in events if event.get("model")), asked.get("model"))
    return Recorded(
        name,
        family,
        str(in_path[1] if in_path else model or ""),
        messages,
        asked.get("system") or asked.get("instructions") or asked.get("systemInstruction"),
        asked.get("tools") or asked.get("toolConfig") or asked.get("functions"),
        list(_said(events)),
        *usage,
    )


def _json(body: Any) -> Any:
    try:
        return json.loads(body)
    except (TypeError, ValueError):
        return None


def _answer(response: Any) -> list[dict[str, Any]]:
    content = (response["body"] or {}).get("string") or b""
    body: bytes = content.encode() if isinstance(content, str) else content
    body = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    if body.lstrip()[:1] == b"{":
        lines = [body] if _json(body) is not None else body.splitlines()
        return [event for line in lines if isinstance(event := _json(line), dict)]
    if b"data:" in body[:300]:
        events = [_json(line[5:]) for line in body.decode().splitlines() if line.startswith("data:")]
        return [event for event in events if isinstance(event, dict)]
    return list(_aws_events(body))


def _aws_events(body: bytes) -> Iterator[dict[str, Any]]:
    while len(body) > 12:
        size, headers_size = struct.unpack(">II", body[:8])
        payload = _json(body[12 + headers_size : size - 4])
        if isinstance(payload, dict):
            yield _json(base64.b64decode(payload["bytes"])) if "bytes" in payload else payload
        body = body[size:]


def _usage(events: list[dict[str, Any]]) -> tuple[int, int, int] | None:
    """Input with cached tokens, output, reasoning; of the last word on each."""
    found: dict[str, int] = {}
    for event in events:
        inner = [event, event.get("message"), event.get("response"), event.get("meta"), event.get("delta")]
        for holder in inner:
            if not isinstance(holder, dict):
                continue
            for key in ("usage", "usageMetadata", "tokens", "amazon-bedrock-invocationMetrics"):
                if isinstance(holder.get(key), dict):
                    found.update((k, v) for k, v in _flat(holder[key]) if v is not None)
            for key in ("prompt_token_count", "generation_token_count", "inputTextTokenCount"):
                if isinstance(holder.get(key), int):
                    found[key] = holder[key]
    asked = _first(found, "prompt_tokens", "input_tokens", "inputTokens", "promptTokenCount", "inputTokenCount",
                   "prompt_token_count", "inputTextTokenCount")  # fmt: skip
    answered = _first(found, "completion_tokens", "output_tokens", "outputTokens", "candidatesTokenCount",
                      "outputTokenCount", "generation_token_count", "total_output_text_token_count")  # fmt: skip
    if asked is None or answered is None:
        return None
    beside = found.get("cache_creation_input_tokens", 0) + found.get("cache_read_input_tokens", 0)
    return int(asked) + beside, int(answered), found.get("reasoning_tokens", 0)


def _first(found: dict[str, int], *names: str) -> int | None:
    return next((found[name] for name in names if name in found), None)


def _flat(usage: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in usage.items():
        if isinstance(value, dict):
            yield from _flat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield key, value


def _said(events: list[dict[str, Any]]) -> Iterator[str]:
    """Texts and tool calls of an answer, the pieces of a stream put together."""
    pieces = [piece for event in events for piece in _pieces(event)]
    if len(events) > 1:
        yield "".join(pieces)
    else:
        yield from pieces


def _pieces(event: dict[str, Any]) -> Iterator[str]:
    if event.get("type") in ("response.completed", "response.created", "response.in_progress", "message_start") or (
        str(event.get("type")).endswith(".done")
    ):
        return
    for choice in event.get("choices") or event.get("outputs") or ():
        message = choice.get("delta") or choice.get("message") or choice
        yield from _texts(message.get("content") if isinstance(message, dict) else message)
        yield from _texts(message.get("text") or message.get("refusal"))
        for call in message.get("tool_calls") or ():
            function = call.get("function", {})
            yield (function.get("name") or "") + (function.get("arguments") or "")
        if call := message.get("function_call"):
            yield (call.get("name") or "") + (call.get("arguments") or "")
    if isinstance(event.get("delta"), str):
        yield event["delta"]
    elif isinstance(delta := event.get("delta"), dict):
        yield from _texts(delta.get("text") or delta.get("thinking") or delta.get("partial_json"))
        if "message" in delta:
            yield from _texts(delta["message"].get("content"))
        yield from (delta.get("toolUse") or {}).values()
    if isinstance(block := event.get("content_block"), dict):
        yield from _texts(block.get("name"))
    for candidate in event.get("candidates") or ():
        yield from _texts((candidate.get("content") or {}).get("parts"))
    message = event.get("message")
    if event.get("object") != "chat.completion" and isinstance(message, dict):
        yield from _texts(message.get("content"))
        for call in message.get("tool_calls") or ():
            yield call["function"]["name"] + call["function"]["arguments"]
    if isinstance(output := event.get("output"), dict):
        yield from _texts(output.get("message", {}).get("content") or output.get("text"))
    for key in ("output", "content", "completion", "generation", "outputText", "text", "results"):
        if not isinstance(event.get(key), dict):
            yield from _texts(event.get(key))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key in ("text", "content", "thinking", "outputText", "name", "reasoningText"):
            yield from _texts(value.get(key))
        for key in ("arguments", "input", "args"):
            if value.get(key):
                yield value[key] if isinstance(value[key], str) else json.dumps(value[key])
        for key in ("functionCall", "toolUse"):
            yield from _texts(value.get(key))
