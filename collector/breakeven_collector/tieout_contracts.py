"""Contracts that would explain what a bill charges otherwise than our prices, as commands to enter. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from shlex import quote
from typing import Any, Final

from breakeven_collector.tieout_rows import CALL_METERS, Billed, Line, Part, Seen

_ZERO: Final = Decimal(0)
_MILLION: Final = Decimal(1_000_000)
UNIFORM: Final = Decimal("0.1")
"""Percentages that differ by less are one discount."""
_OPTIONS: Final = {
    "uncached_tokens": "--input",
    "output_tokens": "--output",
    "cache_read_tokens": "--cache-read",
    "cache_write_5m_tokens": "--cache-write",
    "cache_write_1h_tokens": "--cache-write-1h",
    "audio_input_tokens": "--audio-input",
    "image_input_tokens": "--image-input",
    "audio_output_tokens": "--audio-output",
}
_ELSE: Final = {
    **dict.fromkeys(
        ("cache_read_tokens", "cache_write_5m_tokens", "audio_input_tokens", "image_input_tokens"), "uncached_tokens"
    ),
    "cache_write_1h_tokens": "cache_write_5m_tokens",
    "audio_output_tokens": "output_tokens",
}
"""Kind of token → the kind whose rate it has where it has none of its own, as `prices set` takes it."""
Name = tuple[str, str]
"""Provider and model."""
Rates = Mapping[str, Decimal]
"""Meter → USD a unit."""


@dataclass(frozen=True)
class OwnPrice:
    """A price of ours that is in force from `first` up to `after`."""

    first: date
    after: date
    project: str = ""
    """Ours; empty: it holds for all."""
    factor: Decimal | None = None
    """Of the book's rates; None: rates of its own."""
    amortised: bool = False
    """The cost of machines, which nobody bills."""


class OwnPrices:
    """Own prices by provider, model and day. That of a project goes before that of all."""

    def __init__(self, found: Mapping[Name, Sequence[OwnPrice]] | None = None) -> None:
        self._found = {
            name: sorted(prices, key=lambda one: one.project == "") for name, prices in (found or {}).items()
        }

    def on(self, provider: str, model: str, day: date) -> OwnPrice | None:
        """The one in force on a UTC day."""
        return next((one for one in self._found.get((provider, model), ()) if one.first <= day < one.after), None)


def their_rates(billed: Sequence[Billed], seen: Sequence[Seen]) -> dict[Name, dict[str, Decimal]]:
    """The bill's own rates by kind of token, with ours for kinds that are not billed; only where they can be told: each
    kind has money and quantity, none of it in another price context, and our prices know no long prompts in it; and
    only where no single percentage makes ours of them.
    """
    money, quantity, ours = (dict[tuple[Name, str], Decimal]() for _ in range(3))
    unclear: set[Name] = set()
    for row in billed:
        name = row.provider, row.model
        if row.open or row.meter not in ("", *CALL_METERS):
            continue
        if row.context or (row.usd and not row.meter):
            unclear.add(name)
        if row.usd is not None:
            money[name, row.meter] = money.get((name, row.meter), _ZERO) + row.usd
        if row.quantity is not None:
            quantity[name, row.meter] = quantity.get((name, row.meter), _ZERO) + row.quantity
        if row.rate is not None:
            ours[name, row.meter] = row.rate
    known: dict[Name, Rates] = {}
    listed = dict[Name, list[Decimal]]()
    for row in seen:
        name = row.provider, row.model
        if row.context:
            unclear.add(name)
        known.setdefault(name, row.rates)
        sums = listed.setdefault(name, [_ZERO, _ZERO])
        if not any(meter not in CALL_METERS for meter in row.quantities):
            sums[0] += row.usd
            sums[1] += sum((n * row.rates.get(meter, _ZERO) for meter, n in row.quantities.items()), _ZERO)
    found: dict[Name, dict[str, Decimal]] = {}
    for name, (usd, at_base) in listed.items():
        mine = {meter for one, meter in money if one == name and money[one, meter]}
        used = {meter for one, meter in quantity if one == name and quantity[one, meter] and meter != "requests"}
        if name in unclear or not mine or mine != used or not all(ours.get((name, meter)) for meter in mine):
            continue
        if not at_base or abs(usd / at_base - 1) * 100 >= UNIFORM:
            continue
        theirs = {meter: money[name, meter] / quantity[name, meter] for meter in mine}
        percents = [(1 - theirs[meter] / ours[name, meter]) * 100 for meter in mine]
        if max(percents) - min(percents) >= UNIFORM and {*known[name], *theirs} >= {
            "uncached_tokens",
            "output_tokens",
        }:
            found[name] = _following(known[name], theirs)
    return found


