"""Pipeline: is the data right?"""

from typing import Any, Final

from breakeven_dashboards import columns
from breakeven_dashboards.dashboard import dashboard
from breakeven_dashboards.datasource import target
from breakeven_dashboards.panel import (
    BYTES,
    COUNT,
    DASH,
    NONE,
    SECONDS,
    SHARE,
    USD,
    Panel,
    field,
    series,
    stat,
    steps,
    table,
)
from breakeven_dashboards.queries import Queries

_sql: Final = Queries(("project", "environment"))
_COLLECTOR: Final = "${__field.labels.collector}"


def pipeline() -> dict[str, Any]:
    """The dashboard."""
    return dashboard(
        "pipeline",
        "Is the data right? Whether all that was sent has come, is priced, has a feature and is counted once.",
        queries=_sql,
        rows=[
            (7, [(24, collectors())]),
            (8, [(6, lag()), (6, journal()), (6, spans()), (6, quarantine())]),
            (9, [(12, shares()), (12, unpriced())]),
            (9, [(12, unpriced_models()), (12, unattributed())]),
            (8, [(8, removed_total()), (16, removed())]),
            (7, [(24, sources())]),
        ],
        annotations=[("Price changes", "annotation_prices", "orange")],
        start="now-6d/d",
        refresh="1m",
    )


def collectors() -> Panel:
    """Who is alive."""
    return table(
        1,
        "Collectors",
        "Each collector as it last told of itself within this time; it does every minute, if the store takes it. "
        "Silent: for how long it has not. Rejected, unkept and failed tries count from its start. Not filtered; seen "
        "by readers of all projects alone.",
        [target(_sql("health_now"), "table")],
        fields=[
            *(field("collector", "Collector"), field("told_at", "Told")),
            field("silent_seconds", "Silent", unit=SECONDS, thresholds=steps((None, "green"), (180, "red"))),
            field("lag_seconds", "Lag", unit=SECONDS, thresholds=steps((None, "green"), (60, "orange"), (300, "red"))),
            field("journal_full", "Journal full", unit=SHARE, gauge=True),
            *(field("quarantined", "In quarantine"), field("rejected", "Rejected spans")),
            *(field("unkept", "Answered 503"), field("ship_errors", "Failed tries"), field("held_up", "Held up")),
            field("version", "Version"),
        ],
    )


def lag() -> Panel:
    """How fresh the bill is."""
    return series(
        2,
        "Lag",
        "Age of the oldest acknowledged request that is not in the ledger yet: the most within each interval. It "
        "costs nothing but the freshness of the bill.",
        [target(_sql("lag"), "timeseries")],
        unit=SECONDS,
        interval="1m",
        name=_COLLECTOR,
        lines=steps((None, "transparent"), (300, "red")),
    )


def journal() -> Panel:
    """What waits."""
    return series(
        3,
        "Journal",
        "Bytes that were acknowledged and wait for the store. At the journal's limit requests are answered 503.",
        [target(_sql("journal"), "timeseries")],
        unit=BYTES,
        interval="1m",
        name=_COLLECTOR,
    )


def spans() -> Panel:
    """What comes and what lands."""
    return series(
        4,
        "Spans received and landed",
        "Spans acknowledged, spans that came into the ledger, and tries of the shipper that failed and are repeated, "
        "within each interval.",
        [target(_sql("spans"), "timeseries")],
        unit=COUNT,
        interval="1m",
        fields=[field("received", "Received"), field("landed", "Landed"), field("failed_tries", "Failed tries")],
    )


def quarantine() -> Panel:
    """What the store cannot take."""
    return series(
        5,
        "Quarantine",
        "Requests that lie in quarantine because the store cannot take them: each has its reason in a file beside it.",
        [target(_sql("quarantine"), "timeseries")],
        unit=COUNT,
        interval="1m",
        name=_COLLECTOR,
    )


def shares() -> Panel:
    """Priced, allocated, estimated."""
    return series(
        6,
        "Priced, allocated, estimated by day",
        "Of calls, those whose dollars are all known and those of a declared or mapped feature; of dollars, the "
        "estimated ones. By UTC day.",
        [target(_sql("shares_of_pipeline"), "timeseries")],
        unit=SHARE,
        interval="1d",
        fields=[
            field("priced_calls", "Priced calls"),
            field("allocated_calls", "Allocated calls"),
            field("estimated_dollars", "Estimated dollars"),
        ],
        top=1,
    )


def unpriced() -> Panel:
    """Why dollars are missing."""
    return series(
        7,
        "Calls without all their dollars, by day and reason",
        "What is not known is counted here, never as $0.",
        [target(_sql("unpriced"), "timeseries")],
        unit=COUNT,
        interval="1d",
        name="${__field.labels.reason}",
        bars=True,
        stacked=True,
    )


def unpriced_models() -> Panel:
    """Whose dollars are missing."""
    return table(
        8,
        "Unpriced models and meters",
        "Where dollars are missing, the most calls first; estimated stands what the missing usage probably cost. A "
        "model that the price book does not have gets a price with `breakeven prices`.",
        [target(_sql("unpriced_models"), "table")],
        fields=[
            *(field("reason", "Reason"), field("provider", "Provider"), field("meter", "Meter", absent=DASH)),
            *columns.choosing("model", "Model", kept=("project", "environment")),
            *(columns.CALLS, field("quantity", "Quantity"), columns.ESTIMATED),
        ],
    )


def unattributed() -> Panel:
    """Nobody's dollars."""
    return table(
        9,
        "Unattributed, by service",
        "Calls that no declared or mapped feature pays for, the dearest service first. `breakeven map` proposes rules.",
        [target(_sql("unattributed"), "table")],
        unit=USD,
        fields=[field("service", "Service"), columns.SPEND, columns.KNOWN, columns.ESTIMATED, columns.CALLS],
    )


def removed_total() -> Panel:
    """What is not counted twice."""
    return stat(
        10,
        "Removed and late",
        "Duplicates (two instrumentations saw one call) and wrappers (a span around calls) are not in the bill: the "
        "dollars would have been counted twice. Late calls came after their minutes were sealed: they are in the "
        "bill.",
        [target(_sql("removed_total"), "table")],
        shown=["Duplicates", "Wrappers", "Removed dollars", "Late calls", "Late dollars"],
        fields=[
            *(field("duplicate_calls", "Duplicates"), field("wrapper_calls", "Wrappers")),
            field("removed_usd", "Removed dollars", unit=USD, absent=NONE),
            field("late_calls", "Late calls"),
            field("late_usd", "Late dollars", unit=USD, absent=NONE),
        ],
    )


def removed() -> Panel:
    """The same, day by day."""
    return series(
        11,
        "Removed and late by day",
        "Duplicates and wrappers that were taken out of the bill, and calls that came after their minutes were sealed.",
        [target(_sql("removed"), "timeseries")],
        unit=COUNT,
        interval="1d",
        bars=True,
        fields=[
            field("duplicate_calls", "Duplicates"),
            field("wrapper_calls", "Wrappers"),
            field("late_calls", "Late calls"),
        ],
    )


def sources() -> Panel:
    """How old prices and bills are."""
    return table(
        12,
        "Price books and imported bills",
        "When each was loaded, the newest first. The price book loaded last prices everything.",
        [target(_sql("sources"), "table")],
        fields=[field("what", "What"), field("name", "Name"), field("at", "Loaded"), field("rows", "Rows")],
    )
