"""Columns that many tables and figures have, and how each looks everywhere."""

from collections.abc import Sequence
from typing import Any, Final

from breakeven_dashboards import links
from breakeven_dashboards.panel import COUNT, DASH, NONE, SHARE, USD, Override, field

SPEND: Final = field("usd", "Spend", unit=USD)
KNOWN: Final = field("known_usd", "Known", unit=USD)
ESTIMATED: Final = field("estimated_usd", "Estimated", unit=USD, absent=NONE)
CHANGE: Final = field("change", "Change", unit=SHARE, absent=DASH)
PART: Final = field("share", "Share", unit=SHARE, gauge=True)
CALLS: Final = field("calls", "Calls", unit=COUNT)
A_CALL: Final = field("usd_per_call", "A call", unit=USD)
CACHED: Final = field("cached_share", "Cached input", unit=SHARE)
FAILED: Final = field("failed_share", "Failed", unit=SHARE)
PROJECT: Final = field("project", "Project")

MONEY: Final = (SPEND, PART, KNOWN, ESTIMATED, CALLS, A_CALL)
"""Of tables that cut the bill by something."""


def feature(*stems: str, kept: Sequence[str] = ("project", "environment")) -> tuple[Override, Override]:
    """The column `feature` with links to dashboards and the page, and the hidden `feature_value` that they set.

    Args:
        stems: the dashboards.
        kept: variables that stay as they are.
    """
    return (
        field("feature", "Feature", link=links_of_feature(*stems, kept=kept)),
        field("feature_value", hidden=True),
    )


def links_of_feature(*stems: str, kept: Sequence[str] = ("project", "environment")) -> list[dict[str, Any]]:
    """Links of a row that has the columns `feature` and `feature_value`: to dashboards and the page.

    Args:
        stems: the dashboards.
        kept: variables that stay as they are.
    """
    value = links.cell("feature_value")
    to = [links.to_dashboard(stem, "feature", value, kept=kept) for stem in stems]
    return [*to, links.to_page(links.cell("feature"))]


def choosing(
    column: str, title: str, *, kept: Sequence[str] = ("project", "environment", "feature")
) -> tuple[Override, Override]:
    """A column with a link to the feature dashboard with this value chosen, and the hidden one that it sets.

    Args:
        column: `model` or `tenant`.
        title: what people read.
        kept: variables that stay as they are.
    """
    value = links.cell(f"{column}_value")
    return (
        field(column, title, link=[links.to_dashboard("feature", column, value, kept=kept)]),
        field(f"{column}_value", hidden=True),
    )
