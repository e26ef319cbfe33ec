"""The keys and projects of the providers' accounts, with what is billed by them and what spans show of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from breakeven_collector.map_rules import Origin
from breakeven_collector.period import utc_seconds
from breakeven_collector.projects import of_project
from breakeven_collector.report import usd
from breakeven_collector.store import Store


@dataclass(frozen=True)
class BilledKey:
    """A key of an account, or a project without one."""

    provider: str
    project: str
    """At the provider; empty: not told."""
    key: str
    """Name, else id; empty: not told."""
    usd: Decimal | None
    """None: not known."""
    estimated: bool = False
    """`usd` is what its usage comes to by our prices: the bill has no money by key."""
    features: Mapping[str, int] = field(default_factory=dict[str, int])
    """Feature of calls whose spans tell this key → calls."""

    @property
    def origin(self) -> Origin:
        """As rules see it."""
        return Origin(provider=self.provider, provider_project=self.project, provider_key=self.key)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "BilledKey":
        """From a row of `/api/origins`."""
        amount = row["usd"]
        return cls(
            row["provider"],
            row["provider_project"],
            row["provider_key"],
            None if amount is None else Decimal(amount),
            row["estimated"],
            dict(row["features"]),
        )


def billed_keys(store: Store, *, first: date, last: date, project: str | None) -> list[dict[str, Any]]:
    """The keys that are billed in some UTC days: provider, provider_project, provider_key, usd (decimal string, None
    where not known), estimated, features (name → calls whose spans tell the key); the dearest first.

    Where the account has usage, its keys are those of the usage: only that is given to features. Where it has only
    money, they are those of the money.

    Args:
        store: an open store.
        first: the first day.
        last: the last day, included.
        project: whose; None: of all projects.

    Raises:
        StoreError: the store cannot be read.
    """
    asked = {**of_project(project), "from": utc_seconds(first), "to": utc_seconds(last + timedelta(days=1))}
    # Asked first, for most have no account imported, and planning the rest takes longer than reading it.
    if not store.query_file("is_billed", asked):
        return []
    rows = store.query_file("billed_keys", asked)
    with_usage = {row["provider"] for row in rows if row["used"]}
    rows = [
        row
        for row in rows
        if (row["provider_key"] or row["provider_project"]) and (row["used"] or row["provider"] not in with_usage)
    ]
    if not rows:
        return []
    features: dict[str, dict[str, int]] = {}
    keys = sorted({row["provider_key"] for row in rows} - {""})
    for row in store.query_file("features_of_keys", {**asked, "keys": keys}) if keys else []:
        features.setdefault(row["provider_key"], {})[row["feature"]] = int(row["calls"])
    found = [
        {
            **{name: row[name] for name in ("provider", "provider_project", "provider_key")},
            "usd": usd(row["priced_usd"] if row["billed_usd"] is None else row["billed_usd"]),
            "estimated": row["billed_usd"] is None,
            "features": dict(sorted(features.get(row["provider_key"], {}).items())),
        }
        for row in rows
    ]
    return sorted(
        found,
        key=lambda row: (-Decimal(row["usd"] or 0), row["provider"], row["provider_project"], row["provider_key"]),
    )
