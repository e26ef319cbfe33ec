"""What a command reads of the providers' accounts: from a running collector, or from the store itself."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from breakeven_collector.billed_report import BilledBy, BilledReport, build_billed_report
from breakeven_collector.catalog import Catalog
from breakeven_collector.declarations import Declarations, load_declarations
from breakeven_collector.errors import ConfigError
from breakeven_collector.features import load_features
from breakeven_collector.period import Asked, Period
from breakeven_collector.report_billed import BilledSummary, billed_summary
from breakeven_collector.settings import Settings
from breakeven_collector.store import Store


def summary_of_store(settings: Settings, store: Store, period: Period, project: str | None) -> BilledSummary | None:
    """What a report says of the accounts, without a collector."""
    return billed_summary(store, lambda: _tools(settings, store), period=period, project=project)


def catalog_of(settings: Settings, store: Store) -> Catalog:
    """The prices of a store that no collector has open.

    Raises:
        ConfigError: `breakeven.toml` cannot be used.
    """
    catalog = Catalog(store, config=settings.config)
    catalog.load()
    return catalog


def _tools(settings: Settings, store: Store) -> tuple[Catalog, Declarations]:
    try:
        return catalog_of(settings, store), load_declarations(settings.config)
    except ConfigError:
        # Reports say by themselves that the file does not count. Names keep the meaning that they have in the store.
        return Catalog(store), Declarations()


def fetch_billed_report(
    settings: Settings, url: str | None, *, asked: Asked, by: BilledBy, project: str | None = None
) -> BilledReport:
    """The bill from the accounts alone, of one project or of all that the key may read.

    Raises:
        BreakevenError: nobody can give it; the message says what to do.
    """
    from breakeven_collector.source import fetch

    query = {**asked.query(), "by": str(by), **({"project": project} if project else {})}
    query.pop("timezone")

    def read(store: Store) -> BilledReport:
        period = asked.period(datetime.now(UTC))
        return build_billed_report(store, _tools(settings, store)[0], period=period, by=by, project=project or None)

    document = fetch(settings, url, f"/api/report/billed?{urlencode(query)}", having="providers", read=read)
    try:
        # Who reads may have a breakeven.toml of his own.
        features = load_features(settings.config)
    except ConfigError as error:
        return {**document, "config_error": str(error)}
    for row in document["rows"] if by is BilledBy.FEATURE else ():
        if declared := features.get(row["feature"] or ""):
            row |= {"owner": declared.owner, "cost_centre": declared.cost_centre}
            budget = declared.budget_usd_per_month
            row["budget_usd_per_month"] = None if budget is None else f"{budget.normalize():f}"
    return document
