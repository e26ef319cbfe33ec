"""Threshold: when does it pay to host a feature's model?"""

from typing import Any, Final

from breakeven_dashboards import columns, links
from breakeven_dashboards.dashboard import dashboard
from breakeven_dashboards.datasource import target
from breakeven_dashboards.panel import DASH, NONE, SHARE, USD, Panel, field, of_query, series, steps, table
from breakeven_dashboards.queries import Queries

_sql: Final = Queries(("project", "feature"))
_REACHED: Final = steps((None, "green"), (0.5, "yellow"), (0.8, "orange"), (1, "red"))


def threshold() -> dict[str, Any]:
    """The dashboard."""
    return dashboard(
        "threshold",
        "When does it pay to host a feature's model? The verdicts are Breakeven's own, as it gave them last: "
        "docs/verdicts.md.",
        queries=_sql,
        rows=[
            (9, [(24, verdicts())]),
            (11, [(24, trailing())]),
            (9, [(12, crossings()), (12, savings())]),
            (9, [(24, month_end())]),
            (8, [(12, evidence()), (12, decisions())]),
        ],
        annotations=[
            ("Price changes", "annotation_prices", "orange"),
            ("Decisions", "annotation_decisions", "blue"),
        ],
        start="now-89d/d",
        refresh="1h",
    )


def verdicts() -> Panel:
    """What to do, in sentences."""
    return table(
        1,
        "Verdicts",
        "The last verdict of each feature, its spend of the 30 whole days it looked at, and its own break-even a "
        "month; none: hosting does not pay at any volume.",
        [target(_sql("verdicts"), "table")],
        unit=USD,
        fields=[
            columns.PROJECT,
            *columns.feature("feature", kept=("project",)),
            field("verdict", "Verdict", width=420),
            field("spend_usd", "30 days", unit=USD),
            field("break_even_usd", "Break-even", unit=USD, absent=NONE),
            field("of_break_even", "Of break-even", unit=SHARE, gauge=True, thresholds=_REACHED, absent=DASH),
            field("next_step", "Next step", width=280, absent=DASH),
            field("decided_at", "As of"),
        ],
    )


def trailing() -> Panel:
    """How near it is."""
    return series(
        2,
        "Spend of 30 days against the break-even",
        "Known dollars of the 30 UTC days up to each day, for the ten dearest features; dashed: the break-even of "
        "each, as of its last verdict. The lines at $5,000, $20,000 and $50,000 a month are for orientation, where "
        "no break-even is known. Days before the first call count as none: the first 30 days rise by themselves.",
        [target(_sql("trailing"), "timeseries"), target(_sql("break_even"), "timeseries", "B")],
        unit=USD,
        interval="1d",
        name="${__field.labels.feature}",
        links=[
            links.to_dashboard("feature", "feature", links.label("feature"), kept=("project",)),
            links.to_page(links.label("feature")),
        ],
        fields=[
            of_query(
                "B",
                {
                    "displayName": "break-even of ${__field.labels.feature}",
                    "custom.lineStyle": {"fill": "dash", "dash": [10, 10]},
                    "custom.lineWidth": 1,
                },
            )
        ],
        lines=steps((None, "transparent"), (5_000, "yellow"), (20_000, "orange"), (50_000, "red")),
    )


def crossings() -> Panel:
    """When it crosses."""
    return table(
        3,
        "When it crosses",
        "The day by which the sum of 30 days has passed the break-even in one, five and nine of ten courses of the "
        "forecast; and how likely it does within 90 days. Empty: not within what can be told.",
        [target(_sql("crossings"), "table")],
        unit=USD,
        fields=[
            columns.PROJECT,
            *columns.feature("feature", kept=("project",)),
            field("now", "Now"),
            field("spend_usd", "30 days", unit=USD),
            field("break_even_usd", "Break-even", unit=USD, absent=NONE),
            field("crosses_p10_on", "1 of 10 by", absent=DASH),
            field("crosses_p50_on", "5 of 10 by", absent=DASH),
            field("crosses_p90_on", "9 of 10 by", absent=DASH),
            field("within_90_days", "Within 90 days", unit=SHARE, gauge=True),
        ],
    )


def savings() -> Panel:
    """What to do before hosting."""
    return table(
        4,
        "Savings inside the API",
        "The best alternative that hosts nothing, such as a cache, batches or a smaller model, with a ? where its "
        "quality was not tested; what it saves a month, and its share of the API's cost a month.",
        [target(_sql("savings"), "table")],
        unit=USD,
        fields=[
            columns.PROJECT,
            *columns.feature("feature", kept=("project",)),
            field("best", "Best", absent=NONE),
            field("api_usd", "API a month", unit=USD),
            field("saves_usd", "Saves a month", unit=USD),
            columns.PART,
        ],
    )


def month_end() -> Panel:
    """What the month comes to."""
    return table(
        5,
        "Month's end against the budget",
        "The month so far, and what it is expected to come to in one, five and nine of ten courses; the budget is "
        "the one declared in breakeven.toml. A reason stands where nothing can be expected yet.",
        [target(_sql("month_end"), "table")],
        unit=USD,
        fields=[
            *(columns.PROJECT, field("feature", "Feature"), field("month", "Month")),
            field("so_far_usd", "So far", unit=USD),
            field("p10_usd", "1 of 10", unit=USD),
            field("p50_usd", "5 of 10", unit=USD),
            field("p90_usd", "9 of 10", unit=USD),
            field("budget_usd", "Budget", unit=USD, absent=NONE),
            field("of_budget", "Of budget", unit=SHARE, gauge=True, thresholds=_REACHED, absent=DASH),
            field("reason", "Reason", absent=DASH),
        ],
    )


def evidence() -> Panel:
    """What the verdicts rest on."""
    return table(
        6,
        "Evidence",
        "The days each verdict looked at, the price book, and the digest of all its inputs. `breakeven decide "
        "FEATURE` and the page show the inputs with source and confidence.",
        [target(_sql("evidence"), "table")],
        fields=[
            columns.PROJECT,
            *columns.feature("feature", kept=("project",)),
            *(field("code", "Verdict"), field("rule", "Rule")),
            *(field("window_from", "From"), field("window_to", "To"), field("timezone", "Zone")),
            *(field("price_book", "Price book"), field("model_version", "Model"), field("digest", "Digest")),
        ],
    )


def decisions() -> Panel:
    """What people decided."""
    return table(
        7,
        "Decisions",
        "What people decided (`breakeven decisions record`), the newest first, with the feature's spend of the 30 "
        "days before.",
        [target(_sql("decisions"), "table")],
        unit=USD,
        fields=[
            *(field("decided_at", "When"), columns.PROJECT, *columns.feature("feature", kept=("project",))),
            *(field("decision", "Decision"), field("made_by", "By"), field("note", "Note", absent=DASH)),
            *(field("revisit_on", "Look again", absent=DASH), field("spend_usd", "30 days", unit=USD)),
        ],
    )
