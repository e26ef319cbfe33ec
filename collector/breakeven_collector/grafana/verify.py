"""Runs every query of the dashboards and rules that a Grafana has, through that Grafana, and says how each went."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from breakeven_dashboards import alert_rules, links

from breakeven_collector.grafana import questions
from breakeven_collector.grafana.connect import Api, GrafanaError, NotAllowed, NotThere, need_plugin, told
from breakeven_collector.grafana.questions import Question
from breakeven_collector.grafana.variables import expand

_POINTS: Final = 500
_INTERVAL_MS: Final = 86_400_000
"""The smallest interval of points."""


class Result(StrEnum):
    """How a query went."""

    OK = "ok"
    EMPTY = "empty"
    FAILED = "failed"


@dataclass(frozen=True)
class Tried:
    """One query.

    Attributes:
        where: whose it is.
        result: how it went.
        why: where it failed.
    """

    where: str
    result: Result
    why: str = ""


class Verifier:
    """Tries the queries.

    Args:
        api: of the Grafana.
        url: its address, for messages.
        datasource: uid of the data source that dashboards are opened with.
        start: of the time range, as Grafana writes it: now-30d.
    """

    def __init__(self, api: Api, url: str, *, datasource: str, start: str) -> None:
        self._api, self._url, self._datasource, self._start = api, url, datasource, start

    def run(self) -> Iterator[Tried]:
        """Try all; a dashboard or rule that is not there is one that failed.

        Raises:
            GrafanaError: nothing can be tried: no Grafana there, no plugin, or the token is not taken.
        """
        need_plugin(self._api, self._url)
        return self._all()

    def _all(self) -> Iterator[Tried]:
        for uid in links.UIDS.values():
            there = self._get(f"dashboard {uid}", lambda uid=uid: self._api.dashboard.get_dashboard(uid))
            if isinstance(there, Tried):
                yield there
            else:
                yield from self._dashboard(there["dashboard"])
        for rule in alert_rules.RULES:
            uid = rule.uid
            there = self._get(f"alert rule {uid}", lambda uid=uid: self._api.alertingprovisioning.get_alertrule(uid))
            if isinstance(there, Tried):
                yield there
            else:
                for question in questions.of_rule(there):
                    # That nothing is wrong is no gap.
                    yield self._try(question, {})

    def _dashboard(self, dashboard: dict[str, Any]) -> Iterator[Tried]:
        values: dict[str, list[str]] = {}
        for variable in questions.variables_of(dashboard):
            if question := questions.of_variable(dashboard, variable):
                yield self._try(question, values)
            values[variable["name"]] = questions.chosen(variable, self._datasource)
        for question in [*questions.of_panels(dashboard), *questions.of_annotations(dashboard)]:
            yield self._try(question, values)

    def _get(self, what: str, get: Any) -> Any:
        try:
            with told(self._url, what):
                return get()
        except NotThere:
            return Tried(what, Result.FAILED, why="Grafana does not have it: `breakeven grafana push` brings it")
        except NotAllowed:
            raise
        except GrafanaError as error:
            return Tried(what, Result.FAILED, why=str(error))

    def _try(self, question: Question, values: dict[str, list[str]]) -> Tried:
        ref = str(question.model["refId"])
        source: dict[str, Any] = question.model.get("datasource") or {}
        query: dict[str, Any] = {
            **question.model,
            "datasource": {**source, "uid": expand(str(source.get("uid", self._datasource)), values)},
            "rawSql": expand(question.sql, values),
            "intervalMs": _INTERVAL_MS,
            "maxDataPoints": _POINTS,
        }
        try:
            with told(self._url, question.where):
                result = self._ask(query, ref)
        except NotAllowed:
            raise
        except GrafanaError as error:
            return Tried(question.where, Result.FAILED, why=str(error).removeprefix(f"{question.where}: "))
        if problem := result.get("error"):
            return Tried(question.where, Result.FAILED, why=str(problem))
        frames: list[dict[str, Any]] = result.get("frames", [])
        columns: list[list[list[Any]]] = [frame.get("data", {}).get("values") or [[]] for frame in frames]
        rows = sum(len(frame[0]) for frame in columns)
        return Tried(question.where, Result.OK if rows else Result.EMPTY)

    def _ask(self, query: dict[str, Any], ref: str) -> dict[str, Any]:
        from grafana_client.client import GrafanaException

        body = {"queries": [query], "from": self._start, "to": "now"}
        try:
            answer = cast("dict[str, Any]", self._api.client.POST("/ds/query", json=body))
        except GrafanaException as error:
            # A query that fails is answered 400 or 500, with the reason among the results.
            answer = cast("dict[str, Any]", error.response) if isinstance(error.response, dict) else {}
            if ref not in answer.get("results", {}):
                raise
        return answer.get("results", {}).get(ref) or {"error": "Grafana's answer has no result of it"}
