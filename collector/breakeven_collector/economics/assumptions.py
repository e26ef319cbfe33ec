"""`[assumptions]` of `breakeven.toml`: what cannot be observed, each with default, unit, source and date."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from breakeven_collector.config_file import Place, read_config
from breakeven_collector.economics import checked
from breakeven_collector.economics.case import Case, Hosting, Hybrid, Market, Prices, Project

READ_ON: Final = "2026-11-22"
"""When the sources of the defaults were read."""

GATES: Final = ("residency", "lifecycle", "staff", "terms")


@dataclass(frozen=True)
class Gpu:
    """A replica of some model on some GPU."""

    gpu_usd_per_hour: float
    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    gpus_per_replica: float = 1
    source: str = "declared"


@dataclass(frozen=True)
class HostedModel:
    """An open model that somebody else serves."""

    prices: Prices
    tested: bool = False


@dataclass(frozen=True)
class InApi:
    """What could be bought differently from the API, as far as people know it."""

    tested_models: tuple[str, ...] = ()
    """Smaller models whose quality was compared on this feature, and passed; their prices are the book's."""
    batch_share: float | None = None
    """Of the dollars, what may wait for a day; None: what runs at night is shown with a question mark."""
    commitment_until: date | None = None
    """A commitment or credit burns down until then."""


@dataclass(frozen=True)
class Bands:
    """Orientation before the data bears an own threshold: USD over the trailing 30 days."""

    stay_usd: float = 5_000
    look_usd: float = 50_000
    feature_usd: float = 20_000


@dataclass(frozen=True)
class Gates:
    """What must be said by people. None is 'declare this'."""

    third_parties_forbidden: bool | None = None
    declared_by: str | None = None
    declared_on: str | None = None
    lifecycle: str | None = None
    """validating, live, …"""
    staff: bool | None = None
    """There are people who can run it."""
    terms: bool | None = None
    """The provider's terms allow the training that is planned."""
    quality_tested: bool | None = None
    """The own model was compared on this feature, and passed."""
    residency: bool | None = None
    """Where the data may be is a real requirement."""
    specific_task: str | None = None
    """What fine-tuning would be for (a fixed format, own words, repetition, latency), or "none"."""
    failures_persist: bool | None = None
    """Failures are left after work on prompt and retrieval."""
    objective_missed: bool | None = None
    """The API misses an objective of latency or quality."""


@dataclass(frozen=True)
class Assumptions:
    """What holds for one feature, or for all."""

    hosting: Hosting = field(default_factory=Hosting)
    hybrid: Hybrid = field(default_factory=Hybrid)
    project: Project = field(default_factory=Project)
    market: Market = field(default_factory=Market)
    peak_to_mean: float = Case.peak_to_mean
    burst: float = Case.burst
    bands: Bands = field(default_factory=Bands)
    gates: Gates = field(default_factory=Gates)
    api: InApi = field(default_factory=InApi)
    shutdowns: Mapping[str, date] = field(default_factory=dict[str, date])
    """Model → announced end."""
    gpu: str | None = None
    """Which of `gpus` hosts it; None takes the figures of `hosting`."""
    gpus: Mapping[str, Gpu] = field(default_factory=lambda: dict(GPUS))
    tiers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Model → frontier | workhorse."""
    hosted_models: Mapping[str, HostedModel] = field(default_factory=lambda: dict(HOSTED))
    features: Mapping[str, "Assumptions"] = field(default_factory=dict[str, "Assumptions"])
    given: frozenset[str] = frozenset()
    """Paths that the file has, as opposed to defaults."""

    def of(self, feature: str) -> "Assumptions":
        """What holds for a feature: its own values, else those for all."""
        return self.features.get(feature, self)


_TRT: Final = "NVIDIA TensorRT-LLM performance tables, solved for two rates; saturation, × 0.6 for latency"
GPUS: Final[Mapping[str, Gpu]] = {
    "gpt-oss-20b-h100": Gpu(3.0, 19_900, 10_600, source=_TRT),
    "gpt-oss-20b-b200": Gpu(5.5, 64_200, 64_800, source=_TRT),
    "gpt-oss-120b-h100": Gpu(3.0, 6_500, 4_900, source=_TRT),
    "gpt-oss-120b-h200": Gpu(3.5, 10_400, 6_800, source=_TRT),
    "70b-fp8-h100x2": Gpu(3.0, 4_100, 7_600, 2, source=_TRT + "; per GPU in the tables, here of two"),
    "70b-fp4-b200": Gpu(5.5, 7_100, 10_000, source=_TRT),
    "qwen3-30b-a3b-fp4-b200": Gpu(5.5, 30_600, 34_200, source=_TRT),
}
"""Models on GPUs, if nothing of your own was measured."""

HOSTED: Final[Mapping[str, HostedModel]] = {
    "open-8b": HostedModel(Prices(0.16, 0.16, 0.16)),
    "open-14b": HostedModel(Prices(0.16, 0.16, 0.16)),
    "open-32b": HostedModel(Prices(0.48, 0.48, 0.48)),
    "open-70b": HostedModel(Prices(0.65, 0.65, 0.65)),
    "gpt-oss-120b": HostedModel(Prices(0.5, 0.5, 0.5)),
}
"""USD a million tokens: the middle of what hosts ask, by LiteLLM's list; declare the offer that you have."""

