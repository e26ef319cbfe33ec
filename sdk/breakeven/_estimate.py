"""Tokens of an exchange as tiktoken counts them: raw counts, which the collector corrects by what it has learned.

Where the provider is not OpenAI these are off by a factor that depends on the model (a third and more for current
Claude). The collector learns that factor from calls that have both numbers; nothing here anticipates it.
"""

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from breakeven import _tokens
from breakeven._exchange import Exchange
from breakeven._messages import Side

MESSAGE_TOKENS: Final = 4
REPLY_TOKENS: Final = 3
"""What OpenAI's chat format adds to each message (3 and its role), and once to prime the reply (OpenAI cookbook)."""

Counter = Callable[[str, str], int | None]
"""Tokens of a text in an encoding."""


class Estimate(NamedTuple):
    """What a call may have used, by the count of its text. None: there was no text to count."""

    input_tokens: int | None
    output_tokens: int | None
    incomplete: bool
    """There was more than text, which is not in the counts."""


def estimate(exchange: Exchange, model: str, *, chat: bool = True, count: Counter = _tokens.count) -> Estimate:
    """Count both sides with the encoding of the model."""
    encoding = _tokens.encoding_for(model)
    asked, answered = exchange.input, exchange.output
    input_tokens = _sum(asked, encoding, count)
    if input_tokens is not None and chat:
        input_tokens += MESSAGE_TOKENS * asked.messages + asked.names + REPLY_TOKENS
    return Estimate(input_tokens, _sum(answered, encoding, count), asked.incomplete or answered.incomplete)


def estimate_messages(
    model: str, input_messages: Any, output_messages: Any = (), *, system: Any = None, tools: Any = None
) -> Estimate:
    """Estimate from messages in the form of a provider's API or of the GenAI conventions.

    Args:
        model: Chooses the encoding.
        input_messages: A list of messages (OpenAI, Anthropic, Gemini `contents`, GenAI `parts`) or a prompt.
        output_messages: The same for the answer; texts and tool calls are counted.
        system: Instructions that the API takes apart from the messages.
        tools: Definitions of tools, as they are sent.
    """
    exchange = Exchange()
    exchange.input.add_messages(input_messages)
    if system:
        exchange.input.messages += 1
        exchange.input.add(system)
    exchange.input.add(tools)
    exchange.output.add(output_messages)
    return estimate(exchange, model)


def _sum(side: Side, encoding: str, count: Counter) -> int | None:
    if not side.texts:
        return None
    total = 0.0
    for text, scale in side.texts:
        tokens = count(text, encoding)
        if tokens is None:
            return None
        total += tokens * scale
    return math.ceil(total)
