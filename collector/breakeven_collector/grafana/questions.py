"""The queries of a dashboard and of alert rules: of panels, variables, annotations, rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

_TABLE: Final = 1


@dataclass(frozen=True)
class Question:
    """A query.

    Attributes:
        where: for people: dashboard, and which of its things.
        model: as `/api/ds/query` takes it; its `rawSql` has variables.
    """

    where: str
    model: dict[str, Any]

    @property
    def sql(self) -> str:
        """The query as it stands there."""
        return str(self.model["rawSql"])


def of_panels(dashboard: Mapping[str, Any]) -> Iterator[Question]:
    """The queries of its panels, of those in rows too."""
    for panel in _panels(dashboard.get("panels", [])):
        for target in panel.get("targets", []):
            if target.get("rawSql"):
                ref = target.get("refId", "A")
                name = f"{dashboard['uid']} · panel {panel['id']} {panel.get('title', '')}".rstrip()
                yield Question(f"{name} · {ref}" if len(panel["targets"]) > 1 else name, dict(target))


def of_annotations(dashboard: Mapping[str, Any]) -> Iterator[Question]:
    """The queries of its annotations."""
    for annotation in dashboard.get("annotations", {}).get("list", []):
        target = annotation.get("target") or annotation
        if target.get("rawSql"):
            model = {"refId": "Anno", "format": _TABLE, **target, "datasource": annotation.get("datasource")}
            yield Question(f"{dashboard['uid']} · annotation {annotation['name']}", model)


def of_variable(dashboard: Mapping[str, Any], variable: Mapping[str, Any]) -> Question | None:
    """The query of a variable; None where it has none."""
    query: Any = variable.get("query")
    if variable.get("type") != "query" or not query:
        return None
    sql = query if isinstance(query, str) else query.get("rawSql")
    model = {
        "refId": "Var",
        "format": _TABLE,
        "queryType": "table",
        "rawSql": sql,
        "datasource": variable["datasource"],
    }
    return Question(f"{dashboard['uid']} · variable {variable['name']}", model)


def of_rule(rule: Mapping[str, Any]) -> Iterator[Question]:
    """The queries of an alert rule; its expressions are none."""
    for query in rule["data"]:
        if query["model"].get("rawSql"):
            yield Question(f"alert rule {rule['uid']} · {query['refId']}", dict(query["model"]))


def variables_of(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Its variables, in their order: a later one's query may have an earlier one's value."""
    return list(dashboard.get("templating", {}).get("list", []))


def chosen(variable: Mapping[str, Any], datasource: str) -> list[str]:
    """The values with which a dashboard opens.

    Args:
        variable: a variable of the dashboard.
        datasource: uid of the data source.
    """
    if variable["type"] == "datasource":
        return [datasource]
    current: Any = variable.get("current", {}).get("value") or []
    several = cast("list[Any]", current if isinstance(current, list) else [current])
    return [str(value) for value in several]


def _panels(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", []))
