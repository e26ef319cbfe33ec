"""The routes: `/clickhouse/` takes a query, `/clickhouse/ping` says that it is there."""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from breakeven_collector.errors import BadRequest
from breakeven_collector.sql import native
from breakeven_collector.sql.allowed import FORMATS
from breakeven_collector.sql.errors import SqlError
from breakeven_collector.sql.request import Asked, compress, format_name, read_request
from breakeven_collector.sql.runner import Runner
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)

Reader = Callable[[Request], tuple[str, ...] | None]
"""Projects that a request may read; None: all. Raises BadRequest with 401 or 403 where it may read none."""

_GREETING: Final = "SELECT displayName(), version(), revision(), timezone()"
_SETTINGS: Final = "SELECT name, value, readonly FROM system.settings LIMIT 10000"
# What a client may send with a query; clickhouse-connect asks for it before its first one.
_OFFERED_SETTINGS: Final = """
SELECT setting.1 AS name, setting.2 AS value, setting.3 AS readonly
FROM (SELECT arrayJoin([('enable_http_compression', '0', 0), ('max_execution_time', '30', 0)]) AS setting)
"""


def sql_router(store: Store, reader: Reader, *, enabled: bool) -> APIRouter:
    """Routes of read-only SQL over a store.

    Args:
        store: an open store.
        reader: see Reader.
        enabled: else every request is told how to turn it on.
    """
    router = APIRouter()
    endpoint = SqlEndpoint(Runner(store), reader) if enabled else None

    async def query(request: Request) -> Response:
        if endpoint is None:
            return _error(
                SqlError(
                    497, "SQL is off. An admin turns it on with breakeven up --sql, or BREAKEVEN_SQL=true", status=404
                ),
                "",
            )
        return await endpoint.answer(request)

    async def ping(_: Request) -> Response:
        return PlainTextResponse("Ok.\n", status_code=200 if enabled else 404)

    for path in ("/clickhouse", "/clickhouse/"):
        router.add_route(path, query, methods=["GET", "POST"], include_in_schema=False)
    router.add_route("/clickhouse/ping", ping, methods=["GET"], include_in_schema=False)
    return router


class SqlEndpoint:
    """Answers requests with a Runner."""

    def __init__(self, runner: Runner, reader: Reader) -> None:
        self._runner = runner
        self._reader = reader

    async def answer(self, request: Request) -> Response:
        """Answer one; what goes wrong is an answer too."""
        query_id = ""
        try:
            try:
                projects = self._reader(request)
            except BadRequest as error:
                raise SqlError(516, str(error), status=error.status) from None
            asked = await read_request(request, self._runner.database)
            query_id = asked.query_id
            body, form = await asyncio.wrap_future(self._runner.submit(lambda: self._work(asked, projects)))
            if asked.encoding:
                body = await asyncio.to_thread(compress, body, asked.encoding)
        except SqlError as error:
            return _error(error, query_id)
        except Exception:  # noqa: BLE001 -- a client of this dialect gets its own form of error, whatever happens
            _log.exception("a query could not be answered")
            return _error(SqlError(1002, "the collector failed; its log says why"), query_id)
        headers = {
            **_headers(query_id),
            "X-ClickHouse-Format": form,
            "X-ClickHouse-Timezone": "UTC",
            **({"Content-Encoding": asked.encoding} if asked.encoding else {}),
        }
        return Response(body, media_type=FORMATS[form], headers=headers)

    def _work(self, asked: Asked, projects: tuple[str, ...] | None) -> tuple[bytes, str]:
        text = asked.text
        spoken = " ".join(text.split()).removesuffix(";").strip()
        if spoken == _GREETING and asked.default_format == "Native":
            return self._greeting(asked.revision), "Native"
        if match := re.fullmatch(rf"{re.escape(_SETTINGS)}( FORMAT \w+)?", spoken):
            text = _OFFERED_SETTINGS + (match[1] or "")
        gate = self._runner.gate()
        try:
            passed = gate.check(text)
        except SqlError as error:
            # The engine's parser points into the text as it was sent.
            if error.code == 62 and error.status == 400 and (told := self._runner.syntax_error(text)):
                raise told from None
            raise
        form = format_name(passed.format) if passed.format else asked.default_format
        parameters = {name: value for name, value in asked.parameters.items() if name in passed.parameters}
        body = self._runner.run(passed.sql, parameters, form=form, projects=projects, max_seconds=asked.max_seconds)
        if form == "Native" and not body:
            body = native.no_rows(self._runner.header(passed.sql, parameters, projects))
        return body, form

    def _greeting(self, revision: int) -> bytes:
        passed = self._runner.gate().check("SELECT version(), 'UTC'")
        text = self._runner.run(passed.sql, {}, form="TabSeparated", projects=()).decode()
        version, timezone = text.strip().split("\t")
        return native.greeting(version, timezone, revision=revision)


def _headers(query_id: str) -> dict[str, str]:
    return {
        "X-ClickHouse-Server-Display-Name": "Breakeven",
        **({"X-ClickHouse-Query-Id": query_id} if query_id else {}),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }


def _error(error: SqlError, query_id: str) -> Response:
    headers = {**_headers(query_id), "X-ClickHouse-Exception-Code": str(error.code)}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Breakeven: any user, a read key as password"'
    if error.status == 503:
        headers["Retry-After"] = "1"
    return PlainTextResponse(error.text, status_code=error.status, headers=headers)
