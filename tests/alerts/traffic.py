"""Traffic for alerts: few calls with many tokens, so that a handful of spans is a bill."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from breakeven_collector.alerts.rules_verdict import Decided
from breakeven_collector.otlp import Encoding, read_traces
from breakeven_collector.pipeline import Pipeline

from tests.spans import Call, body

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
USD = 400_000
"""Input tokens of gpt-4o that cost a dollar."""
_A_REQUEST = 3_000


def send(pipeline: Pipeline, calls: Iterable[Call], service: str = "api", project: str = "default") -> None:
    """Through the receiving end's journal, in few requests."""
    rows = list(calls)
    for n in range(0, len(rows), _A_REQUEST):
        request = body(*rows[n : n + _A_REQUEST], service=service)
        pipeline.journal.append(read_traces(request, Encoding.PROTOBUF).body, project).result(10)


def hourly(feature: str, first: datetime, hours: int, usd: float = 2.0, calls: int = 1, **more: Any) -> Iterator[Call]:
    """So many calls each hour that cost so much together."""
    for n in range(hours):
        for each in range(calls):
            at = first + n * HOUR + timedelta(minutes=5 + each * 50 / calls)
            yield Call(at=at, feature=feature, input_tokens=int(usd / calls * USD), output_tokens=0, **more)


def decided(feature: str, as_of: date, live_usd: float, **more: Any) -> Decided:
    """A verdict as alerts see it: to stay, with a break-even of $20,000."""
    known: dict[str, Any] = {"code": "STAY", "sentence": "Stay.", "next_step": "Look again.", "days": 60}
    known |= {"threshold_usd": 20_000.0, **more}
    return Decided(feature, as_of, live_usd=live_usd, **known)
