"""Whose dollars are whose, in the store: worked out for all that is in the ledger, conserved at read, kept up to date."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector import otlp
from breakeven_collector.attribution import Attribution, take_up
from breakeven_collector.errors import ConfigError
from breakeven_collector.period import Asked
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.settings import Settings
from breakeven_collector.source import fetch_report
from breakeven_collector.store import Store
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.collector.cubes import at, cube, origin
from tests.conftest import quick_settings
from tests.spans import Call, body

DAY = date(2026, 6, 1)
SPEND_BY_PART = """
SELECT part.feature AS feature, part.feature_source AS feature_source, part.owner AS owner,
    part.cost_centre AS cost_centre, part.cost_class AS cost_class,
    sum(s.reported_cost_usd * part.weight) AS cost_usd, sum(s.calls * part.weight) AS calls
FROM spend_cubes AS s
ASOF LEFT JOIN attributions_now AS a
    ON a.project = s.project AND a.feature = s.feature AND a.feature_source = s.feature_source
    AND a.origin_id = s.origin_id AND a.environment = s.environment AND s.priced_at >= a.valid_from
LEFT ARRAY JOIN a.parts AS part
WHERE s.grain = {grain:String}
GROUP BY ALL
ORDER BY ALL
"""
"""The join that spend makes, on the cost as it was reported."""


def arrived(store: Store, day: date = DAY) -> list[str]:
    """The name of a segment that brought calls of a day."""
    store.insert("segment_slices", ["segment", "project", "slice"], [(f"s{day}", "p", at(day))])
    return [f"s{day}"]


def by_part(store: Store, grain: str = "day") -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in store.rows(SPEND_BY_PART, {"grain": grain})]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "breakeven.toml"


@pytest.fixture
def attribution(store: Store, config: Path) -> Attribution:
    return Attribution(store, config)


def test_rules_aliases_owners_and_classes_reach_the_dollars(
    store: Store, attribution: Attribution, config: Path
) -> None:
    origin(store, 1, service="shop", environment="staging")
    cube(store, DAY, "1", feature="old", source="declared", environment="production")
    cube(store, DAY + timedelta(days=30), "2", feature="old", source="declared", environment="production")
    cube(store, DAY, "4", origin_id=1, environment="staging")
    cube(store, DAY, "8", feature="helper", source="inferred", origin_id=2)
    cube(store, DAY, "16")
    config.write_text(
        """
        [features.new]
        owner = "Ann"
        cost_centre = "CC-1"
        [[features.new.changes]]
        from = 2026-07-01
        owner = "Bo"
        [[alias]]
        from = "old"
        split = { new = 0.75, other = 0.25 }
        [[map]]
        service = "shop"
        environment = "staging"
        feature = "new"
        """,
        encoding="utf-8",
    )
    # four ways of being named that occur, and those without an environment
    assert attribution.load() == 6
    goods = "cost_of_goods"
    assert by_part(store) == [
        ("", "", "", "", goods, Decimal(16), 1),
        ("helper", "inferred", "", "", goods, Decimal(8), 1),
        ("new", "declared", "Ann", "CC-1", goods, Decimal("0.75"), Decimal("0.75")),
        ("new", "declared", "Bo", "CC-1", goods, Decimal("1.5"), Decimal("0.75")),
        ("new", "mapped", "Ann", "CC-1", "research", Decimal(4), 1),
        ("other", "declared", "", "", goods, Decimal("0.75"), Decimal("0.5")),
    ]
    # tenants and users have no environment, and the same features
    assert [(row[0], row[1], row[5]) for row in by_part(store, "tenant_day")] == [
        ("", "", 16),
        ("helper", "inferred", 8),
        ("new", "declared", Decimal("0.75")),
        ("new", "declared", Decimal("1.5")),
        ("new", "mapped", 4),
        ("other", "declared", Decimal("0.75")),
    ]
    rows = store.rows("SELECT DISTINCT rule FROM attributions_now WHERE origin_id = 1")
    assert rows == [{"rule": "map 1: service=shop environment=staging"}]


@pytest.fixture(scope="module")
def module_store(engine_folder: Path) -> Iterator[Store]:
    store = Store(f"chdb://{engine_folder}?database=attribution").open()
    yield store
    store.close()


weights = st.lists(st.integers(1, 10**6), min_size=1, max_size=4).map(
    lambda parts: [Decimal(p * 10**12 // sum(parts)).scaleb(-12) for p in parts]
)


@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 20), st.decimals("0.000000000000001", 99999, places=15)),
        min_size=1,
        max_size=8,
    ),
    st.lists(st.tuples(weights, st.integers(0, 20)), min_size=1, max_size=3),
)
def test_parts_sum_to_the_whole_to_the_last_digit(
    module_store: Store, tmp_path: Path, rows: list[tuple[int, int, Decimal]], splits: list[tuple[list[Decimal], int]]
) -> None:
    store = module_store
    for table in ("spend_cubes", "attributions", "attribution_versions"):
        store.run(f"TRUNCATE TABLE {table}")
    for name, day, cost in rows:
        cube(store, DAY + timedelta(days=day), str(cost), feature=f"n{name}", source="declared")
    text = ""
    for number, (parts, since) in enumerate(splits):
        rest = 1 - sum(parts[1:], Decimal(0))
        shares = {f"n{number + 1}": rest, **{f"x{n}": part for n, part in enumerate(parts[1:])}}
        table = ", ".join(f"{key} = {share:f}" for key, share in shares.items())
        text += f'[[alias]]\nfrom = "n{number}"\nsplit = {{ {table} }}\nsince = {DAY + timedelta(days=since)}\n'
    config = tmp_path / "breakeven.toml"
    config.write_text(text, encoding="utf-8")
    Attribution(store, config).load()
    found = by_part(store)
    assert sum(row[5] for row in found) == sum(cost for _, _, cost in rows)
    assert sum(row[6] for row in found) == len(rows)
    # and all have an owner feature, so no row of the ledger was without an answer
    assert "" not in {row[0] for row in found}


def test_a_changed_file_is_a_new_version_and_the_old_one_stays_until_all_of_the_new_is_there(
    store: Store, attribution: Attribution, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cube(store, DAY, "1", feature="a", source="declared")
    attribution.load()
    assert [row[0] for row in by_part(store)] == ["a"]
    config.write_text('[[alias]]\nfrom = "a"\nto = "b"\n', encoding="utf-8")

    def seen_meanwhile(table: str, columns: Any, rows: Any) -> None:
        assert [row[0] for row in by_part(store)] == ["a"]
        insert(table, columns, rows)

    insert = store.insert
    monkeypatch.setattr(store, "insert", seen_meanwhile)
    attribution.load()
    monkeypatch.undo()
    assert [row[0] for row in by_part(store)] == ["b"]
    # back as it was: the version is known, its rows are there, and it is what counts
    config.write_text("# nothing\n", encoding="utf-8")
    cube(store, DAY, "1", feature="later", source="declared")
    attribution.load()
    assert [row[0] for row in by_part(store)] == ["a", "later"]


def test_rows_of_old_versions_are_dropped(store: Store, attribution: Attribution, config: Path) -> None:
    cube(store, DAY, "1", feature="a", source="declared")
    for number in range(5):
        config.write_text(f'[[alias]]\nfrom = "a"\nto = "b{number}"\n', encoding="utf-8")
        attribution.load()
    deadline = time.monotonic() + 20
    while (n := store.rows("SELECT uniqExact(version) AS n FROM attributions")[0]["n"]) > 3:
        assert time.monotonic() < deadline, n
        time.sleep(0.05)
    assert [row[0] for row in by_part(store)] == ["b4"]
    # one that was dropped is worked out again
    config.write_text('[[alias]]\nfrom = "a"\nto = "b0"\n', encoding="utf-8")
    attribution.load()
    assert [row[0] for row in by_part(store)] == ["b0"]


def test_a_broken_file_leaves_what_was_loaded_last_and_is_told(store: Store, config: Path) -> None:
    cube(store, DAY, "1", feature="a", source="declared")
    config.write_text('[[alias]]\nfrom = "a"\nto = "b"\n', encoding="utf-8")
    Attribution(store, config).start()
    config.write_text("[[alias]]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="alias 1: from is missing"):
        Attribution(store, config).load()
    # also for a collector that starts anew and gets calls with new names
    collector = Attribution(store, config)
    collector.start()
    assert collector.config_error.startswith(f"{config}: alias 1: from is missing")
    cube(store, DAY, "1", feature="late", source="declared")
    collector.keep_up(arrived(store))
    assert [row[0] for row in by_part(store)] == ["b", "late"]
    assert len(store.rows("SELECT * FROM attribution_versions")) == 1
    config.write_text('[[alias]]\nfrom = "a"\nto = "c"\n', encoding="utf-8")
    collector.keep_up(["none"])
    assert (collector.config_error, [row[0] for row in by_part(store)]) == ("", ["c", "late"])


def test_a_file_that_did_not_change_is_not_read_again_and_nothing_is_asked(
    store: Store, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("", encoding="utf-8")
    os.utime(config, (1, 1))
    attribution = Attribution(store, config)
    attribution.start()
    attribution.keep_up()

    def refuse(*_: object) -> None:
        pytest.fail("the file was read, or the store was asked")

    monkeypatch.setattr("breakeven_collector.attribution.load_declarations", refuse)
    monkeypatch.setattr(store, "rows", refuse)
    monkeypatch.setattr("breakeven_collector.attribution._LOOK_SECONDS", 0.0)
    for _ in range(3):
        attribution.keep_up()


def test_a_pass_looks_for_new_names_on_its_days_and_those_beside_them(store: Store, attribution: Attribution) -> None:
    attribution.start()
    for days in (-2, -1, 0, 1, 2):
        cube(store, DAY + timedelta(days=days), "1", feature=f"d{days}", source="declared")
    attribution.keep_up(arrived(store))
    sql = "SELECT DISTINCT feature FROM attributions_now ORDER BY feature"
    assert [row["feature"] for row in store.rows(sql)] == ["d-1", "d0", "d1"]
    # a start looks at everything
    attribution.start()
    assert len(store.rows(sql)) == 5


def test_a_store_that_fails_is_tried_again_and_nothing_is_raised(
    store: Store, config: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    attribution = Attribution(store, config)
    attribution.start()
    cube(store, DAY, "1", feature="a", source="declared")
    store.run("RENAME TABLE attributions TO away")
    attribution.keep_up(arrived(store))
    store.run("RENAME TABLE away TO attributions")
    assert "not up to date, next try in 1 s" in caplog.text
    monkeypatch.setattr("breakeven_collector.attribution.time.monotonic", lambda: 1e12)
    attribution.keep_up()
    assert [row[0] for row in by_part(store)] == ["a"]


def test_a_running_collector_takes_up_a_file_and_new_names_by_itself(
    engine_folder: Path, tmp_path: Path, project: str
) -> None:
    settings = quick_settings(f"chdb://{engine_folder}?database=attribution_{project}", tmp_path)
    with Pipeline(settings) as pipeline:
        data = otlp.read_traces(body(Call(at=datetime.now(UTC))), otlp.Encoding.PROTOBUF).body
        pipeline.journal.append(data, "default").result(5)
        pipeline.drain()
        rows = "SELECT DISTINCT environment, parts.feature AS f FROM attributions_now WHERE feature = 'search'"
        assert pipeline.store.rows(rows) == [{"environment": "", "f": ["search"]}]
        settings.config.write_text('[[alias]]\nfrom = "search"\nto = "find"\n', encoding="utf-8")
        deadline = time.monotonic() + 10
        while pipeline.store.rows(rows) != [{"environment": "", "f": ["find"]}]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        settings.config.write_text("[[map]]", encoding="utf-8")
        while not pipeline.attribution.config_error:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        pipeline.journal.append(data, "default").result(5)
        pipeline.drain()
        assert pipeline.store.rows(rows) == [{"environment": "", "f": ["find"]}]


def test_a_command_takes_up_its_file_in_an_embedded_store_and_leaves_it_where_it_has_none(
    store: Store, config: Path, settings: Settings
) -> None:
    cube(store, DAY, "1", feature="a", source="declared")
    config.write_text('[[alias]]\nfrom = "a"\nto = "b"\n', encoding="utf-8")
    fetch_report(settings.model_copy(update={"port": 1}), None, asked=Asked(1))
    assert [row[0] for row in by_part(store)] == ["b"]
    cube(store, DAY, "1", feature="late", source="declared")
    take_up(store, config.with_name("none.toml"))
    assert [row[0] for row in by_part(store)] == ["b", "late"]
