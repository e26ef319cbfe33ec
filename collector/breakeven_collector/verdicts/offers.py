"""What else could be bought, at the rates of the book: measures in the API, other models, ways to keep it inside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from breakeven_collector.economics.api_cost import (
    Alternative,
    Offer,
    Tuning,
    alternatives,
    api_usd_per_month,
)
from breakeven_collector.economics.assumptions import Assumptions
from breakeven_collector.economics.case import HOURS_PER_MONTH, Case, Prices, Tokens
from breakeven_collector.economics.private import WAYS
from breakeven_collector.verdicts.observed import Profile

_LEAST_TOKENS: Final = 1_000_000
"""Of another feature on the same model, before its cache is held against this one's."""


@dataclass(frozen=True)
class Book:
    """What the book and the other features say."""

    rates: Mapping[str, Prices] = field(default_factory=dict[str, Prices])
    """Model → USD a million tokens."""
    cached: Mapping[str, Sequence[tuple[float, str]]] = field(default_factory=dict[str, Sequence[tuple[float, str]]])
    """Model → share of the input that features read from the cache, and which feature."""


def cached_by_model(profiles: Mapping[str, Profile]) -> dict[str, list[tuple[float, str]]]:
    """Of each model the share of its input that each named feature reads from the cache, the largest first."""
    found: dict[str, list[tuple[float, str]]] = {}
    for name, profile in profiles.items():
        for model, (uncached, cached) in profile.input_by_model.items():
            if name and uncached + cached >= _LEAST_TOKENS:
                found.setdefault(model, []).append((cached / (uncached + cached), name))
    return {model: sorted(shares, reverse=True) for model, shares in found.items()}


def offers_of(profile: Profile, case: Case, assumptions: Assumptions, book: Book) -> list[Alternative]:
    """All of them, cheapest first; the tested ones are facts, the others guesses."""
    if not profile.tokens or case.api_usd_per_month <= 0:
        return []
    # As one call a month: what tokens cost does not hang on how many calls they came in, and an account may not tell.
    to_month = HOURS_PER_MONTH / len(profile.hours)
    taken = (profile.uncached_tokens, profile.cached_tokens, profile.output_tokens)
    tokens = Tokens(*(one * to_month for one in taken))
    today = _today(profile, tokens, case, book)
    found = [
        *_tuned(profile, tokens, today, assumptions, book, to_month),
        *(
            replace(one, one_off_usd=_once(one.kind, assumptions))
            for one in alternatives(1, tokens, today, Tuning(), _models(profile, assumptions, book))
            if one.kind != "today"
        ),
        *_by_the_month(case, assumptions),
    ]
    return sorted(found, key=lambda one: one.usd_per_month)


def _today(profile: Profile, tokens: Tokens, case: Case, book: Book) -> Prices:
    """Today's own bill is the observed one, so its prices are what a token came to: by the book's proportions where all
    its models are in it, the same for every kind of token where not."""
    bill = case.api_usd_per_month
    each = 1e6 * bill / (tokens.input_uncached + tokens.input_cached + tokens.output)
    known = {model: book.rates[model] for model in profile.usd_by_model if model in book.rates}
    if not known or len(known) < len(profile.usd_by_model):
        return Prices(each, each, each)
    weights = {model: float(profile.usd_by_model[model]) for model in known}
    read = {model: sum(profile.input_by_model.get(model, (0.0, 0.0))) for model in known}

    def mean(price: str, by: Mapping[str, float]) -> float:
        whole = sum(by.values())
        return sum(getattr(known[model], price) * one for model, one in by.items()) / whole if whole else 0.0

    book_prices = Prices(mean("input", read), mean("cached", read), mean("output", weights))
    by_book = api_usd_per_month(1, tokens, book_prices)
    if by_book <= 0:
        return Prices(each, each, each)
    factor = bill / by_book
    return Prices(book_prices.input * factor, book_prices.cached * factor, book_prices.output * factor)


