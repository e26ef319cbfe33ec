"""Dollars for amounts in another currency."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from breakeven_collector.imports.lines import Account, money


def exchange(account: Account, rates: Mapping[str, Decimal]) -> None:
    """Give lines dollars by `rates` (currency → dollars for one of it); a warning counts those that get none."""
    lines, days = Counter[str](), defaultdict[str, set[date]](set)
    for index, line in enumerate(account.lines):
        if line.amount is None or line.amount_usd is not None:
            continue
        if (rate := rates.get(line.currency)) is not None:
            account.lines[index] = replace(line, amount_usd=money(line.amount * rate, "amount"))
        else:
            lines[line.currency] += 1
            days[line.currency].add(line.day)
    for currency, count in lines.items():
        name = currency or "no currency"
        mend = f"; --rate {currency}=… gives one" if currency else ""
        account.warnings[
            f"{name}: no rate of exchange, so lines of {min(days[currency])} to {max(days[currency])} "
            f"({len(days[currency])} days) have no dollars{mend}"
        ] += count
