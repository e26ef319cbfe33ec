"""`[assumptions]` of `breakeven.toml`: what cannot be observed, each with default, unit, source and date."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from breakeven_collector.config_file import Place, read_config
from breakeven_collector.economics import bands, checked, gates, in_api, objectives, private, shutdowns, throughput
from breakeven_collector.economics.bands import Bands
from breakeven_collector.economics.case import Case, Hosting, Hybrid, Market, Prices, Project
from breakeven_collector.economics.checked import Problems
from breakeven_collector.economics.gates import Gates
from breakeven_collector.economics.in_api import InApi
from breakeven_collector.economics.objectives import Objectives
from breakeven_collector.economics.private import Private
from breakeven_collector.economics.shutdowns import Shutdown

READ_ON: Final = "2026-11-22"
"""When the sources of the defaults were read."""


@dataclass(frozen=True)
class Gpu:
    """A replica of some model on some GPU."""

    gpu_usd_per_hour: float
    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    gpus_per_replica: float = 1
    source: str = "declared"
    read_on: str | None = None
    """The day of the price and of the source."""


@dataclass(frozen=True)
class HostedModel:
    """An open model that somebody else serves."""

    prices: Prices
    tested: bool = False
    source: str = "declared"
    read_on: str | None = None


@dataclass(frozen=True)
class OriginOf:
    """Where a value is from."""

    source: str
    read_on: str | None
    confidence: str
    """declared | assumed"""


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
    private: Private = field(default_factory=Private)
    objectives: Objectives = field(default_factory=Objectives)
    shutdowns: Mapping[str, Shutdown] = field(default_factory=dict[str, Shutdown])
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
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of paths whose values were measured: by which files."""

    def of(self, feature: str) -> "Assumptions":
        """What holds for a feature: its own values, else those for all."""
        return self.features.get(feature, self)

    def origin(self, path: str) -> "OriginOf":
        """Where the value at a path of ENTRIES is from."""
        if path in self.given:
            return OriginOf(self.sources.get(path, "breakeven.toml"), None, "declared")
        if self.gpu is not None and path.removeprefix("hosting.") in _OF_A_GPU:
            gpu = self.gpus[self.gpu]
            return OriginOf(gpu.source, gpu.read_on, "assumed" if gpu == GPUS.get(self.gpu) else "declared")
        return OriginOf(ENTRIES[path][1], READ_ON, "assumed")


_TRT: Final = "NVIDIA TensorRT-LLM tables, solved for two rates, × 0.6 for latency"
_H100, _H200, _B200 = (f"{gpu} (SkyPilot catalog, Nebius); {_TRT}" for gpu in ("2.95", "3.50", "5.50"))


def _gpu_of(price: float, prefill: float, decode: float, source: str, gpus: float = 1) -> Gpu:
    return Gpu(price, prefill, decode, gpus, source, READ_ON)


def _at_hosts(low: float, high: float) -> HostedModel:
    middle = round((low + high) / 2, 3)
    source = f"the middle of {low:.2f} to {high:.2f}, LiteLLM's list"
    return HostedModel(Prices(middle, middle, middle), source=source, read_on=READ_ON)


GPUS: Final[Mapping[str, Gpu]] = {
    "gpt-oss-20b-h100": _gpu_of(3.0, 19_900, 10_600, _H100),
    "gpt-oss-20b-b200": _gpu_of(5.5, 64_200, 64_800, _B200),
    "gpt-oss-120b-h100": _gpu_of(3.0, 6_500, 4_900, _H100),
    "gpt-oss-120b-h200": _gpu_of(3.5, 10_400, 6_800, _H200),
    "70b-fp8-h100x2": _gpu_of(3.0, 4_100, 7_600, f"{_H100}; per GPU there, here of two", 2),
    "70b-fp4-b200": _gpu_of(5.5, 7_100, 10_000, _B200),
    "qwen3-30b-a3b-fp4-b200": _gpu_of(5.5, 30_600, 34_200, _B200),
}
"""Models on GPUs, if nothing of your own was measured."""

HOSTED: Final[Mapping[str, HostedModel]] = {
    "open-8b": _at_hosts(0.02, 0.30),
    "open-14b": _at_hosts(0.08, 0.24),
    "open-32b": _at_hosts(0.06, 0.90),
    "open-70b": _at_hosts(0.10, 1.20),
    "gpt-oss-120b": _at_hosts(0.04, 0.95),
}
"""USD a million tokens of any kind: the middle of what hosts ask; declare the offer that you have."""

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

_PARTS: Final[Mapping[str, Callable[[object, Place, Any], Any]]] = {
    "bands": bands.parse,
    "gates": gates.parse,
    "api": in_api.parse,
    "private": private.parse,
    "objectives": objectives.parse,
}
_RATES: Final = ("prefill_tokens_per_s", "decode_tokens_per_s")
_OF_A_GPU: Final = ("gpu_usd_per_hour", *_RATES, "gpus_per_replica")
_T = TypeVar("_T")
_KEYS: Final = (
    *checked.GROUPS,
    *_PARTS,
    *("shutdowns", "peak_to_mean", "burst", "gpu", "gpus", "tiers", "hosted_models"),
)


