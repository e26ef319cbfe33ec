"""The page: its address holds the view, and its charts, tables and words show what they are given."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from breakeven_collector.errors import BadRequest
from breakeven_collector.page.bands import Orientation
from breakeven_collector.page.held import HeldPages
from breakeven_collector.page.outlook import outlook_chart
from breakeven_collector.page.series import daily, stacked
from breakeven_collector.page.tables import Column, TableOf
from breakeven_collector.page.view import View
from breakeven_collector.page.words import exact, name, shown, spark, trend
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
    assert json.loads(json.dumps(stacked(daily([], date(2026, 1, 1), date(2026, 1, 2)), "model"))) == {
        "by": "model", "days": ["2026-01-01", "2026-01-02"], "series": [],
    }  # fmt: skip


def test_bands_are_those_of_the_file(tmp_path: Path) -> None:
    config = tmp_path / "breakeven.toml"
    bands = Orientation(config)
    assert [bands.of_feature("search", Decimal(usd)) for usd in (25_000, 5_000, 10)] == [
        *("above the $20k band", "25 % of the $20k band", "far below the $20k band")
    ]
    config.write_text(
        "[assumptions.bands]\nstay_usd = 100\nlook_usd = 900\nfeature_usd = 500\n"
        "[assumptions.features.chat.bands]\nfeature_usd = 12500\n"
    )
    bands = Orientation(config)
    assert bands.of_total(Decimal(50)) == "below the $100 band: hosting is not worth a look yet"
    assert bands.of_total(Decimal(900)) == "above the $900 band: hosting is worth a look"
    assert bands.of_feature("chat", Decimal(6_250)) == "50 % of the $12.5k band"
    # Dearer, and further from its own band.
    assert bands.nearest({"chat": Decimal(600), "search": Decimal(400), "": Decimal(9_000)}) == {
        "feature": "search", "usd": Decimal(400), "where": "80 % of the $500 band",
    }  # fmt: skip
    assert [line["label"] for line in bands.lines("chat")] == ["$100 band", "$900 band", "$12.5k band"]
    config.write_text("[assumptions.bands]\nstay_usd = 'much'\n")
    assert Orientation(config).of_feature("search", Decimal(25_000)) == "above the $20k band"


VERDICT: dict[str, Any] = {
    "threshold_usd": 900.0,
    "would_pay": {"spend_usd_per_month": 2_000.0},
    "crossing": {"p50_on": "2026-12-05"},
    "outlook": [
        {"on": "2026-11-20", "p10_usd": 440.0, "p50_usd": 450.0, "p90_usd": 460.0},
        {"on": "2026-11-23", "p10_usd": 450.0, "p50_usd": 470.0, "p90_usd": 490.0},
    ],
}


@given(st.lists(st.integers(0, 1_000), min_size=90, max_size=90))
def test_the_crossing_chart_is_of_trailing_30_days_and_meets_its_forecast(spent: list[int]) -> None:
    first = date(2026, 8, 23)
    rows = [
        {"name": "gpt-4o", "date": (first + timedelta(days=n)).isoformat(), "cost_usd": Decimal(usd), "estimated_usd": None}
        for n, usd in enumerate([1, *spent[1:]])
    ]  # fmt: skip
    spend = daily(rows, first, date(2026, 11, 20))
    chart = outlook_chart(spend, VERDICT, [{"usd": 500.0, "label": "$500 band"}], view(feature="search"))
    assert chart is not None
    drawn = {day: usd for day, usd in zip(chart["days"], chart["spend"], strict=True) if usd is not None}
    # The 20th is not over: its calls stand in no sum.
    assert max(drawn) == "2026-11-20" == VERDICT["outlook"][0]["on"]
    assert len(drawn) == 60
    assert drawn["2026-11-20"] == sum(spent[59:89])
    steps = [later - earlier for earlier, later in pairwise(drawn.values())]
    assert steps == [new - old for new, old in zip(spent[30:89], [1, *spent[1:59]], strict=True)]
    most = max(*drawn.values(), 450.0)
    assert [line["is_far"] for line in chart["lines"]] == [line["usd"] > 8 * most for line in chart["lines"]]
    assert [(line["label"], line["usd"], line["is_main"]) for line in chart["lines"]] == [
        ("$500 band", 500.0, False), ("safe", 2_000.0, False), ("break-even", 900.0, True),
    ]  # fmt: skip
    assert chart["marks"] == [{"on": "2026-12-05", "label": "crosses"}]
    assert chart["p50"][-2:] == [450.0, 470.0]


def test_a_crossing_chart_needs_all_calls_up_to_today() -> None:
    days = [date(2026, 10, 1) + timedelta(days=n) for n in range(51)]
    rows = [{"name": "", "date": day.isoformat(), "cost_usd": Decimal(1), "estimated_usd": None} for day in days]
    spend = daily(rows, days[0], days[-1])
    assert outlook_chart(spend, VERDICT, [], view(feature="search", environment="production")) is None
    assert outlook_chart(spend, VERDICT, [], view()) is None
    assert outlook_chart(spend, None, [], view(feature="search")) is not None
    october = daily(rows[:31], days[0], date(2026, 10, 31))
    assert outlook_chart(october, VERDICT, [], view(feature="search", month="2026-10")) is None


def test_pages_are_held_until_something_changes() -> None:
    held, made = HeldPages(), iter(range(9))

    def build() -> dict[str, int]:
        return {"n": next(made)}

    asked = [("/", "pulse 1"), ("/", "pulse 1"), ("/?days=7", "pulse 1"), ("/", "pulse 2"), ("/", "pulse 1")]
    assert [held.of(key, build)["n"] for key in asked] == [0, 0, 1, 2, 0]


def test_a_sentence_is_shown_whole_and_a_name_is_cut() -> None:
    told = "contract-review will pass its break-even around 11 Dec: " + "it cost $23.2k in the 30 days to 29 Nov; " * 3
    assert (shown(told, "sentence"), shown(told, "text")) == (told, f"{told[:119]}…")
