"""What the collector tells of its health: `/healthz` for people and `doctor`, `/readyz` for a load balancer."""

import os
import secrets
import shutil
import time
from datetime import UTC, date, datetime
from typing import Any

from breakeven_collector.pipeline import Pipeline
from breakeven_collector.set_aside import look
from breakeven_collector.version import program_version


def health_document(pipeline: Pipeline, started: datetime) -> dict[str, Any]:
    """Whether requests are taken and land, as JSON; counters are since the start. Never waits for the store."""
    received, journal, shipper, watch = pipeline.received, pipeline.journal, pipeline.shipper, pipeline.watch
    folder = pipeline.settings.journal_dir
    held_up = received.journal_error or shipper.last_error
    aside = look(pipeline.quarantine, with_reasons=True)
    told = pipeline.probe.last()
    return {
        "status": "ok" if not held_up else "degraded",
        "held_up": held_up or None,
        "version": program_version(),
        "config": str(pipeline.settings.config.absolute()),
        "config_error": pipeline.attribution.config_error or None,
        "alerts_error": pipeline.alerts.error or None,
        "started": started.isoformat(),
        "clock": datetime.now(UTC).isoformat(),
        "store": pipeline.store.address,
        "store_error": pipeline.probe.store_error() or None,
        "lag_seconds": round(journal.oldest_waiting_seconds, 3),
        "journal_bytes": journal.waiting_bytes,
        "journal_limit_bytes": journal.max_bytes,
        "journal_segments": journal.waiting_segments,
        "journal_disk_free_bytes": shutil.disk_usage(folder).free,
        "resent_requests": journal.resent_requests,
        "shipped_segments": shipper.shipped_segments,
        "ship_errors": watch.ship_error_count,
        "quarantined_requests": shipper.quarantined_requests,
        "quarantine": {
            "requests": aside.requests,
            "bytes": aside.size_bytes,
            "oldest_seconds": aside.oldest_seconds and round(aside.oldest_seconds),
            "reasons": aside.reasons,
        },
        "requests": received.requests,
        "spans": received.spans,
        "newest_span_seconds": round(time.time() - watch.newest_end_ns / 1e9, 3) if watch.newest_end_ns else None,
        "ahead_requests": watch.ahead_requests,
        "farthest_ahead_seconds": round(watch.farthest_ahead_seconds, 3),
        "rejected_spans": received.rejected_spans,
        "refused_requests": received.refused_requests,
        "refused": dict(received.refused),
        "unkept_requests": received.unkept_requests,
        "damaged_segments": len(list(folder.glob("*.damaged"))),
        "dropped_requests": received.dropped,
        "price_book": told and told.price_book,
        "newest_price": _day(told and told.newest_price),
    }


def why_not_ready(pipeline: Pipeline) -> str:
    """Why this collector cannot take spans now; empty where it can. A store that is away does not matter to that.

    The journal is tried only where a request could not be kept: while it takes requests, it is well.
    """
    received, journal = pipeline.received, pipeline.journal
    if not received.journal_error:
        return ""
    if journal.waiting_bytes >= journal.max_bytes:
        return received.journal_error
    if shutil.disk_usage(pipeline.settings.journal_dir).free < pipeline.settings.min_free_bytes:
        return received.journal_error
    # No request comes here while a load balancer stays away, so somebody else must see that it works again.
    path = pipeline.settings.journal_dir / f"ready-{secrets.token_hex(4)}"
    try:
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(file, bytes(4096))
                os.fsync(file)
            finally:
                os.close(file)
        finally:
            path.unlink(missing_ok=True)
    except OSError:
        return received.journal_error
    return ""


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