def load(path: Path) -> Assumptions:
    """What a file declares; one that is not there declares nothing. Result files of vLLM stand beside it.

    Raises:
        ConfigError: the file cannot be read, or keys or values do not fit; a line for each, which names it.
    """
    return parse(read_config(path).get("assumptions", {}), Place(f"{path}: assumptions"), path.parent)


def parse(value: object, at: Place, folder: Path = Path()) -> Assumptions:
    """The table `[assumptions]`.

    Args:
        folder: where the files that `throughput` names are.

    Raises:
        ConfigError: keys are unknown, or values do not fit; a line for each.
    """
    table = at.table(value, "[assumptions]")
    problems = Problems()
    common = _one({key: one for key, one in table.items() if key != "features"}, at, Assumptions(), folder, problems)
    own: dict[str, Assumptions] = {}
    with problems.noted():
        features = (at / "features").table(table.get("features", {}), "[assumptions.features.NAME]")
        for name, one in features.items():
            place = at / "features" / name
            with problems.noted():
                own[name] = _one(place.table(one, "[assumptions.features.NAME]"), place, common, folder, problems)
    problems.raise_all()
    return replace(common, features=own)


def rows(assumptions: Assumptions) -> list[dict[str, Any]]:
    """Path, value, unit, source and date of each number, for `breakeven assumptions show`."""
    found: list[dict[str, Any]] = []
    for path, (unit, _) in ENTRIES.items():
        holder: Any = assumptions
        for part in path.split("."):
            holder = getattr(holder, part)
        origin, is_given = assumptions.origin(path), path in assumptions.given
        found.append(_row(path, holder, unit, origin.source, origin.read_on, is_default=not is_given))
    for name, gpu in assumptions.gpus.items():
        for key in _OF_A_GPU:
            unit = ENTRIES[f"hosting.{key}"][0]
            default = name in GPUS and gpu == GPUS[name]
            found.append(
                _row(f"gpus.{name}.{key}", getattr(gpu, key), unit, gpu.source, gpu.read_on, is_default=default)
            )
    for name, model in assumptions.hosted_models.items():
        for key in ("input", "cached", "output"):
            default = name in HOSTED and model == HOSTED[name]
            path, value = f"hosted_models.{name}.{key}", getattr(model.prices, key)
            found.append(_row(path, value, "USD a million tokens", model.source, model.read_on, is_default=default))
    return [*found, *_declared(assumptions)]


def _declared(assumptions: Assumptions) -> list[dict[str, Any]]:
    """What has no default, as far as the file has it."""
    api, wanted = assumptions.api, assumptions.objectives
    found: dict[str, tuple[float | None, str, str]] = {
        "api.batch_share": (api.batch_share, "share of the dollars", "breakeven.toml"),
        "api.repeated_prefix_share": (api.repeated_prefix_share, "share of the uncached input", "breakeven.toml"),
        "api.trimmed_share": (api.trimmed_share or None, "share of the input", "breakeven.toml"),
        "objectives.p95_seconds": (wanted.p95_seconds, "seconds", "breakeven.toml"),
        "objectives.error_share": (wanted.error_share, "share of the calls", "breakeven.toml"),
    }
    if (tuning := api.provider_tuning) is not None:
        found["api.provider_tuning.price_factor"] = (tuning.price_factor, "times today's bill", "breakeven.toml")
        found["api.provider_tuning.one_off_usd"] = (tuning.one_off_usd, "USD", "breakeven.toml")
    for kind in private.WAYS:
        way: private.Way | None = getattr(assumptions.private, kind)
        if way is None:
            continue
        found[f"private.{kind}.usd_per_month"] = (way.usd_per_month, "USD a month", way.source)
        for key in ("input", "cached", "output") if way.prices is not None else ():
            found[f"private.{kind}.{key}"] = (getattr(way.prices, key), "USD a million tokens", way.source)
        found[f"private.{kind}.one_off_usd"] = (way.one_off_usd, "USD", way.source)
    return [
        _row(path, value, unit, source, None, is_default=False)
        for path, (value, unit, source) in found.items()
        if value is not None
    ]


def _row(path: str, value: float, unit: str, source: str, day: str | None, *, is_default: bool) -> dict[str, Any]:
    return {"key": path, "value": value, "unit": unit, "source": source, "date": day, "is_default": is_default}


