"""Keys over HTTP: making, listing and revoking them, for admins."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from breakeven_collector.access import Access, Reading
from breakeven_collector.keys import KeyTable, Scope
from breakeven_collector.store import Store


class KeyWanted(BaseModel):
    """The body of `POST /api/keys`."""

    model_config = ConfigDict(extra="forbid")

    scope: Scope
    project: str | None = None
    note: str = ""


def keys_router(store: Store, access: Access) -> APIRouter:
    """`/api/keys` of a running collector. An admin of one project deals with the keys of that one."""
    router = APIRouter(prefix="/api/keys")

    @router.get("")
    async def list_(within: Annotated[Reading, Depends(access.admin)]) -> dict[str, Any]:
        """The keys that hold, without the keys themselves."""
        return await asyncio.to_thread(KeyTable(store, within.project).list)

    @router.post("")
    async def create(wanted: KeyWanted, within: Annotated[Reading, Depends(access.admin)]) -> dict[str, Any]:
        """Make a key; it is told this once."""
        table = KeyTable(store, within.project)
        made = await asyncio.to_thread(table.create, wanted.scope, wanted.project, wanted.note)
        await asyncio.to_thread(access.refresh)
        return made

    @router.delete("/{key_id}")
    async def revoke(key_id: str, within: Annotated[Reading, Depends(access.admin)]) -> dict[str, Any]:
        """Make a key hold no more: here at once, in other collectors of the store within seconds."""
        done = await asyncio.to_thread(KeyTable(store, within.project).revoke, key_id)
        await asyncio.to_thread(access.refresh)
        return done

    return router