def _tuned(
    profile: Profile, tokens: Tokens, today: Prices, assumptions: Assumptions, book: Book, to_month: float
) -> list[Alternative]:
    """Today's bill, and what is declared of caching, batch and trimming; what is only guessed has a question mark."""
    api = assumptions.api
    uncached = tokens.input_uncached
    told = Tuning(
        repeated_prefix_tokens_per_call=(api.repeated_prefix_share or 0.0) * uncached,
        batch_share=api.batch_share or 0.0,
        trimmed_share=api.trimmed_share,
    )
    found = alternatives(1, tokens, today, told)
    if api.batch_share is None and profile.live_usd:
        # That what runs at night can wait is a guess from the clock, until somebody says so.
        night = Tuning(batch_share=float(profile.night_usd / profile.live_usd))
        found += _guessed(alternatives(1, tokens, today, night), "batch", "batch at night")
    if api.repeated_prefix_share is None and today.cached < today.input:
        moved, peer = _as_others(profile, book)
        like = Tuning(repeated_prefix_tokens_per_call=min(uncached, moved * to_month))
        found += _guessed(alternatives(1, tokens, today, like), "cache", f"cache as {peer} does")
    return found


def _guessed(found: Sequence[Alternative], kind: str, name: str) -> list[Alternative]:
    return [replace(one, name=name, tested=False) for one in found if one.kind == kind]


def _as_others(profile: Profile, book: Book) -> tuple[float, str]:
    """Tokens that would come from the cache if it were read as the best other feature on the same models does, and
    whose example weighs most."""
    moved: dict[str, float] = {}
    for model, (uncached, cached) in profile.input_by_model.items():
        best = next((pair for pair in book.cached.get(model, ()) if pair[1] != profile.feature), None)
        whole = uncached + cached
        if best is not None and whole and (more := best[0] - cached / whole) > 0:
            moved[best[1]] = moved.get(best[1], 0.0) + more * whole
    return sum(moved.values()), max(moved, key=lambda name: moved[name], default="")


def _models(profile: Profile, assumptions: Assumptions, book: Book) -> list[Offer]:
    own, tested = set(profile.usd_by_model), set(assumptions.api.tested_models)
    workhorses = {model for model, tier in assumptions.tiers.items() if tier == "workhorse"}
    failed = set(assumptions.api.failed_models)
    offers = [
        Offer(name, prices, "smaller_model", tested=name in tested)
        for name, prices in book.rates.items()
        if name in workhorses | tested and {name} != own
    ]
    hosted = [
        Offer(name, one.prices, "hosted_open_model", one.tested) for name, one in assumptions.hosted_models.items()
    ]
    private = [
        Offer(WAYS[kind], way.prices, kind, way.tested)
        for kind in WAYS
        if (way := getattr(assumptions.private, kind)) is not None and way.prices is not None
    ]
    return [one for one in (*offers, *hosted, *private) if one.name not in failed]


def _once(kind: str, assumptions: Assumptions) -> float:
    way = getattr(assumptions.private, kind) if kind in WAYS else None
    return 0.0 if way is None else way.one_off_usd


def _by_the_month(case: Case, assumptions: Assumptions) -> list[Alternative]:
    """What is priced by the month, or by today's bill."""
    bill = case.api_usd_per_month
    found: list[Alternative] = []
    if (tuning := assumptions.api.provider_tuning) is not None:
        usd = bill * tuning.price_factor
        name = "provider's fine-tuning"
        found.append(Alternative(name, "provider_tuning", usd, bill - usd, tuning.tested, tuning.one_off_usd))
    for kind, name in WAYS.items():
        way = getattr(assumptions.private, kind)
        if way is not None and way.usd_per_month is not None:
            usd = way.usd_per_month
            found.append(Alternative(name, kind, usd, bill - usd, way.tested, way.one_off_usd))
    return found
