"""The rules about budgets, by what a month will have cost."""

import calendar
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from breakeven_collector.alerts.condition import Condition, Known, feature_page
from breakeven_collector.alerts.config import RuleConfig
from breakeven_collector.alerts.events import Figure, Rule
from breakeven_collector.alerts.hours import Hours
from breakeven_collector.economics.forecast import FIT_DAYS, month_end
from breakeven_collector.economics.words import usd
from breakeven_collector.features import Feature

BILL: Final = ""
"""The subject that is the whole bill."""
DRAWS: Final = 4_000
"""As many as the page's."""
_WORTH_USD: Final = 10.0
"""Features below that in four weeks are not forecast."""


@dataclass(frozen=True)
class Forecast:
    """What a feature, or the whole bill, will have cost by the end of a month. A row of `forecasts`."""

    feature: str
    month: date
    so_far_usd: float
    """Of whole days."""
    p10_usd: float | None
    p50_usd: float | None
    p90_usd: float | None
    budget_usd: Decimal | None
    reason: str = ""
    known_share: float | None = None
    """Of the dollars so far."""


def forecasts(
    hours: Hours,
    at: datetime,
    declared: Mapping[str, Feature],
    bill_budget_usd: float,
    *,
    budgets_only: bool = False,
    check: Callable[[], None] = lambda: None,
    draws: int = DRAWS,
) -> list[Forecast]:
    """Month's ends by the whole days before today, of all features that cost something, and first of the whole bill.

    Args:
        hours: what was taken.
        at: days that were over then count.
        declared: with budgets.
        bill_budget_usd: of the whole bill; 0: none.
        budgets_only: only what has a budget.
        check: called before each; what it raises ends the work.
        draws: of each forecast.
    """
    today = hours.day(at)
    yesterday = today - timedelta(days=1)
    first = today.replace(day=1)
    last = today.replace(day=calendar.monthrange(today.year, today.month)[1])
    seen = hours.seen(at)
    daily = {name: hours.daily(one.usd, yesterday, 31) for name, one in seen.items()}
    known = {name: hours.daily(one.known_usd, yesterday, 31) for name, one in seen.items()}
    daily = {BILL: _total(daily), **{name: one for name, one in daily.items() if name}}
    known = {BILL: _total(known), **{name: one for name, one in known.items() if name}}
    made: list[Forecast] = []
    for name, usd_of_days in daily.items():
        budget = Decimal(str(bill_budget_usd)) if bill_budget_usd else None
        if name != BILL:
            budget = declared[name].budget_usd_per_month if name in declared else None
        if budget is None and (budgets_only or sum(usd_of_days[-FIT_DAYS:]) < _WORTH_USD):
            continue
        check()
        days_over = (today - first).days
        so_far = sum(usd_of_days[len(usd_of_days) - days_over :])
        of_it = sum(known[name][len(usd_of_days) - days_over :])
        age = (yesterday - hours.day(hours.moment(_first(hours, name)))).days + 1
        fitted: list[float | None] = list(usd_of_days[-min(FIT_DAYS, max(1, age)) :])
        end = month_end(so_far, (last - yesterday).days, fitted, weekday_of_last=yesterday.weekday(), draws=draws)
        made.append(
            Forecast(
                name, first, so_far, end.p10_usd, end.p50_usd, end.p90_usd, budget, end.reason or "",
                of_it / so_far if so_far > 0 else None,
            )
        )  # fmt: skip
    return made


def _first(hours: Hours, name: str) -> int:
    return min(one.first for one in hours.features.values()) if name == BILL else hours.features[name].first


def _total(daily: Mapping[str, list[float]]) -> list[float]:
    return [sum(day) for day in zip(*daily.values(), strict=True)] if daily else [0.0] * 31


