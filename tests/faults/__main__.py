"""The table of faults: `python -m tests.faults [--kills N] [--away-seconds S] [--only WORD]`."""

import argparse
import time
from collections.abc import Callable
from functools import partial

from breakeven_collector import records

from tests.clickhouse_server import clickhouse_server
from tests.faults import scenarios
from tests.faults.front import Mode
from tests.faults.load import Outcome

DAY = 86_400
AWAY = (Mode.REFUSING, Mode.HANGING, Mode.FAILING, Mode.MUTE, Mode.SLOW, Mode.MOODY)

Row = tuple[str, int, Outcome, str]
"""Fault, how often it happened, what became of the calls, and what else was seen."""


def _killed(fault: str, store: str, kills: int) -> Row:
    outcome, load = scenarios.killed(store, kills)
    return fault, kills, outcome, f"{load.statuses.get(0, 0)} unanswered, {load.sent_again} sent again"


def _away(server: str, seconds: float) -> Row:
    outcome, seen = scenarios.away(server, AWAY, seconds)
    grown = ", ".join(f"{mode} {size // 1000:+,} kB" for mode, size in seen.grown.items())
    return f"store away, {len(AWAY)} ways, {seconds:.0f} s each", len(AWAY), outcome, grown


def _disk_full(store: str) -> Row:
    outcome, load, _ = scenarios.disk_full(store)
    return "disk full (2 MB tmpfs)", 1, outcome, f"{load.statuses[503]} × 503"


def _journal_full(server: str) -> Row:
    outcome, load, waiting = scenarios.journal_full(server)
    return "journal at its limit (1 MB)", 1, outcome, f"{load.statuses[503]} × 503, {waiting:,} bytes waited"


def _torn(store: str) -> Row:
    outcome, _ = scenarios.left_behind(
        store, lambda name: records.record(b"never acknowledged" * 20, "default", name), lambda data: data[:-100]
    )
    return "torn last record", 1, outcome, ""


def _refused(store: str) -> Row:
    outcome, health = scenarios.left_behind(
        store, lambda name: records.record(b"\xff\xff\xff garbage", "default", name), bytes
    )
    return "a request that is refused", 1, outcome, f"{health['quarantined_requests']} set aside"


def _clock(store: str) -> Row:
    steps = [3 * DAY, -6 * DAY, 365 * DAY, -730 * DAY]
    return "clock steps (+3 d, -6 d, +365 d, -730 d)", len(steps), scenarios.clock_steps(store, steps), ""


def _two(store: str) -> Row:
    return "two collectors, same minutes", 1, scenarios.two_collectors(store, 200), ""


def _memory(server: str) -> Row:
    outcome, memory = scenarios.memory(server, 100)
    seen = (
        f"MB: {memory.before} before, {memory.while_away} with {memory.journal} waiting, "
        f"{memory.restarted} after a start, {memory.highest_in_drain} at most in the drain"
    )
    return "store away, memory", 1, outcome, seen


def main() -> None:
    """Run the faults one after another and print a row for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20, help="how often a collector is killed")
    parser.add_argument("--away-seconds", type=float, default=30, help="how long the store is away in each way")
    parser.add_argument("--only", default="", help="faults with one of these words in their name, a comma between them")
    arguments = parser.parse_args()
    print("| fault | runs | acknowledged | landed | lost | doubled | seconds | seen |")
    print("|---|---|---|---|---|---|---|---|")
    with clickhouse_server() as server:
        store = f"http://{server}"
        faults: dict[str, Callable[[], Row]] = {
            "kill server": partial(_killed, "`kill -9` of the collector", store, arguments.kills),
            "kill embedded": partial(_killed, "`kill -9`, embedded store", "", arguments.kills),
            "away": partial(_away, server, arguments.away_seconds),
            "disk": partial(_disk_full, store),
            "limit": partial(_journal_full, server),
            "torn": partial(_torn, store),
            "refused": partial(_refused, store),
            "clock": partial(_clock, store),
            "two": partial(_two, store),
            "memory": partial(_memory, server),
        }
        for name, run in faults.items():
            if any(word in name for word in arguments.only.split(",")):
                began = time.monotonic()
                fault, runs, outcome, seen = run()
                counts = f"{outcome.acknowledged:,} | {outcome.landed:,} | {outcome.lost} | {outcome.doubled}"
                print(f"| {fault} | {runs} | {counts} | {time.monotonic() - began:.0f} | {seen} |", flush=True)


if __name__ == "__main__":
    main()
