"""Figures that the page shows where they are there: the bill, the forecast, the verdicts.

What is not there yet is None: then the page says what is missing, and how to get it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from breakeven_collector.period import Period


class MonthEnd(Protocol):
    """What a calendar month will have cost: `breakeven_collector.economics.forecast.MonthEnd`."""

    @property
    def p10_usd(self) -> float | None:
        """One in ten is below."""
        ...

    @property
    def p50_usd(self) -> float | None:
        """The middle."""
        ...

    @property
    def p90_usd(self) -> float | None:
        """One in ten is above."""
        ...

    @property
    def reason(self) -> str | None:
        """Why there is no figure."""
        ...


class Forecast(Protocol):
    """`breakeven_collector.economics.forecast.month_end`."""

    def __call__(
        self, so_far_usd: float, days_left: int, daily_usd: Sequence[float | None], *, weekday_of_last: int
    ) -> MonthEnd:
        """From what is spent so far, and the last whole days."""
        ...


@dataclass(frozen=True)
class Advice:
    """What to do about a feature, as the verdict says.

    Attributes:
        next_action: The next step, a short sentence.
        sentence: The verdict.
        worth_usd_per_month: What it is worth; None: not known.
        threshold_usd_per_month: Spend at which hosting breaks even; None: there is none, or it is not known.
        needs: What hosting it would need, in short.
        is_quality_tested: Whether an own model was tried on this work; None: it is no candidate.
    """

    next_action: str
    sentence: str
    worth_usd_per_month: Decimal | None = None
    threshold_usd_per_month: Decimal | None = None
    needs: str = ""
    is_quality_tested: bool | None = None


def nothing_billed(_period: Period, _project: str | None) -> Mapping[str, Any] | None:
    """No bill can be asked for."""
    return None


def no_advice(_period: Period, _project: str | None) -> Mapping[str, Advice] | None:
    """No verdicts can be asked for."""
    return None


def no_verdict(_project: str | None, _feature: str) -> Mapping[str, Any] | None:
    """No verdict can be asked for."""
    return None


def no_decisions(_project: str | None, _feature: str) -> Sequence[Mapping[str, Any]]:
    """No decisions can be asked for."""
    return ()


def never_new(_project: str | None) -> int:
    """There are no verdicts that could become others."""
    return 0


@dataclass(frozen=True)
class Providers:
    """Where the figures come from.

    Attributes:
        billed: Period and project → `imported` and what the report says of the bill, of which `totals` and
            `unseen_usd` are read. None: there is no bill.
        month_end: The forecast; None: there is none.
        advice: Period and project → feature → advice. None: no verdicts, or none yet.
        verdict: Project and feature → its document of `/api/verdicts`. None: there is none, or none yet.
        decisions: Project and feature → documents of `/api/decisions`, the newest first.
        revision: Project → a number that is another one when the verdicts are.
    """

    billed: Callable[[Period, str | None], Mapping[str, Any] | None] = nothing_billed
    month_end: Forecast | None = None
    advice: Callable[[Period, str | None], Mapping[str, Advice] | None] = no_advice
    verdict: Callable[[str | None, str], Mapping[str, Any] | None] = no_verdict
    decisions: Callable[[str | None, str], Sequence[Mapping[str, Any]]] = no_decisions
    revision: Callable[[str | None], int] = never_new
