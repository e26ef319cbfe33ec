"""A store with traffic and one without, each behind its own `/clickhouse/`, and all queries of the dashboards."""

import json
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.sql.endpoint import sql_router
from breakeven_collector.sql.request import credential
from breakeven_collector.store import Store
from breakeven_dashboards.build import build
from fastapi import FastAPI
from starlette.requests import Request

from tests.collector.sql.conftest import SqlServer
from tests.conftest import quick_settings
from tests.dashboards.macros import ALL, Range, Values, expand
from tests.dashboards.traffic import PERIOD, seed


@dataclass(frozen=True)
class Asked:
    """A query of a dashboard."""

    where: str
    """Dashboard, and panel, variable or annotation."""
    kind: str
    """`timeseries`, `table`, `variable` or `annotation`."""
    sql: str


@dataclass(frozen=True)
class Answer:
    """Columns with their types, and rows as texts: NULL is None."""

    columns: dict[str, str]
    rows: list[dict[str, str | None]]

    def column(self, name: str) -> list[str | None]:
        return [row[name] for row in self.rows]


class Grafana:
    """Sends queries as Grafana would: macros expanded, over HTTP. The same question is sent once: nothing changes."""

    def __init__(self, server: SqlServer) -> None:
        self._server = server
        self.url = server.url
        self._answers: dict[tuple[str, str], Answer] = {}

    def ask(
        self, sql: str, values: Values | None = None, *, key: str = "key-all", time: Range = PERIOD, anew: bool = False
    ) -> Answer:
        expanded = expand(sql, values or {}, time)
        if anew or (expanded, key) not in self._answers:
            self._answers[expanded, key] = self._ask(expanded, key)
        return self._answers[expanded, key]

    def _ask(self, expanded: str, key: str) -> Answer:
        answer = self._server.ask(expanded, key=key, default_format="JSON")
        assert answer.status == 200, f"{answer.text}\n{expanded}"
        # As texts: decimals stay what they are.
        document = cast(dict[str, Any], json.loads(answer.text, parse_float=str, parse_int=str))
        columns = {column["name"]: column["type"] for column in document["meta"]}
        rows = [{k: None if v is None else str(v) for k, v in row.items()} for row in document["data"]]
        return Answer(columns, rows)

    def ask_all(self, asked: Sequence[Asked], values: Values | None = None) -> list[Answer]:
        """The answers to many, two at a time as the endpoint runs them."""

        def ask(one: Asked) -> Answer:
            return self.ask(one.sql, values)

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(ask, asked))


@cache
def queries() -> tuple[Asked, ...]:
    """Every different text that any dashboard asks."""
    found: dict[str, Asked] = {}
    for stem, dashboard in build().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                found.setdefault(
                    target["rawSql"], Asked(f"{stem}: {panel['title']}", target["queryType"], target["rawSql"])
                )
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                found.setdefault(
                    variable["query"], Asked(f"{stem}: ${variable['name']}", "variable", variable["query"])
                )
        for annotation in dashboard["annotations"]["list"]:
            if "rawSql" in annotation["target"]:
                sql = annotation["target"]["rawSql"]
                found.setdefault(sql, Asked(f"{stem}: {annotation['name']}", "annotation", sql))
    return tuple(found.values())


def sql_of(stem: str, title: str) -> str:
    """The query of a panel, `$variable` or annotation."""
    dashboard = build()[stem]
    for panel in dashboard["panels"]:
        if panel["title"] == title:
            return panel["targets"][0]["rawSql"]
    for variable in dashboard["templating"]["list"]:
        if f"${variable['name']}" == title:
            return variable["query"]
    for annotation in dashboard["annotations"]["list"]:
        if annotation["name"] == title:
            return annotation["target"]["rawSql"]
    raise AssertionError(f"{stem} has no {title}")


def chosen(**names: Sequence[str]) -> dict[str, Sequence[str]]:
    """Values of variables: names as the variables' queries give them, All for the rest."""
    values: dict[str, Sequence[str]] = dict.fromkeys(("project", "environment", "feature", "model", "tenant"), (ALL,))
    return values | {name: [one.replace("\\", "\\\\") for one in some] for name, some in names.items()}


_KEYS: dict[str, tuple[str, ...] | None] = {"key-all": None, "key-default": ("default",)}


@contextmanager
def serving(store: Store) -> Generator[Grafana]:
    """Grafana before a store, with `/clickhouse/` between."""

    def reader(request: Request) -> tuple[str, ...] | None:
        return _KEYS[credential(request.headers) or ""]

    app = FastAPI(openapi_url=None)
    app.include_router(sql_router(store, reader, enabled=True))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    yield Grafana(SqlServer(store, f"http://{host}:{port}"))
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def traffic(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A collector that took the traffic."""
    dsn = f"chdb://{engine_folder}?database=dashboards"
    settings = quick_settings(dsn, tmp_path_factory.mktemp("dashboards"))
    # All of it in one segment, and one pass.
    with Pipeline(settings.model_copy(update={"batch_seconds": 0.5})) as pipeline:
        seed(pipeline)
        yield pipeline


@pytest.fixture(scope="session")
def grafana(traffic: Pipeline) -> Iterator[Grafana]:
    with serving(traffic.store) as grafana:
        yield grafana


@pytest.fixture(scope="session")
def grafana_of_nothing(engine_folder: Path) -> Iterator[Grafana]:
    # The engine's own: it has all tables, and nobody puts anything into it.
    store = Store(f"chdb://{engine_folder}?database=keep_open").connect()
    with serving(store) as grafana:
        yield grafana
    store.close()