ENTRIES: Final[Mapping[str, tuple[str, str]]] = {
    "hosting.gpu_usd_per_hour": ("USD", "H100: Nebius 2.95, Lambda 3.99 (SkyPilot catalog); test ± 40 %"),
    "hosting.gpus_per_replica": ("GPUs", "one; more where the model does not fit"),
    "hosting.prefill_tokens_per_s": ("tokens/s a replica", "a small model on an H100; measure yours: vllm bench serve"),
    "hosting.decode_tokens_per_s": ("tokens/s a replica", "8B FP8 on an H100, MLPerf server (Red Hat): 5,103"),
    "hosting.utilisation_at_peak": ("share", "70 % at the peak, not on average; Azure's traces then average 15–42 %"),
    "hosting.min_replicas": ("replicas", "interactive: two; batch or spill-over to the API: one"),
    "hosting.spare_replicas": ("replicas", "N+1: one may fail at the peak"),
    "hosting.prefix_cache_hit": ("share", "none until measured"),
    "hosting.fte": ("FTE", "0.1–0.2 to 1.5 in vendors' opinions (agoradigest, peakinfer, aipromptshub)"),
    "hosting.fte_usd_per_year": ("USD", "aipromptshub: 200–250k"),
    "hosting.overhead_share": ("share of GPU cost", "egress, storage, logs; vendors name 30–50 % above the sticker"),
    "hosting.overhead_fixed_usd": ("USD a month", "reasoned: monitoring and a gateway"),
    "hosting.retrain_usd": ("USD", "data and evaluation; compute is ~$100 a fine-tune (distil labs)"),
    "hosting.retrain_every_months": ("months", "reasoned"),
    "hybrid.cost_share": ("share of cost", "the whole feature"),
    "hybrid.escalation_share": ("share of what is covered", "none until declared"),
    "hybrid.router_usd_per_call": ("USD", "none until declared"),
    "hybrid.extra_error_rate": ("share of calls", "none until measured"),
    "hybrid.usd_per_error": ("USD", "none until declared"),
    "project.one_off_usd": ("USD", "reasoned: 2 person-months $42k, data, evaluation and compute $18k"),
    "project.build_months": ("months", "reasoned"),
    "project.shadow_months": ("months", "reasoned: ~2,100 pairs for two points of quality"),
    "project.judge_usd": ("USD a month", "reasoned"),
    "project.amortise_months": ("months", "reasoned"),
    "market.horizon_months": ("months", "two years"),
    "market.growth_per_month": ("share", "none until observed"),
    "market.api_price_decline_per_year": ("share", "the same model: about 0; scenarios 30, 50, 90 % (Epoch, a16z)"),
    "market.discount_rate": ("share a year", "usual cost of capital"),
    "peak_to_mean": ("ratio", "Azure traces: 3.07 coding, 1.67 conversation; observed where there is a profile"),
    "burst": ("ratio", "Azure traces, 5 minutes to the hour: 1.23–1.50"),
    "bands.stay_usd": ("USD in 30 days", "total spend; orientation only"),
    "bands.look_usd": ("USD in 30 days", "total spend; orientation only"),
    "bands.feature_usd": ("USD in 30 days", "one feature; orientation only"),
}
"""Path → unit and source of the default."""

