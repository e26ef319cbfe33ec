"""Own prices on top of the book: contracts, percentages off, and models that one hosts oneself.

Each `set` is an entry of `price_override`, kept as it was entered; the view `override_rates` makes disjoint
stretches of them by name. All hold for whole UTC days, since a day's sum is priced at the day's start.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

from genai_prices.data_units import unit_data

from breakeven_collector import gpu_rates
from breakeven_collector.catalog import Catalog
from breakeven_collector.errors import BadRequest
from breakeven_collector.prices import BUCKETS, most_specific, text_of_context
from breakeven_collector.projects import of_project
from breakeven_collector.store import Store

FOREVER: Final = date(2100, 1, 1)
"""The end of what has none."""

RATES: Final[Mapping[str, str]] = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
    "audio_input": "input_audio_tokens",
    "image_input": "input_image_tokens",
    "reasoning": "output_reasoning_tokens",
    "audio_output": "output_audio_tokens",
    "image_output": "output_image_tokens",
}
"""Name of a rate, as options and documents have it → genai-prices' name of the unit."""

_LOAD: Final = ("days", "idle_days", "cost_usd", "idle_usd", "tokens")
"""What an entry tells of how busy the machines are."""

_MILLION: Final = Decimal(1_000_000)
_MOST_USD: Final = Decimal(1_000_000)
_COLUMNS: Final = (
    *("project", "provider", "model", "price_context", "every_context", "valid_from", "valid_to"),
    *(f"{bucket}_usd_per_token" for bucket in BUCKETS),
    *("request_usd", "meter_usd", "book_factor", "gpu_hour_usd", "gpus", "note", "entered_at", "entry_id", "removed"),
)


