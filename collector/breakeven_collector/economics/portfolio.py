"""Several features on shared GPUs: their load is added up hour by hour before the peak is looked for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from breakeven_collector.economics.breakeven import net_usd_per_month
from breakeven_collector.economics.case import Case
from breakeven_collector.economics.hosting import replicas
from breakeven_collector.economics.load import shape_of

_ALL_SETS_UP_TO: Final = 12


@dataclass(frozen=True)
class Member:
    """A feature that could share GPUs: its case with the hours b_h of the common window."""

    name: str
    case: Case


@dataclass(frozen=True)
class Pooled:
    """A set of features on one pool."""

    names: tuple[str, ...]
    case: Case
    net_usd_per_month: float
    replicas: int
    replicas_apart: int


def pool(members: Sequence[Member]) -> Pooled:
    """One case of many: hours added before the quantile, one staff share and one N; one-off costs add up.

    All members have the same hours, and the hosting of the first (adapters on one base model); each keeps its own
    share α, which weighs its load and its bill. The peak is not taken above the sum of the peaks apart.
    """
    first = members[0].case
    shares = [member.case.hybrid.cost_share for member in members]
    busy = tuple(
        math.fsum(share * value for share, value in zip(shares, hour, strict=True))
        for hour in zip(*(member.case.hourly_busy for member in members), strict=True)
    )
    shape = shape_of(busy)
    api = math.fsum(member.case.api_usd_per_month for member in members)
    calls = math.fsum(member.case.calls_per_month for member in members)
    # What is not covered is paid to the API as before: only the covered part is in the pooled case.
    covered = math.fsum(share * member.case.api_usd_per_month for share, member in zip(shares, members, strict=True))
    kept = math.fsum(
        share * member.case.hybrid.escalation_share * member.case.api_usd_per_month
        for share, member in zip(shares, members, strict=True)
    )
    share = covered / api if api else 0.0
    # (1−α)·load goes on elsewhere; the case scales its load by α, so the pooled load is divided by it.
    scale = share or 1.0
    apart_peak = math.fsum(
        one * shape_of(member.case.hourly_busy).peak for one, member in zip(shares, members, strict=True)
    )
    peak = min(shape.peak, apart_peak)
    case = replace(
        first,
        api_usd_per_month=api,
        calls_per_month=calls,
        mean_busy=shape.mean / scale,
        peak_to_mean=peak / shape.mean if shape.mean else 1.0,
        burst=max(member.case.burst for member in members) if len(members) > 1 else first.burst,
        hourly_busy=tuple(value / scale for value in busy),
        hybrid=replace(
            first.hybrid,
            cost_share=share,
            escalation_share=kept / covered if covered else 0.0,
        ),
        project=replace(first.project, one_off_usd=math.fsum(member.case.project.one_off_usd for member in members)),
    )
    apart = sum(replicas(member.case) for member in members)
    names = tuple(member.name for member in members)
    return Pooled(names, case, net_usd_per_month(case), replicas(case), apart)


def best_set(members: Mapping[str, Case]) -> Pooled | None:
    """The features that together save most; None where no set pays. Up to 12 every set is tried, else one by one."""
    found = [Member(name, case) for name, case in members.items() if case.hourly_busy]
    best: Pooled | None = None
    if len(found) <= _ALL_SETS_UP_TO:
        candidates = [subset for size in range(1, len(found) + 1) for subset in combinations(found, size)]
    else:
        ordered = sorted(found, key=lambda member: -member.case.api_usd_per_month)
        candidates = [tuple(ordered[:size]) for size in range(1, len(ordered) + 1)]
    for subset in candidates:
        pooled = pool(subset)
        if pooled.net_usd_per_month > 0 and (best is None or pooled.net_usd_per_month > best.net_usd_per_month):
            best = pooled
    return best