_SHAPES: Final[Mapping[str, type]] = {**checked.GROUPS, "bands": Bands}
_KEYS: Final = (
    *(*_SHAPES, "gates", "api", "shutdowns", "peak_to_mean", "burst", "gpu", "gpus", "tiers", "hosted_models"),
)


def load(path: Path) -> Assumptions:
    """What a file declares; one that is not there declares nothing.

    Raises:
        ConfigError: the file cannot be read, or a key or value does not fit; the message names it.
    """
    return parse(read_config(path).get("assumptions", {}), Place(f"{path}: assumptions"))


def parse(value: object, at: Place) -> Assumptions:
    """The table `[assumptions]`.

    Raises:
        ConfigError: a key is unknown, or a value does not fit.
    """
    table = at.table(value, "[assumptions]")
    at.only(table, (*_KEYS, "features"))
    common = _one({key: one for key, one in table.items() if key != "features"}, at, Assumptions())
    features = (at / "features").table(table.get("features", {}), "[assumptions.features.NAME]")
    own: dict[str, Assumptions] = {}
    for name, one in features.items():
        place = at / "features" / name
        given = place.table(one, "[assumptions.features.NAME]")
        place.only(given, _KEYS)
        own[name] = _one(given, place, common)
    return replace(common, features=own)


def rows(assumptions: Assumptions) -> list[dict[str, Any]]:
    """Path, value, unit, source and date of each number, for `breakeven assumptions show`."""
    found: list[dict[str, Any]] = []
    for path, (unit, source) in ENTRIES.items():
        holder: Any = assumptions
        for part in path.split("."):
            holder = getattr(holder, part)
        is_given = path in assumptions.given
        found.append(
            {
                "key": path,
                "value": holder,
                "unit": unit,
                "source": "breakeven.toml" if is_given else source,
                "date": None if is_given else READ_ON,
                "is_default": not is_given,
            }
        )
    return found


def _one(table: dict[str, Any], at: Place, base: Assumptions) -> Assumptions:
    changes: dict[str, Any] = {}
    given = set(base.given)
    for key, shape in _SHAPES.items():
        if key in table:
            changes[key] = checked.group(table[key], at / key, shape, getattr(base, key))
            given |= {f"{key}.{name}" for name in table[key]}
    for key in ("peak_to_mean", "burst"):
        if key in table:
            changes[key] = checked.number(table[key], at / key, "at least one")
            given.add(key)
    if "gates" in table:
        changes["gates"] = _gates(table["gates"], at / "gates", base.gates)
    if "api" in table:
        changes["api"] = _api(table["api"], at / "api", base.api)
    if "shutdowns" in table:
        ends = (at / "shutdowns").table(table["shutdowns"], '"gpt-5.5" = 2027-01-14')
        changes["shutdowns"] = {
            **base.shutdowns,
            **{model: (at / "shutdowns" / model).day(day) for model, day in ends.items()},
        }
    if "gpus" in table:
        types = (at / "gpus").table(table["gpus"], "[assumptions.gpus.NAME]")
        changes["gpus"] = {**base.gpus, **{name: _gpu(one, at / "gpus" / name) for name, one in types.items()}}
    if "tiers" in table:
        tiers = (at / "tiers").table(table["tiers"], '"gpt-6" = "frontier"')
        for model, tier in tiers.items():
            if tier not in ("frontier", "workhorse"):
                (at / "tiers" / model).fail(f' is {tier!r}; write "frontier" or "workhorse"')
        changes["tiers"] = {**base.tiers, **tiers}
    if "hosted_models" in table:
        models = (at / "hosted_models").table(table["hosted_models"], "[assumptions.hosted_models.NAME]")
        own = {name: _hosted(one, at / "hosted_models" / name) for name, one in models.items()}
        changes["hosted_models"] = {**base.hosted_models, **own}
    made = replace(base, **changes, given=frozenset(given))
    if "gpu" not in table:
        return made
    name = (at / "gpu").string(table["gpu"])
    if name not in made.gpus:
        (at / "gpu").fail(f" is {name!r}; known are {', '.join(sorted(made.gpus))}, or declare [assumptions.gpus.NAME]")
    return replace(made, gpu=name, hosting=_on(made.hosting, made.gpus[name], table.get("hosting", {})))


