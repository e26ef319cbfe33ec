"""Bill: what do we spend, and who drives it?"""

from typing import Any, Final

from breakeven_dashboards import columns, links, tables
from breakeven_dashboards.dashboard import dashboard
from breakeven_dashboards.datasource import target
from breakeven_dashboards.panel import DASH, SHARE, USD, Panel, bars, field, series, stat, steps, table
from breakeven_dashboards.queries import FILTERS, Queries

_sql: Final = Queries(FILTERS)
_BY_FEATURE: Final = [
    links.to_dashboard("feature", "feature", links.label("feature")),
    links.to_page(links.label("feature")),
]


def bill() -> dict[str, Any]:
    """The dashboard."""
    return dashboard(
        "bill",
        "What do we spend, and who drives it? Whole UTC days; duplicates are taken out; what is not known is told, "
        "never counted as 0.",
        queries=_sql,
        rows=[
            (5, [(12, period()), (12, coverage())]),
            (10, [(24, spend_by_day())]),
            (11, [(9, pareto()), (15, features())]),
            (8, [(7, tied_out()), (17, billed_by_day())]),
            (9, [(8, tables.models(8, _sql)), (8, tables.tenants(9, _sql)), (8, owners())]),
        ],
        annotations=[
            ("Price changes", "annotation_prices", "orange"),
            ("Decisions", "annotation_decisions", "blue"),
        ],
    )


def period() -> Panel:
    """What the period cost, against the one before."""
    return stat(
        1,
        "This period",
        "Spend is known and estimated dollars together. Change is that of known dollars against as many days before, "
        "as far into them as the present is into these: the figure of `breakeven report`. A call: known dollars over "
        "calls whose dollars are all known.",
        [target(_sql("totals"), "table")],
        unit=USD,
        shown=["Spend", "Change", "Estimated", "Calls", "Change of calls", "A call"],
        fields=[
            *(columns.SPEND, columns.CHANGE, columns.ESTIMATED, columns.CALLS),
            field("change_of_calls", "Change of calls", unit=SHARE, absent=DASH),
            columns.A_CALL,
        ],
    )


def coverage() -> Panel:
    """How much of the bill is known and has an owner."""
    good = steps((None, "red"), (0.8, "orange"), (0.95, "green"))
    return stat(
        2,
        "Coverage",
        "Priced: calls whose dollars are all known. Usage known: calls that reported all of theirs. Allocated: of "
        "calls and of known dollars, those of a declared or mapped feature. Estimated: its share of the spend.",
        [target(_sql("coverage"), "table")],
        unit=SHARE,
        shown=["Priced", "Usage known", "Allocated calls", "Allocated dollars", "Estimated"],
        fields=[
            field("priced_calls", "Priced", unit=SHARE, thresholds=good),
            field("calls_with_usage", "Usage known", unit=SHARE, thresholds=good),
            field("allocated_calls", "Allocated calls", unit=SHARE, thresholds=good),
            field("allocated_dollars", "Allocated dollars", unit=SHARE, thresholds=good),
            field("estimated_dollars", "Estimated", unit=SHARE),
        ],
    )


def spend_by_day() -> Panel:
    """The course of the bill."""
    return series(
        3,
        "Spend by day and feature",
        "Known and estimated dollars by UTC day: the eight dearest features of the period, all others in one. A bar "
        "is a day, however far the chart is zoomed out.",
        [target(_sql("by_day_feature"), "timeseries")],
        unit=USD,
        interval="1d",
        name="${__field.labels.feature}",
        bars=True,
        stacked=True,
        links=_BY_FEATURE,
    )


def pareto() -> Panel:
    """The dearest features."""
    return bars(
        4,
        "Who drives it",
        "Features by spend, known and estimated; the table beside it has the share that they make together.",
        [target(_sql("pareto"), "table")],
        unit=USD,
        by="feature",
        figure="usd",
        hidden=["feature_value"],
        fields=[field("usd", "Spend", unit=USD, link=columns.links_of_feature("feature"))],
    )


def features() -> Panel:
    """The Pareto in figures."""
    return table(
        5,
        "Features",
        "The dearest first. Running: the share that a feature and all above it make together; the last one has 100 "
        "%. Change: known dollars against as many days before. Owner and cost centre as declared in breakeven.toml.",
        [target(_sql("pareto"), "table")],
        unit=USD,
        fields=[
            *columns.feature("feature", "threshold"),
            *(columns.SPEND, columns.PART),
            field("running_share", "Running", unit=SHARE, gauge=True),
            *(columns.CHANGE, columns.KNOWN, columns.ESTIMATED, columns.CALLS, columns.A_CALL),
            *(field("owner", "Owner", absent=DASH), field("cost_centre", "Cost centre", absent=DASH)),
        ],
    )


def tied_out() -> Panel:
    """Whether the providers bill the same."""
    return stat(
        6,
        "Tied out with the providers' bills",
        "Of what providers billed on days that are closed there: the share that calls tell of. More seen than billed "
        "on one day makes up for nothing on another. By day, provider and project alone: report and page hold keys and "
        "models against each other as well, and may come to less. Not known where no bill was imported; `breakeven "
        "tieout` says what the difference is made of.",
        [target(_sql("tied_out"), "table")],
        unit=USD,
        shown=["Seen of billed", "Billed", "Seen", "Unseen"],
        fields=[
            field("seen_share", "Seen of billed", unit=SHARE),
            field("billed_usd", "Billed", unit=USD),
            field("seen_usd", "Seen", unit=USD),
            field("unseen_usd", "Unseen", unit=USD),
        ],
    )


def billed_by_day() -> Panel:
    """Both bills, day by day."""
    return series(
        7,
        "Billed and seen by day",
        "What the providers' accounts bill and what calls tell of, by UTC day and project. The newest days may still "
        "change at the provider.",
        [target(_sql("billed_by_day"), "timeseries")],
        unit=USD,
        interval="1d",
        fields=[field("billed_usd", "Billed"), field("seen_usd", "Seen")],
    )


def owners() -> Panel:
    """By who answers for it."""
    return table(
        10,
        "Owners",
        "Owners of features as declared in breakeven.toml, the dearest first.",
        [target(_sql("owners"), "table")],
        unit=USD,
        fields=[field("owner", "Owner"), *columns.MONEY],
    )
