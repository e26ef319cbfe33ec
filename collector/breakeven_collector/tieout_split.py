"""Billed against seen, told apart: what is unseen, what no span can show, what is priced otherwise. Pure.

Lines are compared a UTC day, provider and model at a time (other meters: a meter at a time). Quantities of different
kinds are made comparable by our rates: `weight` is quantity times rate, or bare tokens where there is no rate. With B
billed dollars, U and S the weights of billed and seen usage, and s the seen dollars:

    unseen = B · (U − S) / U        what the bill charges for usage that nobody saw
    price  = B · S / U − s          what it charges for seen usage, beyond what our prices make of it

which add up to B − s.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final

from breakeven_collector.tieout_keys import Key, Keys
from breakeven_collector.tieout_rows import CALL_METERS, Billed, Line, Part, Seen

_EXACT: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)
_CENTS: Final = Decimal("1e-15")
_ZERO: Final = Decimal(0)

_NO_USAGE: Final = re.compile(r"(Purchase|Tax|Credit|Adjustment): ")
"""How items of FOCUS begin that are charges, but not for usage: its ChargeCategory."""

_Cell = tuple[date, str, str, str]
"""Day, provider, model, meter; the meter is empty for what calls are made of."""


def split(billed: Sequence[Billed], seen: Sequence[Seen]) -> list[Line]:
    """The lines. Each one's parts add up to its billed − seen, and billed and seen of all to those of the rows.

    Args:
        billed: what the accounts say.
        seen: what calls told, of the same days.
    """
    with localcontext(_EXACT):
        return list(_lines(billed, seen))


def _lines(billed: Sequence[Billed], seen: Sequence[Seen]) -> Iterator[Line]:
    open_days = {(row.day, row.provider) for row in billed if row.open}
    known_days = {(row.day, row.provider) for row in billed}
    providers = {row.provider for row in billed}
    # An account that names no model at all is compared as a whole.
    named = {row.provider for row in billed if row.usd is not None and row.model}
    with_money = {(row.day, row.provider) for row in billed if row.usd is not None}
    shown = {
        (row.provider, meter) for row in seen for meter, n in row.quantities.items() if n and meter not in CALL_METERS
    }
    coarse = {
        row.provider
        for row in billed
        if row.usd is not None and not row.model and row.meter in {"", *CALL_METERS} and not _is_item(row)
    } - named
    keys = Keys(billed, seen)
    cells: dict[_Cell, tuple[list[Billed], list[Seen]]] = {}

    def cell(day: date, provider: str, model: str, meter: str) -> tuple[list[Billed], list[Seen]]:
        where = day, provider, "" if provider in coarse or meter else model, meter
        return cells.setdefault(where, ([], []))

    for row in billed:
        meter = "" if row.meter in CALL_METERS else row.meter
        if (row.day, row.provider) in open_days:
            if row.usd is not None:
                yield _single(row, Part.OPEN, "the day is still open at the provider", open=True)
            elif (row.day, row.provider) not in with_money:
                yield _open_usage(row)
        elif _is_item(row):
            yield _single(row, Part.NO_SPAN, "no span can show it")
        elif (meter and (row.provider, meter) in shown) or (not meter and (row.model or row.provider in coarse)):
            cell(row.day, row.provider, row.model, meter)[0].append(row)
        elif row.usd is not None:
            yield _single(row, Part.NO_SPAN, f"no span shows {meter}" if meter else "no span can show it")
    for row in seen:
        if (row.day, row.provider) in open_days:
            yield _unbilled(row, Part.OPEN, "the day is still open at the provider", open=True)
        elif (row.day, row.provider) not in known_days:
            what = "day" if row.provider in providers else "provider"
            yield _unbilled(row, Part.NOT_BILLED, f"no account of this {what} was imported")
        else:
            meter = next((m for m in row.quantities if m not in CALL_METERS), "")
            cell(row.day, row.provider, row.model, meter)[1].append(row)
    for where, (lines, calls) in sorted(cells.items()):
        yield from _cell(where, lines, calls, keys, estimated=(where[0], where[1]) not in with_money)


def _is_item(row: Billed) -> bool:
    """Whether it is money for something else than usage; an account's only sum has no name."""
    if row.usd is None or row.quantity is not None:
        return False
    return bool(_NO_USAGE.match(row.item) or (row.item and not row.model and not row.meter))


def _single(row: Billed, part: Part, reason: str, *, open: bool = False) -> Line:
    usd = row.usd or _ZERO
    item = row.item or row.meter
    return Line(
        row.day, row.provider, row.project, row.key, row.model, item, usd, _ZERO, {part: usd}, reason, open=open
    )


def _open_usage(row: Billed) -> Line:
    usd = ((row.quantity or _ZERO) * (row.rate or _ZERO)).quantize(_CENTS)
    line = _single(
        replace(row, usd=usd, item=row.item or row.meter), Part.OPEN, "the day is still open at the provider"
    )
    return replace(line, open=True, estimated=True)


def _unbilled(row: Seen, part: Part, reason: str, *, open: bool = False) -> Line:
    parts = {part: -row.usd}
    line = Line(row.day, row.provider, row.project, row.key, row.model, "", _ZERO, row.usd, parts, reason, open=open)
    return replace(line, unbilled=True)


