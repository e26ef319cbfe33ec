"""What an import says to people, and as a document."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from breakeven_collector.imports.lines import Account
from breakeven_collector.render import counted, printable

_SHOWN = 20


class Summary:
    """Adds up what was read and what came of it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.usd = Decimal()
        self.without_usd = 0
        self.tokens = Decimal()
        self.bad: list[dict[str, str]] = []
        self.warnings = Counter[str]()
        self.skipped = Counter[str]()
        self.counts = Counter[str]()
        self.left: list[dict[str, str]] = []
        self._days: set[date] = set()
        self._keys: set[str] = set()
        self._projects: set[str] = set()

    def add(self, account: Account, told: dict[str, Any]) -> None:
        """Put one more to it."""
        self.counts.update({name: told[name] for name in ("days", "lines", "replaced_lines", "unchanged_days")})
        # A collector of an earlier version does not tell it.
        self.left += told.get("left", [])
        self.bad += [{"where": bad.where, "reason": bad.reason} for bad in account.bad]
        self.warnings.update(account.warnings)
        self.skipped.update(account.skipped)
        self._days |= {day for _, _, day in account.covered} | {line.day for line in account.lines}
        self._keys |= {line.key_name or line.key_id for line in account.lines} - {""}
        self._projects |= {line.provider_project for line in account.lines} - {""}
        for line in account.lines:
            if line.report != "usage":
                self.usd += line.amount_usd or 0
                self.without_usd += line.amount_usd is None
            if line.report != "costs" and line.unit == "tokens":
                self.tokens += line.quantity or 0

    def document(self) -> dict[str, Any]:
        """As JSON; decimals are texts."""
        return {
            "source": self.source,
            "first_day": min(self._days).isoformat() if self._days else None,
            "last_day": max(self._days).isoformat() if self._days else None,
            "days_read": len(self._days),
            "billed_usd": str(self.usd),
            "lines_without_usd": self.without_usd,
            "tokens": str(int(self.tokens)),
            "keys": sorted(self._keys),
            "provider_projects": sorted(self._projects),
            **{f"{name}_written" if name in ("days", "lines") else name: n for name, n in sorted(self.counts.items())},
            "bad_rows": self.bad,
            "left_as_they_were": self.left,
            "warnings": dict(self.warnings),
            "skipped": dict(self.skipped),
        }


def print_summary(console: Console, summary: Summary) -> None:
    """For people."""
    told = summary.document()
    if told["first_day"]:
        console.print(
            f"[bold]{_usd(summary.usd)} billed[/] by {summary.source}, {told['first_day']} to {told['last_day']}, "
            f"{int(summary.tokens):,} tokens",
            highlight=False,
        )
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("days", f"{told['days_read']} read, {summary.counts['days']} new or changed")
    table.add_row("lines", f"{summary.counts['lines']:,} written, {summary.counts['replaced_lines']:,} replaced")
    table.add_row("keys", Text(_names(told["keys"])))
    table.add_row("projects", Text(_names(told["provider_projects"])))
    if summary.without_usd:
        table.add_row("without dollars", f"{counted(summary.without_usd, 'line')}, see the warnings")
    if summary.skipped:
        table.add_row("no model's", Text(_counted(summary.skipped)))
    console.print(table)
    for warning, count in summary.warnings.most_common():
        console.print(Text.assemble(("warning  ", "yellow"), printable(f"{warning} ({count:,})")), soft_wrap=True)
    for bad in summary.bad[:_SHOWN]:
        console.print(
            Text.assemble(("bad row  ", "red"), printable(f"{bad['where']}: {bad['reason']}")), soft_wrap=True
        )
    if len(summary.bad) > _SHOWN:
        console.print(f"… and {len(summary.bad) - _SHOWN:,} bad rows more: --format json lists all")

    for left in summary.left[:_SHOWN]:
        said = f"{left['day']} ({left['report']}) left as it was: {left['where']} is bad"
        console.print(Text.assemble(("left     ", "red"), printable(said)), soft_wrap=True)
    if len(summary.left) > _SHOWN:
        console.print(f"… and {len(summary.left) - _SHOWN:,} days more: --format json lists all")


def _usd(amount: Decimal) -> str:
    return f"{'−' if amount < 0 else ''}${abs(amount):,.2f}"


def _names(names: Sequence[str]) -> str:
    return (
        f"{len(names)}: {', '.join(map(printable, names[:8]))}{', …' if len(names) > 8 else ''}"
        if names
        else "none named"
    )


def _counted(counts: Counter[str]) -> str:
    rows = [f"{count:,} {name}" for name, count in counts.most_common(5)]
    return f"{sum(counts.values()):,} rows: " + ", ".join(rows) + (", …" if len(counts) > 5 else "")