def _one(
    table: dict[str, Any], at: Place, base: Assumptions, folder: Path, problems: Problems
) -> Assumptions:  # fmt: skip
    """Every key by itself: one that does not fit is noted, and the next is looked at."""
    made, sources = base, dict(base.sources)
    given = set(base.given)
    for key, one in table.items():
        with problems.noted():
            at.only({key: one}, _KEYS)
            place = at / key
            if key in checked.GROUPS:
                filled, source = _measured(one, place, folder) if key == "hosting" else (one, None)
                made = replace(made, **{key: checked.group(filled, place, checked.GROUPS[key], getattr(base, key))})
                given |= {f"{key}.{name}" for name in filled}
                sources |= {f"{key}.{name}": source for name in _RATES if source is not None}
            elif key in _PARTS:
                made = replace(made, **{key: _PARTS[key](one, place, getattr(base, key))})
                given |= {f"bands.{name}" for name in one} if key == "bands" else set()
            elif key in ("peak_to_mean", "burst"):
                made = replace(made, **{key: checked.number(one, place, "at least one")})
                given.add(key)
            elif key == "shutdowns":
                ends = _each(one, place, '"gpt-5.5" = 2027-01-14', shutdowns.parse)
                made = replace(made, shutdowns={**base.shutdowns, **ends})
            elif key == "gpus":
                gpus = _each(one, place, "[assumptions.gpus.NAME]", lambda v, p: _gpu(v, p, folder))
                made = replace(made, gpus={**base.gpus, **gpus})
            elif key == "tiers":
                made = replace(made, tiers={**base.tiers, **_each(one, place, '"gpt-6" = "frontier"', _tier)})
            elif key == "hosted_models":
                models = _each(one, place, "[assumptions.hosted_models.NAME]", _hosted)
                made = replace(made, hosted_models={**base.hosted_models, **models})
    made = replace(made, given=frozenset(given), sources=sources)
    with problems.noted():
        return _on_gpu(made, table, at)
    return made


def _each(value: object, at: Place, write: str, read: Callable[[object, Place], _T]) -> dict[str, _T]:
    """A table of named entries; a line for every one that does not fit."""
    return checked.each(at.table(value, write), at, lambda _name, one, place: read(one, place))


def _on_gpu(made: Assumptions, table: Mapping[str, Any], at: Place) -> Assumptions:
    """The figures of the GPU type that is named here, but for those that the file declares under hosting, anywhere."""
    if "gpu" not in table:
        return made
    name = (at / "gpu").string(table["gpu"])
    if name not in made.gpus:
        (at / "gpu").fail(f" is {name!r}; known are {', '.join(sorted(made.gpus))}, or declare [assumptions.gpus.NAME]")
    gpu = made.gpus[name]
    figures = {key: getattr(gpu, key) for key in _OF_A_GPU if f"hosting.{key}" not in made.given}
    return replace(made, gpu=name, hosting=replace(made.hosting, **figures))


def _measured(value: object, at: Place, folder: Path) -> tuple[dict[str, Any], str | None]:
    """`throughput` (a result file of `vllm bench serve`, or several) as the two rates, and where they are from."""
    table = at.table(value, "an object of its keys")
    if "throughput" not in table:
        return table, None
    place = at / "throughput"
    if both := [key for key in _RATES if key in table]:
        place.fail(f" and {both[0]} both say how fast a replica is; leave one out")
    files = place.strings(table["throughput"])
    found = throughput.read_files(files, folder, place)
    rest = {key: one for key, one in table.items() if key != "throughput"}
    rates = {"prefill_tokens_per_s": found.prefill_tokens_per_s, "decode_tokens_per_s": found.decode_tokens_per_s}
    return {**rest, **rates}, f"{', '.join(files)}: {found.how}"


def _tier(value: object, at: Place) -> str:
    if value not in ("frontier", "workhorse"):
        at.fail(f' is {value!r}; write "frontier" or "workhorse"')
    return str(value)


def _gpu(value: object, at: Place, folder: Path) -> Gpu:
    table, measured = _measured(at.table(value, "[assumptions.gpus.NAME]"), at, folder)
    numbers = {key: one for key, one in table.items() if key not in ("source", "date")}
    at.only(numbers, _OF_A_GPU)
    for key in ("gpu_usd_per_hour", *_RATES):
        checked.required(numbers, key, at)
    return replace(checked.group(numbers, at, Gpu), **_origin(table, at, measured or "declared"))


def _hosted(value: object, at: Place) -> HostedModel:
    table = at.table(value, "[assumptions.hosted_models.NAME]")
    tested = (at / "tested").flag(table.get("tested", False))
    prices = {key: one for key, one in table.items() if key not in ("tested", "source", "date")}
    at.only(prices, ("input", "cached", "output"))
    for key in ("input", "output"):
        checked.required(prices, key, at)
    read = checked.group({"cached": 0, **prices}, at, Prices)
    read = read if "cached" in prices else replace(read, cached=read.input)
    return HostedModel(read, tested, **_origin(table, at, "declared"))


def _origin(table: Mapping[str, Any], at: Place, otherwise: str) -> dict[str, Any]:
    """`source` and `date` of an entry."""
    day = table.get("date")
    return {
        "source": (at / "source").string(table.get("source", otherwise)),
        "read_on": None if day is None else str((at / "date").day(day)),
    }
