"""A dashboard in Grafana's classic model: what all have in common, and panels put into the grid."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from breakeven_dashboards import links
from breakeven_dashboards.datasource import REF, TYPE, UID, target
from breakeven_dashboards.panel import Panel
from breakeven_dashboards.queries import Queries

PAGE_URL: Final = "http://127.0.0.1:4318"
"""Where the collector's page is, unless the constant `page` is given another address."""
DEPLOY_TAG: Final = "deploy"
"""Of Grafana's own annotations that tell of a deploy."""
COLUMNS: Final = 24
SCHEMA_VERSION: Final = 39

Row = tuple[int, Sequence[tuple[int, Panel]]]
"""Height, and the panels from left to right with the width of each."""
Annotation = tuple[str, str, str]
"""Name, query, colour."""


def dashboard(
    stem: str,
    description: str,
    *,
    queries: Queries,
    rows: Sequence[Row],
    annotations: Sequence[Annotation],
    start: str = "now-29d/d",
    refresh: str = "5m",
) -> dict[str, Any]:
    """A dashboard, but for the variables that all have: `source_variable` and `page_variable`.

    Args:
        stem: of its file.
        description: the question that it answers.
        queries: its queries, with its variables.
        rows: its panels.
        annotations: what is marked on its charts.
        start: from when on it shows first.
        refresh: how often it asks anew; the bill changes no faster.
    """
    return {
        "uid": links.UIDS[stem],
        "title": f"Breakeven: {links.TITLES[stem]}",
        "description": description,
        "tags": ["breakeven"],
        "timezone": "utc",
        "editable": False,
        "graphTooltip": 1,
        "fiscalYearStartMonth": 0,
        "schemaVersion": SCHEMA_VERSION,
        "refresh": refresh,
        "time": {"from": start, "to": "now/d"},
        "timepicker": {"refresh_intervals": ["1m", "5m", "15m", "1h"]},
        "links": links.tabs(stem),
        "templating": {"list": [_variable(name, queries) for name in queries.filters]},
        "annotations": {"list": [_built_in(), *(_annotation(*one, queries) for one in annotations), _deploys()]},
        "panels": list(_placed(rows)),
    }


def _placed(rows: Sequence[Row]) -> Sequence[Panel]:
    placed: list[Panel] = []
    y = 0
    for height, panels in rows:
        x = 0
        for width, panel in panels:
            placed.append({**panel, "gridPos": {"h": height, "w": width, "x": x, "y": y}})
            x += width
        y += height
    return placed


def source_variable(uid: str) -> Mapping[str, Any]:
    """The variable that chooses the data source, opened with the one of this uid."""
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": TYPE,
        "current": {"text": "Breakeven" if uid == UID else uid, "value": uid},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    }


def page_variable(url: str) -> Mapping[str, Any]:
    """The constant that links to Breakeven's page begin with."""
    url = url.rstrip("/")
    return {
        "type": "constant",
        "name": "page",
        "label": "Address of Breakeven's page",
        "query": url,
        "current": {"text": url, "value": url},
        "hide": 2,
        "skipUrlSync": True,
    }


def _variable(name: str, queries: Queries) -> Mapping[str, Any]:
    sql = queries(f"variable_{name}")
    return {
        "type": "query",
        "name": name,
        "label": name.capitalize(),
        "datasource": dict(REF),
        "query": sql,
        "definition": sql,
        "current": {"text": ["All"], "value": ["$__all"]},
        "hide": 0,
        "includeAll": True,
        "multi": True,
        "options": [],
        # Asked anew when the time changes: only names of that time are offered.
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 0,
    }


def _annotation(name: str, query: str, colour: str, queries: Queries) -> Mapping[str, Any]:
    return {
        "name": name,
        "datasource": dict(REF),
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "target": target(queries(query), "table", "Anno"),
    }


def _built_in() -> Mapping[str, Any]:
    return {
        **_of_grafana("Annotations & Alerts", "rgba(0, 211, 255, 1)"),
        "builtIn": 1,
        "hide": True,
        "type": "dashboard",
        "target": {"limit": 100, "matchAny": False, "tags": [], "type": "dashboard"},
    }


def _deploys() -> Mapping[str, Any]:
    return {
        **_of_grafana("Deploys", "purple"),
        "hide": False,
        "target": {"limit": 100, "matchAny": True, "tags": [DEPLOY_TAG], "type": "tags"},
    }


def _of_grafana(name: str, colour: str) -> Mapping[str, Any]:
    return {
        "name": name,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "iconColor": colour,
    }
