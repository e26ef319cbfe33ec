"""The pulse: a word that is another one when a page would show something else."""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

from breakeven_collector.page.providers import Providers
from breakeven_collector.period import zone
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.projects import of_project
from breakeven_collector.verdicts.changes import BILLS, PRICING, changes, file_state

_TABLES: Final = (*PRICING, *BILLS, "decisions", "keys", "alert_states", "alert_snoozes")


def read_pulse(pipeline: Pipeline, providers: Providers, project: str | None) -> dict[str, Any]:
    """The document of `/api/pulse`.

    Returns:
        has_calls; pulse, of the ledger, prices, rules, bills, verdicts, decisions, keys, alerts, declarations and the
        day; verdicts, a number that is another one when they are.

    Raises:
        StoreError: the store cannot be read.
    """
    store, settings = pipeline.store, pipeline.settings
    ledger = store.query_file("page_pulse", of_project(project))[0]
    verdicts = providers.revision(project)
    state = (
        ledger["pulse"],
        changes(store, _TABLES),
        pipeline.attribution.declared.version,
        file_state(settings.config),
        verdicts,
        providers.bills_revision(),
        datetime.now(UTC).astimezone(zone(settings.timezone)).date(),
    )
    word = hashlib.sha256(repr(state).encode()).hexdigest()[:16].upper()
    return {"has_calls": bool(ledger["calls"]), "pulse": word, "verdicts": verdicts}
