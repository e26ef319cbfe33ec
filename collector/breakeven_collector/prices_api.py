"""Prices over HTTP: reading for whoever reads the bill, changing for admins, the book for an admin of all projects."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from breakeven_collector.access import Access, Reading
from breakeven_collector.json_body import is_json, json_object, read_body
from breakeven_collector.price_service import PriceService, override_from

_LARGEST_BOOK_BYTES = 64 * 1024 * 1024


def prices_router(prices: PriceService, access: Access) -> APIRouter:
    """`/api/prices…` over the prices of a running collector."""
    router = APIRouter(prefix="/api/prices")

    @router.get("")
    async def list_(
        reading: Annotated[Reading, Depends(access.reader)],
        days: Annotated[int, Query(ge=1, le=3660)] = 30,
        whole_book: bool = False,
    ) -> dict[str, Any]:
        """Books, overrides, models in use with rates and dollars."""
        return await asyncio.to_thread(prices.within(reading.project).list, days=days, whole_book=whole_book)

    @router.get("/model")
    async def show(
        reading: Annotated[Reading, Depends(access.reader)], model: str, provider: str = ""
    ) -> dict[str, Any]:
        """All that is known of a model's price."""
        return await asyncio.to_thread(prices.within(reading.project).show, model, provider)

    @router.post("/overrides")
    async def set_(request: Request, own: Annotated[Reading, Depends(access.admin)]) -> dict[str, Any]:
        """Enter an override."""
        override = override_from(await json_object(request, "an override"))
        return await asyncio.to_thread(prices.within(own.project).set, override)

    @router.delete("/overrides/{what:path}")
    async def unset(
        what: str, own: Annotated[Reading, Depends(access.admin)], provider: str = "", project: str | None = None
    ) -> dict[str, Any]:
        """Take an override back."""
        return await asyncio.to_thread(prices.within(own.project).unset, what, provider=provider, project=project)

    @router.post("/books", dependencies=[Depends(access.owner)])
    async def sync(request: Request, dry_run: bool = False) -> dict[str, Any]:
        """Make a data file of genai-prices the active book, or show what it would change."""
        is_json(request)
        body = await read_body(request, _LARGEST_BOOK_BYTES, "a book")
        return await asyncio.to_thread(prices.sync, body, dry_run=dry_run)

    return router
