"""A server with nothing but /clickhouse/ on a real store that holds the rows of two projects."""

import http.client
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
import uvicorn
from breakeven_collector.errors import BadRequest
from breakeven_collector.sql.endpoint import sql_router
from breakeven_collector.sql.request import credential
from breakeven_collector.store import Store
from fastapi import FastAPI
from starlette.requests import Request

KEYS: dict[str, tuple[str, ...] | None] = {
    "key-mine": ("mine",),
    "key-both": ("mine", "theirs"),
    "key-none": (),
    "key-all": None,
}
CANARY = "canary-theirs"
"""Stands in every text column of the rows of the other project, and in the canary file."""
OWN = "own-mine"

_LEDGER = """
    priced_at, feature, feature_source, tenant, user_id, provider, model, name_id, basis, counted, calls,
    uncached_tokens, answer_tokens, reported_cost_usd
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


@dataclass(frozen=True)
class SqlServer:
    store: Store
    url: str

    def ask(
        self,
        sql: str | bytes,
        *,
        key: str | None = "key-mine",
        method: str = "POST",
        headers: dict[str, str] | None = None,
        path: str = "/clickhouse/",
        wishes: Mapping[str, str] | None = None,
        **more_wishes: str,
    ) -> Answer:
        asked = {**(wishes or {}), **more_wishes}
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            sent = {**({"X-ClickHouse-Key": key} if key else {}), **(headers or {})}
            body: str | bytes | None = sql
            if method == "GET":
                asked, body = {**asked, "query": sql if isinstance(sql, str) else sql.decode()}, None
            data = body.encode() if isinstance(body, str) else body
            connection.request(method, f"{path}?{urlencode(asked)}", body=data, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()


def reader(request: Request) -> tuple[str, ...] | None:
    key = credential(request.headers)
    if key is None:
        raise BadRequest(401, "send a read key")
    if key not in KEYS:
        raise BadRequest(403, "this key is not known")
    return KEYS[key]


def fill(store: Store) -> None:
    """The same rows for `mine` and `theirs`, which differ in their texts."""
    for project, text, dollars in (("mine", OWN, 1), ("theirs", CANARY, 1000)):
        row = f"""'2026-11-01 00:00:00', '{text}', 'declared', '{text}', '{text}', 'openai', '{text}',
            sipHash64('openai', '{text}', ''), 'reported', 'yes', 3, 10, 20, {dollars}"""
        for statement in (
            f"INSERT INTO spend_slices (project, slice, {_LEDGER}) SELECT '{project}', '2026-11-01 00:00:00', {row}",
            f"INSERT INTO calls (project, ts, feature, user_id, tenant, tags, model) SELECT '{project}', '2026-11-01', '{text}', '{text}', '{text}', map('k', '{text}'), '{text}' FROM numbers(3)",
            f"INSERT INTO billed (project, source, from_time, to_time, item, key_name) VALUES ('{project}', 'openai', '2026-11-01', '2026-11-02', '{text}', '{text}')",
            f"INSERT INTO origins (project, origin_id, service) VALUES ('{project}', 5, '{text}')",
            f"INSERT INTO token_ratios (project, feature, learned_at) VALUES ('{project}', '{text}', now())",
            f"INSERT INTO attributions (version, project, feature, feature_source, valid_from, parts) VALUES ('v', '{project}', '{text}', 'declared', '1970-01-01 00:00:00', [('{text}', 'declared', 1, '{text}', '{text}', '')])",
            f"INSERT INTO price_override (project, provider, model, valid_from, valid_to, note, uncached_usd_per_token) VALUES ('{project}', 'openai', '{text}', '2020-01-01 00:00:00', '2030-01-01 00:00:00', '{text}', {dollars})",
            f"INSERT INTO verdicts (project, feature, decided_at, sentence, inputs) VALUES ('{project}', '{text}', now(), '{text}', '{text}')",
            f"INSERT INTO forecasts (project, feature, month, made_at, reason) VALUES ('{project}', '{text}', '2026-11-01', now(), '{text}')",
            f"INSERT INTO decisions (project, feature, decided_at, made_by, note) VALUES ('{project}', '{text}', now(), '{text}', '{text}')",
            f"INSERT INTO revenue (project, from_day, to_day, feature, tenant, imported_at) VALUES ('{project}', '2026-11-01', '2026-11-02', '{text}', '{text}', now())",
            f"INSERT INTO sequences (project, service) VALUES ('{project}', '{text}')",
            f"INSERT INTO span_links (project, ts, trace_id) VALUES ('{project}', now(), '{text}')",
            f"INSERT INTO models_seen (provider, model) VALUES ('{text}', '{text}')",
            f"INSERT INTO model_names (provider, model) VALUES ('openai', '{text}')",
        ):
            store.run(statement)
    store.run(f"INSERT INTO collector_health (collector, at) VALUES ('{CANARY}', now())")
    store.run("INSERT INTO attribution_versions VALUES ('v', now(), 'canary-theirs')")
    store.run("INSERT INTO price_books (book_version, models, loaded_at) VALUES ('book-1', 1, now())")
    store.run(
        "INSERT INTO price_book (book_version, provider, model, valid_from, uncached_usd_per_token) VALUES ('book-1', 'openai', 'gpt-6', '2020-01-01 00:00:00', 0.000001)"
    )
    store.run(f"INSERT INTO keys (key_id, project, digest, note) VALUES ('k', 'mine', '{CANARY}', '{CANARY}')")


@pytest.fixture(scope="session")
def sql_store(engine_folder: Path) -> Iterator[Store]:
    store = Store(f"chdb://{engine_folder}?database=sqlgate").open()
    fill(store)
    yield store
    store.close()


@pytest.fixture(scope="session")
def server(sql_store: Store) -> Iterator[SqlServer]:
    app = FastAPI(openapi_url=None)
    app.include_router(sql_router(sql_store, reader, enabled=True))
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off")
    uvicorn_server = uvicorn.Server(config)
    thread = threading.Thread(target=uvicorn_server.run, daemon=True)
    thread.start()
    while not uvicorn_server.started:
        time.sleep(0.01)
    host, port = uvicorn_server.servers[0].sockets[0].getsockname()[:2]
    yield SqlServer(sql_store, f"http://{host}:{port}")
    uvicorn_server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def canary_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that no query may read."""
    path = tmp_path_factory.mktemp("secrets") / "canary.txt"
    path.write_text(f"{CANARY}\n")
    return path


@pytest.fixture(scope="session")
def target_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path at which no query may write."""
    return tmp_path_factory.mktemp("targets") / "written.txt"
