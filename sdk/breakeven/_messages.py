"""The text of an exchange, from whatever form it comes in: what is counted when tokens are estimated."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

_NOT_TEXT: Final = frozenset(
    {"role", "type", "id", "index", "finish_reason", "tool_call_id", "call_id", "tool_use_id", "status", "logprobs",
     "annotations", "cache_control", "object", "model", "created", "usage", "signature", "mime_type", "detail",
     "stop_reason", "stop_sequence", "strict", "audio", "created_at"}
)  # fmt: skip
_AS_JSON: Final = frozenset({"arguments", "parameters", "input_schema", "response", "result", "schema", "input"})
"""Keys whose values are sent as JSON, names and all."""
_MEDIA: Final = frozenset(
    {"blob", "uri", "file", "image", "image_url", "input_image", "input_audio", "input_file", "audio", "video", "media",
     "document"}
)  # fmt: skip
_MEDIA_KEYS: Final = ("image_url", "input_audio", "inline_data", "file_data", "inlineData", "fileData", "source")
_CUT_TEXT: Final = re.compile(r'"(?:content|text|arguments|input)"\s*:\s*"((?:[^"\\]|\\.)*)')
_MAX_DEPTH: Final = 32
MAX_NODES: Final = 20_000
"""Values looked at in one call. A prompt in a million pieces is not worth holding up anybody for."""


@dataclass
class Side:
    """What was said in one direction."""

    texts: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    """Texts, each with what its count is to be multiplied by: more than 1 where only a part of it was kept."""
    messages: int = 0
    names: int = 0
    incomplete: bool = False
    """There was more than text: images, audio, files, or text without end."""
    nodes: int = 0

    @property
    def chars(self) -> int:
        """Characters kept."""
        return sum(len(text) for text, _ in self.texts)

    def add(self, value: object, scale: float = 1.0) -> None:
        """Take in the text of a value of any shape: messages, parts, plain text, dataclasses, dicts of any API."""
        self._walk(value, scale, 0)

    def add_messages(self, messages: object, scale: float = 1.0) -> None:
        """The same for a list of messages, which are counted, or for a prompt that is plain text."""
        if isinstance(messages, str) or not isinstance(messages, Iterable) or isinstance(messages, Mapping):
            self.messages += 1
            self.add(cast("object", messages), scale)
            return
        for message in cast("Iterable[object]", messages):
            if self.nodes > MAX_NODES:
                return
            self.messages += 1
            self.names += bool(_fields(message).get("name"))
            self.add(message, scale)

    def _walk(self, value: object, scale: float, depth: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > _MAX_DEPTH:
            self.incomplete = True
        elif isinstance(value, str):
            if value.startswith("data:") and ";base64," in value[:100]:
                self.incomplete = True
            elif value:
                self.texts.append((value, scale))
        elif isinstance(value, bytes | bytearray):
            self.incomplete = True
        elif isinstance(value, Sequence | set):
            for item in cast("Iterable[object]", value):
                if self.nodes > MAX_NODES:
                    return
                self._walk(item, scale, depth + 1)
        elif fields := _fields(value):
            if _is_media(fields):
                self.incomplete = True
                return
            for key, item in fields.items():
                if key in _NOT_TEXT or item is None:
                    continue
                if key in _AS_JSON and isinstance(item, Mapping | list):
                    pieces: list[str] = []
                    self._json(cast("object", item), pieces, depth + 1)
                    item = "".join(pieces)
                self._walk(item, scale, depth + 1)

    def _json(self, value: object, pieces: list[str], depth: int) -> None:
        """Much as `json.dumps` writes it, but bounded, and whatever is in it."""
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > _MAX_DEPTH:
            self.incomplete = True
        elif isinstance(value, str):
            pieces += ('"', value, '"')
        elif isinstance(value, Mapping):
            pieces.append("{")
            for key, item in cast("Mapping[object, object]", value).items():
                if self.nodes > MAX_NODES:
                    return
                pieces.append(f'"{key}":')
                self._json(item, pieces, depth + 1)
                pieces.append(",")
            pieces.append("}")
        elif isinstance(value, list | tuple):
            pieces.append("[")
            for item in cast("Sequence[object]", value):
                if self.nodes > MAX_NODES:
                    return
                self._json(item, pieces, depth + 1)
                pieces.append(",")
            pieces.append("]")
        elif isinstance(value, bool | None):
            pieces.append("null" if value is None else "true" if value else "false")
        elif isinstance(value, int | float):
            pieces.append(str(value)[:40])


def _is_media(fields: Mapping[str, object]) -> bool:
    if "modality" in fields or fields.get("type") in _MEDIA:
        # A document of Anthropic's may be plain text.
        source = fields.get("source")
        return not (isinstance(source, Mapping) and cast("Any", source).get("type") == "text")
    return any(isinstance(fields.get(key), Mapping) for key in _MEDIA_KEYS)


def _fields(value: object) -> Mapping[str, object]:
    """The fields of a dict, dataclass or model of a client library."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value)
    if value is None or isinstance(value, str | int | float | bytes | list | tuple):
        return {}
    return {key: item for key, item in getattr(value, "__dict__", {}).items() if not key.startswith("_")}


def parsed(text: object) -> Any:
    """The value of an attribute that mostly is JSON; the text itself if it is not."""
    if not isinstance(text, str) or text.lstrip()[:1] not in ("[", "{", '"'):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def texts_of_cut_json(text: str) -> list[str]:
    """The texts in JSON of messages whose end is missing, and which no parser takes."""
    found: list[str] = []
    for match in _CUT_TEXT.finditer(text):
        try:
            found.append(json.loads(f'"{match[1]}"'))
        except ValueError:
            found.append(match[1])
    return found
