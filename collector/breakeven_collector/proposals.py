"""Names of features that origins suggest, for people to confirm."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from breakeven_collector.map_rules import Match, Origin, literal

NAMING: Final = ("agent", "workflow", "prompt", "route", "key", "project", "service")
"""Fields that may name a feature, the most telling first."""

ENVIRONMENTS: Final = frozenset(
    {
        "prod",
        "production",
        "live",
        "staging",
        "stage",
        "test",
        "testing",
        "dev",
        "development",
        "preview",
        "sandbox",
        "qa",
    }
)
"""Words that say where something runs."""
_SAYS_NOTHING: Final = frozenset(
    {
        *("", "agent", "api", "app", "application", "backend", "chat", "client", "default", "gateway", "key", "llm"),
        *(
            "main",
            "none",
            "null",
            "openai",
            "project",
            "server",
            "service",
            "team",
            "unknown",
            "unknown-service",
            "web",
        ),
        *("workflow", "worker", "anthropic", "graph", "lang-graph", "langgraph", "assistant", "root", "index", "home"),
    }
)

_LIKE_AN_ID: Final = re.compile(
    r"(?=[a-zA-Z0-9]*\d)(?=[a-zA-Z0-9]*[a-zA-Z])[a-zA-Z0-9]{16}|[0-9a-f]{8}-[0-9a-f]{4}-|^unknown_service"
)
"""Keys and projects are often told by their id; a service that nobody named has OpenTelemetry's own name."""


@dataclass(frozen=True)
class Sum:
    """What some calls come to."""

    calls: int = 0
    cost_usd: Decimal | None = None
    """None: of none of them are dollars known."""
    unpriced_calls: int = 0

    def __add__(self, other: "Sum") -> "Sum":
        known = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return Sum(
            self.calls + other.calls,
            sum(known, Decimal(0)) if known else None,
            self.unpriced_calls + other.unpriced_calls,
        )

    @property
    def order(self) -> tuple[Decimal, int]:
        """Sorts the dearest last."""
        return (Decimal(-1) if self.cost_usd is None else self.cost_usd, self.calls)


@dataclass(frozen=True)
class SeenOrigin:
    """An origin with what its calls come to."""

    origin: Origin
    sum: Sum
    inferred: str = ""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "SeenOrigin":
        """From a row of `/api/origins`."""
        cost = row["cost_usd"]
        counted = Sum(row["calls"], None if cost is None else Decimal(cost), row["unpriced_calls"])
        return cls(Origin.of(row), counted, row["inferred"])

    @property
    def described(self) -> str:
        """What is known of it, the most telling first."""
        fields = (*NAMING, "environment", "provider", "model")
        return (
            " ".join(f"{key}={self.origin.get(key)}" for key in fields if self.origin.get(key)) or "(nothing is known)"
        )


@dataclass(frozen=True)
class Proposal:
    """A feature, and the rules that would give it the calls of some origins."""

    feature: str
    rules: tuple[Match, ...]
    """What each rule matches: field → patterns."""
    sum: Sum
    """What the calls of its origins come to."""
    origins: int


def propose(origins: Sequence[SeenOrigin]) -> list[Proposal]:
    """A proposal for each name that the origins suggest, the dearest first. Origins that suggest none are left out.

    Args:
        origins: those that no rule matches.
    """
    groups: dict[str, dict[str, list[SeenOrigin]]] = {}
    for seen in origins:
        if found := suggested_name(seen.origin):
            field, name = found
            groups.setdefault(name, {}).setdefault(field, []).append(seen)
    proposals = [
        Proposal(
            name,
            tuple(
                _match(field, by_field[field], [s for s in origins if s not in by_field[field]])
                for field in NAMING
                if field in by_field
            ),
            sum((s.sum for members in by_field.values() for s in members), Sum()),
            sum(len(members) for members in by_field.values()),
        )
        for name, by_field in groups.items()
    ]
    return sorted(proposals, key=lambda p: (p.sum.order, p.feature), reverse=True)


def suggested_name(origin: Origin) -> tuple[str, str] | None:
    """The field that names the origin best, and the feature's name it suggests; None where nothing does."""
    for field in NAMING:
        if looks_like_an_id(value := origin.get(field)):
            continue
        if not says_nothing(name := feature_name(value, route=field == "route")):
            return field, name
    return None


def looks_like_an_id(text: str) -> bool:
    """Whether it is an id and no name."""
    return bool(_LIKE_AN_ID.search(text))


def says_nothing(name: str) -> bool:
    """Whether a name, as feature_name gives it, could be anything's."""
    return name in _SAYS_NOTHING or name in ENVIRONMENTS


def feature_name(text: str, *, route: bool = False) -> str:
    """A name as features are called here: lower case, words joined by `-`, without an environment at the end.

    `CheckoutBot_v2 PROD` → `checkout-bot-v2`; the route `POST /api/v1/orders/{id}/summary` → `orders-summary`.
    """
    if route:
        text = re.sub(r"^[A-Z]+\s+", "", text)
        steps = re.split(r"[/?#]", re.sub(r"^\w+://[^/]*", "", text))
        # A step that stands for a value, a version or every API says nothing of the feature.
        text = "-".join(
            s for s in steps if not re.search(r"[{}<>\[\]:*]", s) and not re.fullmatch(r"(?i)api|v?\d+|", s)
        )
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", text)
    parts = [part for part in re.split(r"[^\w]+|_+", words.casefold()) if part]
    while len(parts) > 1 and parts[-1] in ENVIRONMENTS:
        parts.pop()
    return "-".join(parts)


def _match(field: str, members: Sequence[SeenOrigin], others: Iterable[SeenOrigin]) -> Match:
    """What a rule must match to mean the members and, as far as that can be told, none of the others.

    Another origin with the same service may have an agent of its own: then the rule says that there is no agent.
    """
    values = {seen.origin.get(field) for seen in members}
    also = [seen.origin for seen in others if seen.origin.get(field) in values]
    finer = NAMING[: NAMING.index(field)]
    without = [
        key
        for key in finer
        if any(origin.get(key) for origin in also) and not any(seen.origin.get(key) for seen in members)
    ]
    return ((field, tuple(sorted(literal(value) for value in values))), *((key, ("",)) for key in without))
