"""How Grafana's ClickHouse plugin is asked: its data source and its queries."""

from typing import Any, Final, Literal

UID: Final = "breakeven"
"""Of the provisioned data source; dashboards take any of the type, by the variable `datasource`."""
TYPE: Final = "grafana-clickhouse-datasource"
PLUGIN_VERSION: Final = "4.20.0"
"""Without it in a query, the plugin takes the query for one of its version 3 and changes it."""

Kind = Literal["table", "timeseries"]
"""What is made of the rows: a table as it stands, or series over the column `time`, one for each text of the others."""

_FORMATS: Final[dict[Kind, int]] = {"timeseries": 0, "table": 1}
REF: Final = {"type": TYPE, "uid": "${datasource}"}
"""Whatever data source is chosen on the dashboard."""


def target(sql: str, kind: Kind, ref: str = "A") -> dict[str, Any]:
    """A query of a panel or an annotation.

    Args:
        sql: with the plugin's macros.
        kind: what is made of its rows.
        ref: name within the panel.
    """
    return {
        "refId": ref,
        "datasource": dict(REF),
        "pluginVersion": PLUGIN_VERSION,
        "editorType": "sql",
        "queryType": kind,
        "format": _FORMATS[kind],
        "rawSql": sql,
    }
