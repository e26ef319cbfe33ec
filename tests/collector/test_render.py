"""The report for people and for spreadsheets, from documents written by hand."""

import copy
import csv
import io
import re
from collections.abc import Sequence
from typing import Any

import pytest
from breakeven_collector.render import money, percent, print_report, report_csv, report_table, tokens
from breakeven_collector.report import Dimension
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

Row = dict[str, Any]


def row(name: str | None, cost: str | None = "10", **changes: Any) -> Row:
    return {
        "feature": name,
        "allocated_calls": 100,
        "owner": None,
        "cost_centre": None,
        "budget_usd_per_month": None,
        "calls": 100,
        "failed_calls": 0,
        "input_tokens": 12_345,
        "cached_input_tokens": 0,
        "output_tokens": 950,
        "cost_usd": cost,
        "estimated_usd": None,
        "cost_per_call_usd": None if cost is None else "0.1",
        "share": None if cost is None else 0.5,
        "cumulative_share": None if cost is None else 0.5,
        "previous_cost_usd": None,
        "trend": None,
        "unpriced_calls": 100 if cost is None else 0,
        **changes,
    }


def document(*rows: Row, by: Dimension = Dimension.FEATURE, **changes: Any) -> dict[str, Any]:
    if by is not Dimension.FEATURE:
        for one in rows:
            one[str(by)] = one.pop("feature")
            for key in ("allocated_calls", "owner", "cost_centre", "budget_usd_per_month"):
                del one[key]
    base: dict[str, Any] = {
        "period": {
            "from": "2026-11-01T00:00:00+00:00",
            "to": "2026-11-20T12:00:00+00:00",
            "days": 20,
            "timezone": "UTC",
        },
        "by": str(by),
        "price_book": "genai-prices 0.2.3",
        by.plural: list(rows),
        "totals": {
            "calls": 1234,
            "failed_calls": 0,
            "input_tokens": 1,
            "cached_input_tokens": 0,
            "output_tokens": 1,
            "cost_usd": "20",
            "estimated_usd": None,
            "estimated_calls": 0,
            "reported_usd": None,
            "allocated_usd": "15",
            "mapped_usd": None,
            "previous_cost_usd": None,
            "trend": None,
            "unpriced_calls": 0,
        },
        "coverage": {
            "priced": 1.0,
            "reported_usage": 0.99999,
            "allocated": 0.5,
            "allocated_usd": 0.75,
            "reported_usd": 0.0,
            "estimated_usd": 0.0,
        },
        "unpriced": [],
        "unallocated": [],
        "retries": {"calls": 0, "cost_usd": None, "resends": 0},
        "gateway_cache": {"calls": 0, "avoided_usd": None},
        "late": {"calls": 0, "cost_usd": None},
        "removed": {"duplicate_calls": 1200, "wrapper_calls": 3, "cost_usd": "4.5", "rows": []},
        "lost": {"spans": 2, "numbered": 5000},
    }
    return {**base, **changes}


def lines(report: dict[str, Any], width: int = 140, terminal: bool = False) -> list[str]:
    out = io.StringIO()
    print_report(report, Console(file=out, width=width, force_terminal=terminal, color_system=None))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def cells(report: dict[str, Any], name: str) -> list[str]:
    (line,) = [line for line in lines(report) if line.startswith(name)]
    return line.removeprefix(name).split()


# --------------------------------------------------------------------------------------------------------- figures


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        *(("0", "$0.00"), ("0.1", "$0.10"), ("1", "$1.00"), ("12.345", "$12.34"), ("999.99", "$999.99")),
        *(("1000", "$1,000"), ("1234567.8", "$1,234,568"), ("0.0999", "$0.0999"), ("0.0001", "$0.0001")),
        *(("0.00004", "$0.00004"), ("0.000012345", "$0.000012"), ("0.00000012", "$0.00000012"), (None, "?")),
    ],
)
def test_money_has_the_digits_that_it_takes(amount: str | None, text: str) -> None:
    assert money(amount) == text


def test_money_below_nothing_has_its_sign_in_front() -> None:
    assert (money("-368.4"), money("-0.00005")) == ("−$368.40", "−$0.00005")


def test_money_a_call_keeps_its_cents() -> None:
    assert (money("1234.5", small=True), money(None, absent="")) == ("$1,234.50", "")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        *((0, "0"), (999, "999"), (1000, "1.0k"), (12_345, "12.3k"), (999_949, "999.9k"), (999_950, "1.0M")),
        *(
            (999_999, "1.0M"),
            (4_500_000, "4.5M"),
            (999_949_999, "999.9M"),
            (999_999_999, "1.0B"),
            (5 * 10**12, "5000.0B"),
        ),
    ],
)
def test_tokens_are_short(count: int, text: str) -> None:
    assert tokens(count) == text


@given(st.integers(0, 10**15))
def test_tokens_never_say_a_thousand_of_a_unit_that_has_a_next(count: int) -> None:
    text = tokens(count)
    assert text.endswith("B") or float(text.rstrip("kM")) < 1000


