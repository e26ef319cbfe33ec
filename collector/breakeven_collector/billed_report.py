"""The bill by who drives it, from accounts alone: usage by key and project, by the `[[map]]` rules, at our prices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from breakeven_collector.catalog import Catalog
from breakeven_collector.features import Feature
from breakeven_collector.period import Period, utc_seconds
from breakeven_collector.projects import of_project
from breakeven_collector.report import active_book, usd
from breakeven_collector.store import Store
from breakeven_collector.tieout import know_billed_names, utc_days
from breakeven_collector.tieout_rows import TOKEN_METERS

_ZERO: Final = Decimal(0)
_OUTPUT: Final = frozenset({"output_tokens", "audio_output_tokens"})
_INPUT: Final = frozenset(TOKEN_METERS) - _OUTPUT
BilledReport = dict[str, Any]
"""source ('billed'), period (from, to: UTC days, both included; days, timezone), by, price_book, config_error, rows:
name under the dimension (None: the rules give the key to none, or not told), cost_usd (usage at our prices, decimal
string or None), share, cumulative_share (0 to 1), trend (None: nothing to compare with), requests, input_tokens,
cached_input_tokens, output_tokens (int), unpriced (bool: some of its usage has no price), and by feature owner,
cost_centre, budget_usd_per_month. totals: the same figures, billed_usd (what the providers say), difference_usd
(billed − ours, of the providers that have both; None: none has). providers: billed_usd, cost_usd, difference_usd,
open_days. unpriced: provider, model, meter, quantity. open_days, unknown_amounts (lines without an amount in USD)."""


class BilledBy(StrEnum):
    """What it can be broken down by."""

    FEATURE = "feature"
    KEY = "key"
    PROJECT = "project"
    MODEL = "model"
    PROVIDER = "provider"
    OWNER = "owner"
    COST_CENTRE = "cost_centre"
    COST_CLASS = "cost_class"
    DAY = "day"
    MONTH = "month"

    @property
    def is_time(self) -> bool:
        """Whether its rows stand in order of time."""
        return self in (BilledBy.DAY, BilledBy.MONTH)


def is_billed(store: Store, period: Period, project: str | None) -> bool:
    """Whether some account was imported for a period."""
    return bool(store.query_file("is_billed", {**of_project(project), **_bounds(*utc_days(period))}))


@dataclass
class _Sum:
    cost: Decimal | None = None
    counts: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    unpriced: bool = False
    now: Decimal | None = None
    """On days that are closed, to be compared with."""
    before: Decimal | None = None

    def take(self, row: Mapping[str, Any]) -> None:
        self.cost = _plus(self.cost, row["cost_usd"])
        self.unpriced = self.unpriced or bool(row["unpriced_quantity"])
        meter, quantity = row["meter"], row["quantity"]
        for count, meters in (
            ("requests", {"requests"}),
            ("input_tokens", _INPUT),
            ("cached_input_tokens", {"cache_read_tokens"}),
            ("output_tokens", _OUTPUT),
        ):
            if meter in meters:
                self.counts[count] = self.counts.get(count, _ZERO) + quantity


def build_billed_report(
    store: Store,
    catalog: Catalog,
    *,
    period: Period,
    by: BilledBy = BilledBy.FEATURE,
    features: Mapping[str, Feature] | None = None,
    project: str | None = None,
    config_error: str | None = None,
) -> BilledReport:
    """The bill of a period from the accounts, against the one before.

    Args:
        store: an open store, with the attributions of its keys worked out.
        catalog: of that store.
        period: its UTC days; providers bill by them.
        by: the dimension.
        features: what is declared about features.
        project: whose; None: of all projects.
        config_error: why `breakeven.toml` as it stands does not count, for the document.

    Raises:
        StoreError: the store cannot be read.
    """
    know_billed_names(store, catalog)
    first, last = utc_days(period)
    before = first - (last - first) - timedelta(days=1)
    asked = {**of_project(project), **_bounds(before, last)}
    rows = store.query_file("billed_report", {**asked, "dimension": str(by)})
    bill = store.query_file("billed_totals", asked)
    open_days = {(row["provider"], row["day"]) for row in (*rows, *bill) if row["open"]}
    # Days are compared with days of which all is known, and only if the accounts reach back that far.
    shift = first - before
    comparable = any(row["day"] == before for row in rows)
    groups: dict[str, _Sum] = {}
    total = _Sum()
    for row in rows:
        for sums in (groups.setdefault(row["name"], _Sum()), total):
            if row["day"] >= first:
                sums.take(row)
                if (row["provider"], row["day"]) not in open_days:
                    sums.now = _plus(sums.now, row["cost_usd"])
            elif (row["provider"], row["day"] + shift) not in open_days:
                sums.before = _plus(sums.before, row["cost_usd"])
    now = [row for row in bill if row["day"] >= first]
    billed = _sum(row["billed_usd"] for row in now)
    providers = _providers(now, [row for row in rows if row["day"] >= first], open_days, first)
    compared = [row for row in providers if row["difference_usd"] is not None]
    return {
        "source": "billed",
        "period": {
            "from": first.isoformat(),
            "to": last.isoformat(),
            "days": (last - first).days + 1,
            "timezone": "UTC",
        },
        "by": str(by),
        "price_book": active_book(store),
        "config_error": config_error,
        "rows": _rows(groups, by, total.cost, features or {}, comparable and not by.is_time),
        "totals": {
            **_figures(total, comparable),
            "billed_usd": usd(billed),
            # Of what only one side has dollars for, there is no difference.
            "difference_usd": usd(_sum(Decimal(row["difference_usd"]) for row in compared)) if compared else None,
        },
        "providers": providers,
        "unpriced": _unpriced([row for row in rows if row["day"] >= first and row["unpriced_quantity"]]),
        "open_days": sorted({day.isoformat() for _, day in open_days if day >= first}),
        "unknown_amounts": sum(int(row["unknown_amounts"]) for row in now),
    }


def _rows(
    groups: Mapping[str, _Sum], by: BilledBy, total: Decimal | None, features: Mapping[str, Feature], comparable: bool
) -> list[dict[str, Any]]:
    found = [(name, sums) for name, sums in groups.items() if sums.counts or sums.cost is not None or sums.unpriced]
    found.sort(key=lambda one: one[0] if by.is_time else (-(one[1].cost or _ZERO), one[0]))
    running, rows = _ZERO, list[dict[str, Any]]()
    for name, sums in found:
        running += sums.cost or _ZERO
        declared = features.get(name, Feature())
        rows.append(
            {
                str(by): name or None,
                **(
                    {
                        "owner": declared.owner,
                        "cost_centre": declared.cost_centre,
                        "budget_usd_per_month": usd(declared.budget_usd_per_month),
                    }
                    if by is BilledBy.FEATURE
                    else {}
                ),
                **_figures(sums, comparable),
                "share": _share(sums.cost, total),
                "cumulative_share": None if sums.cost is None else _share(running, total),
            }
        )
    return rows


def _figures(sums: _Sum, comparable: bool) -> dict[str, Any]:
    trend = sums.now / sums.before - 1 if comparable and sums.now is not None and sums.before else None
    return {
        "cost_usd": usd(sums.cost),
        "trend": None if trend is None else float(round(trend, 4)),
        **{
            name: int(sums.counts.get(name, 0))
            for name in ("requests", "input_tokens", "cached_input_tokens", "output_tokens")
        },
        "unpriced": sums.unpriced,
    }


def _providers(
    bill: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    open_days: set[tuple[str, date]],
    first: date,
) -> list[dict[str, Any]]:
    names = {row["provider"] for row in (*bill, *rows)}
    found: list[dict[str, Any]] = []
    for name in names:
        billed = _sum(row["billed_usd"] for row in bill if row["provider"] == name)
        ours = _sum(row["cost_usd"] for row in rows if row["provider"] == name)
        found.append(
            {
                "provider": name or None,
                "billed_usd": usd(billed),
                "cost_usd": usd(ours),
                "difference_usd": _difference(billed, ours),
                "open_days": sorted(day.isoformat() for who, day in open_days if who == name and day >= first),
            }
        )
    return sorted(found, key=lambda row: (-Decimal(row["billed_usd"] or row["cost_usd"] or 0), row["provider"] or ""))


def _unpriced(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str, str], Decimal] = {}
    for row in rows:
        key = row["provider"], ", ".join(sorted(row["unpriced_models"])), row["meter"]
        groups[key] = groups.get(key, _ZERO) + row["unpriced_quantity"]
    return [
        {"provider": provider, "model": model or None, "meter": meter, "quantity": usd(quantity)}
        for (provider, model, meter), quantity in sorted(groups.items(), key=lambda item: (-item[1], item[0]))
    ]


def _sum(amounts: Any) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, _ZERO) if known else None


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return one if other is None else other + (one or _ZERO)


def _difference(billed: Decimal | None, ours: Decimal | None) -> str | None:
    return None if billed is None or ours is None else usd(billed - ours)


def _share(part: Decimal | None, total: Decimal | None) -> float | None:
    return None if part is None or not total else float(round(part / total, 9))


def _bounds(first: date, last: date) -> dict[str, int]:
    return {"from": utc_seconds(first), "to": utc_seconds(last + timedelta(days=1))}
