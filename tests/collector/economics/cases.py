"""The worked example of docs/economics.md."""

from dataclasses import replace
from typing import Any

from breakeven_collector.economics.case import Hosting, Hybrid, Prices, Tokens
from breakeven_collector.economics.scenario import Scenario

WORKHORSE = Prices(0.1, 0.01, 0.5)


def example(**hosting: Any) -> Scenario:
    return Scenario(
        9e6,
        Tokens(600, 900, 200),
        Prices(2, 0.2, 10),
        3,
        1.25,
        replace(Hosting(), fte=0.25, **hosting) if "fte" not in hosting else replace(Hosting(), **hosting),
        Hybrid(0.9, 0.05),
    )
