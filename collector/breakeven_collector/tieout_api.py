"""`GET /api/tieout`: billed against seen."""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from breakeven_collector.access import Access, Reading
from breakeven_collector.period import Asked
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.tieout import TieOut, TieOutBy, build_tieout


def tieout_router(pipeline: Pipeline, access: Access) -> APIRouter:
    """The route, over an entered pipeline."""
    router = APIRouter()

    @router.get("/api/tieout")
    async def tieout(
        reading: Annotated[Reading, Depends(access.reader)],
        days: Annotated[int, Query(ge=1, le=3660)] = 30,
        by: TieOutBy = TieOutBy.PROVIDER,
        month: Annotated[str | None, Query(description="Instead of days: a month, such as 2026-10")] = None,
        first: Annotated[date | None, Query(alias="from", description="Instead of days: the first UTC day")] = None,
        last: Annotated[date | None, Query(alias="to", description="The last UTC day, included")] = None,
    ) -> TieOut:
        """Billed against seen, and what the difference is made of."""
        return await asyncio.to_thread(
            build_tieout,
            pipeline.store,
            pipeline.catalog,
            pipeline.attribution.declared,
            period=Asked(days, month, first, last).period(datetime.now(UTC)),
            by=by,
            project=reading.project,
        )

    return router
