"""The page: its address holds the view, and its charts, tables and words show what they are given."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
from breakeven_collector.errors import BadRequest
from breakeven_collector.page import bands
from breakeven_collector.page.series import daily, stacked
from breakeven_collector.page.tables import Column, TableOf
from breakeven_collector.page.view import View
from breakeven_collector.page.words import exact, name, spark, trend
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def view(**query: str) -> View:
    return View.of(query, now=NOW, timezone="UTC")


def test_the_address_holds_the_view() -> None:
    query = {
        **{"days": "7", "timezone": "Europe/Berlin", "environment": "production", "feature": "search", "by": "model"},
        **{"q": "a b&c", "status": "failed", "project": "alpha", "model": "gpt-4o", "before": "5"},
    }
    shown = view(**query)
    assert dict(parse_qsl(urlsplit(shown.link("/calls")).query)) == query
    assert view(**dict(parse_qsl(urlsplit(shown.link("/calls")).query))) == shown
    assert view().link("/") == "/"
    assert view().period.start == datetime(2026, 11, 1, tzinfo=UTC)
    assert dict(parse_qsl(shown.over(days=30)))["days"] == "30"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"days": "0"}, "days '0': write a whole number from 1 to 3660"),
        ({"days": "x"}, "days 'x'"),
        ({"from": "yesterday"}, "from 'yesterday' is no day"),
        ({"timezone": "Mars/Base"}, "timezone 'Mars/Base' is not known"),
        ({"by": "colour"}, "by 'colour': write one of feature, model"),
        ({"q": "x" * 301}, "q is longer than 300"),
        ({"month": "2026-13"}, "month '2026-13'"),
    ],
)
def test_an_address_that_does_not_fit_names_what(query: dict[str, str], message: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(message)):
        view(**query)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from("abcdefghijkl"), st.decimals(0, 10**6, places=9)), max_size=60
    )
)
def test_what_is_stacked_is_what_was_spent(rows: list[tuple[int, str, Decimal]]) -> None:
    first = date(2026, 11, 1)
    read = [
        {"name": name, "date": (first + timedelta(days=day)).isoformat(), "cost_usd": usd, "estimated_usd": None}
        for day, name, usd in rows
    ]
    chart = stacked(daily(read, first, first + timedelta(days=9)), "model")
    assert len(chart["series"]) <= 9
    assert sum((Decimal(usd) for one in chart["series"] for usd in one["usd"]), Decimal(0)) == sum(
        (usd for _, _, usd in rows), Decimal(0)
    )


def test_a_table_is_the_same_as_csv() -> None:
    table = TableOf("x", "X", (Column("name", "Name"), Column("usd", "USD", "money"), Column("s", "S", "spark", csv=False)), [{"name": "-1+1", "usd": "-0.5", "s": [1]}, {"name": None, "usd": None}])  # fmt: skip
    assert table.csv() == "name,usd\r\n'-1+1,-0.5\r\n,\r\n"


def test_small_words() -> None:
    assert [trend(None), trend(0.123), trend(-0.2), trend(-0.004), trend(12.0)] == [
        *("–", "+12 %", "\N{MINUS SIGN}20 %", "±0 %", "×13")
    ]
    assert [exact("1234567.8900"), exact("0.00000218750"), exact(None)] == ["1,234,567.89", "0.0000021875", "–"]
    assert name("a" * 500) == "a" * 119 + "…"
    assert (spark([0, 0]), spark([1.0]), spark([0.0, 4.0])) == ("", "", "1.0,22.0 95.0,2.0")
    assert [bands.of_feature(Decimal(usd)) for usd in (25_000, 5_000, 10)] == [
        *("above the $20k band", "25 % of the $20k band", "far below the $20k band")
    ]
    assert json.loads(json.dumps(stacked(daily([], date(2026, 1, 1), date(2026, 1, 2)), "model"))) == {
        "by": "model", "days": ["2026-01-01", "2026-01-02"], "series": [],
    }  # fmt: skip
