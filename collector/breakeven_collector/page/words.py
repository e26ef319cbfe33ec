"""Figures and names as the page shows them; the same words as the terminal's report."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from breakeven_collector import render
from breakeven_collector.page.view import View
from breakeven_collector.render import money, percent, printable, tokens
from breakeven_collector.verdicts import told

HERE: Final = Path(__file__).parent
_MOST_LETTERS: Final = 120
_LONGEST_SENTENCE: Final = 600
_NOTHING: Final = "–"


def _money(value: Any) -> str:
    if value is not None and (amount := Decimal(str(value))) < 0:
        return f"\N{MINUS SIGN}{money(str(-amount))}"
    return money(None if value is None else str(value), absent=_NOTHING)


def _whole(value: Any) -> str:
    """Dollars of a model: cents of them would tell what it does not know."""
    return told.usd(value).replace("-", "\N{MINUS SIGN}")


def _small_money(value: Any) -> str:
    return money(None if value is None else str(value), small=True, absent=_NOTHING)


def trend(value: float | None) -> str:
    """A change for people: `+12 %`, `×14`."""
    return render.trend(value, absent=_NOTHING).replace("-", "\N{MINUS SIGN}")


def name(value: Any) -> str:
    """A name from a stranger: no control characters, and not endless."""
    text = printable(str(value))
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"


def sentence(value: Any) -> str:
    """Words of ours with names in them: longer than a name, and not endless."""
    text = printable(str(value))
    return text if len(text) <= _LONGEST_SENTENCE else f"{text[: _LONGEST_SENTENCE - 1]}…"


def _count(value: Any) -> str:
    return _NOTHING if value is None else f"{int(value):,}"


def _tokens(value: Any) -> str:
    return _NOTHING if value is None else tokens(int(value))


def _percent(value: Any) -> str:
    return percent(value, absent=_NOTHING)


def _seconds(value: Any) -> str:
    if value is None:
        return _NOTHING
    return f"{value:,.1f} s" if value >= 0.95 else f"{value * 1000:,.0f} ms"


def _time(value: Any) -> str:
    return datetime.fromisoformat(str(value)).strftime("%d %b %Y, %H:%M:%S") if value else _NOTHING


def exact(value: Any) -> str:
    """Every digit that there is."""
    return _NOTHING if value is None else f"{Decimal(str(value)).normalize():,f}"


FORMATS: Final[Mapping[str, Callable[[Any], str]]] = {
    "text": lambda value: "" if value is None else name(value),
    "sentence": lambda value: "" if value is None else sentence(value),
    "link": lambda value: "" if value is None else name(value),
    "money": _money,
    "spend": _money,
    "small_money": _small_money,
    "whole": _whole,
    "plain": lambda value: "" if value is None else name(value),
    "count": _count,
    "tokens": _tokens,
    "percent": _percent,
    "trend": trend,
    "seconds": _seconds,
    "time": _time,
}


def shown(value: Any, kind: str) -> str:
    """A value of a table."""
    return FORMATS[kind](value)


def per_million(rate_usd: str) -> str:
    """A rate a token as price lists have it."""
    return exact(Decimal(rate_usd) * 1_000_000)


def spark(values: Sequence[float], width: int = 96, height: int = 24) -> str:
    """Points of a line in a box, for SVG; empty where there is nothing to draw."""
    if len(values) < 2 or not max(values):
        return ""
    step, top = (width - 2) / (len(values) - 1), max(values)
    return " ".join(f"{1 + i * step:.1f},{height - 2 - (height - 4) * one / top:.1f}" for i, one in enumerate(values))


def stretch(view: View) -> str:
    """The period in words."""
    period = view.period
    return f"{period.start:%d %b} to {period.last_day:%d %b %Y} ({period.timezone})"


def environment() -> Environment:
    """The templates. All that stands in them is escaped."""
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "money": _money,
        "small_money": _small_money,
        "whole": _whole,
        "count": _count,
        "tokens": _tokens,
        "percent": _percent,
        "trend": trend,
        "seconds": _seconds,
        "when": _time,
        "exact": exact,
        "name": name,
        "shown": shown,
        "stretch": stretch,
        "spark": spark,
        "per_million": per_million,
    }
    return templates
