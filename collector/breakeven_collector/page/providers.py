"""Figures that the page shows where they are there: the bill and the verdicts.

What is not there yet is None: then the page says what is missing, and how to get it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from breakeven_collector.period import Period

PENDING: Final[Mapping[str, Any]] = {}
"""In place of a bill: it is being worked out."""


@dataclass(frozen=True)
class Advice:
    """What to do about a feature, as the verdict says.

    Attributes:
        next_action: The next step, a short sentence.
        sentence: The verdict.
        live_usd: Its live calls in the last 30 whole days, which are held against the threshold.
        worth_usd_per_month: What it is worth; None: not known.
        threshold_usd_per_month: Spend at which hosting breaks even; None: there is none, or it is not known.
        needs: What hosting it would need, in short.
        is_quality_tested: Whether an own model was tried on this work; None: it is no candidate.
    """

    next_action: str
    sentence: str
    live_usd: Decimal
    worth_usd_per_month: Decimal | None = None
    threshold_usd_per_month: Decimal | None = None
    needs: str = ""
    is_quality_tested: bool | None = None


@dataclass(frozen=True)
class Providers:
    """Where the figures come from.

    Attributes:
        billed: Period and project → what the report says of the bill, of which `totals` and `unseen_usd` are read.
            None: there is no bill. PENDING: it is being worked out.
        advice: Project → feature → advice. None: no verdicts yet.
        verdict: Project and feature → its document of `/api/verdicts`. None: there is none, or none yet.
        changes: Project and feature → `flips` and `switches` of its verdict. None: not looked for, or not yet.
        decisions: Project and feature → documents of `/api/decisions`, the newest first.
        revision: Project → a number that is another one when the verdicts are.
        config_error: Project → why what is declared does not do for verdicts. Empty: it does, or was not read yet.
        bills_revision: A number that is another one when a bill was worked out that was PENDING.
    """

    billed: Callable[[Period, str | None], Mapping[str, Any] | None]
    advice: Callable[[str | None], Mapping[str, Advice] | None]
    verdict: Callable[[str | None, str], Mapping[str, Any] | None]
    decisions: Callable[[str | None, str], Sequence[Mapping[str, Any]]]
    revision: Callable[[str | None], int]
    changes: Callable[[str | None, str], Mapping[str, Any] | None] = lambda _project, _feature: None
    config_error: Callable[[str | None], str] = lambda _project: ""
    bills_revision: Callable[[], int] = lambda: 0
