"""A ledger of many calls: what the report's queries are measured on.

Real spans, one of each kind (feature, model, service), take the whole way of a collector first, so that prices, origins
and attributions stand as they always do. SQL then writes the rows of the ledger for calls of these kinds; the cubes are
fed from it by their view as ever.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from breakeven_collector.demo.encode import attribute, message, resource, resource_spans, scope, scope_spans
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.settings import Settings
from breakeven_collector.store import Store

from bench.spans import FEATURES, MODELS

DAYS: Final = 90
_SERVICES: Final = 10
_MODELS_A_FEATURE: Final = 3
_UNALLOCATED: Final = 5
_FILL: Final = Path(__file__).with_name("fill_ledger.sql").read_text(encoding="utf-8")


def open_ledger(folder: Path) -> Pipeline:
    """A pipeline on the store in this folder, a new one or one that was filled before; it is to be entered and left."""
    settings = Settings(data_dir=folder, store="", config=folder / "none.toml", port=0)
    if (folder / "store").exists():
        return Pipeline(settings)
    with Pipeline(settings) as pipeline:
        for request in _kinds():
            pipeline.journal.append(request, "default").result(30)
        pipeline.drain(120)
    return Pipeline(settings)


def fill(store: Store, calls: int, progress: Callable[[int], None]) -> None:
    """Add so many calls, evenly over the last 90 days."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(DAYS):
        day = today - timedelta(days=DAYS - 1 - number)
        part = calls * (number + 1) // DAYS - calls * number // DAYS
        store.run(
            _FILL,
            {"day": int(day.timestamp()), "calls": part},
            {"min_insert_block_size_rows": 2_000_000, "min_insert_block_size_bytes": 4_000_000_000},
        )
        progress(part)


def rows(store: Store, table: str) -> int:
    """Rows of a table's parts, merged or not."""
    (found,) = store.rows(
        "SELECT sum(rows) AS n FROM system.parts "
        "WHERE active AND database = currentDatabase() AND table = {table:String}",
        {"table": table},
    )
    return int(found["n"])


def _kinds() -> Iterator[bytes]:
    start = int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1e9)
    number = 0
    for owner in range(FEATURES + _UNALLOCATED):
        spans: list[bytes] = []
        for choice in range(_MODELS_A_FEATURE):
            provider, model = MODELS[(owner + choice * choice) % len(MODELS)]
            number += 1
            whose = (
                attribute("breakeven.feature", f"feature-{owner:02}")
                if owner < FEATURES
                else attribute("gen_ai.agent.name", f"agent-{owner:02}")
                if owner % 2
                else b""
            )
            spans.append(
                b"".join(
                    (
                        message(1, number.to_bytes(16)),
                        message(2, number.to_bytes(8)),
                        message(5, b"chat"),
                        b"\x39" + start.to_bytes(8, "little") + b"\x41" + (start + 10**9).to_bytes(8, "little"),
                        attribute("gen_ai.operation.name", "chat"),
                        attribute("gen_ai.provider.name", provider),
                        attribute("gen_ai.response.model", model),
                        attribute("gen_ai.response.id", f"chatcmpl-kind{number}"),
                        attribute("gen_ai.usage.input_tokens", 1000),
                        attribute("gen_ai.usage.output_tokens", 100),
                        whose,
                    )
                )
            )
        environment = "staging" if owner % 10 == 9 else "production"
        named = {"service.name": f"service-{owner % _SERVICES}", "deployment.environment.name": environment}
        library = scope("opentelemetry.instrumentation.genai.openai", "1.3b0")
        yield resource_spans(resource(named), [scope_spans(library, spans)])
