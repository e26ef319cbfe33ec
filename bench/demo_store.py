"""A collector with the demo's traffic and bill, for what is drawn from them."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from breakeven_collector.billed_api import take_up_bill
from breakeven_collector.demo.command import CONFIG, import_bill, keep_in, seed_store
from breakeven_collector.demo.traffic import Traffic
from breakeven_collector.serve import Collector
from breakeven_collector.settings import Settings
from rich.console import Console


@contextmanager
def demo_collector(days: int, console: Console) -> Generator[Collector]:
    """Serving, until it is left; `days` of traffic end now."""
    with tempfile.TemporaryDirectory(prefix="breakeven-demo-") as folder:
        settings = Settings(data_dir=Path(folder), store="", config=CONFIG, port=0, grpc_port=-1, host="127.0.0.1")
        with Collector(settings) as collector:
            now = datetime.now(UTC).replace(second=0, microsecond=0)
            traffic = Traffic(days=days, seed=1, end=now)
            seed_store(console, collector, traffic)
            import_bill(keep_in(collector.pipeline.store), traffic, now)
            take_up_bill(collector.pipeline)
            yield collector
