"""Keys over HTTP: making, listing and revoking them, for admins."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from breakeven_collector.access import Access, Reading
from breakeven_collector.errors import BadRequest
from breakeven_collector.json_body import json_object
from breakeven_collector.keys import KeyTable, Scope
from breakeven_collector.store import Store


def keys_router(store: Store, access: Access) -> APIRouter:
    """`/api/keys` of a running collector. An admin of one project deals with the keys of that one."""
    router = APIRouter(prefix="/api/keys")

    @router.get("")
    async def list_(within: Annotated[Reading, Depends(access.admin)]) -> dict[str, Any]:
        """The keys that hold, without the keys themselves."""
        return await asyncio.to_thread(KeyTable(store, within.project).list)

    @router.post("")
    async def create(request: Request, within: Annotated[Reading, Depends(access.admin)]) -> dict[str, Any]:
        """Make a key, by `scope` and, if need be, `project` and `note`; it is told this once."""
        wanted = _wanted(await json_object(request, "a key"))
        made = await asyncio.to_thread(KeyTable(store, within.project).create, *wanted)
        await asyncio.to_thread(access.refresh)
        return made

    @router.delete("/{key_id}")
    async def revoke(key_id: str, within: Annotated[Reading, Depends(access.admin)]) -> dict[str, Any]:
        """Make a key hold no more: here at once, in other collectors of the store within seconds."""
        done = await asyncio.to_thread(KeyTable(store, within.project).revoke, key_id)
        await asyncio.to_thread(access.refresh)
        return done

    return router


def _wanted(document: dict[str, Any]) -> tuple[Scope, str | None, str]:
    scope, project, note = (document.get(name) for name in ("scope", "project", "note"))
    if unknown := sorted(document.keys() - {"scope", "project", "note"}):
        raise BadRequest(422, f"a key has scope, project and note, and {len(unknown)} more were given")
    if not isinstance(scope, str) or scope not in set(Scope):
        raise BadRequest(422, f"scope: write one of {', '.join(Scope)}")
    if not isinstance(project, str | None) or not isinstance(note, str | None):
        raise BadRequest(422, "project and note are text")
    return Scope(scope), project, note or ""