@dataclass(frozen=True)
class Override:
    """What is to hold. Exactly one of rates, `percent_off` and `gpu_hour_usd` is given."""

    model: str
    """As the spans name it, or its id in the book."""
    valid_from: date
    """First UTC day."""
    valid_to: date = FOREVER
    """First UTC day on which it holds no more."""
    provider: str = ""
    """As the spans name it, or its id in the book; empty: the one with which the model was seen, else any."""
    project: str = ""
    """Project it holds for; empty: all."""
    price_context: str = ""
    """Like `service_tier=flex`; empty: standard for own rates, all contexts for a percentage and for GPUs."""
    usd_per_million_tokens: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """By the keys of RATES."""
    request_usd: Decimal | None = None
    """Charge a call."""
    meter_usd: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """Meter → USD a unit."""
    percent_off: Decimal | None = None
    """Off the book's price; below 0: on top of it."""
    gpu_hour_usd: Decimal | None = None
    """USD for an hour of one GPU that serves the model."""
    gpus: int = 1
    """How many."""
    note: str = ""
    """Why, and who says so."""

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            BadRequest: with what to write instead.
        """
        kinds = [bool(self.usd_per_million_tokens), self.percent_off is not None, self.gpu_hour_usd is not None]
        if not self.model.strip():
            raise _wrong("name the model")
        if sum(kinds) != 1:
            raise _wrong("give one of: rates (--input …, --output …), --percent-off, or --gpu-hour-usd")
        if self.valid_from >= self.valid_to:
            raise _wrong(f"--to {self.valid_to} is not after --from {self.valid_from}")
        if self.valid_from < date(2020, 1, 1) or self.valid_to > FOREVER:
            raise _wrong(f"dates are from 2020-01-01 up to {FOREVER}")
        if self.usd_per_million_tokens and "input" not in self.usd_per_million_tokens:
            raise _wrong("own rates take the place of the whole price: give --input too (0 is allowed)")
        if unknown := sorted(self.usd_per_million_tokens.keys() - RATES.keys()):
            raise _wrong(f"unknown rate {unknown[0]!r}; known are {', '.join(RATES)}")
        if (self.request_usd is not None or self.meter_usd) and not self.usd_per_million_tokens:
            raise _wrong("--request and --meter belong to own rates: give --input and --output too")
        amounts = [*self.usd_per_million_tokens.values(), *self.meter_usd.values()]
        amounts += [a for a in (self.request_usd, self.gpu_hour_usd) if a is not None]
        if bad := [a for a in amounts if not a.is_finite() or not 0 <= a <= _MOST_USD]:
            raise _wrong(f"{bad[0]} is not an amount of USD: write a number from 0 to {_MOST_USD:,}")
        if self.percent_off is not None and not (self.percent_off.is_finite() and -1000 <= self.percent_off <= 100):
            raise _wrong(f"--percent-off {self.percent_off} must be between -1000 and 100")
        if not 1 <= self.gpus <= 100_000:
            raise _wrong(f"--gpus {self.gpus} must be between 1 and 100000")
        if self.price_context and not text_of_context(self.price_context):
            raise _wrong(f"--context {self.price_context!r}: write it like service_tier=flex or processing=batch")


def set_override(
    store: Store, catalog: Catalog, override: Override, *, now: datetime | None = None, within: str | None = None
) -> dict[str, Any]:
    """Enter an override; returns the entry, as `list_overrides` shows it, and the names that it holds for so far.

    Args:
        store: an open store.
        catalog: of that store.
        override: what is to hold.
        now: the present where left out.
        within: the project that whoever enters it is an admin of; None: of all.

    Raises:
        BadRequest: it does not make sense, or holds beyond one's project; the message says what to write instead.
        StoreError: the store refuses.
    """
    override.check()
    if within not in (None, override.project):
        raise BadRequest(403, f"this key is an admin's of project {within!r}: give --project {within}")
    catalog.resolve_new()
    provider = override.provider.strip().lower() or _provider_of(store, catalog, override.model, within)
    own = _per_token(override)
    every = not override.price_context and not override.usd_per_million_tokens
    entry_id = secrets.token_hex(4)
    now = now or datetime.now(UTC)
    store.insert(
        "price_override",
        _COLUMNS,
        [
            (
                *(override.project, provider, override.model.strip(), text_of_context(override.price_context), every),
                *(_midnight(override.valid_from), _midnight(override.valid_to)),
                *(most_specific(unit, own) if own else None for unit in BUCKETS.values()),
                *(override.request_usd, dict(override.meter_usd), _factor(override.percent_off)),
                *(override.gpu_hour_usd, override.gpus if override.gpu_hour_usd is not None else 0),
                *(override.note, now, entry_id, False),
            )
        ],
    )
    gpu_rates.update(store, now=now)
    entry = next(e for e in list_overrides(store, within) if e["entry_id"] == entry_id)
    return {"entry": entry, "names": [n for n in _names(store, within) if _holds_for(entry, n)]}


def unset_override(
    store: Store, what: str, *, provider: str = "", project: str | None = None, within: str | None = None
) -> list[dict[str, Any]]:
    """Take entries back: the one with this id, or the only one of this model; returns what was taken back.

    Given `within`, the project that whoever asks is an admin of, only entries of that project are there to take back.

    Raises:
        BadRequest: there is none, or there are several and it is not said which.
    """
    entries = [e for e in list_overrides(store, within) if within in (None, e["project"])]
    chosen = [e for e in entries if e["entry_id"] == what] or [
        e
        for e in entries
        if e["model"] == what and provider in ("", e["provider"]) and project in (None, e["project"] or "")
    ]
    if not chosen:
        raise BadRequest(404, f"no override {what!r}: `breakeven prices list` shows those that there are")
    if len(chosen) > 1:
        raise BadRequest(
            409,
            f"{len(chosen)} overrides of {what!r}; take them back by their id: "
            + ", ".join(f"{e['entry_id']} (from {e['from']})" for e in chosen),
        )
    columns = ", ".join(column for column in _COLUMNS if column not in ("entered_at", "removed"))
    # A row of the same key replaces the entry; entered_at must grow.
    store.run(
        f"INSERT INTO price_override ({columns}, entered_at, removed) SELECT {columns}, now64(6), true "
        "FROM price_override FINAL WHERE entry_id = {id:String} AND NOT removed",
        {"id": chosen[0]["entry_id"]},
    )
    return chosen


def list_overrides(store: Store, project: str | None = None) -> list[dict[str, Any]]:
    """All entries, the latest first. USD are decimal strings, tokens by the million, None where nothing is said.

    Given a project, those that hold for it. Of machines that serve all projects it sees the rate a token, not the load.
    """
    rows = store.rows(
        "SELECT * FROM price_override FINAL "
        "WHERE NOT removed AND (project IN ('', {project:String}) OR {every_project:Bool}) "
        "ORDER BY entered_at DESC, entry_id",
        of_project(project),
    )
    days = {row["entry_id"]: row for row in store.query_file("amortised")}
    entries = [_entry(row, days.get(row["entry_id"])) for row in rows]
    if project is not None:
        for entry in entries:
            if entry["project"] is None and entry["amortised"] is not None:
                entry["amortised"] |= dict.fromkeys(_LOAD)
    return entries


def _entry(row: Mapping[str, Any], load: Mapping[str, Any] | None) -> dict[str, Any]:
    rates = {bucket: plain(row[f"{bucket}_usd_per_token"], _MILLION) for bucket in BUCKETS}
    gpus = row["gpu_hour_usd"] is not None
    return {
        "entry_id": row["entry_id"],
        "project": row["project"] or None,
        "provider": row["provider"] or None,
        "model": row["model"],
        "price_context": None if row["every_context"] else row["price_context"] or "standard",
        "from": f"{row['valid_from']:%Y-%m-%d}",
        "to": None if row["valid_to"].date() >= FOREVER else f"{row['valid_to']:%Y-%m-%d}",
        "usd_per_million_tokens": None if gpus or row["book_factor"] is not None else rates,
        "request_usd": plain(row["request_usd"]),
        "meter_usd": {meter: plain(usd) for meter, usd in row["meter_usd"].items()},
        "percent_off": None if row["book_factor"] is None else plain((1 - row["book_factor"]) * 100),
        "gpu_hour_usd": plain(row["gpu_hour_usd"]),
        "gpus": row["gpus"] if gpus else None,
        "amortised": None
        if not gpus
        else {
            "days": int(load["days"]) if load else 0,
            "idle_days": int(load["idle_days"]) if load else 0,
            "cost_usd": plain(load["cost_usd"]) if load else "0",
            "idle_usd": plain(load["idle_usd"]) if load else "0",
            "tokens": int(load["tokens"]) if load else 0,
            "latest_day": f"{load['latest_day']:%Y-%m-%d}" if load else None,
            "latest_usd_per_million_tokens": plain(load["latest_usd_per_token"], _MILLION) if load else None,
        },
        "note": row["note"],
        "entered_at": row["entered_at"].replace(tzinfo=UTC).isoformat(),
    }


def plain(amount: Decimal | None, times: Decimal = Decimal(1)) -> str | None:
    """An amount as it stands in documents: plain digits, no trailing zeros."""
    if amount is None:
        return None
    return format((amount * times).normalize() if amount else Decimal(0), "f")


def _per_token(override: Override) -> dict[str, Decimal]:
    return {
        RATES[name]: (usd / unit_data[RATES[name]]["per"]).quantize(Decimal("1e-15"))
        for name, usd in override.usd_per_million_tokens.items()
    }


def _factor(percent_off: Decimal | None) -> Decimal | None:
    return None if percent_off is None else (1 - percent_off / 100).quantize(Decimal("1e-15"))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _names(store: Store, project: str | None) -> Sequence[dict[str, Any]]:
    return store.rows(
        "SELECT provider, model, price_context, book_provider, book_model FROM model_names FINAL "
        "WHERE {every_project:Bool} OR name_id IN "
        "(SELECT name_id FROM spend_cubes WHERE grain = 'day' AND project = {project:String}) "
        "ORDER BY provider, model, price_context",
        of_project(project),
    )


def _holds_for(entry: Mapping[str, Any], name: Mapping[str, Any]) -> bool:
    context = entry["price_context"]
    return (
        entry["provider"] in (None, name["provider"], name["book_provider"])
        and entry["model"] in (name["model"], name["book_model"])
        and (context is None or name["price_context"] == ("" if context == "standard" else context))
    )


def _provider_of(store: Store, catalog: Catalog, model: str, project: str | None) -> str:
    """The provider that is meant where none is named: one price must not fall on two providers' models by accident."""
    seen = {
        n["book_provider"] or n["provider"]
        for n in _names(store, project)
        if model.strip() in (n["model"], n["book_model"])
    }
    if len(seen) > 1:
        raise _wrong(f"{model!r} came with several providers: name one with --provider ({', '.join(sorted(seen))})")
    return seen.pop() if seen else catalog.resolve(("", model, "")).provider


def _wrong(message: str) -> BadRequest:
    return BadRequest(422, message)
