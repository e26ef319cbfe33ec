"""A: what the API costs a month, and the cheapest way to buy the same tokens from somebody else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from breakeven_collector.economics.case import HOURS_PER_MONTH, Prices, Tokens


def api_usd_per_month(calls_per_month: float, tokens: Tokens, prices: Prices) -> float:
    """A = n · (u·p_u + c·p_c + o·p_o) / 10⁶, USD a month."""
    per_call = (
        tokens.input_uncached * prices.input + tokens.input_cached * prices.cached + tokens.output * prices.output
    ) / 1e6
    return calls_per_month * per_call


def monthly_usd(usd_by_hour: Sequence[float]) -> float:
    """A = 730 / H · Σ_h USD_h, from hours that were observed (hours without calls are in it as 0)."""
    return HOURS_PER_MONTH / len(usd_by_hour) * sum(usd_by_hour) if usd_by_hour else 0.0


@dataclass(frozen=True)
class Offer:
    """A model that could take the same tokens."""

    name: str
    prices: Prices
    kind: str = "today"
    """today | smaller_model | provider_tuning | hosted_open_model"""
    tested: bool = True
    """Its quality was compared on this feature, and passed."""
    token_factor: float = 1.0
    """Its tokenizer against today's: tokens it takes for one of today's."""


@dataclass(frozen=True)
class Tuning:
    """What could be bought differently from the provider of today, observed in the traffic."""

    repeated_prefix_tokens_per_call: float = 0
    """Uncached input that repeats: a cache would serve it."""
    batch_share: float = 0
    """Of the dollars, what may wait for a day."""
    batch_discount: float = 0.5
    trimmed_share: float = 0
    """Of the input, what can be left out of the prompt."""


@dataclass(frozen=True)
class Alternative:
    """One way to pay less without own GPUs."""

    name: str
    kind: str
    """today | cache | batch | trimming | combination (of these) | another model: see Offer | a way of private.WAYS"""
    usd_per_month: float
    saves_usd_per_month: float
    tested: bool
    one_off_usd: float = 0.0


def alternatives(
    calls_per_month: float, tokens: Tokens, today: Prices, tuning: Tuning, offers: Iterable[Offer] = ()
) -> list[Alternative]:
    """Every single measure and every combination of them, cheapest first.

    Cache: repeated-prefix tokens move from `input` to `cached` (their price p_c). Batch: × (1 − share · discount).
    Another model: the same tokens at its prices. Trimming: input × (1 − share).
    """
    bill = api_usd_per_month(calls_per_month, tokens, today)
    found: list[Alternative] = []
    measures = {
        "cache": tuning.repeated_prefix_tokens_per_call > 0,
        "batch": tuning.batch_share > 0,
        "trimming": tuning.trimmed_share > 0,
    }
    choices = [[False, True] if possible else [False] for possible in measures.values()]
    for offer in (Offer("today's model", today), *offers):
        for picked in product(*choices):
            used = [name for name, is_used in zip(measures, picked, strict=True) if is_used]
            usd = api_usd_per_month(calls_per_month, _tokens(tokens, tuning, used, offer), offer.prices)
            if "batch" in used:
                usd *= 1 - tuning.batch_share * tuning.batch_discount
            parts = [*([] if offer.kind == "today" else [offer.name]), *used]
            kind = "today" if not parts else parts[0] if offer.kind == "today" else offer.kind
            found.append(
                Alternative(
                    " + ".join(parts) or "today",
                    kind if len(parts) < 2 or offer.kind != "today" else "combination",
                    usd,
                    bill - usd,
                    offer.tested,
                )
            )
    return sorted(found, key=lambda one: one.usd_per_month)


def best(found: Iterable[Alternative], *, tested: bool = True) -> Alternative:
    """A_opt: the cheapest; with `tested` the cheapest whose quality was tested. Today's bill always is one."""
    return min((one for one in found if one.tested or not tested), key=lambda one: one.usd_per_month)


def _tokens(tokens: Tokens, tuning: Tuning, used: Sequence[str], offer: Offer) -> Tokens:
    uncached, cached = tokens.input_uncached, tokens.input_cached
    if "cache" in used:
        moved = min(tuning.repeated_prefix_tokens_per_call, uncached)
        uncached, cached = uncached - moved, cached + moved
    kept = 1 - tuning.trimmed_share if "trimming" in used else 1
    factor = offer.token_factor
    return Tokens(uncached * kept * factor, cached * kept * factor, tokens.output * factor)