def _cell(
    where: _Cell, billed: Sequence[Billed], seen: Sequence[Seen], keys: Keys, *, estimated: bool
) -> Iterator[Line]:
    day, provider, model, meter = where
    usage = [row for row in billed if row.quantity is not None]
    money = [row for row in billed if row.usd is not None]
    priced = all(row.rate is not None for row in usage if row.quantity) and bool(usage)
    used: dict[Key, Decimal] = {}
    for row in usage:
        used[row.project, row.key] = used.get((row.project, row.key), _ZERO) + _weight(
            row.meter, row.quantity, row.rate, priced
        )
    all_used = sum(used.values(), _ZERO)
    usd = sum((row.usd for row in seen), _ZERO)
    weights = [(row, _seen_weight(row, priced)) for row in seen]
    all_seen = sum((weight for _, weight in weights), _ZERO)
    base = Line(day, provider, model=model, item=meter, estimated=estimated)
    if not all_used:
        yield from _without_quantities(base, money, usd, seen=any(row.usd or row.quantities for row in seen))
        return
    if estimated and not priced:
        # Neither the account nor the book has a price.
        yield replace(
            base, seen_usd=usd, parts={Part.NOT_BILLED: -usd}, reason="neither money nor a rate for it", unbilled=True
        )
        return
    # Seen calls may cost more than the base rates: long prompts, charges that a gateway reported.
    factor = usd / all_seen if usd and all_seen else Decimal(1)
    bill = all_used * factor if estimated else sum((row.usd or _ZERO for row in money), _ZERO)
    bill = bill.quantize(_CENTS)
    shares = keys.shares(provider, used, weights)
    # The last takes what rounding leaves.
    order = sorted({*used, *shares})
    left_bill, left_seen = bill, usd
    for number, key in enumerate(order, 1):
        key_used, key_seen = used.get(key, _ZERO), shares.get(key, _ZERO)
        last = number == len(order)
        key_bill = left_bill if last else (bill * key_used / all_used).quantize(_CENTS)
        key_usd = left_seen if last else (usd * key_seen / all_seen).quantize(_CENTS) if all_seen else _ZERO
        left_bill -= key_bill
        left_seen -= key_usd
        unseen = (bill * (key_used - key_seen) / all_used).quantize(_CENTS)
        # What nobody saw is never "seen, not billed", not even if less than nothing is billed for it.
        part = Part.NOT_BILLED if unseen <= 0 and key_seen > 0 else Part.UNSEEN
        yield replace(
            base,
            project=key[0],
            key=key[1],
            billed_usd=key_bill,
            seen_usd=key_usd,
            parts={part: unseen, Part.PRICE: key_bill - key_usd - unseen},
            reason="more was seen than is billed" if unseen < 0 and part is Part.NOT_BILLED else "",
            billed_weight=key_used,
            seen_weight=key_seen,
        )


def _without_quantities(base: Line, money: Sequence[Billed], usd: Decimal, *, seen: bool) -> Iterator[Line]:
    bill = sum((row.usd or _ZERO for row in money), _ZERO)
    if not money:
        parts = {Part.NOT_BILLED: -usd}
        yield replace(
            base, seen_usd=usd, parts=parts, reason="not on the bill", estimated=False, unbilled=base.estimated
        )
    elif seen:
        reason = "without the account's quantities, unseen usage and other prices cannot be told apart"
        yield replace(base, billed_usd=bill, seen_usd=usd, parts={Part.UNSEEN_OR_PRICE: bill - usd}, reason=reason)
    else:
        for row in money:
            yield replace(
                base,
                project=row.project,
                key=row.key,
                model=row.model or base.model,
                billed_usd=row.usd or _ZERO,
                parts={Part.UNSEEN: row.usd or _ZERO},
                billed_weight=Decimal(1),
            )


def _weight(meter: str, quantity: Decimal | None, rate: Decimal | None, priced: bool) -> Decimal:
    if quantity is None:
        return _ZERO
    if priced:
        return quantity * (rate or _ZERO)
    return _ZERO if meter == "requests" else quantity


def _seen_weight(row: Seen, priced: bool) -> Decimal:
    return sum((_weight(m, n, row.rates.get(m), priced) for m, n in row.quantities.items()), _ZERO)


def total(lines: Iterable[Line], part: Part) -> Decimal:
    """What a part comes to."""
    return sum((line.parts.get(part, _ZERO) for line in lines), _ZERO)


def tied_out(lines: Iterable[Line]) -> Decimal | None:
    """Share of billed that is seen, 0 to 1, over closed days, credits left out; None: nothing is billed."""
    billed = missing = _ZERO
    for line in lines:
        if not line.open:
            item = line.parts.get(Part.NO_SPAN, _ZERO)
            billed += line.billed_usd - min(item, _ZERO)
            missing += line.parts.get(Part.UNSEEN, _ZERO) + max(item, _ZERO)
            missing += max(line.parts.get(Part.UNSEEN_OR_PRICE, _ZERO), _ZERO)
    return None if billed <= 0 else max(_ZERO, min(Decimal(1), 1 - missing / billed))


def seen_share(lines: Iterable[Line]) -> float | None:
    """Share of usage that spans show, in the dollars that it is billed; more seen than billed on one day makes up for
    nothing on another. None: nothing is billed for it."""
    used = shown = _ZERO
    seen = False
    for line in lines:
        if line.billed_weight and not line.open:
            used += line.billed_usd
            shown += line.billed_usd - line.parts.get(Part.UNSEEN, _ZERO)
            seen = seen or bool(line.seen_weight)
    if not seen:
        return 0.0
    return float(round(min(max(shown / used, _ZERO), Decimal(1)), 9)) if used > 0 else None
