"""Days and months begin at midnight where the reader is."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from breakeven_collector import otlp
from breakeven_collector.errors import BadRequest
from breakeven_collector.period import Asked, Period, between, last_days, month
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.report import Dimension, build_report
from hypothesis import given
from hypothesis import strategies as st

from tests.spans import Call, body

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Auckland"]
ONE_CALL_USD = Decimal("0.0035")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # pyright: ignore[reportArgumentType]


def in_utc(period: Period) -> list[str]:
    moments = (period.start, period.end, period.previous_start, period.previous_end)
    return [f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" for moment in moments]


def test_a_month_in_berlin_begins_and_ends_at_its_own_midnight() -> None:
    october = month("2026-10", utc(2026, 11, 20, 12), "Europe/Berlin")
    # Summer time ends on 25 October: the month has an hour more than 31 days.
    assert in_utc(october) == ["2026-09-30 22:00", "2026-10-31 23:00", "2026-08-31 22:00", "2026-09-30 22:00"]
    assert (october.end.astimezone(UTC) - october.start.astimezone(UTC), october.days) == (
        timedelta(days=31, hours=1),
        31,
    )


def test_the_present_month_is_compared_with_as_much_of_the_last_one() -> None:
    assert in_utc(month("2026-11", utc(2026, 11, 20, 15, 20))) == [
        *("2026-11-01 00:00", "2026-11-20 15:20", "2026-10-01 00:00", "2026-10-20 15:15"),
    ]
    # The 31st has no partner in a month of 30 days: all of it is taken.
    assert in_utc(month("2026-10", utc(2026, 10, 31, 15, 20)))[2:] == ["2026-09-01 00:00", "2026-10-01 00:00"]


def test_the_last_days_across_a_change_of_the_clock_end_at_the_same_time_of_day() -> None:
    week = last_days(7, utc(2026, 10, 28, 11, 5), "Europe/Berlin")
    assert in_utc(week) == ["2026-10-21 22:00", "2026-10-28 11:05", "2026-10-14 22:00", "2026-10-21 10:00"]
    assert (week.previous_end.hour, week.end.hour) == (12, 12)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(timezone="Mars/Olympus"), "timezone 'Mars/Olympus' is not known; write one such as Europe/Berlin"),
        (Asked(month="2026-13"), "month '2026-13' is not known; write year and month, such as 2026-10"),
        (Asked(month="2026-12"), "month '2026-12' has not begun"),
        (Asked(first=date(2026, 11, 3), last=date(2026, 11, 2)), "the last day is before the first"),
        (Asked(last=date(2026, 11, 2)), "to 2026-11-02 without a day to begin from"),
        (Asked(month="2026-10", first=date(2026, 11, 2)), "a month, or days from and to: not both"),
        (Asked(month="1960-01"), "days are from 2020-01-01 to 2100-01-01"),
        (Asked(first=date(1, 1, 1), last=date(2026, 1, 1)), "days are from 2020-01-01 to 2100-01-01"),
        (Asked(first=date(2026, 1, 1), last=date.max), "days are from 2020-01-01 to 2100-01-01"),
        (Asked(days=10**7), "days is 10000000; that is before the calendar begins"),
    ],
)
def test_a_period_that_cannot_be_made_out_is_refused_with_what_to_write(asked: Asked, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        asked.period(utc(2026, 11, 20, 12))


@given(
    st.dates(date(2021, 1, 1), date(2026, 10, 31)),
    st.integers(1, 90),
    st.sampled_from(ZONES),
)
def test_the_period_before_is_as_many_days_and_ends_where_the_period_begins(
    first: date, days: int, timezone: str
) -> None:
    period = between(first, first + timedelta(days=days - 1), utc(2027, 6, 1), timezone)
    assert period.days == days
    assert period.previous_end == period.start
    assert (period.start.date() - period.previous_start.date()).days == days
    assert {period.start.hour, period.end.hour, period.previous_start.hour} == {0}


@pytest.mark.parametrize("by", [Dimension.FEATURE, Dimension.TENANT])
def test_days_of_a_report_follow_the_zone_across_the_change_of_the_clock(
    pipeline: Pipeline, project: str, by: Dimension
) -> None:
    """25 October 2026 has 25 hours in Berlin, from 22:00 UTC the day before to 23:00 UTC."""
    inside = [utc(2026, 10, 24, 22, 0), utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30), utc(2026, 10, 25, 22, 59)]
    outside = [utc(2026, 10, 24, 21, 59), utc(2026, 10, 25, 23, 0)]
    calls = [Call(at=at, attributes={"breakeven.tenant": "acme"}) for at in (*inside, *outside)]
    pipeline.journal.append(otlp.read_traces(body(*calls), otlp.Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()
    day = date(2026, 10, 25)
    period = between(day, day, utc(2026, 11, 20), "Europe/Berlin")
    document = build_report(pipeline.store, by=by, period=period, project=project)
    assert document["totals"]["calls"] == 4
    assert Decimal(document["totals"]["cost_usd"]) == 4 * ONE_CALL_USD
    assert Decimal(document["totals"]["previous_cost_usd"]) == ONE_CALL_USD
    in_kolkata = build_report(
        pipeline.store, by=by, period=between(day, day, utc(2026, 11, 20), "Asia/Kolkata"), project=project
    )
    # From 18:30 UTC the day before to 18:30 UTC.
    assert in_kolkata["totals"]["calls"] == 4


def test_a_months_edge_lies_where_the_reader_is(pipeline: Pipeline, project: str) -> None:
    edge = [utc(2026, 9, 30, 22, 30), utc(2026, 10, 31, 22, 30), utc(2026, 10, 31, 23, 30)]
    calls = [Call(at=at) for at in edge]
    pipeline.journal.append(otlp.read_traces(body(*calls), otlp.Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()

    def by_month(timezone: str) -> dict[str, int]:
        period = between(date(2026, 9, 1), date(2026, 11, 20), utc(2026, 11, 20, 12), timezone)
        rows = build_report(pipeline.store, by=Dimension.MONTH, period=period, project=project)["months"]
        return {row["month"]: row["calls"] for row in rows}

    assert by_month("UTC") == {"2026-09": 1, "2026-10": 2}
    assert by_month("Europe/Berlin") == {"2026-10": 2, "2026-11": 1}
    assert by_month("America/New_York") == {"2026-09": 1, "2026-10": 2}
    days = build_report(
        pipeline.store,
        by=Dimension.DAY,
        period=month("2026-10", utc(2026, 11, 20), "Europe/Berlin"),
        project=project,
    )["days"]
    assert [(row["day"], row["calls"]) for row in days] == [("2026-10-01", 1), ("2026-10-31", 1)]
