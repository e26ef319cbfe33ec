"""An account as JSON between command line and collector; decimals are texts, so that none goes through a float."""

from collections import Counter
from dataclasses import asdict
from datetime import date
from typing import Any, cast

from breakeven_collector.errors import BadRequest
from breakeven_collector.imports.keep import Origin
from breakeven_collector.imports.lines import Account, Bad, BadRow, Line, moment, money, quantity, text

SOURCES = ("openai", "anthropic", "focus")
_TEXTS = (
    *("report", "part", "provider", "provider_project", "key_name", "key_id", "model", "price_context", "item"),
    *("meter", "unit", "currency"),
)


def account_document(account: Account, origin: Origin, project: str | None) -> dict[str, Any]:
    """The body of a POST to `/api/imports`."""
    return {
        "source": account.source,
        "project": project,
        "origin": asdict(origin),
        "lines": [_line_document(line) for line in account.lines],
        "covered": sorted((report, part, day.isoformat()) for report, part, day in account.covered),
        "bad": [asdict(bad) for bad in account.bad],
        "warnings": dict(account.warnings),
    }


def account_from(document: dict[str, Any]) -> tuple[Account, Origin, str | None]:
    """What `account_document` made a document of.

    Raises:
        BadRequest: it is none.
    """
    try:
        if document["source"] not in SOURCES:
            raise BadRequest(422, f"source is {document['source']!r}; write one of {', '.join(SOURCES)}")
        origin = Origin(**document["origin"])
        if origin.extent not in ("auto", "whole", "part"):
            raise BadRequest(422, f"extent is {origin.extent!r}; write auto, whole or part")
        account = Account(
            document["source"],
            [_line(line) for line in cast(list[dict[str, Any]], document["lines"])],
            {(text(r, "report"), text(p, "part"), date.fromisoformat(d)) for r, p, d in document["covered"]},
            [Bad(**bad) for bad in document.get("bad", [])],
            Counter({text(name, "warning"): int(count) for name, count in document.get("warnings", {}).items()}),
        )
        return account, origin, text(document.get("project"), "project") or None
    except (BadRow, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRequest(422, f"not an account that `breakeven import` read: {error}") from None


def _line_document(line: Line) -> dict[str, Any]:
    document = {name: getattr(line, name) for name in _TEXTS}
    for name in ("quantity", "amount", "amount_usd"):
        document[name] = None if (number := getattr(line, name)) is None else str(number)
    times = {"from_time": line.from_time.isoformat(), "to_time": line.to_time.isoformat()}
    return {**document, **times, "open": line.open}


def _line(document: dict[str, Any]) -> Line:
    def number(name: str, read: Any) -> Any:
        return None if document.get(name) is None else read(document[name], name)

    return Line(
        **{name: text(document.get(name), name) for name in _TEXTS},
        from_time=moment(document["from_time"], "from_time"),
        to_time=moment(document["to_time"], "to_time"),
        quantity=number("quantity", quantity),
        amount=number("amount", money),
        amount_usd=number("amount_usd", money),
        open=document.get("open") is True,
    )
