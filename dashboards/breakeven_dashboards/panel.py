"""Panels in Grafana's classic model, each with what all of its kind have in common."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from breakeven_dashboards.datasource import REF

Panel = dict[str, Any]
"""A panel without its place."""
Override = dict[str, Any]
"""What one field has of its own."""

USD: Final = "currencyUSD"
SHARE: Final = "percentunit"
COUNT: Final = "short"
SECONDS: Final = "s"
BYTES: Final = "bytes"
NOT_KNOWN: Final = "not known"
NONE: Final = "none"
DASH: Final = "–"

_LEGEND: Final[dict[str, Any]] = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}


def field(
    name: str,
    title: str = "",
    *,
    unit: str = "",
    link: Sequence[Mapping[str, Any]] = (),
    gauge: bool = False,
    hidden: bool = False,
    width: int = 0,
    thresholds: Mapping[str, Any] | None = None,
    absent: str = "",
) -> Override:
    """What a column of the query looks like.

    Args:
        name: of the column.
        title: what people read; the name where left out.
        unit: Grafana's id of a unit.
        link: data links.
        gauge: in a table: drawn as a bar from 0 to 1.
        hidden: in a table: there for links alone.
        width: in a table: pixels.
        thresholds: colours by value.
        absent: what stands where there is nothing, an empty text too; "not known" where left out.
    """
    properties: dict[str, Any] = {}
    if title:
        properties["displayName"] = title
    if unit:
        properties["unit"] = unit
    if link:
        properties["links"] = list(link)
    if gauge:
        properties |= {"custom.cellOptions": {"type": "gauge", "mode": "basic"}, "min": 0, "max": 1}
    if hidden:
        properties["custom.hidden"] = True
    if width:
        properties["custom.width"] = width
    if thresholds:
        properties["thresholds"] = thresholds
    if absent:
        properties["noValue"] = absent
    return _override("byName", name, properties)


def of_query(ref: str, properties: Mapping[str, Any]) -> Override:
    """What all fields of one of the panel's queries look like."""
    return _override("byFrameRefID", ref, properties)


def steps(*values: tuple[float | None, str]) -> dict[str, Any]:
    """Thresholds: from each value on its colour; the first value is None."""
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in values]}


def stat(
    panel_id: int,
    title: str,
    description: str,
    targets: Sequence[Mapping[str, Any]],
    *,
    fields: Sequence[Override],
    shown: Sequence[str],
    unit: str = COUNT,
) -> Panel:
    """Figures of the query's one row.

    Args:
        panel_id: of the dashboard's own, never changed.
        title: what is shown.
        description: what it means.
        targets: queries.
        fields: columns.
        shown: titles of the columns that are shown.
        unit: where a column has none.
    """
    options: dict[str, Any] = {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "value_and_name",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": f"/^({'|'.join(shown)})$/", "values": False},
    }
    return _panel(panel_id, "stat", title, description, targets, unit=unit, options=options, fields=fields)


def series(
    panel_id: int,
    title: str,
    description: str,
    targets: Sequence[Mapping[str, Any]],
    *,
    unit: str,
    interval: str,
    name: str = "",
    bars: bool = False,
    stacked: bool = False,
    links: Sequence[Mapping[str, Any]] = (),
    fields: Sequence[Override] = (),
    lines: Mapping[str, Any] | None = None,
    top: float | None = None,
) -> Panel:
    """Series over time.

    Args:
        panel_id: of the dashboard's own, never changed.
        title: what is shown.
        description: what it means.
        targets: queries.
        unit: of all series.
        interval: the shortest bucket.
        name: of a series, such as `${__field.labels.feature}`.
        bars: bars in place of lines.
        stacked: one upon the other.
        links: data links.
        fields: columns.
        lines: thresholds that are drawn as lines.
        top: highest value of the axis.
    """
    custom: dict[str, Any] = {
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 70 if bars else 0,
        "lineWidth": 1 if bars else 2,
        "showPoints": "auto",
        "spanNulls": False,
        "axisSoftMin": 0,
        "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        "thresholdsStyle": {"mode": "line" if lines else "off"},
    }
    more: dict[str, Any] = {"custom": custom, "links": list(links)}
    if name:
        more["displayName"] = name
    if lines:
        more["thresholds"] = lines
    if top is not None:
        more["max"] = top
    options: dict[str, Any] = {"legend": dict(_LEGEND), "tooltip": {"mode": "multi", "sort": "desc"}}
    made = _panel(
        panel_id, "timeseries", title, description, targets, unit=unit, options=options, fields=fields, **more
    )
    return {**made, "interval": interval}


def bars(
    panel_id: int,
    title: str,
    description: str,
    targets: Sequence[Mapping[str, Any]],
    *,
    unit: str,
    by: str,
    figure: str,
    hidden: Sequence[str] = (),
    fields: Sequence[Override],
) -> Panel:
    """Horizontal bars, one a row of the query.

    Args:
        panel_id: of the dashboard's own, never changed.
        title: what is shown.
        description: what it means.
        targets: one query; its order is that of the bars.
        unit: of the figure.
        by: column that names the bars; it keeps its own name, by which Grafana finds it.
        figure: column that they show.
        hidden: columns of text that links need.
        fields: columns.
    """
    options: dict[str, Any] = {
        "orientation": "horizontal",
        "xField": by,
        "showValue": "auto",
        "stacking": "none",
        "barWidth": 0.9,
        "groupWidth": 0.7,
        "barRadius": 0,
        "fullHighlight": False,
        "xTickLabelRotation": 0,
        "xTickLabelSpacing": 0,
        "legend": {**_LEGEND, "showLegend": False},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {"fillOpacity": 80, "lineWidth": 0, "axisSoftMin": 0}
    made = _panel(
        panel_id, "barchart", title, description, targets, unit=unit, options=options, fields=fields, custom=custom
    )
    only = {"id": "filterFieldsByName", "options": {"include": {"names": [by, figure, *hidden]}}}
    return {**made, "transformations": [only]}


def table(
    panel_id: int,
    title: str,
    description: str,
    targets: Sequence[Mapping[str, Any]],
    *,
    fields: Sequence[Override],
    unit: str = COUNT,
) -> Panel:
    """The rows of the query.

    Args:
        panel_id: of the dashboard's own, never changed.
        title: what is shown.
        description: what it means.
        targets: one query; its order is that of the rows.
        fields: columns.
        unit: where a column has none.
    """
    options = {"cellHeight": "sm", "showHeader": True}
    custom = {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": True}
    return _panel(
        panel_id, "table", title, description, targets, unit=unit, options=options, fields=fields, custom=custom
    )


def _override(matcher: str, name: str, properties: Mapping[str, Any]) -> Override:
    return {
        "matcher": {"id": matcher, "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def _panel(
    panel_id: int,
    kind: str,
    title: str,
    description: str,
    targets: Sequence[Mapping[str, Any]],
    *,
    unit: str,
    options: Mapping[str, Any],
    fields: Sequence[Override],
    **defaults: Any,
) -> Panel:
    plain = {"mode": "absolute", "steps": [{"value": None, "color": "text"}]}
    return {
        "id": panel_id,
        "type": kind,
        "title": title,
        "description": description,
        "datasource": dict(REF),
        "targets": [dict(target) for target in targets],
        "options": dict(options),
        "fieldConfig": {
            "defaults": {"unit": unit, "noValue": NOT_KNOWN, "thresholds": plain, **defaults},
            "overrides": list(fields),
        },
    }
