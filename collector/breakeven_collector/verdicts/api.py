"""Verdicts, decisions, revenue and margins over HTTP."""

import asyncio
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict

from breakeven_collector.access import Access, Reading
from breakeven_collector.json_body import checked, json_object
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.report_billed import billed_summary
from breakeven_collector.verdicts import decisions
from breakeven_collector.verdicts.margin import MarginBy, build_margin
from breakeven_collector.verdicts.revenue import import_revenue
from breakeven_collector.verdicts.service import Bill, build_verdicts

_MOST_CSV_BYTES: Final = 20_000_000


class DecisionSent(BaseModel):
    """The body of a decision."""

    model_config = ConfigDict(extra="forbid")

    feature: str
    decision: decisions.Decision
    made_by: str
    note: str = ""
    revisit_on: date | None = None
    project: str | None = None
    timezone: str | None = None


class RevenueSent(BaseModel):
    """The body of an import."""

    model_config = ConfigDict(extra="forbid")

    name: str
    csv: str
    project: str | None = None


def bill_of(pipeline: Pipeline) -> Bill:
    """What the report says of the providers' accounts, over a pipeline that is entered already."""
    return lambda period, project: billed_summary(
        pipeline.store, lambda: (pipeline.catalog, pipeline.attribution.declared), period=period, project=project
    )


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
            bill=bill_of(pipeline),
        )

    @router.get("/api/decisions")
    async def list_decisions(
        reading: Annotated[Reading, Depends(access.reader)],
        timezone: Annotated[str | None, Query(description="Where days begin, such as Europe/Berlin")] = None,
    ) -> dict[str, Any]:
        """What was decided, the newest first, and what of it is to be looked at again."""
        zone = timezone or settings.timezone
        return await asyncio.to_thread(
            decisions.list_decisions, store, config=settings.config, project=reading.project, timezone=zone
        )

    @router.post("/api/decisions")
    async def record(request: Request, reading: Annotated[Reading, Depends(access.admin)]) -> dict[str, Any]:
        """Keep a decision."""
        sent = checked(DecisionSent, await json_object(request, "a decision"))
        what = decisions.Record(sent.feature, sent.decision, sent.made_by, sent.note, sent.revisit_on)
        project = reading.own_project(sent.project)
        zone = sent.timezone or settings.timezone
        return await asyncio.to_thread(decisions.record, store, what, project=project, timezone=zone)

    @router.post("/api/revenue")
    async def revenue(request: Request, reading: Annotated[Reading, Depends(access.admin)]) -> dict[str, Any]:
        """Import revenue from a CSV file's text."""
        sent = checked(RevenueSent, await json_object(request, "a file of revenue", _MOST_CSV_BYTES))
        project = reading.own_project(sent.project)
        return await asyncio.to_thread(import_revenue, store, sent.csv, sent.name, project=project)

    @router.get("/api/margin")
    async def margin(
        reading: Annotated[Reading, Depends(access.reader)],
        by: MarginBy = MarginBy.FEATURE,
        months: Annotated[int, Query(ge=1, le=36)] = 3,
        timezone: Annotated[str | None, Query(description="Where months begin, such as Europe/Berlin")] = None,
    ) -> dict[str, Any]:
        """Revenue against cost of goods, by month."""
        return await asyncio.to_thread(
            build_margin, store, by=by, months=months, project=reading.project, timezone=timezone or settings.timezone
        )

    return router
