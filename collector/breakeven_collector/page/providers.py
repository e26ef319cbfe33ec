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
        threshold_usd_per_month: Spend from which hosting pays; None: there is none, or it is not known.
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


@dataclass(frozen=True)
class Providers:
    """Where the figures come from.

    Attributes:
        billed: Period and project → the document of `/api/tieout`; of it `imported`, `totals` and, where it has
            `findings`, `parts` are read. None: there is no such comparison.
        month_end: The forecast; None: there is none.
        advice: Period and project → feature → advice. None: no verdicts.
    """

    billed: Callable[[Period, str | None], Mapping[str, Any] | None] = nothing_billed
    month_end: Forecast | None = None
    advice: Callable[[Period, str | None], Mapping[str, Advice] | None] = no_advice