def proposals(
    lines: Sequence[Line], since: date, own: OwnPrices, rates: Mapping[Name, Rates], seen: Sequence[Seen]
) -> list[dict[str, Any]]:
    """Commands that enter the contracts, the dearest first: command, provider, model, percent_off (off the book's
    price; None: rates), and usd, which is what they explain. One takes the place of what is in force on the same days.

    Args:
        lines: as `explain` gives them.
        since: first day of the period.
        own: what is in force.
        rates: see `their_rates`.
        seen: what calls told, with our rates.
    """
    ours = {(row.provider, row.model, row.day): row.rates for row in seen if not row.context}
    groups: dict[tuple[str, str, OwnPrice | None], list[Line]] = {}
    for line in lines:
        if line.parts.get(Part.PRICE) and line.model and not line.item and line.seen_usd:
            in_force = own.on(line.provider, line.model, line.day)
            groups.setdefault((line.provider, line.model, in_force), []).append(line)
    found: list[dict[str, Any]] = []
    for (provider, model, in_force), members in groups.items():
        if in_force and in_force.amortised:
            continue
        price = sum((line.parts[Part.PRICE] for line in members), _ZERO)
        off = -price / sum((line.seen_usd for line in members), _ZERO)
        factor = 1 if in_force is None else in_force.factor
        their = rates.get((provider, model))
        if their is None and factor is None:
            # A percentage would be off the book's price and not off these.
            their = {meter: rate * (1 - off) for meter, rate in ours.get((provider, model, members[0].day), {}).items()}
            if not {"uncached_tokens", "output_tokens"} <= their.keys():
                continue
        text = None
        if their is None:
            text = f"{((1 - (factor or 1) * (1 - off)) * 100).quantize(Decimal('0.01')).normalize():f}"
        first = max(since, min(line.day for line in members), *([in_force.first] if in_force else []))
        until = in_force.after if in_force and in_force.after.year < 2100 else None
        found.append(
            {
                "command": f"breakeven prices set {quote(model)} --provider {quote(provider)} "
                + (f"--percent-off {text}" if their is None else _options(their))
                + (f" --project {quote(in_force.project)}" if in_force and in_force.project else "")
                + f" --from {first.isoformat()}"
                + (f" --to {until.isoformat()}" if until else ""),
                "provider": provider,
                "model": model,
                "percent_off": text,
                "usd": f"{price.normalize():f}",
            }
        )
    return sorted(found, key=lambda one: (-abs(Decimal(one["usd"])), one["provider"], one["model"]))


def _following(ours: Rates, theirs: Rates) -> dict[str, Decimal]:
    """Our rates, where one that is only another's follows that one to theirs."""
    found = dict(ours)
    for meter in _OPTIONS:
        base = _ELSE.get(meter)
        if meter in theirs:
            found[meter] = theirs[meter]
        elif base in found and ours.get(meter) == ours.get(base):
            found[meter] = found[base]
    return found


def _options(rates: Rates) -> str:
    told = [
        f"{option} {(rates[meter] * _MILLION).quantize(Decimal('1e-6')).normalize():f}"
        for meter, option in _OPTIONS.items()
        if meter in rates and rates[meter] != rates.get(_ELSE.get(meter, ""))
    ]
    if rates.get("requests"):
        told.append(f"--request {rates['requests'].normalize():f}")
    told += [
        f"--meter {quote(f'{meter}={rate.normalize():f}')}"
        for meter, rate in sorted(rates.items())
        if meter not in CALL_METERS and rate
    ]
    return " ".join(told)
