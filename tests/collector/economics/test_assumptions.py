"""`[assumptions]` of breakeven.toml: what it may say, and every mistake in it at once."""

import json
from pathlib import Path

import pytest
from breakeven_collector.cli import app
from breakeven_collector.economics.assumptions import GPUS, HOSTED, OriginOf, load, rows
from breakeven_collector.economics.bands import Bands, bands_of
from breakeven_collector.economics.case import Prices
from breakeven_collector.economics.gates import Gates
from breakeven_collector.errors import ConfigError
from typer.testing import CliRunner


def _file(folder: Path, text: str) -> Path:
    path = folder / "breakeven.toml"
    path.write_text(text)
    return path


def _run(path: Path, duration: float, taken: int, made: int) -> None:
    path.write_text(json.dumps({"duration": duration, "total_input_tokens": taken, "total_output_tokens": made}))


def test_a_feature_has_its_own_values_and_the_common_ones_for_the_rest(tmp_path: Path) -> None:
    found = load(
        _file(
            tmp_path,
            """
            [assumptions]
            burst = 1.5
            [assumptions.hosting]
            fte = 0.25
            [assumptions.market]
            horizon_months = 18.5
            [assumptions.gates]
            lifecycle = "live"
            residency = false
            [assumptions.features.search]
            peak_to_mean = 2
            hosting = {min_replicas = 1, spare_replicas = 0}
            gates = {staff = true, specific_task = "a fixed format", declared_by = "R. Frei", declared_on = 2026-10-01}
            """,
        )
    )
    own, other = found.of("search"), found.of("chat")
    assert (own.burst, own.peak_to_mean, own.hosting.fte, own.hosting.min_replicas) == (1.5, 2, 0.25, 1)
    assert (other.peak_to_mean, other.hosting.min_replicas, other.market.horizon_months) == (3, 2, 18.5)
    assert own.gates == Gates(
        lifecycle="live",
        staff=True,
        residency=False,
        specific_task="a fixed format",
        declared_by="R. Frei",
        declared_on="2026-10-01",
    )
    assert own.given == {
        "burst",
        "peak_to_mean",
        "market.horizon_months",
        *(f"hosting.{name}" for name in ("fte", "min_replicas", "spare_replicas")),
    }


def test_every_value_that_does_not_fit_is_listed(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        """
        [assumptions]
        burst = 0.5
        surprise = 1
        [assumptions.hosting]
        fte = -1
        overhead_share = true
        gpu_usd_per_hour = "3"
        [assumptions.gates]
        staff = "yes"
        lifecyle = "live"
        [assumptions.gpus.mine]
        gpu_usd_per_hour = 2
        [assumptions.hosted_models.x]
        input = nan
        output = 1
        [assumptions.tiers]
        "gpt-6" = "big"
        [assumptions.features.search.market]
        discount_rate = -0.1
        [assumptions.features.chat]
        gpu = "h1000"
        [assumptions.features.chat.objectives]
        p95_seconds = 0
        error_share = 2
        [assumptions.features.chat.api]
        batch_share = 3
        trimmed = 0.1
        [assumptions.features.chat.private]
        own_account = {}
        own_cloud = {}
        """,
    )
    with pytest.raises(ConfigError) as raised:
        load(path)
    said = [line.removeprefix(f"{path}: assumptions") for line in str(raised.value).splitlines()]
    assert [line.split(";")[0] for line in said] == [
        ".burst is 0.5",
        ": unknown key 'surprise'",
        ".hosting.fte is -1",
        ".hosting.overhead_share is True",
        ".hosting.gpu_usd_per_hour is '3'",
        ".gates.staff is 'yes'",
        ".gates: unknown key 'lifecyle'",
        ".gpus.mine: prefill_tokens_per_s is missing",
        ".hosted_models.x.input is NaN",
        ".tiers.gpt-6 is 'big'",
        ".features.search.market.discount_rate is -0.1",
        ".features.chat.objectives.p95_seconds is 0",
        ".features.chat.objectives.error_share is 2",
        ".features.chat.api.batch_share is 3",
        ".features.chat.api: unknown key 'trimmed'",
        ".features.chat.private.own_account needs a price: usd_per_month, or input and output in USD a million tokens",
        ".features.chat.private: unknown key 'own_cloud'",
        ".features.chat.gpu is 'h1000'",
    ]
    done = CliRunner().invoke(app, ["assumptions", "check", "--config", str(path)])
    assert done.exit_code == 1
    assert all(part in done.output.replace("\n", "") for part in ("hosting.fte is -1", "chat.gpu is 'h1000'"))


