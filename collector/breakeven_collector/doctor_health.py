"""What a collector's own account of its health (`/healthz`) means, and what to do about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

_LAG_SECONDS: Final = 60
_FULL: Final = 0.9
_HALF_FULL: Final = 0.5
_LITTLE_DISK_BYTES: Final = 2_000_000_000
_CLOCK_SECONDS: Final = 60
_SILENT_SECONDS: Final = 86_400
_OLD_PRICES_DAYS: Final = 45


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    level: Literal["good", "note", "wrong"]
    what: str
    """What was found."""
    mend: str = ""
    """What to do about it."""


def examine_health(health: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    """What the document of `/healthz` tells; `now` by this machine's clock."""
    yield from _landing(health)
    yield from _journal(health)
    yield from _set_aside(health)
    yield from _configured(health, now)
    yield from _coming_in(health)
    yield from _clocks(health, now)


def _landing(health: Mapping[str, Any]) -> Iterator[Finding]:
    lag = health["lag_seconds"]
    waiting = f"{_bytes(health['journal_bytes'])} wait in the journal"
    if health["held_up"]:
        yield Finding(
            "wrong",
            f"{waiting}, the oldest for {_time(lag)}: {health['held_up']}",
            "what was acknowledged is kept; it goes on by itself once the cause is gone",
        )
        return
    if health["store_error"]:
        yield Finding("wrong", f"the store does not answer: {health['store_error']}", "spans are taken all the same")
    if lag > _LAG_SECONDS:
        yield Finding(
            "note",
            f"the bill is {_time(lag)} behind: {waiting}",
            "the store takes less than comes in, or catches up after an outage: see docs/operations.md on lag",
        )
    else:
        yield Finding("good", f"the bill is {_time(lag)} behind what came, {waiting}")
    if health["ship_errors"]:
        yield Finding(
            "note",
            f"{health['ship_errors']} tries to bring spans into the ledger failed since {health['started']}, and were "
            "repeated",
            "the collector's log says why",
        )


def _journal(health: Mapping[str, Any]) -> Iterator[Finding]:
    size, limit, free = health["journal_bytes"], health["journal_limit_bytes"], health["journal_disk_free_bytes"]
    if size > _HALF_FULL * limit:
        yield Finding(
            "wrong" if size > _FULL * limit else "note",
            f"the journal holds {_bytes(size)} of {_bytes(limit)}",
            "beyond that requests are answered 503, and clients give up after a while: bring the store back",
        )
    if free < _LITTLE_DISK_BYTES:
        yield Finding("wrong", f"{_bytes(free)} free on the collector's disk", "make room there")
    if health["unkept_requests"]:
        yield Finding(
            "note",
            f"{health['unkept_requests']} requests were answered 503, because the journal could not be written",
            "applications send them again for a while; make room on the collector's disk, or mend the folder",
        )
    if health["damaged_segments"]:
        yield Finding(
            "wrong",
            f"{health['damaged_segments']} segments of the journal were damaged on disk",
            "what could be read was kept; the originals lie beside the journal as *.damaged. Check the disk",
        )


def _set_aside(health: Mapping[str, Any]) -> Iterator[Finding]:
    aside = health["quarantine"]
    if aside["requests"]:
        why = ", ".join(f"{count} {reason}" for reason, count in aside["reasons"].items())
        yield Finding(
            "note",
            f"{aside['requests']} requests could not be stored and lie in quarantine/: {_bytes(aside['bytes'])}, the "
            f"oldest for {_time(aside['oldest_seconds'])} ({why})",
            "each has its reason in a .txt file beside it; they hold users' content, so remove them once looked at",
        )


def _configured(health: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    if health["config_error"]:
        yield Finding(
            "wrong",
            f"the collector cannot use its file: {health['config_error']}",
            "mend the file; what it declared before still counts, and calls are taken all the same",
        )
    # An older collector does not say.
    if health.get("alerts_error"):
        yield Finding(
            "wrong",
            f"alerts are not as they should be: {'; '.join(health['alerts_error'].splitlines())}",
            "mend what it names; rules that it had read before go on as they were, and what failed is tried again",
        )
    if health["newest_price"]:
        days = (now.date() - date.fromisoformat(health["newest_price"])).days
        if days > _OLD_PRICES_DAYS:
            yield Finding(
                "note",
                f"the price book {health['price_book']} is {days} days old by its newest price",
                "take a newer one with `pip install -U genai-prices` or `breakeven prices sync FILE`",
            )


def _coming_in(health: Mapping[str, Any]) -> Iterator[Finding]:
    if health["refused_requests"]:
        why = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in health["refused"].items() if count)
        yield Finding("note", f"{health['refused_requests']} requests were refused: {why}", _mend_refused(health))
    if health["rejected_spans"]:
        yield Finding("note", f"{health['rejected_spans']} spans had ids of a wrong length and were left out")
    if not health["requests"]:
        yield Finding(
            "note",
            f"no spans came since the start at {health['started']}",
            "breakeven.init() in the application, or OTEL_EXPORTER_OTLP_ENDPOINT set to the address above; "
            "is BREAKEVEN_DISABLED or OTEL_SDK_DISABLED set there?",
        )
    elif (silent := health["newest_span_seconds"]) is not None and silent > _SILENT_SECONDS:
        yield Finding(
            "note", f"the newest span ended {_time(silent)} ago", "do the applications still run, and send here?"
        )
    for signal, count in health["dropped_requests"].items():
        if count:
            yield Finding(
                "note", f"{count} requests of {signal} were answered and not kept", "the bill is made from spans alone"
            )


def _mend_refused(health: Mapping[str, Any]) -> str:
    refused = health["refused"]
    mends: list[str] = []
    if refused.get("unauthenticated") or refused.get("forbidden"):
        mends.append("applications need a key that may write: BREAKEVEN_API_KEY")
    if refused.get("too_large"):
        mends.append("exporters must send smaller batches: OTEL_BSP_MAX_EXPORT_BATCH_SIZE")
    return "; ".join(mends) or (
        "exporters must send OTLP over HTTP as protobuf or JSON to /v1/traces, or over gRPC to the port that "
        "`breakeven up` names; docs/otlp.md has the rules"
    )


def _clocks(health: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    off = (datetime.fromisoformat(health["clock"]) - now).total_seconds()
    if abs(off) > _CLOCK_SECONDS:
        yield Finding(
            "note",
            f"the collector's clock is {_time(abs(off))} {'ahead of' if off > 0 else 'behind'} this machine's",
            "set both by NTP: the day and the price of a call are taken from clocks",
        )
    if health["ahead_requests"]:
        yield Finding(
            "note",
            f"{health['ahead_requests']} requests held spans from the future, by up to "
            f"{_time(health['farthest_ahead_seconds'])}",
            "set the clocks of applications and collector by NTP; over a day ahead, the time of receipt counts instead",
        )


def _bytes(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def _time(seconds: float) -> str:
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.1f} {name}" if seconds / unit < 10 else f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} days"
