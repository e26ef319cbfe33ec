"""`GET /api/report/billed`: the bill by who drives it, from the providers' accounts alone."""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from breakeven_collector.access import Access, Reading
from breakeven_collector.billed_report import BilledBy, BilledReport, build_billed_report
from breakeven_collector.errors import CONFIG_UNUSABLE
from breakeven_collector.period import Asked
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.tieout import know_billed_names


def take_up_bill(pipeline: Pipeline) -> None:
    """Give what an import brought its prices and its features, at once.

    Raises:
        StoreError: the store refuses.
    """
    know_billed_names(pipeline.store, pipeline.catalog)
    pipeline.attribution.keep_names()


def billed_router(pipeline: Pipeline, access: Access) -> APIRouter:
    """The route, over an entered pipeline."""
    router = APIRouter()

    @router.get("/api/report/billed")
    async def billed(
        request: Request,
        reading: Annotated[Reading, Depends(access.reader)],
        days: Annotated[int, Query(ge=1, le=3660)] = 30,
        by: BilledBy = BilledBy.FEATURE,
        month: Annotated[str | None, Query(description="Instead of days: a month, such as 2026-10")] = None,
        first: Annotated[date | None, Query(alias="from", description="Instead of days: the first UTC day")] = None,
        last: Annotated[date | None, Query(alias="to", description="The last UTC day, included")] = None,
    ) -> BilledReport:
        """Usage of the providers' accounts at our prices, by the rules on keys and projects: an estimate."""
        features = await asyncio.to_thread(pipeline.attribution.features)
        error = pipeline.attribution.config_error
        return await asyncio.to_thread(
            build_billed_report,
            pipeline.store,
            pipeline.catalog,
            period=Asked(days, month, first, last).period(datetime.now(UTC)),
            by=by,
            features=features,
            project=reading.project,
            config_error=(error if getattr(request.state, "runs_it", False) else CONFIG_UNUSABLE) if error else None,
        )

    return router