def test_a_gpu_gives_the_figures_that_nobody_declared(tmp_path: Path) -> None:
    found = load(
        _file(
            tmp_path,
            """
            [assumptions.hosting]
            gpu_usd_per_hour = 2.2
            [assumptions.features.search]
            gpu = "70b-fp8-h100x2"
            hosting = {decode_tokens_per_s = 9000}
            [assumptions.features.chat]
            gpu = "mine"
            [assumptions.gpus.mine]
            gpu_usd_per_hour = 1
            prefill_tokens_per_s = 100
            decode_tokens_per_s = 50
            source = "our contract"
            date = 2026-11-01
            """,
        )
    )
    listed, mine = GPUS["70b-fp8-h100x2"], found.of("chat")
    search = found.of("search").hosting
    assert (search.gpu_usd_per_hour, search.decode_tokens_per_s) == (2.2, 9_000)
    assert (search.prefill_tokens_per_s, search.gpus_per_replica) == (listed.prefill_tokens_per_s, 2)
    assert (mine.hosting.gpu_usd_per_hour, mine.hosting.decode_tokens_per_s) == (2.2, 50)
    assert (mine.gpus["mine"].source, mine.gpus["mine"].read_on) == ("our contract", "2026-11-01")
    shown = {row["key"]: (row["value"], row["source"], row["date"]) for row in rows(mine)}
    assert shown["hosting.decode_tokens_per_s"] == (50, "our contract", "2026-11-01")
    assert shown["hosting.gpu_usd_per_hour"] == (2.2, "breakeven.toml", None)
    assert mine.origin("hosting.decode_tokens_per_s") == OriginOf("our contract", "2026-11-01", "declared")
    reading = found.of("search").origin("hosting.prefill_tokens_per_s")
    assert reading == OriginOf(listed.source, listed.read_on, "assumed")


def test_every_gpu_and_hosted_price_has_its_source_and_date() -> None:
    assert all(one.source != "declared" and one.read_on for one in [*GPUS.values(), *HOSTED.values()])
    shown = [row for row in rows(load(Path("nowhere.toml"))) if row["key"].startswith(("gpus.", "hosted_models."))]
    assert len(shown) == 4 * len(GPUS) + 3 * len(HOSTED)
    assert all(row["is_default"] and row["date"] for row in shown)


def test_a_hosted_price_says_where_it_is_from(tmp_path: Path) -> None:
    text = '[assumptions.hosted_models.ours]\ninput = 0.2\noutput = 0.4\ntested = true\nsource = "offer"\n'
    found = load(_file(tmp_path, text + "date = 2026-11-03\n")).hosted_models["ours"]
    assert (found.prices, found.tested) == (Prices(0.2, 0.2, 0.4), True)
    assert (found.source, found.read_on) == ("offer", "2026-11-03")


def test_throughput_is_read_from_the_files_of_vllm_beside_the_file(tmp_path: Path) -> None:
    _run(tmp_path / "long.json", 800_000 / 30_000 + 100_000 / 5_000, 800_000, 100_000)
    _run(tmp_path / "short.json", 100_000 / 30_000 + 800_000 / 5_000, 100_000, 800_000)
    found = load(
        _file(
            tmp_path,
            """
            [assumptions.hosting]
            throughput = ["long.json", "short.json"]
            [assumptions.gpus.mine]
            gpu_usd_per_hour = 2
            throughput = "long.json"
            """,
        )
    )
    hosting, mine = found.hosting, found.gpus["mine"]
    assert (hosting.prefill_tokens_per_s, hosting.decode_tokens_per_s) == pytest.approx((30_000, 5_000))
    assert mine.prefill_tokens_per_s == pytest.approx(6 * mine.decode_tokens_per_s)
    shown = {row["key"]: row for row in rows(found)}["hosting.decode_tokens_per_s"]
    assert shown["source"] == "long.json, short.json: 2 runs, solved for both rates"
    assert mine.source == "long.json: one run, prefill 6 times decode assumed"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('throughput = "none.json"', "none.json: No such file or directory; name a file of `vllm bench serve"),
        ('throughput = "bad.json"', "bad.json: duration is missing"),
        ("throughput = 3", "hosting.throughput is 3; write text in quotes"),
        ('throughput = "bad.json"\ndecode_tokens_per_s = 5', "decode_tokens_per_s both say how fast a replica is"),
    ],
)
def test_a_throughput_that_cannot_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ConfigError) as raised:
        load(_file(tmp_path, f"[assumptions.hosting]\n{text}\n"))
    assert message in str(raised.value)


def test_bands_are_those_of_the_file_and_of_the_feature_where_it_has_its_own(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "[assumptions]\nsurprise = 1\n[assumptions.bands]\nstay_usd = 2_000\n"
        "[assumptions.features.search.bands]\nfeature_usd = 7_500\n",
    )
    assert bands_of(path) == bands_of(path, "chat") == Bands(stay_usd=2_000)
    assert bands_of(path, "search") == Bands(stay_usd=2_000, feature_usd=7_500)
    assert bands_of(tmp_path / "none.toml") == Bands()
    with pytest.raises(ConfigError, match="surprise"):
        load(path)
    path = _file(tmp_path, "[assumptions.bands]\nstay_usd = 60_000\n")
    for read in (bands_of, load):
        with pytest.raises(ConfigError, match="stay_usd is 60000 and look_usd 50000; write the lower one as stay_usd"):
            read(path)
