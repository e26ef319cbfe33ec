"""`GET /api/origins`: where calls without a declared feature come from."""

import asyncio
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from breakeven_collector.access import Access, Reading
from breakeven_collector.origins import OriginsDocument, build_origins
from breakeven_collector.store import Store


def origins_router(store: Store, access: Access) -> APIRouter:
    """The route, over an open store."""
    router = APIRouter()

    @router.get("/api/origins")
    async def origins(
        reading: Annotated[Reading, Depends(access.reader)],
        days: Annotated[int, Query(ge=1, le=3660)] = 30,
        cut: Annotated[list[date] | None, Query(max_length=1000)] = None,
    ) -> OriginsDocument:
        """Origins of the last days with calls and dollars; a stretch of time each, cut at the days that are given."""
        return await asyncio.to_thread(build_origins, store, days=days, cuts=cut or (), project=reading.project)

    return router
