"""Tables that more than one dashboard has."""

from breakeven_dashboards import columns
from breakeven_dashboards.datasource import target
from breakeven_dashboards.panel import COUNT, USD, Panel, field, table
from breakeven_dashboards.queries import Queries


def models(panel_id: int, sql: Queries) -> Panel:
    """By model."""
    return table(
        panel_id,
        "Models",
        "The dearest first, as the spans name them.",
        [target(sql("models"), "table")],
        unit=USD,
        fields=[
            *columns.choosing("model", "Model"),
            *columns.MONEY,
            field("input_tokens_per_call", "Input a call", unit=COUNT),
            field("output_tokens_per_call", "Output a call", unit=COUNT),
            *(columns.CACHED, columns.FAILED),
        ],
    )


def tenants(panel_id: int, sql: Queries) -> Panel:
    """By customer."""
    return table(
        panel_id,
        "Tenants",
        "Customers of the application, the dearest first. With an environment chosen this reads the ledger by the "
        "minute, which takes longer.",
        [target(sql("tenants"), "table")],
        unit=USD,
        fields=[*columns.choosing("tenant", "Tenant"), *columns.MONEY],
    )
