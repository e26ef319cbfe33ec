"""Evidence on a feature, and ways to buy it otherwise."""

from dataclasses import replace
from datetime import date
from typing import Any

from breakeven_collector.economics.api_cost import Alternative
from breakeven_collector.economics.evidence import Evidence
from breakeven_collector.economics.gates import Gates

from tests.collector.economics.cases import example

READY = Gates(staff=True, terms=True, quality_tested=True, lifecycle="live", third_parties_forbidden=False)
BILL = 400_000.0


def evidence(bill: float = BILL, **changes: Any) -> Evidence:
    case = replace(example(fte=0.5).case, api_usd_per_month=bill)
    return replace(Evidence("search", date(2026, 11, 1), 40, case, bill, bill + 30_000, gates=READY), **changes)


def way(kind: str, usd: float, *, bill: float = BILL, tested: bool = True) -> Alternative:
    return Alternative(kind.replace("_", " "), kind, usd, bill - usd, tested)
