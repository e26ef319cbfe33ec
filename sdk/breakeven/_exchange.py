"""What was asked and answered in one call, read from the content attributes of its span."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast

from breakeven._messages import Side, parsed, texts_of_cut_json

MAX_CHARS: Final = 200_000
"""Characters kept of one call until its tokens are counted; the rest is counted by proportion."""

_NUMBERED_INPUT: Final = re.compile(r"(?:gen_ai\.prompt|llm\.input_messages|llm\.prompts)\.(\d+)\.")
_NUMBERED_OUTPUT: Final = re.compile(
    r"(?:gen_ai\.completion|llm\.output_messages|llm\.completions|llm\.choices)\.(\d+)\."
)
_NUMBERED_TOOLS: Final = re.compile(r"(?:llm\.request\.functions|llm\.tools)\.(\d+)\.")
_NO_TEXT: Final = (".id", ".role", ".type", ".finish_reason", ".tool_call_id", ".mime_type")
_MEDIA_LEAF: Final = re.compile(r"\.(?:image|audio|file|blob)\.?[\w.]*(?:url|uri|data)$")
# In the order of trust: the first that is there tells it all.
_PLAIN_INPUT: Final = (
    "gen_ai.prompt",
    "langfuse.observation.input",
    "request_data",
    "input.value",
    "traceloop.entity.input",
    "prompt",
)
_PLAIN_OUTPUT: Final = (
    "gen_ai.completion",
    "langfuse.observation.output",
    "response_data",
    "output.value",
    "traceloop.entity.output",
    "completion",
)
_EMBEDDED: Final = re.compile(r"embedding\.(?:embeddings\.\d+\.embedding\.)?text$")
_REQUEST_KEYS: Final = ("messages", "contents", "input", "prompt", "inputs")
_ANSWER_KEYS: Final = (
    "choices",
    "output",
    "content",
    "candidates",
    "message",
    "messages",
    "combined_chunk_content",
    "text",
)


class Kept(NamedTuple):
    """The value of a content attribute, cut if it was too long."""

    value: Any
    scale: float = 1.0
    """How many times longer it was."""


@dataclass
class Exchange:
    """Both sides of a call."""

    input: Side = field(default_factory=Side)
    output: Side = field(default_factory=Side)

    @property
    def chars(self) -> int:
        """Characters kept."""
        return self.input.chars + self.output.chars

    def cut(self) -> None:
        """Keep MAX_CHARS in all."""
        total = self.chars
        if total > MAX_CHARS:
            for side in (self.input, self.output):
                side.texts = [(text[:share], scale * len(text) / share) for text, scale in side.texts
                              if (share := max(1, len(text) * MAX_CHARS // total))]  # fmt: skip


def keep(content: Mapping[str, Any]) -> dict[str, Kept]:
    """Content attributes cut to MAX_CHARS in all. Runs where the application waits: it looks at lengths only."""
    total = sum(len(value) for value in content.values() if isinstance(value, str))
    if total <= MAX_CHARS:
        return {name: Kept(value) for name, value in content.items()}
    kept: dict[str, Kept] = {}
    for name, value in content.items():
        length = len(value) if isinstance(value, str) else 0
        share = max(1, length * MAX_CHARS // total)
        kept[name] = Kept(value[:share], length / share) if length > share else Kept(value)
    return kept


def read(kept: Mapping[str, Kept]) -> Exchange:
    """The texts in these attributes, of whichever dialect."""
    exchange = Exchange()
    asked, answered = exchange.input, exchange.output
    if not (_whole(asked, kept, "gen_ai.input.messages") or _numbered(asked, kept, _NUMBERED_INPUT)):
        _plain(asked, kept, _PLAIN_INPUT, _read_request)
    for name, value in kept.items():
        if _EMBEDDED.match(name):
            asked.add(value.value, value.scale)
    if "gen_ai.system_instructions" in kept:
        asked.messages += 1
        _add(asked.add, kept["gen_ai.system_instructions"], asked)
    if "gen_ai.tool.definitions" in kept:
        _add(asked.add, kept["gen_ai.tool.definitions"], asked)
    else:
        messages = asked.messages
        _numbered(asked, kept, _NUMBERED_TOOLS)
        asked.messages = messages
    if not (_whole(answered, kept, "gen_ai.output.messages") or _numbered(answered, kept, _NUMBERED_OUTPUT)):
        _plain(answered, kept, _PLAIN_OUTPUT, _read_answer)
    return exchange


def _add(add: Callable[[object, float], None], kept: Kept, side: Side) -> None:
    value = parsed(kept.value)
    if kept.scale > 1 and isinstance(value, str) and (texts := texts_of_cut_json(value)):
        side.messages += value.count('"role"')
        side.texts += [(text, kept.scale) for text in texts]
        return
    add(value, kept.scale)


def _whole(side: Side, kept: Mapping[str, Kept], name: str) -> bool:
    if name not in kept:
        return False
    _add(side.add_messages, kept[name], side)
    return True


def _numbered(side: Side, kept: Mapping[str, Kept], pattern: re.Pattern[str]) -> bool:
    numbers: set[str] = set()
    for name, value in kept.items():
        if not (match := pattern.match(name)) or name.endswith(_NO_TEXT):
            continue
        numbers.add(match[1])
        if _MEDIA_LEAF.search(name):
            side.incomplete = True
        else:
            _add(side.add, value, side)
    side.messages += len(numbers)
    return bool(numbers)


def _plain(
    side: Side, kept: Mapping[str, Kept], names: tuple[str, ...], take: Callable[[Side, object, float], None]
) -> None:
    for name in names:
        if name in kept:
            _add(lambda value, scale: take(side, value, scale), kept[name], side)
            return


def _read_request(side: Side, value: object, scale: float) -> None:
    """A request as it is sent to a provider, or anything else."""
    request = _mapping(value)
    key = next((key for key in _REQUEST_KEYS if key in request), None)
    if key is None:
        side.add_messages(value, scale)
        return
    side.add_messages(request[key], scale)
    for extra in ("system", "instructions"):
        if request.get(extra):
            side.messages += 1
            side.add(request[extra], scale)
    for extra in ("tools", "functions"):
        side.add(request.get(extra), scale)


def _read_answer(side: Side, value: object, scale: float) -> None:
    answer = _mapping(value)
    key = next((key for key in _ANSWER_KEYS if key in answer), None)
    side.add(value if key is None else answer[key], scale)


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
