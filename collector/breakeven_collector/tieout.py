"""Billed against seen, from the store: the document that API, command line and report share."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from breakeven_collector.catalog import Catalog
from breakeven_collector.declarations import Declarations
from breakeven_collector.map_rules import Origin, first_match
from breakeven_collector.period import Period, utc_seconds
from breakeven_collector.projects import of_project
from breakeven_collector.report import usd
from breakeven_collector.store import Store
from breakeven_collector.tieout_contracts import OwnPrice, OwnPrices, proposals, their_rates
from breakeven_collector.tieout_prices import explain
from breakeven_collector.tieout_rows import CALL_METERS, Billed, Line, Part, Seen
from breakeven_collector.tieout_split import seen_share, split, tied_out, total

_ZERO: Final = Decimal(0)
TieOut = dict[str, Any]
"""period (from, to: UTC days, both included), imported (bool: there is a bill), totals (billed_usd: None where no
account has money; estimated_usd: usage at our prices on days whose account has no money, never in billed_usd; seen_usd,
difference_usd: billed and estimated − seen; open_billed_usd, tied_out: 0 to 1 or None), parts (part → USD, adding up to
the difference), findings (part, provider, project, key, model, item, usd, seen_share: of the usage of that key, reason,
estimated), by and rows (of the dimension: name, figures as in totals, each part's `…_usd`, open), proposals (command,
provider, model, percent_off, usd), open_days, estimated (bool: there is an estimate in it), unknown_amounts. USD are
decimal strings."""


class TieOutBy(StrEnum):
    """What the comparison can be broken down by."""

    DAY = "day"
    PROVIDER = "provider"
    PROJECT = "project"
    MODEL = "model"
    ITEM = "item"
    KEY = "key"


def know_billed_names(store: Store, catalog: Catalog) -> int:
    """Look up the names of models that only a bill has, so that they are priced; returns how many were new."""
    new = store.query_file("unseen_names")
    store.insert(
        "models_seen",
        ["provider", "model", "price_context", "first_seen", "last_seen"],
        [tuple(row.values()) for row in new],
    )
    if new:
        catalog.resolve_new()
    return len(new)


def utc_days(period: Period) -> tuple[date, date]:
    """The first and the last UTC day that stand for a period: those of its dates."""
    return period.start.date(), (period.end - timedelta(microseconds=1)).date()


def build_tieout(
    store: Store,
    catalog: Catalog,
    declared: Declarations,
    *,
    period: Period,
    by: TieOutBy = TieOutBy.PROVIDER,
    project: str | None = None,
) -> TieOut:
    """Billed against seen.

    Args:
        store: an open store.
        catalog: of that store.
        declared: with the rules that give keys their features.
        period: its UTC days; providers bill by them.
        by: the dimension of `rows`.
        project: whose; None: of all projects.

    Raises:
        StoreError: the store cannot be read.
    """
    know_billed_names(store, catalog)
    first, last = utc_days(period)
    asked = {**of_project(project), "from": utc_seconds(first), "to": utc_seconds(last + timedelta(days=1))}
    bill = store.query_file("tieout_billed", asked)
    models = {
        (row["provider"], row["model"]): row["book_model"] or row["model"]
        for row in store.rows("SELECT provider, model, book_model FROM model_names FINAL WHERE price_context = ''")
    }

    def canonical(row: Mapping[str, Any]) -> str:
        name = row["provider"], row["model"]
        if name[1] and name not in models:
            models[name] = catalog.resolve((*name, "")).model or name[1]
        return models.get(name, "")

    billed = [_billed(row, canonical(row), declared) for row in bill]
    seen = [_seen(row, canonical(row)) for row in store.query_file("tieout_seen", asked)] if bill else []
    own = _own_prices(store.query_file("own_prices", asked)) if bill else OwnPrices()
    lines = explain(split(billed, seen), own)
    return {
        "period": {"from": first.isoformat(), "to": last.isoformat(), "timezone": "UTC"},
        "imported": bool(bill),
        "totals": _totals(lines),
        "parts": {str(part): usd(total(lines, part)) for part in Part},
        "findings": _findings(lines),
        "by": str(by),
        "rows": _rows(lines, by),
        "proposals": proposals(lines, first, own, their_rates(billed, seen), seen),
        "open_days": sorted({line.day.isoformat() for line in lines if line.open}),
        "estimated": any(line.estimated for line in lines),
        "unknown_amounts": {
            "lines": sum(row["unknown_amounts"] for row in bill),
            "currencies": sorted({currency for row in bill for currency in row["unknown_currencies"]}),
        },
    }


def _own_prices(rows: Sequence[Mapping[str, Any]]) -> OwnPrices:
    found: dict[tuple[str, str], list[OwnPrice]] = {}
    for row in rows:
        price = OwnPrice(row["first"], row["after"], row["project"], row["factor"], row["amortised"])
        found.setdefault((row["provider"], row["model"]), []).append(price)
    return OwnPrices(found)


def _billed(row: Mapping[str, Any], model: str, declared: Declarations) -> Billed:
    origin = Origin(
        provider=row["provider"],
        model=row["model"],
        provider_key=row["provider_key"],
        provider_project=row["provider_project"],
    )
    rule = first_match(declared.rules, origin, row["day"])
    return Billed(
        day=row["day"],
        provider=row["provider"],
        model=model,
        project=row["provider_project"],
        key=row["provider_key"],
        item=row["item"],
        meter=row["meter"],
        usd=row["billed_usd"],
        quantity=row["quantity"],
        rate=row["rate"],
        open=row["open"],
        features=frozenset(name for name, _ in declared.aliases.shares(rule.feature, row["day"]))
        if rule
        else frozenset(),
        context=row["price_context"],
    )


def _seen(row: Mapping[str, Any], model: str) -> Seen:
    meter = row["meter"]
    quantities = {meter: row["quantity"]} if meter else {name: Decimal(row[name]) for name in sorted(CALL_METERS)}
    return Seen(
        day=row["day"],
        provider=row["provider"],
        model=model,
        usd=row["cost_usd"] or _ZERO,
        quantities={name: n for name, n in quantities.items() if n},
        rates={name: rate for name, rate in row["rates"].items() if rate is not None},
        project=row["provider_project"],
        key=row["provider_key"],
        feature=row["feature"],
        context=row["price_context"],
    )


def _totals(lines: Sequence[Line]) -> dict[str, Any]:
    billed = [line for line in lines if not line.estimated and not line.unbilled]
    estimated = _sum(line.billed_usd for line in lines if line.estimated)
    seen = _sum(line.seen_usd for line in lines)
    share = tied_out(lines)
    return {
        "billed_usd": usd(_sum(line.billed_usd for line in billed)) if billed else None,
        "estimated_usd": usd(estimated),
        "seen_usd": usd(seen),
        "difference_usd": usd(_sum(line.billed_usd for line in billed) + estimated - seen),
        "open_billed_usd": usd(_sum(line.billed_usd for line in billed if line.open)),
        "tied_out": None if share is None else float(round(share, 9)),
    }


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, _ZERO)


def _findings(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """What the difference is made of, the largest first."""

    def by_key(line: Line) -> bool:
        return line.key != ""

    groups: dict[tuple[Part, str, str, str, str, str, str, bool], list[Line]] = {}
    for line in lines:
        for part, amount in line.parts.items():
            if amount:
                # A key is a finding as a whole, whatever its models; a price is one of a model, whatever the key.
                project, name = ("", "") if part is Part.PRICE else (line.project, line.key)
                whole = part is Part.UNSEEN and by_key(line)
                model, item = ("", "") if whole else (line.model, line.item)
                key = (
                    part,
                    line.provider,
                    project,
                    name,
                    model,
                    item,
                    line.reason if part is not Part.PRICE else "",
                    line.estimated,
                )
                groups.setdefault(key, []).append(line)
    found: list[dict[str, Any]] = []
    for (part, provider, project, name, model, item, reason, estimated), members in groups.items():
        amount = total(members, part)
        found.append(
            {
                "part": str(part),
                "provider": provider,
                "project": project or None,
                "key": name or None,
                "model": model or None,
                "item": item or None,
                "usd": usd(amount),
                "seen_share": None,
                "reason": reason or None,
                "estimated": estimated,
            }
        )
        if part is Part.UNSEEN:
            # Of all usage of the key, not only on the days that miss some.
            found[-1]["seen_share"] = seen_share(
                line
                for line in lines
                if (line.provider, line.project, line.key) == (provider, project, name)
                and (by_key(line) or (line.model, line.item) == (model, item))
            )
    return sorted(found, key=lambda one: (-abs(Decimal(one["usd"])), one["part"], one["provider"], one["key"] or ""))


def _rows(lines: Sequence[Line], by: TieOutBy) -> list[dict[str, Any]]:
    groups: dict[str, list[Line]] = {}
    for line in lines:
        name = line.day.isoformat() if by is TieOutBy.DAY else str(getattr(line, by))
        groups.setdefault(name, []).append(line)
    rows = [
        {
            str(by): name or None,
            **_totals(members),
            **{f"{part}_usd": usd(total(members, part)) for part in Part},
            "open": any(line.open for line in members),
        }
        for name, members in groups.items()
    ]
    if by is TieOutBy.DAY:
        return sorted(rows, key=lambda row: row["day"])
    return sorted(
        rows,
        key=lambda row: (
            -Decimal(row["billed_usd"] or 0) - Decimal(row["estimated_usd"]),
            -Decimal(row["seen_usd"]),
            row[str(by)] or "",
        ),
    )