@pytest.mark.parametrize(
    ("share", "text"),
    [
        *(
            (0, "0 %"),
            (0.0004, "< 0.1 %"),
            (0.001, "0.1 %"),
            (0.5, "50.0 %"),
            (0.9994, "99.9 %"),
            (0.99951, "> 99.9 %"),
        ),
        *((0.9999999, "> 99.9 %"), (1, "100 %"), (1.0, "100 %"), (None, "")),
    ],
)
def test_only_a_whole_is_100_percent_and_only_nothing_is_0(share: float | None, text: str) -> None:
    assert percent(share) == text


# ----------------------------------------------------------------------------------------------------------- table


def test_the_table_as_a_whole() -> None:
    report = document(
        row("chat", "15", share=0.75, cumulative_share=0.75, cached_input_tokens=1234, trend=0.123, owner="Ann"),
        row("search", "4", share=0.2, cumulative_share=0.95, unpriced_calls=1, trend=12.0),
        row(None, "1", share=0.05, cumulative_share=1.0, allocated_calls=0, trend=-0.5),
        row("guess", None, allocated_calls=0, calls=1_000_000),
    )
    report["totals"]["trend"] = -0.25
    shown = lines(report)
    assert shown[0] == "$20.00  1,234 calls, 01 Nov to 20 Nov 2026 (UTC), -25 % against the 20 days before"
    assert [line.split() for line in shown[2:9]] == [
        ["Feature", "Owner", "Spend", "Share", "Running", "Calls", "Input", "Cached", "Output", "A", "call", "Trend"],
        ["─" * len(part) for part in shown[3].split()],
        ["chat", "Ann", "$15.00", "75.0", "%", "75.0", "%", "100", "12.3k", "10.0", "%", "950", "$0.10", "+12", "%"],
        ["search", "$4.00", "+?", "20.0", "%", "95.0", "%", "100", "12.3k", "950", "$0.10", "×13"],
        ["─" * len(part) for part in shown[6].split()],
        ["(unallocated)", "$1.00", "5.0", "%", "100", "%", "100", "12.3k", "950", "$0.10", "-50", "%"],
        ["guess", "(inferred)", "?", "1,000,000", "12.3k", "950", "?"],
    ]
    assert [" ".join(line.split()) for line in shown[10:]] == [
        "priced 100 % of calls",
        "usage known > 99.9 % of calls",
        "allocated 50.0 % of calls, 75.0 % of dollars to declared or mapped features",
        "removed 1,200 duplicates and 3 wrappers: $4.50 that would have been counted twice",
        "lost on the way 2 of 5,000 numbered spans",
        "prices genai-prices 0.2.3",
    ]


@pytest.mark.parametrize(
    ("running", "above"),
    [([0.9, 0.95, 1.0], 1), ([0.79, 0.8, 1.0], 2), ([0.4, 0.79, 0.81], 3), ([0.1, 0.2, 0.3], 0), ([None, None], 0)],
)
def test_the_rule_stands_under_the_features_that_make_80_percent(running: Sequence[float | None], above: int) -> None:
    rows = [row(f"f{n}", None if r is None else "1", cumulative_share=r) for n, r in enumerate(running)]
    shown = lines(document(*rows))
    rules = [n for n, line in enumerate(shown) if line.startswith("─")]
    assert rules[0] == 3
    names_above = [line for line in shown[4 : rules[1]] if line] if len(rules) > 1 else []
    # under the last row of all there is nothing to rule off
    assert len(names_above) == (above if above < len(running) else 0)


def test_budgets_stand_beside_the_spend_where_one_is_declared() -> None:
    report = document(row("a", budget_usd_per_month="1500"), row("b"))
    assert "Budget" in lines(report)[2].split()
    assert cells(report, "a ")[:2] == ["$10.00", "$1,500"]
    assert cells(report, "b ")[:2] == ["$10.00", "50.0"]
    assert "Budget" not in lines(document(row("a")))[2]


@pytest.mark.parametrize(
    ("by", "name"),
    [
        (Dimension.FEATURE, "(unallocated)"),
        (Dimension.MODEL, "(no model told)"),
        (Dimension.PROVIDER, "(no provider told)"),
        (Dimension.TENANT, "(no tenant)"),
        (Dimension.USER, "(no user)"),
        (Dimension.SERVICE, "(no service told)"),
    ],
)
def test_every_dimension_has_a_name_for_what_has_none(by: Dimension, name: str) -> None:
    shown = lines(document(row("x"), row(None), by=by))
    assert shown[2].split()[0] == str(by).capitalize()
    assert shown[5].startswith(name)


def test_declarations_that_do_not_count_are_told() -> None:
    told = "declarations the file does not count as it stands: b.toml: map 1: feature is missing"
    assert any(line.startswith("declarations") for line in lines(document(row("a")))) is False
    assert told in [
        re.sub(" +", " ", line).strip()
        for line in lines(document(row("a"), config_error="b.toml: map 1: feature is missing"))
    ]