def _on(hosting: Hosting, gpu: Gpu, given: Mapping[str, Any]) -> Hosting:
    """The figures of a GPU type, but for those that were written beside it."""
    names = ("gpu_usd_per_hour", "prefill_tokens_per_s", "decode_tokens_per_s", "gpus_per_replica")
    return replace(hosting, **{name: getattr(gpu, name) for name in names if name not in given})


def _gates(value: object, at: Place, base: Gates) -> Gates:
    table = at.table(value, "[assumptions.gates]")
    kinds = {one.name: one.type for one in fields(Gates)}
    at.only(table, kinds)
    for key, one in table.items():
        if "bool" in str(kinds[key]):
            if not isinstance(one, bool):
                (at / key).fail(f" is {one!r}; write true or false")
        elif key == "declared_on":
            table[key] = str((at / key).day(one))
        else:
            (at / key).string(one)
    made = replace(base, **table)
    if made.third_parties_forbidden and not (made.declared_by and made.declared_on):
        at.fail(": third_parties_forbidden needs declared_by and declared_on; write who decided it, and when")
    return made


def _api(value: object, at: Place, base: InApi) -> InApi:
    table = at.table(value, "[assumptions.features.NAME.api]")
    at.only(table, [one.name for one in fields(InApi)])
    changes: dict[str, Any] = {}
    if "tested_models" in table:
        changes["tested_models"] = (at / "tested_models").strings(table["tested_models"])
    if "batch_share" in table:
        changes["batch_share"] = checked.number(table["batch_share"], at / "batch_share", "a share")
    if "commitment_until" in table:
        changes["commitment_until"] = (at / "commitment_until").day(table["commitment_until"])
    return replace(base, **changes)


def _gpu(value: object, at: Place) -> Gpu:
    table = at.table(value, "[assumptions.gpus.NAME]")
    source = (at / "source").string(table.get("source", "declared"))
    numbers = {key: one for key, one in table.items() if key != "source"}
    at.only(numbers, [one.name for one in fields(Gpu) if one.name != "source"])
    for key in ("gpu_usd_per_hour", "prefill_tokens_per_s", "decode_tokens_per_s"):
        checked.required(numbers, key, at)
    return replace(checked.group(numbers, at, Gpu), source=source)


def _hosted(value: object, at: Place) -> HostedModel:
    table = at.table(value, "[assumptions.hosted_models.NAME]")
    tested = table.get("tested", False)
    if not isinstance(tested, bool):
        (at / "tested").fail(f" is {tested!r}; write true or false")
    prices = {key: one for key, one in table.items() if key != "tested"}
    at.only(prices, ("input", "cached", "output"))
    for key in ("input", "output"):
        checked.required(prices, key, at)
    return HostedModel(checked.group({"cached": prices["input"], **prices}, at, Prices), tested)
