"""How the price of one call came about, line by line. What counts and what it costs, the ledger's own rules say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from functools import cache
from typing import Any, Final

from breakeven_schema.query import priced, query

from breakeven_collector.report import has_contracts, usd
from breakeven_collector.store import Store

NEAR_SECONDS: Final = 600
"""The longest time between two reports of one call."""

_ZERO: Final = Decimal(0)
_LAST_PLACE: Final = Decimal("1e-15")
KINDS: Final = (
    # position in spend's `counts`, kind of token, key of its rate
    (4, "input", "uncached"),
    (5, "cache read", "cache_read"),
    (6, "cache write, 5 minutes", "cache_write_5m"),
    (7, "cache write, 1 hour", "cache_write_1h"),
    (8, "audio input", "audio_input"),
    (9, "image input", "image_input"),
    (10, "output", "answer"),
    (11, "reasoning", "reasoning"),
    (12, "audio output", "audio_output"),
    (13, "image output", "image_output"),
)


@dataclass(frozen=True)
class PriceLine:
    """One line: a quantity times a rate.

    Attributes:
        what: Kind of token, meter, or what was reported.
        quantity: Tokens or units.
        rate_usd: For one of them; None: there is no rate.
        usd: The product; None where there is no rate.
    """

    what: str
    quantity: Decimal
    rate_usd: Decimal | None
    usd: Decimal | None

    def document(self) -> dict[str, Any]:
        """For JSON: decimal strings."""
        return {
            "what": self.what,
            "quantity": usd(self.quantity),
            "rate_usd": usd(self.rate_usd),
            "usd": usd(self.usd),
        }


@cache
def priced_calls(*, contracts: bool) -> str:
    """The statement: `page_priced.sql` over the rows of `page_priced_rows.sql`, with the rules of `pass.sql` before it.

    Args:
        contracts: whether there are own prices.

    Raises:
        ValueError: the marks are not where they should be.
    """
    _, begins, rules = query("pass").partition("\nWITH\n")
    rules, ends, _ = rules.partition("\nSELECT\n    key.1 AS project")
    if not (begins and ends):
        raise ValueError("pass.sql does not begin its rules with WITH, or end them with its own SELECT")
    return f"WITH\n{rules}\n{priced('page_priced', contracts=contracts)}"


def price_rows(store: Store, calls: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Id → rows of `page_priced.sql`, for calls of `page_calls.sql`. Those of months of their own are asked for apart.

    Raises:
        StoreError: the store cannot be read.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    statement = priced_calls(contracts=has_contracts(store)) if calls else ""
    for group in _near_each_other(calls):
        minutes = sorted(int(call["at_us"]) // 60_000_000 * 60 for call in group)
        asked = {
            "projects": sorted({call["project"] for call in group}),
            "from": minutes[0],
            "to": minutes[-1] + 60,
            "near_from": minutes[0] - NEAR_SECONDS,
            "near_to": minutes[-1] + 60 + NEAR_SECONDS,
            "calls": "calls",
            "links": "span_links",
            "spans": [call_key(call) for call in group],
            "book": "",
        }
        for row in store.rows(statement, asked):
            found.setdefault(f"{row['project']}/{row['id']}", []).append(row)
    return found


def call_key(call: Mapping[str, Any]) -> str:
    """Name of a call in `page_priced.sql`."""
    return f"{call['trace']}-{call['span']}"


_GAP_SECONDS: Final = 3600
_MOST_GROUPS: Final = 4


def _near_each_other(calls: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Calls in groups that lie close in time: a statement takes tenths of a second, as do a million calls between."""
    gap = _GAP_SECONDS
    while True:
        groups: list[list[Mapping[str, Any]]] = []
        for call in sorted(calls, key=lambda call: call["at_us"]):
            if groups and call["at_us"] - groups[-1][-1]["at_us"] <= gap * 1_000_000:
                groups[-1].append(call)
            else:
                groups.append([call])
        if len(groups) <= _MOST_GROUPS:
            return groups
        gap *= 4


def total(rows: Sequence[Mapping[str, Any]], column: str) -> Decimal | None:
    """Sum of what is known; None where nothing is."""
    known = [row[column] for row in rows if row[column] is not None]
    return sum(known, _ZERO) if known else None


def price_lines(
    store: Store, project: str, rows: Sequence[Mapping[str, Any]]
) -> tuple[list[PriceLine], dict[str, Any] | None]:
    """The lines of a call, and the rates that it was priced with: their source and, of a contract, its factor.

    The lines add up to the call's dollars: of the rows, `cost_usd`.

    Raises:
        StoreError: the store cannot be read.
    """
    lines: list[PriceLine] = []
    source: dict[str, Any] | None = None
    # A split call has each row once a feature; the whole stands in each of them, by its share.
    for row in _whole_rows(rows):
        if row["basis"] == "reported" and not row["meter"]:
            lines.append(PriceLine("as reported", Decimal(1), row["reported_cost_usd"], row["cost_usd"]))
            continue
        if row["basis"] not in ("usage", "partial"):
            continue
        rates = store.query_file(
            "page_rates",
            {"project": project, **{key: row[key] for key in ("name_id", "tier_start", "priced_at")}},
        )[0]
        source = {
            "source": rates["contract"] or rates["book_version"] or None,
            "factor": None if rates["factor"] is None else usd(rates["factor"]),
            "tier_start": row["tier_start"],
            "priced_at": row["priced_at"],
            "since": rates["valid_from"] if rates["book_version"] and not rates["own_rates"] else None,
        }
        lines += _lines(row, rates)
    return lines, source


def _whole_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    whole: dict[str, dict[str, Any]] = {}
    for row in rows:
        mine = whole.get(row["meter"])
        if mine is None:
            whole[row["meter"]] = dict(row)
            continue
        mine["counts"] = [a + b for a, b in zip(mine["counts"], row["counts"], strict=True)]
        mine["quantity"] += row["quantity"]
        for column in ("cost_usd", "reported_cost_usd"):
            mine[column] = None if mine[column] is None else mine[column] + (row[column] or 0)
    return list(whole.values())


def _lines(row: Mapping[str, Any], rates: Mapping[str, Any]) -> list[PriceLine]:
    factor = rates["factor"]

    def line(what: str, quantity: Decimal, rate: Decimal | None) -> PriceLine:
        charged = None if rate is None or factor is None else factor * rate
        return PriceLine(what, quantity, charged, None if charged is None else quantity * charged)

    if row["meter"]:
        return [line(row["meter"], row["quantity"], rates["meter_usd"].get(row["meter"]))]
    lines = [line(what, row["counts"][at], rates["rate"][key]) for at, what, key in KINDS if row["counts"][at]]
    if (request := rates["rate"]["request"]) and row["counts"][0]:
        lines.append(line("request", row["counts"][0], request))
    return lines


def sum_of(lines: Sequence[PriceLine]) -> Decimal | None:
    """What the lines come to, cut where the ledger cuts; None where one of them has no rate."""
    parts = [line.usd for line in lines]
    if not parts or None in parts:
        return None
    return sum((part for part in parts if part is not None), _ZERO).quantize(_LAST_PLACE, ROUND_DOWN)
