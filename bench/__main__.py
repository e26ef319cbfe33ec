"""`make bench`: run the measurements, print them, and write them into docs/benchmarks.md."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import disk, forecast, freshness, landed, queries, sdk, streams, tables
from bench.tables import Table

console = Console()


@dataclass(frozen=True)
class Options:
    """What was asked for.

    Attributes:
        runs: How often each load is sent.
        quick: Less of everything: whether it works, not how fast it is.
        calls: Calls in the largest ledger.
        rounds: How often each query is timed.
        stores: Ledgers that were filled before, to be asked instead of new ones.
        tell: Takes a line on how far it is.
    """

    runs: int
    quick: bool
    calls: int
    rounds: int
    stores: Sequence[Path]
    tell: Callable[[str], None]


def _landed(options: Options) -> list[Table]:
    return landed.measure(options.runs, 0.1 if options.quick else 1.0, options.tell)


def _sustained(options: Options) -> list[Table]:
    return landed.sustained(30 if options.quick else 240, options.tell)


def _freshness(options: Options) -> list[Table]:
    return [tables.of_results("Freshness", freshness.measure(15 if options.quick else 60))]


def _disk(options: Options) -> list[Table]:
    return [tables.of_results("Bytes on disk", disk.measure(20_000 if options.quick else 500_000))]


def _queries(options: Options) -> list[Table]:
    rounds = 3 if options.quick else options.rounds
    if options.stores:
        return queries.tables_of(queries.measure_stores(options.stores, rounds, options.tell))
    limit = 300_000 if options.quick else options.calls
    steps = [calls for calls in queries.STEPS if calls <= limit] or [limit]
    return queries.tables_of(queries.measure(steps, rounds, options.tell))


def _sdk(options: Options) -> list[Table]:
    return [tables.of_results("SDK", sdk.measure(3 if options.quick else 15))]


def _streams(_options: Options) -> list[Table]:
    return [tables.of_results("Streams and estimates", streams.measure())]


def _forecast(options: Options) -> list[Table]:
    return forecast.measure(50 if options.quick else 500, options.tell)


PARTS: Final[Mapping[str, Callable[[Options], list[Table]]]] = {
    "landed": _landed,
    "sustained": _sustained,
    "freshness": _freshness,
    "disk": _disk,
    "queries": _queries,
    "sdk": _sdk,
    "streams": _streams,
    "forecast": _forecast,
}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"some of: {', '.join(PARTS)}; all where left out")
    parser.add_argument("--runs", type=int, default=5, help="runs of each load (5)")
    parser.add_argument("--calls", type=int, default=queries.STEPS[-1], help="calls in the largest ledger (100000000)")
    parser.add_argument("--rounds", type=int, default=20, help="how often each query is timed (20)")
    parser.add_argument(
        "--store",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="ask this ledger, filled before; several: from small to large",
    )
    parser.add_argument("--quick", action="store_true", help="little of everything; nothing is written")
    given = parser.parse_args()
    unknown = set(given.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    told = [f"--store {folder.name}" for folder in given.store]
    told += [f"--rounds {given.rounds}"] if given.rounds != parser.get_default("rounds") else []
    words = " ".join([*given.parts, *told, *(["--quick"] if given.quick else [])])
    # Told to stop, it stops what it started.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    command = f'make bench ARGS="{words}"' if words else "make bench"
    for part in given.parts or PARTS:
        began = time.perf_counter()
        with console.status(part) as status:

            def tell(line: str, part: str = part) -> None:
                status.update(f"{part}: {line}")

            found = PARTS[part](Options(given.runs, given.quick, given.calls, given.rounds, given.store, tell))
        took = time.perf_counter() - began
        for table in found:
            tables.show(console, table)
        console.print(f"{part}: {took:.0f} s\n")
        if not given.quick:
            tables.write(part, found, command, took)


if __name__ == "__main__":
    main()