def budgets(
    hours: Hours,
    at: datetime,
    made: list[Forecast],
    config: RuleConfig,
    known: Mapping[str, Known],
    owners: Mapping[str, str],
) -> list[Condition]:
    """What will be over its budget by the month's end, at P90."""
    found: list[Condition] = []
    for one in made:
        if one.budget_usd is None:
            continue
        before = known.get(one.feature, Known())
        month = f"{one.month:%Y-%m}"
        if before.is_firing and before.marker not in ("", month):
            found.append(_month_over(hours, one, owners))
            continue
        budget = float(one.budget_usd)
        sure = max(one.so_far_usd, one.p90_usd if one.p90_usd is not None else one.so_far_usd)
        name = one.feature or "the whole bill"
        end = f"by the end of {one.month:%B}"
        is_active = sure > budget and sure - budget >= config["min_usd"]
        if one.so_far_usd > budget:
            said = f"{name} has cost {usd(one.so_far_usd)} in {one.month:%B} already, over its budget of {usd(budget)}"
            said += f"; {end} it will be {usd(one.p50_usd)}" if one.p50_usd is not None else ""
        elif is_active and one.p50_usd is not None:
            said = (
                f"{name} will have cost {usd(one.p50_usd)} {end}, at P90 {usd(sure)}: {usd(sure - budget)} over its "
                f"budget of {usd(budget)}"
            )
        else:
            said = f"{name} stays within its budget of {usd(budget)}: {usd(sure)} {end}, at P90"
        found.append(
            Condition(
                Rule.BUDGET,
                one.feature,
                is_active,
                Figure(
                    sure, f"{end}, at P90", budget, "budget", one.p10_usd, one.p90_usd,
                    coverage_share=one.known_share,
                ),
                said,
                is_over=sure < config["resolve_share"] * budget,
                marker=month,
                next_step="Raise the budget in breakeven.toml, or see what drives the cost on the page",
                owner=owners.get(one.feature, ""),
                page=feature_page(one.feature) if one.feature else "/",
                about=_last_days(at),
            )
        )  # fmt: skip
    return found


def _last_days(at: datetime) -> tuple[datetime, datetime]:
    """The last whole week, by UTC days."""
    end = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return end - timedelta(days=7), end


def _month_over(hours: Hours, one: Forecast, owners: Mapping[str, str]) -> Condition:
    last = one.month - timedelta(days=1)
    series = [each.usd for name, each in hours.features.items() if one.feature in (BILL, name)]
    cost = sum(sum(hours.daily(values, last, last.day)) for values in series)
    budget = float(one.budget_usd or 0)
    name = one.feature or "the whole bill"
    return Condition(
        Rule.BUDGET,
        one.feature,
        False,
        Figure(cost, f"in {last:%B}", budget, "budget"),
        f"{last:%B} is over: {name} cost {usd(cost)} of a budget of {usd(budget)}",
        marker=f"{one.month:%Y-%m}",
        owner=owners.get(one.feature, ""),
        page=feature_page(one.feature) if one.feature else "/",
    )


def budget_shares(made: list[Forecast], config: RuleConfig, owners: Mapping[str, str]) -> list[Condition]:
    """Shares of a budget that are spent; each is told once a month."""
    found: list[Condition] = []
    for one in made:
        if one.budget_usd is None:
            continue
        budget = float(one.budget_usd)
        passed = [
            share
            for share in sorted((config["first_share"], config["second_share"]))
            if one.so_far_usd >= max(share * budget, config["min_usd"])
        ]
        name = one.feature or "the whole bill"
        found.append(
            Condition(
                Rule.BUDGET_SHARE,
                one.feature,
                bool(passed),
                Figure(one.so_far_usd, f"in {one.month:%B} so far", budget, "budget", coverage_share=one.known_share),
                f"{name} has cost {usd(one.so_far_usd)} in {one.month:%B}: {one.so_far_usd / budget:.0%} of its budget "
                f"of {usd(budget)}"
                if budget
                else f"{name} has cost {usd(one.so_far_usd)} in {one.month:%B}, and its budget is $0",
                marker=f"{one.month:%Y-%m} {max(passed):.2f}" if passed else f"{one.month:%Y-%m}",
                next_step="See what drives the cost on the page",
                owner=owners.get(one.feature, ""),
                page=feature_page(one.feature) if one.feature else "/",
                is_quiet=True,
            )
        )
    return found
