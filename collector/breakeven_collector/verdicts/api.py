"""`GET /api/verdicts`: what to do about each feature, and why."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from breakeven_collector.access import Access, Reading
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.verdicts.service import build_verdicts


def verdicts_router(pipeline: Pipeline, access: Access) -> APIRouter:
    """The routes, over a pipeline that is entered already."""
    router = APIRouter()
    store, settings = pipeline.store, pipeline.settings

    @router.get("/api/verdicts")
    async def verdicts(
        reading: Annotated[Reading, Depends(access.reader)],
        feature: Annotated[str | None, Query(description="Only this one")] = None,
        timezone: Annotated[str | None, Query(description="Where days begin, such as Europe/Berlin")] = None,
        flips: Annotated[bool, Query(description="Also what would change each verdict; takes seconds")] = False,
        diff: Annotated[bool, Query(description="Also what moved each since the last one")] = False,
    ) -> dict[str, Any]:
        """The verdict on each feature by the last 30 whole days; one that is new is kept in the store."""
        return await asyncio.to_thread(
            build_verdicts,
            store,
            settings.config,
            feature=feature,
            project=reading.project,
            timezone=timezone or settings.timezone,
            flips=flips,
            diff=diff,
        )

    return router
