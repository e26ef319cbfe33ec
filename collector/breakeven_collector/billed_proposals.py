"""Features and owners that the keys and projects of a bill suggest. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from breakeven_collector.billed_keys import BilledKey
from breakeven_collector.map_rules import Match, literal
from breakeven_collector.proposals import ENVIRONMENTS, feature_name, looks_like_an_id, says_nothing

_OF_KEYS: Final = frozenset(
    {
        *("key", "keys", "apikey", "api", "token", "secret", "credential", "credentials", "svc", "sa"),
        *("project", "proj", "workspace", "account", "openai", "anthropic", "claude", "gpt"),
    }
)
"""What stands at an end of a key's name, and says that it is a key."""
_PROVIDERS_ID: Final = re.compile(r"(proj|wrkspc|key|apikey|org|user|sk)[_-]")
"""How the providers' own ids begin."""
_CLEAR: Final = Decimal("0.9")
"""From this share of a key's calls on, the key is that feature's."""


@dataclass(frozen=True)
class BilledProposal:
    """A feature, and the rules that would give it what some keys of the bill use."""

    feature: str
    rules: tuple[Match, ...]
    keys: tuple[BilledKey, ...]
    owner: str = ""
    """Suggested by the project's name; empty: nothing does."""
    why: str = ""
    """Where the feature's name is from."""

    @property
    def usd(self) -> Decimal | None:
        """Billed by its keys; never to be added to what calls cost. None: of none is it known."""
        known = [key.usd for key in self.keys if key.usd is not None]
        return sum(known, Decimal(0)) if known else None

    @property
    def estimated(self) -> bool:
        """Whether some of it is usage by our prices."""
        return any(key.estimated for key in self.keys)


def propose_billed(keys: Sequence[BilledKey], known: Iterable[str] = ()) -> list[BilledProposal]:
    """A proposal for each feature that the keys suggest, the dearest first. Keys that suggest none are left out.

    Args:
        keys: those that no rule matches.
        known: names of features that there are already: a key that has one of them in its name is for it.
    """
    names = frozenset(known) | {feature for key in keys for feature in key.features}
    common = _common_words(keys)
    found = [(key, suggestion) for key in keys if (suggestion := _suggested(key, names, common))]
    features = {(key.key, suggestion[1]) for key, suggestion in found}
    several = {key for key, _ in features if sum(one == key for one, _ in features) > 1}
    groups: dict[str, list[tuple[BilledKey, Match, str]]] = {}
    for key, (field, feature, why) in found:
        match: Match = ((field, (literal(key.key if field == "key" else key.project),)),)
        if field == "key" and key.key in several:
            match = (*match, ("project", (literal(key.project),)))
        groups.setdefault(feature, []).append((key, match, why))
    proposals = [
        BilledProposal(
            feature,
            tuple(dict.fromkeys(match for _, match, _ in members)),
            tuple(key for key, _, _ in members),
            _owner(feature, [key for key, _, _ in members], common),
            ", ".join(dict.fromkeys(why for _, _, why in members)),
        )
        for feature, members in groups.items()
    ]
    return sorted(proposals, key=lambda one: (-(one.usd or Decimal(0)), one.feature))


def shared_by(key: BilledKey) -> list[str]:
    """Features that share a key, by what its calls say; empty: it is one's, or they say nothing."""
    return sorted(key.features) if key.features and not _clear(key) else []


def _clear(key: BilledKey) -> str:
    feature, calls = max(key.features.items(), key=lambda item: item[1])
    return feature if calls >= _CLEAR * sum(key.features.values()) else ""


def _suggested(key: BilledKey, known: frozenset[str], common: frozenset[str]) -> tuple[str, str, str] | None:
    """Field to match on, feature, and why."""
    if key.features:
        return ("key", feature, "as its calls") if (feature := _clear(key)) else None
    for field, text in (("key", key.key), ("project", key.project)):
        if name := name_of_key(text, known, common):
            return field, name, f"by the {field}'s name"
    return None


def _owner(feature: str, keys: Sequence[BilledKey], common: frozenset[str]) -> str:
    """The project is a team's where it has a name other than the feature's, the same for all keys of the feature."""
    names = {name_of_key(key.project, (), common) for key in keys}
    if len(names) != 1 or not (name := names.pop()) or name == feature:
        return ""
    words = [word for word in name.split("-") if word not in ("team", "squad", "dept", "department")]
    return "-".join(words)


def name_of_key(text: str, known: Iterable[str] = (), common: frozenset[str] = frozenset()) -> str:
    """The feature that a key's or project's name suggests; empty: none.

    `prod-search-key` → `search`, `Acme Support Chat (prod)` → `acme-support-chat`, or `support-chat` if that is known.

    Args:
        text: the name.
        known: names of features that there are.
        common: first words that the names of all keys have: the firm's.
    """
    if looks_like_an_id(text) or _PROVIDERS_ID.match(text):
        return ""
    words = feature_name(text).split("-")
    noise = ENVIRONMENTS | _OF_KEYS
    while len(words) > 1 and words[-1] in noise:
        words.pop()
    while len(words) > 1 and (words[0] in noise or words[0] in common):
        words.pop(0)
    joined = f"-{'-'.join(words)}-"
    if inside := [name for name in known if name and f"-{feature_name(name)}-" in joined]:
        return max(inside, key=lambda name: (len(name), name))
    name = "-".join(words)
    return "" if len(name) < 2 or says_nothing(name) or words[0] in noise else name


def _common_words(keys: Sequence[BilledKey]) -> frozenset[str]:
    """The first word of all names, where there are at least three and all have more words."""
    names = [feature_name(text).split("-") for key in keys for text in {key.key, key.project} if text]
    names = [words for words in names if not looks_like_an_id("-".join(words)) and not says_nothing("-".join(words))]
    firsts = {words[0] for words in names}
    return frozenset(firsts) if len(names) >= 3 and len(firsts) == 1 and all(len(w) > 1 for w in names) else frozenset()
