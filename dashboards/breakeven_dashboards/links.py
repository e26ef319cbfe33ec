"""Where a dashboard leads on to: from the general to the specific, and to Breakeven's own page."""

from collections.abc import Sequence
from typing import Any, Final

UIDS: Final = {
    "bill": "breakeven-bill",
    "feature": "breakeven-feature",
    "threshold": "breakeven-threshold",
    "pipeline": "breakeven-pipeline",
}
"""File stem → uid. Alerts and other people's links name them: never changed."""
TITLES: Final = {"bill": "Bill", "feature": "Feature", "threshold": "Threshold", "pipeline": "Pipeline"}

_KEPT: Final = ("project", "environment")
_KEPT_BY: Final = {"threshold": ("project",)}
"""Verdicts know no environment."""


def tabs(here: str) -> list[dict[str, Any]]:
    """Links at the top of a dashboard: to the other ones with time and variables as they are, and to the page."""
    others = [_tab(TITLES[stem], f"/d/{uid}", icon="dashboard") for stem, uid in UIDS.items() if stem != here]
    page = {**_tab("Page", "${page}/", icon="external link"), "includeVars": False, "keepTime": False}
    return [*others, {**page, "targetBlank": True}]


def to_dashboard(stem: str, variable: str, value: str, *, kept: Sequence[str] = _KEPT) -> dict[str, Any]:
    """A data link to a dashboard, over the same time.

    Args:
        stem: which one.
        variable: that is set there.
        value: Grafana's expression for it, without the format.
        kept: variables of the dashboard it leads from that stay as they are, where the other one has them.
    """
    stay = "".join(f"&${{{name}:queryparam}}" for name in kept if name in _KEPT_BY.get(stem, kept))
    chosen = f"&var-{variable}=${{{value}:percentencode}}"
    return {
        "title": f"{TITLES[stem]}: this {variable}",
        "url": f"/d/{UIDS[stem]}?${{__url_time_range}}{stay}{chosen}",
        "targetBlank": False,
    }


def to_page(value: str) -> dict[str, Any]:
    """A data link to a feature on Breakeven's own page."""
    return {
        "title": "Breakeven's page of it",
        "url": f"${{page}}/feature?feature=${{{value}:percentencode}}",
        "targetBlank": True,
    }


def cell(column: str) -> str:
    """The expression for another column of the row that is clicked."""
    return f'__data.fields["{column}"]'


def label(name: str) -> str:
    """The expression for a label of the series that is clicked."""
    return f"__field.labels.{name}"


def _tab(title: str, url: str, *, icon: str) -> dict[str, Any]:
    return {
        "type": "link",
        "title": title,
        "url": url,
        "icon": icon,
        "tooltip": "",
        "tags": [],
        "asDropdown": False,
        "targetBlank": False,
        "includeVars": True,
        "keepTime": True,
    }
