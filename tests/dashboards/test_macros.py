"""The expander that all other tests of dashboards rely on, against the plugin's own table of macros."""

from datetime import UTC, datetime

import pytest

from tests.dashboards.macros import ALL, Range, conditional, expand, templated

TIME = Range(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, 1, 2, 3, tzinfo=UTC), 3600)
FROM, TO = "toDateTime(1793491200)", "toDateTime(1793581323)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$__timeFilter(s.at)", f"s.at >= {FROM} AND s.at <= {TO}"),
        ("$__dateFilter(day)", "day >= toDate('2026-11-01') AND day <= toDate('2026-11-02')"),
        (
            "$__dateTimeFilter(d, t)",
            f"(d >= toDate('2026-11-01') AND d <= toDate('2026-11-02')) AND (t >= {FROM} AND t <= {TO})",
        ),
        ("toStartOfDay($__fromTime, 'UTC')", f"toStartOfDay({FROM}, 'UTC')"),
        ("x < $__toTime)", f"x < {TO})"),
        ("$__fromTime_ms", "fromUnixTimestamp64Milli(1793491200000)"),
        ("$__timeInterval(ts)", "toStartOfInterval(toDateTime(ts), INTERVAL 3600 second)"),
        ("$__interval_s", "3600"),
        ("$__unknown(x)", "$__unknown(x)"),
    ],
)
def test_macros_of_the_backend_become_what_the_plugin_makes_of_them(text: str, expected: str) -> None:
    assert expand(text, {}, TIME) == expected


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ((ALL,), "1=1"),
        ((), "1=1"),
        # The trap: one that has no name looks like All, so no variable may have it as a value.
        (("",), "1=1"),
        (("a",), "f(s.x, ',') IN (${x:singlequote})"),
    ],
)
def test_a_condition_falls_away_where_all_is_chosen(chosen: tuple[str, ...], expected: str) -> None:
    assert conditional("$__conditionalAll(f(s.x, ',') IN (${x:singlequote}), $x)", {"x": chosen}) == expected


def test_quotes_are_escaped_and_backslashes_are_not() -> None:
    assert templated("IN (${x:singlequote})", {"x": ("it's", "a\\b", "100 %")}) == "IN ('it\\'s','a\\b','100 %')"
    with pytest.raises(AssertionError, match="singlequote"):
        templated("IN (${x})", {"x": ("a",)})
