"""The rows that a tie-out is made from and the lines that it is made of. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

TOKEN_METERS: Final = (
    *("uncached_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"),
    *("audio_input_tokens", "image_input_tokens", "output_tokens", "audio_output_tokens"),
)
"""Kinds of tokens, disjoint."""
CALL_METERS: Final = frozenset({*TOKEN_METERS, "requests"})
"""What every call is made of. All other meters (web_search, …) count something beside the tokens."""


class Part(StrEnum):
    """What a part of billed − seen is."""

    UNSEEN = "unseen"
    """Usage on the bill that no call told of."""
    NO_SPAN = "no_span"
    """Items that no span can show: credits, commitments, taxes, meters that calls do not carry."""
    PRICE = "price"
    """Their rate against ours, for usage that was seen."""
    UNSEEN_OR_PRICE = "unseen_or_price"
    """Money without quantities: whether usage was unseen or is priced otherwise cannot be told."""
    NOT_BILLED = "not_billed"
    """Seen, but not on the bill: below 0."""
    OPEN = "open"
    """All of the days that the provider may still change."""
    REST = "rest"
    """What none of these explains: rounding, days that differ from the rest."""


@dataclass(frozen=True)
class Billed:
    """A line of a provider's account: money, or a quantity, or both."""

    day: date
    """UTC."""
    provider: str
    model: str
    """As prices know it, so that calls and bill call it the same; empty: the line names none."""
    project: str = ""
    key: str = ""
    item: str = ""
    meter: str = ""
    usd: Decimal | None = None
    """None: a line of usage, which has no money of its own."""
    quantity: Decimal | None = None
    rate: Decimal | None = None
    """USD a unit by our prices; None: none known."""
    open: bool = False
    features: frozenset[str] = frozenset()
    """Whose the key is by the rules."""
    context: str = ""
    """Of the price, spelled as calls.price_context."""


@dataclass(frozen=True)
class Seen:
    """What calls told."""

    day: date
    provider: str
    model: str
    usd: Decimal
    """As in the report; 0 where not known."""
    quantities: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """By meter."""
    rates: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """USD a unit by meter, by our prices."""
    project: str = ""
    """At the provider; empty: spans do not tell."""
    key: str = ""
    feature: str = ""
    context: str = ""
    """Of the price, spelled as calls.price_context."""


@dataclass(frozen=True)
class Line:
    """A part of the result. What is billed and seen stands in one line each; `parts` add up to their difference."""

    day: date
    provider: str
    project: str = ""
    key: str = ""
    model: str = ""
    item: str = ""
    billed_usd: Decimal = Decimal(0)
    seen_usd: Decimal = Decimal(0)
    parts: Mapping[Part, Decimal] = field(default_factory=dict[Part, Decimal])
    reason: str = ""
    """For people; empty where the parts say all."""
    estimated: bool = False
    """Billed is no bill: quantities of the account times our prices."""
    open: bool = False
    unbilled: bool = False
    """No account has money for it, or none was imported: that 0 is billed is not known."""
    billed_weight: Decimal = Decimal(0)
    """What of the key's usage is billed and seen, in one unit: their ratio is the share that spans show."""
    seen_weight: Decimal = Decimal(0)
