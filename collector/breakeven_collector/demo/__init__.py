"""Synthetic traffic of a made-up company, for trying Breakeven out without an application of one's own."""

from breakeven_collector.demo.expected import Counted, Expected
from breakeven_collector.demo.traffic import Traffic

__all__ = ["Counted", "Expected", "Traffic"]
