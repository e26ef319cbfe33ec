"""Accounts of providers over HTTP, for admins: files and keys of providers stay where the command line runs."""

import asyncio
import json
from collections.abc import Callable
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Query, Request

from breakeven_collector.access import DEFAULT_PROJECT, Access, Reading
from breakeven_collector.errors import BadRequest
from breakeven_collector.imports.keep import Imports
from breakeven_collector.imports.lines import ImportFailed
from breakeven_collector.imports.wire import account_from
from breakeven_collector.json_body import is_json, read_body
from breakeven_collector.store import Store

_MOST_BYTES: Final = 256 * 1024 * 1024


def imports_router(store: Store, access: Access, *, then: Callable[[], object] = lambda: None) -> APIRouter:
    """`/api/imports`: what of the provider's account is held, and taking more of it.

    `then` is called after each import, and makes known what it brought.
    """
    router = APIRouter(prefix="/api/imports")
    imports, one_at_a_time = Imports(store), asyncio.Lock()

    @router.get("/days")
    async def days(
        own: Annotated[Reading, Depends(access.admin)], source: str, project: Annotated[str | None, Query()] = None
    ) -> dict[str, Any]:
        """Days that a pull brought and the provider changes no more: a pull that broke off goes on behind them."""
        found = await asyncio.to_thread(imports.held_days, source, _project(own, project))
        return {"days": sorted((report, part, day.isoformat()) for report, part, day in found)}

    @router.post("")
    async def add(request: Request, own: Annotated[Reading, Depends(access.admin)]) -> dict[str, Any]:
        """Take up an account, as the command line read it."""
        is_json(request)
        body = await read_body(request, _MOST_BYTES, "an account")
        try:
            document: Any = json.loads(body)
        except (ValueError, RecursionError):
            raise BadRequest(400, "the body is not JSON") from None
        if not isinstance(document, dict):
            raise BadRequest(422, "an account is a JSON object")
        account, origin, project = account_from(cast(dict[str, Any], document))
        async with one_at_a_time:
            try:
                told = await asyncio.to_thread(imports.add, account, origin, _project(own, project))
            except ImportFailed as error:
                raise BadRequest(409, str(error)) from None
        if told["import_id"]:
            await asyncio.to_thread(then)
        return told

    return router


def _project(own: Reading, asked: str | None) -> str:
    if own.project is not None and asked not in (None, own.project):
        raise BadRequest(403, f"this key is for project {own.project!r} only")
    return own.project or asked or DEFAULT_PROJECT