def test_no_calls_say_what_to_do() -> None:
    shown = "\n".join(lines(document()))
    assert shown.startswith("No calls in the last 20 days.")
    assert 'breakeven.feature("name")' in shown


def test_more_rows_than_fit_are_told() -> None:
    shown = lines(document(*(row(f"f{n}") for n in range(33))))
    assert "… and 3 more: --format csv shows all" in shown
    assert not any(line.startswith("f30") for line in shown)


def test_what_has_no_price_is_told_by_reason() -> None:
    def entry(reason: str, model: str, calls: int, meter: str | None = None) -> dict[str, Any]:
        quantity = None if meter is None else "7"
        return {
            "reason": reason,
            "provider": "p",
            "model": model,
            "meter": meter,
            "calls": calls,
            "quantity": quantity,
            "estimated_usd": None,
        }

    report = document(
        row("a"),
        unpriced=[
            entry("model not in the price book", "[bold]odd[/]", 1500),
            entry("no usage reported", "m1", 2),
            entry("no usage reported", "m2", 3),
            entry("no rate", "", 1, "web_search"),
            entry("no rate", "x", 1, "y"),
            entry("no rate", "x", 1, "z"),
        ],
        lost={"spans": 0, "numbered": 0},
        price_book=None,
    )
    shown = " ".join(" ".join(lines(report)).split())
    assert (
        "priced 100 % of calls; without: 1.5k model not in the price book (p/[bold]odd[/]), 5 no usage reported, "
        "7 web_search without a rate (no model), 7 y without a rate (x) and 1 more" in shown
    )
    assert "lost on the way not known: no span is numbered" in shown
    assert shown.endswith("prices none loaded")


@pytest.mark.parametrize("name", ["[bold]x[/]", "[/]", "[/unknown]", ":smile:", "[link=http://x]y", "a\\[b]"])
def test_names_are_text_and_never_markup(name: str) -> None:
    report = document(row(name, owner=name, allocated_calls=0), row(name, owner=name))
    shown = lines(report)
    assert shown[4].startswith(f"{name} (inferred)")
    assert shown[4].count(name) == 2
    assert shown[5].count(name) == 2


@pytest.mark.parametrize("char", ["\x1b", "\n", "\r", "\x07", "\x00", "\x9b", "\u202e"])
def test_names_cannot_steer_the_terminal(char: str) -> None:
    name = f"a{char}[31mb"
    unpriced = {"reason": "model unknown", "provider": "", "model": name, "meter": None, "calls": 1, "quantity": None}
    report = document(row(name, owner=name), unpriced=[unpriced])
    out = io.StringIO()
    print_report(report, Console(file=out, width=140))
    text = out.getvalue()
    assert text.count("a\ufffd[31mb") == 3
    assert char == "\n" or char not in text


@pytest.mark.parametrize("name", ["søk", "検索", "👩\u200d💻 x", "a\u00a0b", "नमस्ते"])
def test_names_of_all_languages_stay_as_they_are(name: str) -> None:
    assert lines(document(row(name)))[4].startswith(name)


@pytest.mark.parametrize("width", [20, 40, 80, 109, 110, 200])
@pytest.mark.parametrize("terminal", [False, True])
def test_figures_are_never_cut_however_narrow_the_terminal(width: int, terminal: bool) -> None:
    report = document(row("n" * 300, "1234567", input_tokens=10**12, trend=0.5), row("é✓" * 50, "1"))
    text = "\n".join(lines(report, width, terminal))
    for figure in ("$1,234,567", "1000.0B", "+50 %", "1,200 duplicates and 3 wrappers"):
        assert figure in text
    assert text.count("n" * 10) >= 1
    # names are folded, not cut
    assert sum(line.split(" ")[0].count("n") for line in text.splitlines() if line.startswith("n")) == 300


def test_the_document_is_not_changed() -> None:
    report = document(row("a"), row(None))
    before = copy.deepcopy(report)
    report_table(report)
    report_csv(report)
    assert report == before


# ------------------------------------------------------------------------------------------------------------- csv


def test_csv_has_all_rows_and_columns_and_leaves_unknown_figures_empty() -> None:
    rows = [row(f"f{n}", owner="me") for n in range(40)] + [row(None, None)]
    read = list(csv.DictReader(io.StringIO(report_csv(document(*rows)), newline="")))
    assert read == [{key: "" if value is None else str(value) for key, value in one.items()} for one in rows]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), max_size=5))
def test_any_name_survives_csv(names: list[str]) -> None:
    names = [*names, 'a "quoted", comma\nand\r\nlines\r', " x "]
    text = report_csv(document(*(row(name, owner=name) for name in names)))
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(one["feature"], one["owner"]) for one in read] == [(name, name) for name in names]


@pytest.mark.parametrize("by", list(Dimension))
def test_csv_without_rows_is_a_header(by: Dimension) -> None:
    assert report_csv(document(by=by)) == f"{by},calls,input_tokens,output_tokens,cost_usd\n"
