"""Traffic for the dashboards: ten days of calls over the whole way, with names that are hard to quote."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from breakeven_collector import otlp
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.store import Store

from tests.collector.billed_lines import insert_billed
from tests.dashboards.macros import Range
from tests.spans import Call, body

FIRST: Final = date(2026, 11, 10)
LAST: Final = date(2026, 11, 19)
PERIOD: Final = Range(datetime(2026, 11, 10, tzinfo=UTC), datetime(2026, 11, 19, 23, 59, 59, tzinfo=UTC))
"""What `now-9d/d` to `now/d` is on the 19th."""
HARD: Final = ("it's", 'say "hi"', "back\\slash", "\\x41\\'", "100 % off", "a,b (c)", "naïve ✓", "${feature}")
"""Names of features, tenants and models."""
FEATURES: Final = ("search", *HARD)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def land(pipeline: Pipeline, *calls: Call, project: str = "default", environment: str = "") -> None:
    resource = {"deployment.environment.name": environment} if environment else {}
    request = otlp.read_traces(body(*calls, resource=resource), otlp.Encoding.PROTOBUF)
    pipeline.journal.append(request.body, project).result(10)


def seed(pipeline: Pipeline) -> None:
    """Calls, and beside them what people and other parts of Breakeven put into the store."""
    for number, feature in enumerate(FEATURES):
        tenant = {"breakeven.tenant": HARD[number % len(HARD)], "user.id": f"user {number}'s"}
        calls = [
            Call(at=at(10 + day), feature=feature, input_tokens=1000 * (number + 1), attributes=tenant)
            for day in range(0, 10, 2)
        ]
        # The period before, and one day before that which is in neither.
        calls += [
            Call(at=at(9), feature=feature, attributes=tenant),
            Call(at=at(9) - timedelta(days=20), feature=feature),
        ]
        land(pipeline, *calls, environment="production" if number % 2 else "")
    land(
        pipeline,
        Call(at=at(11), feature=None, model="gpt-4o-mini"),
        Call(at=at(12), model="it's a model", input_tokens=50),
        Call(at=at(13), input_tokens=None, output_tokens=None, attributes={"breakeven.estimated.input_tokens": 900, "breakeven.estimated.output_tokens": 90}),
        Call(at=at(14), failed=True, attributes={"error.type": "rate_limit's"}, seconds=9),
        # Seen by two instrumentations.
        Call(at=at(15), response_id="twice", scope="a.scope"),
        Call(at=at(15), response_id="twice", scope="b.scope"),
        Call(at=at(16), attributes={"gen_ai.usage.cache_read.input_tokens": 600}),
    )  # fmt: skip
    land(pipeline, Call(at=at(17), feature="search"), project="other's")
    pipeline.drain()
    _beside(pipeline.store)


def _beside(store: Store) -> None:
    now = at(20)
    verdicts = [
        (project, feature, now, "d" * 64, at(19) - timedelta(days=30), at(19), "UTC", "book", "stay", 3,
         f"Stay with {feature}.", 120.0, threshold, None, date(2026, 12, 24), None, 0.4, above, 130.0, best, saves, "Ask again.")
        for project, feature, threshold, above, best, saves in (
            ("", "search", 100.0, 1, "cache", 30.0),
            ("default", "it's", None, 0, "", None),
            ("other's", "back\\slash", 1000.0, 0, "batch ?", None),
        )
    ]  # fmt: skip
    columns = (
        *("project", "feature", "decided_at", "digest", "window_from", "window_to", "timezone", "book_version", "code"),
        *("rule", "sentence", "spend_usd", "threshold_usd", "crosses_p10_on", "crosses_p50_on", "crosses_p90_on"),
        *("crosses_90_days", "is_above", "api_usd", "best", "best_saves_usd", "next_step"),
    )
    store.insert("verdicts", columns, verdicts)
    store.insert(
        "forecasts",
        (
            "project",
            "feature",
            "month",
            "made_at",
            "so_far_usd",
            "p10_usd",
            "p50_usd",
            "p90_usd",
            "budget_usd",
            "reason",
        ),
        [
            ("default", "", date(2026, 11, 1), now, 50.0, 60.0, 75.0, 90.0, Decimal(100), ""),
            ("default", "it's", date(2026, 11, 1), now, 5.0, None, None, None, None, "too few days"),
            ("default", "search", date(2026, 10, 1), now, 5.0, None, None, None, None, "another month"),
        ],
    )
    store.insert(
        "decisions",
        ("project", "feature", "decided_at", "decision", "made_by", "note", "revisit_on", "spend_usd"),
        [("default", "it's", at(18), "stay", "Ada", "it isn't worth it", date(2027, 5, 1), 120.0)],
    )
    store.insert(
        "revenue",
        ("project", "from_day", "to_day", "line", "feature", "amount_usd", "imported_at"),
        [
            # 20 days, of which 10 lie in the period.
            ("default", date(2026, 11, 10), date(2026, 11, 30), 1, "search", Decimal("200"), now),
            (
                "default",
                date(2026, 11, 10),
                date(2026, 11, 30),
                1,
                "search",
                Decimal("100"),
                now + timedelta(seconds=1),
            ),
        ],
    )
    insert_billed(
        store,
        [
            {
                "provider": "openai",
                "report": "costs",
                "day": date(2026, 11, 12),
                "amount_usd": Decimal("1"),
                "item": "x",
            },
            {
                "provider": "openai",
                "report": "costs",
                "day": date(2026, 11, 14),
                "amount_usd": Decimal("0.001"),
                "item": "x",
            },
        ],
    )
    health = ("collector", "at", "started_at", "version", "lag_seconds", "journal_bytes", "journal_limit_bytes", "received",
              "landed", "rejected", "refused", "unkept", "ship_errors", "held_up", "quarantined")  # fmt: skip
    # The counters begin again: the collector was started anew.
    store.insert(
        "collector_health",
        health,
        [
            ("one:4318", at(18, hour), at(1), "1", lag, 10, 100, received, landed, 0, 0, 0, errors, errors > 1, 2)
            for hour, lag, received, landed, errors in (
                *((1, 0.5, 100, 90, 0), (2, 3.0, 160, 160, 2), (3, 0.0, 40, 30, 0), (4, 1.0, 50, 50, 1)),
            )
        ],
    )
