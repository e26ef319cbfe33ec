"""What `/api/openapi.json` says of the page's routes: their parameters, and an example of each answer."""

from datetime import date
from typing import Annotated, Any, Final

from fastapi import Query

from breakeven_collector.page.view import GROUPINGS, STATUSES

_Text = str | None


def periods(
    days: Annotated[int | None, Query(ge=1, le=3660, description="The last so many days", examples=[30])] = None,
    month: Annotated[_Text, Query(description="A month; without a period: this one", examples=["2026-10"])] = None,
    first: Annotated[date | None, Query(alias="from", description="The first day", examples=["2026-10-01"])] = None,
    last: Annotated[
        date | None, Query(alias="to", description="The last day, included", examples=["2026-10-31"])
    ] = None,
    timezone: Annotated[_Text, Query(description="Where days begin", examples=["Europe/Berlin"])] = None,
    environment: Annotated[_Text, Query(description="Only this one", examples=["production"])] = None,
    feature: Annotated[_Text, Query(description="Only this one", examples=["contract-review"])] = None,
    provider: Annotated[_Text, Query(description="Only this one", examples=["openai"])] = None,
    model: Annotated[_Text, Query(description="Only this one", examples=["gpt-4o"])] = None,
    service: Annotated[_Text, Query(description="Only this one", examples=["support-api"])] = None,
) -> None:
    """What a view is of; `View.of` reads them."""


def groupings(
    by: Annotated[_Text, Query(description=f"One of {', '.join(GROUPINGS)}", examples=["model"])] = None,
) -> None:
    """What is stacked."""


def searches(
    q: Annotated[_Text, Query(description="In names and ids, any case", examples=["acme"])] = None,
    status: Annotated[
        _Text, Query(description=f"One of {', '.join(one for one in STATUSES if one)}", examples=["failed"])
    ] = None,
    before: Annotated[int | None, Query(ge=0, description="From an answer: the next screenful", examples=[])] = None,
) -> None:
    """Which calls."""


_CALL: Final = {
    "id": "1795478400000000-517508C815D5B60C3F9BEFFC762B8B95-5D03733EEA3F0F7D",
    "at": "2026-11-24T00:00:00.000+00:00",
    "project": "default",
    "environment": "production",
    "service": "support-api",
    "feature": "support-chat",
    "provider": "openai",
    "model": "gpt-5.5",
    "input_tokens": 15336,
    "cache_read_tokens": 6016,
    "output_tokens": 292,
    "seconds": 3.4,
    "failed": False,
    "basis": "usage",
    "counted": "yes",
    "cost_usd": "0.058368",
    "estimated_usd": None,
    "unpriced_reason": None,
}
_LINES: Final = [
    {"what": "input", "quantity": "9320", "rate_usd": "0.000005", "usd": "0.0466"},
    {"what": "cache read", "quantity": "6016", "rate_usd": "0.0000005", "usd": "0.003008"},
    {"what": "output", "quantity": "292", "rate_usd": "0.00003", "usd": "0.00876"},
]
_ERROR: Final = {"code": 3, "message": "days 'x': write a whole number from 1 to 3660"}


def answers(example: Any, *errors: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route."""
    words = {
        401: "No key, or an unknown one",
        403: "The key may not read this",
        404: "There is none",
        422: "See message",
    }
    told = {200: ("As in the example", example), **{status: (words[status], _ERROR) for status in (401, 403, *errors)}}
    return {
        status: {"description": description, "content": {"application/json": {"example": value}}}
        for status, (description, value) in told.items()
    }


SERIES: Final = answers(
    {
        "by": "model",
        "days": ["2026-11-23", "2026-11-24"],
        "series": [
            {"name": "gpt-6-astra", "label": "gpt-6-astra", "others": 0, "usd": ["1210.5", "1198.25"]},
            {"name": None, "label": "7 others", "others": 7, "usd": ["88.125", "90"]},
        ],
    },
    422,
)
CALLS: Final = answers({"calls": [_CALL], "before": 1795478400000000}, 422)
CALL: Final = answers(
    {
        "call": _CALL,
        "lines": _LINES,
        "lines_usd": "0.058368",
        "prices": {
            "source": "genai-prices@0.2.3",
            "factor": "1",
            "tier_start": 0,
            "priced_at": 1795478400,
            "since": None,
        },
        "paid_by": [{"feature": "support-chat", "source": "declared", "share": "1"}],
        "related": [],
        "why": None,
    },
    *(404, 422),
)
PULSE: Final = answers({"has_calls": True, "pulse": "522F915BEB5F39EF", "verdicts": 1}, 422)
