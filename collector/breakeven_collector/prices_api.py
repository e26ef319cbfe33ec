"""Prices over HTTP: reading for whoever reads the bill, changing only from the collector's own machine."""

import asyncio
import ipaddress
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request

from breakeven_collector.errors import BadRequest
from breakeven_collector.price_service import PriceService, override_from

_LARGEST_BOOK_BYTES = 64 * 1024 * 1024


def prices_router(prices: PriceService) -> APIRouter:
    """`/api/prices…` over the prices of a running collector."""
    router = APIRouter(prefix="/api/prices")
    ours = Depends(_from_this_machine)

    @router.get("")
    async def list_(days: Annotated[int, Query(ge=1, le=3660)] = 30, whole_book: bool = False) -> dict[str, Any]:
        """Books, overrides, models in use with rates and dollars."""
        return await asyncio.to_thread(prices.list, days=days, whole_book=whole_book)

    @router.get("/model")
    async def show(model: str, provider: str = "") -> dict[str, Any]:
        """All that is known of a model's price."""
        return await asyncio.to_thread(prices.show, model, provider)

    @router.post("/overrides", dependencies=[ours])
    async def set_(request: Request) -> dict[str, Any]:
        """Enter an override."""
        document: object = await request.json()
        if not isinstance(document, dict):
            raise BadRequest(422, "an override is a JSON object")
        return await asyncio.to_thread(prices.set, override_from(cast(dict[str, Any], document)))

    @router.delete("/overrides/{what:path}", dependencies=[ours])
    async def unset(what: str, provider: str = "", project: str | None = None) -> dict[str, Any]:
        """Take an override back."""
        return await asyncio.to_thread(prices.unset, what, provider=provider, project=project)

    @router.post("/books", dependencies=[ours])
    async def sync(request: Request, dry_run: bool = False) -> dict[str, Any]:
        """Make a data file of genai-prices the active book, or show what it would change."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST_BOOK_BYTES:
                raise BadRequest(413, f"a book may have {_LARGEST_BOOK_BYTES:,} bytes at most")
        return await asyncio.to_thread(prices.sync, body, dry_run=dry_run)

    return router


def _from_this_machine(request: Request) -> None:
    host = request.client.host if request.client else ""
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise BadRequest(403, "prices are changed from the collector's own machine only: run `breakeven prices` there")
    # A page in this machine's browser can send neither a DELETE nor this type to us without being asked first.
    content_type = request.headers.get("content-type", "").split(";")[0].strip()
    if request.method == "POST" and content_type != "application/json":
        raise BadRequest(415, "send application/json")
    if "origin" in request.headers:
        raise BadRequest(403, "prices are not changed from a web page")
