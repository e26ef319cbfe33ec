"""Feature: why does this one cost that?"""

from typing import Any, Final

from breakeven_dashboards import columns, links, tables
from breakeven_dashboards.dashboard import dashboard
from breakeven_dashboards.datasource import target
from breakeven_dashboards.panel import COUNT, DASH, SECONDS, SHARE, USD, Panel, field, series, stat, table
from breakeven_dashboards.queries import FILTERS, Queries

_sql: Final = Queries(FILTERS)


def feature() -> dict[str, Any]:
    """The dashboard."""
    return dashboard(
        "feature",
        "Why does this feature cost that? Choose one above; whole UTC days, but for latency and errors.",
        queries=_sql,
        rows=[
            (5, [(24, period())]),
            (9, [(12, spend_by_day()), (12, tokens())]),
            (8, [(8, cost_a_call()), (8, shares()), (8, latency())]),
            (9, [(24, tables.models(7, _sql))]),
            (9, [(8, tables.tenants(8, _sql)), (8, users()), (8, margin())]),
            (8, [(24, errors())]),
        ],
        annotations=[
            ("Price changes", "annotation_prices", "orange"),
            ("New models", "annotation_models", "green"),
            ("Decisions", "annotation_decisions", "blue"),
        ],
    )


def period() -> Panel:
    """What the feature cost, against the period before."""
    return stat(
        1,
        "This period",
        "Spend is known and estimated dollars together; change is that of known dollars against as many days before. "
        "A call: known dollars over calls whose dollars are all known. Cached input: share of input tokens that came "
        "from a cache. Failed: share of calls.",
        [target(_sql("totals"), "table")],
        unit=USD,
        shown=["Spend", "Change", "Estimated", "Calls", "Change of calls", "A call", "Cached input", "Failed"],
        fields=[
            *(columns.SPEND, columns.CHANGE, columns.ESTIMATED, columns.CALLS),
            field("change_of_calls", "Change of calls", unit=SHARE, absent=DASH),
            *(columns.A_CALL, columns.CACHED, columns.FAILED),
        ],
    )


def spend_by_day() -> Panel:
    """The course of its bill."""
    return series(
        2,
        "Spend by day and model",
        "Known and estimated dollars by UTC day: the eight dearest models of the period, all others in one.",
        [target(_sql("by_day_model"), "timeseries")],
        unit=USD,
        interval="1d",
        name="${__field.labels.model}",
        bars=True,
        stacked=True,
        links=[
            links.to_dashboard("feature", "model", links.label("model"), kept=("project", "environment", "feature"))
        ],
    )


def tokens() -> Panel:
    """What the dollars are made of."""
    return series(
        3,
        "Tokens by kind and day",
        "Each token counts once: uncached input, read from or written to a cache, audio and images, answer, reasoning.",
        [target(_sql("tokens_by_day"), "timeseries")],
        unit=COUNT,
        interval="1d",
        bars=True,
        stacked=True,
        fields=[
            field("uncached_input", "Uncached input"),
            field("read_from_cache", "Read from cache"),
            field("written_to_cache", "Written to cache"),
            field("audio_and_image_input", "Audio and image input"),
            field("answer", "Answer"),
            field("reasoning", "Reasoning"),
            field("audio_and_image_output", "Audio and image output"),
        ],
    )


def cost_a_call() -> Panel:
    """Dearer calls or more of them."""
    return series(
        4,
        "Cost a call by day",
        "Known dollars over calls whose dollars are all known, by UTC day. It tells dearer calls from more calls.",
        [target(_sql("cost_a_call"), "timeseries")],
        unit=USD,
        interval="1d",
        fields=[field("usd_per_call", "A call")],
    )


def shares() -> Panel:
    """Cache and failures."""
    return series(
        5,
        "Cached input and failures by day",
        "Of input tokens, those read from a cache; of calls, those that failed. By UTC day.",
        [target(_sql("shares_by_day"), "timeseries")],
        unit=SHARE,
        interval="1d",
        fields=[columns.CACHED, columns.FAILED],
        top=1,
    )


def latency() -> Panel:
    """How long calls take."""
    return series(
        6,
        "Latency",
        "Median and 95th percentile, from the calls that are kept (BREAKEVEN_KEEP_CALLS_DAYS), by hour or more. A "
        "call that two instrumentations saw has its length twice.",
        [target(_sql("latency"), "timeseries")],
        unit=SECONDS,
        interval="1h",
        fields=[field("p50_seconds", "Median"), field("p95_seconds", "95 %")],
    )


def users() -> Panel:
    """By user."""
    return table(
        9,
        "Users",
        "Users of the application, the dearest first. With an environment or a tenant chosen this reads the ledger "
        "by the minute, which takes longer.",
        [target(_sql("users"), "table")],
        unit=USD,
        fields=[field("user", "User"), *columns.MONEY],
    )


def margin() -> Panel:
    """What it earns."""
    return table(
        10,
        "Margin, where revenue is known",
        "Imported revenue beside cost of goods over the same whole days: from the first call on, without today. By "
        "project and feature alone. `breakeven margin` has it by month.",
        [target(_sql("margin"), "table")],
        unit=USD,
        fields=[
            *columns.feature("threshold"),
            field("revenue_usd", "Revenue", unit=USD),
            field("cost_of_goods_usd", "Cost of goods", unit=USD),
            columns.ESTIMATED,
            field("gross_margin", "Gross margin", unit=SHARE),
        ],
    )


def errors() -> Panel:
    """Why calls fail."""
    return table(
        11,
        "Errors",
        "Failed calls by error and model, from the calls that are kept, the most frequent first.",
        [target(_sql("errors"), "table")],
        fields=[field("error", "Error"), field("model", "Model"), columns.CALLS, field("last", "Last")],
    )
