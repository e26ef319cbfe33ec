"""Prints what `breakeven prices` has to say, for people."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from breakeven_collector.price_check import Finding
from breakeven_collector.price_lists import rate_line
from breakeven_collector.render import at_full_width, money, percent

_MOST_LINES = 40
_SHORT = {"uncached": "in", "answer": "out", "cache_write_5m": "cache write"}


def print_list(document: Mapping[str, Any], console: Console) -> None:
    """The document of `price_lists.list_prices`."""
    book = document["book"]
    if book is None:
        console.print("No book is loaded: run `breakeven up` once.")
        return
    age = f"newest price {book['newest_price']} ({book['age_days']} days ago)" if book["newest_price"] else "undated"
    _line(console, f"Book  {book['version']}, {book['models']:,} models, {age}")
    for older in document["older_books"]:
        _line(console, f"      {older['version']}, loaded {older['loaded_at'][:10]}", "dim")
    if document["overrides"]:
        console.print()
        for entry in document["overrides"]:
            _line(console, f"Own   {_entry(entry)}")
    console.print()
    if not document["models"]:
        _line(console, f"No calls in the last {document['days']} days.")
    else:
        _models(document, console)
    if "all_models" in document:
        console.print()
        table = _table("Provider", "Model", "USD a million tokens")
        for row in document["all_models"]:
            table.add_row(row["provider"], row["model"], _rates(row) or "no rate")
        console.print(table)


def print_model(document: Mapping[str, Any], console: Console) -> None:
    """The document of `price_lists.show_price`."""
    for name in document["names"]:
        means = f"{name['book_provider']} {name['book_model']}" if name["book_model"] else f"no price: {name['reason']}"
        context = "" if name["price_context"] == "standard" else f" ({name['price_context']})"
        seen = f"seen {name['first_seen']} to {name['last_seen']}"
        _line(console, f"Name  {name['provider'] or '-'} {name['model'] or '-'}{context}, {seen} → {means}")
    for entry in document["overrides"]:
        _line(console, f"Own   {_entry(entry)}")
    for model in document["rates"]:
        console.print()
        _line(console, f"{model['provider']} {model['model']}  {model['source_url'] or ''}", "bold")
        table = _table("From", "Context", "Above input tokens", "From (UTC)", "USD a million tokens")
        for rate in model["rates"]:
            second = rate["from_second_of_day"]
            table.add_row(
                rate["from"] or "ever",
                rate["price_context"],
                f"{rate['above_input_tokens']:,}" if rate["above_input_tokens"] else "",
                f"{second // 3600:02}:{second // 60 % 60:02}" if second else "",
                _rates(rate) or "no rate",
            )
        console.print(table)
    console.print()
    _line(console, f"Book  {document['book']}", "dim")


def print_set(document: Mapping[str, Any], console: Console) -> None:
    """What `set` did."""
    _line(console, f"Own   {_entry(document['entry'])}")
    names = document["names"]
    for name in names[:_MOST_LINES]:
        context = "" if not name["price_context"] else f" ({name['price_context']})"
        _line(console, f"      holds for {name['provider'] or '-'} {name['model']}{context}")
    if len(names) > _MOST_LINES:
        _line(console, f"      and {len(names) - _MOST_LINES} names more")
    if not names:
        _line(console, "      no call came with a name that it holds for so far: is the model written as on the spans?")


def print_unset(document: Mapping[str, Any], console: Console) -> None:
    """What `unset` did."""
    for entry in document["removed"]:
        _line(console, f"Taken back: {_entry(entry)}")


def print_difference(difference: Mapping[str, Any], console: Console) -> None:
    """The document of `price_book_diff.compare`."""
    _line(console, f"{difference['from']} → {difference['to']}")
    if difference["from"] == difference["to"]:
        _line(console, "This is the active book: nothing to do.")
        return
    for word in ("added", "removed"):
        _some(console, word.capitalize(), difference[word])
    changed = difference["changed"]
    if changed:
        table = _table("Model", "Context", "Of", "Old USD", "New USD", "Change")
        for change in sorted(changed, key=lambda c: not c["large"])[:_MOST_LINES]:
            context = change["price_context"]
            if change["above_input_tokens"]:
                context += f" above {change['above_input_tokens']:,}"
            if change["from_second_of_day"]:
                context += f" from {change['from_second_of_day'] // 60} min"
            percent = "" if change["percent"] is None else f"{change['percent']:+.1f} %"
            table.add_row(
                f"{change['provider']} {change['model']}",
                context,
                change["kind"].replace("_", " "),
                change["old_usd"] or "none",
                change["new_usd"] or "none",
                Text(f"{percent} !" if change["large"] else percent, "bold red" if change["large"] else ""),
            )
        console.print(table)
        if len(changed) > _MOST_LINES:
            _line(console, f"and {len(changed) - _MOST_LINES} changes more")
    _some(console, "Earlier or later prices differ", difference["other_dates"])
    if not any(difference[word] for word in ("added", "removed", "changed", "other_dates")):
        _line(console, "No price differs; names may.")
    if difference["large"]:
        _line(
            console, f"{difference['large']} changes are over 20 % or add or drop a rate (!): look at them.", "bold red"
        )


def print_findings(findings: Sequence[Finding], prices: Mapping[str, Any], *, compared: bool, console: Console) -> None:
    """What `check` found."""
    for finding in findings:
        mark = ("!", "bold red") if finding.level == "action" else ("·", "dim")
        name = " ".join(part for part in (finding.provider, finding.model) if part)
        console.print(Text.assemble(mark, " ", (f"{name}: " if name else "", "bold"), finding.message), soft_wrap=True)
    if not compared:
        _line(console, "Not compared with LiteLLM's list: give it with --litellm FILE, or install litellm.", "dim")
    if not any(finding.level == "action" for finding in findings):
        _line(console, f"{len(prices['models'])} names of models in use, nothing to be done.")


def _models(document: Mapping[str, Any], console: Console) -> None:
    table = _table(
        "Provider", "Model", "Context", "Calls", "Spend", "Share", "In", "Cached", "Out", "USD a million tokens"
    )
    for model in document["models"]:
        own = ", ".join(model["overrides"])
        rates = model["usd_per_million_tokens"]
        book = (
            f"{model['book_provider']} {model['book_model']}" if model["book_model"] else model["reason"] or "no price"
        )
        table.add_row(
            model["provider"] or "-",
            model["model"] or "-",
            "" if model["price_context"] == "standard" else model["price_context"],
            f"{model['calls']:,}",
            f"{money(model['cost_usd'])}{' +?' if model['unpriced_calls'] else ''}",
            percent(model["share"]),
            *("" if own else rates.get(kind) or "" for kind in ("uncached", "cache_read", "answer")),
            f"own ({own}){', amortised' if model['amortised'] else ''}" if own else book,
        )
    at_full_width(console).print(table)


def _entry(entry: Mapping[str, Any]) -> str:
    scope = " ".join(part for part in (entry["provider"], entry["model"]) if part)
    context = "" if entry["price_context"] is None else f" ({entry['price_context']})"
    until = f" until {entry['to']}" if entry["to"] else ""
    whose = f", project {entry['project']}" if entry["project"] else ""
    note = f"  “{entry['note']}”" if entry["note"] else ""
    return f"{entry['entry_id']}  {scope}{context}: {_what(entry)}, from {entry['from']}{until}{whose}{note}"


def _what(entry: Mapping[str, Any]) -> str:
    if entry["percent_off"] is not None:
        percent = Decimal(entry["percent_off"])
        return f"{abs(percent)} % {'off' if percent >= 0 else 'on top of'} the book"
    if entry["gpu_hour_usd"] is None:
        return f"{_rates(entry)} USD a million tokens"
    load = entry["amortised"]
    text = f"{entry['gpus']} GPUs at {entry['gpu_hour_usd']} USD an hour"
    if load["latest_usd_per_million_tokens"]:
        text += (
            f", amortised on {load['latest_day']} to {Decimal(load['latest_usd_per_million_tokens']):,.4f} USD a "
            "million tokens, input and output alike (the day's hours × GPUs × USD ÷ the tokens served)"
        )
    if load["idle_days"]:
        text += f"; {load['idle_days']} days without a call, {Decimal(load['idle_usd']):,.2f} USD that no call bears"
    return text


def _rates(row: Mapping[str, Any]) -> str:
    told = [
        *((_SHORT.get(kind, kind.replace("_", " ")), usd) for kind, usd in rate_line(row["usd_per_million_tokens"])),
        *((("a call", row["request_usd"]),) if row["request_usd"] else ()),
        *row["meter_usd"].items(),
    ]
    return ", ".join(f"{kind} {usd}" for kind, usd in told)


def _some(console: Console, word: str, models: Sequence[Mapping[str, str]]) -> None:
    if models:
        shown = ", ".join(f"{m['provider']} {m['model']}" for m in models[:_MOST_LINES])
        more = f" and {len(models) - _MOST_LINES} more" if len(models) > _MOST_LINES else ""
        _line(console, f"{word} ({len(models)}): {shown}{more}")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column in (
            "Calls",
            "Spend",
            "Share",
            "In",
            "Cached",
            "Out",
            "Old USD",
            "New USD",
            "Change",
            "Above input tokens",
        )
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style), soft_wrap=True)
