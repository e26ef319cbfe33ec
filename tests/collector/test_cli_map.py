"""`breakeven map` as people use it: beside a running collector, and on the store itself where none runs."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.cli import app
from breakeven_collector.declarations import load_declarations
from breakeven_collector.origins import build_origins
from breakeven_collector.serve import Collector
from breakeven_collector.store import Store
from typer.testing import CliRunner

from tests.collector.client import Client
from tests.collector.cubes import cube, origin
from tests.conftest import quick_settings

TODAY = datetime.now(UTC).date()
COMMANDS = ("list", "propose", "confirm", "add")


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture(scope="module")
def running(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector whose store has calls of five origins, of which one has a rule from a week ago on."""
    settings = quick_settings(f"chdb://{engine_folder}?database=cli_map", tmp_path_factory.mktemp("cli_map"))
    with Collector(settings) as collector:
        store = collector.pipeline.store
        fill(store)
        yield collector


def fill(store: Store) -> None:
    origin(store, 1, project="default", service="shop", agent="refund-bot-prod", environment="prod")
    origin(store, 2, project="default", service="shop", environment="prod")
    origin(store, 2**63 + 1, project="default", service="api", provider="openai", model="gpt-4o")
    origin(store, 4, project="default", agent="Search_Agent", service="api")
    origin(store, 5, project="default", service="old")
    cube(store, ago(1), "3", project="default", origin_id=1, environment="prod", calls=2)
    cube(store, ago(20), "5", project="default", origin_id=1, environment="prod")
    # the same sums from two origins on one day
    cube(store, ago(1), "3", project="default", origin_id=2, environment="prod", calls=2)
    cube(store, ago(1), None, project="default", origin_id=2**63 + 1)
    cube(store, ago(1), "0.1", project="default", feature="Search_Agent", source="inferred", origin_id=4)
    cube(store, ago(1), None, project="default", feature="Search_Agent", source="inferred", origin_id=4)
    cube(store, ago(100), "1000", project="default", origin_id=5)
    cube(store, ago(1), "50", project="default", feature="declared", source="declared")


@pytest.fixture
def config(running: Collector) -> Iterator[Path]:
    path = running.pipeline.settings.config
    path.unlink(missing_ok=True)
    yield path
    path.unlink(missing_ok=True)


def run(*arguments: str, input: str | None = None, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["map", *arguments], input=input, env={"COLUMNS": "160", "NO_COLOR": "1"})
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def there(running: Collector, config: Path) -> tuple[str, ...]:
    return ("--url", running.url, "--config", str(config))


# ---------------------------------------------------------------------------------------------------------- origins


def test_origins_tell_calls_and_dollars_by_stretches_of_time(running: Collector) -> None:
    document = Client(running.url).get(f"/api/origins?days=30&cut={ago(7)}&cut={ago(400)}")
    assert document["period"] == {"from": str(ago(29)), "to": str(ago(-1)), "days": 30}
    found = [
        (s["from"], s["to"], [(o["origin_id"], o["calls"], o["cost_usd"], o["unpriced_calls"]) for o in s["origins"]])
        for s in document["stretches"]
    ]
    assert found == [
        (str(ago(29)), str(ago(7)), [("1", 1, "5", 0)]),
        (
            str(ago(7)),
            str(ago(-1)),
            [("1", 2, "3", 0), ("2", 2, "3", 0), ("4", 2, "0.1", 1), (str(2**63 + 1), 1, None, 1)],
        ),
    ]
    assert document["stretches"][1]["origins"][2] == {
        "origin_id": "4",
        **{"provider_key": "", "provider_project": "", "service": "api", "route": "", "agent": "Search_Agent"},
        **{"workflow": "", "prompt": "", "environment": "", "provider": "", "model": ""},
        **{"inferred": "Search_Agent", "calls": 2, "cost_usd": "0.1", "unpriced_calls": 1},
        **{"first_seen": "1970-01-01T00:00:00+00:00", "last_seen": "1970-01-01T00:00:00+00:00"},
    }


def test_dollars_of_origins_sum_to_those_of_the_bill(running: Collector) -> None:
    store = running.pipeline.store
    (stretch,) = build_origins(store, days=300)["stretches"]
    whole = store.rows(
        "SELECT sum(s.cost_usd) AS usd FROM spend AS s WHERE grain = 'day' AND feature_source != 'declared'"
    )
    assert sum(Decimal(o["cost_usd"] or 0) for o in stretch["origins"]) == whole[0]["usd"] == Decimal("1011.1")


@pytest.mark.parametrize("query", ["days=0", "days=x", "cut=soon"])
def test_a_bad_question_is_told(running: Collector, query: str) -> None:
    with pytest.raises(Exception, match="422"):
        Client(running.url).get(f"/api/origins?{query}")


# ------------------------------------------------------------------------------------------------------------- list


def test_without_rules_the_list_shows_what_has_no_feature_the_dearest_first(there: tuple[str, ...]) -> None:
    output = run("list", *there)
    assert "No rules yet" in output
    assert (
        "Without a declared or mapped feature in the last 30 days: $11.10, 8 calls, 2 of them not fully priced"
        in output
    )
    lines = [re.split(r"\s{2,}", line.strip()) for line in output.splitlines()]
    start = next(n for n, line in enumerate(lines) if line[0] == "Comes from")
    assert [line[:4] for line in lines[start + 1 :]] == [
        ["agent=refund-bot-prod service=shop environment=prod", "3", "$8.00"],
        ["service=shop environment=prod", "2", "$3.00"],
        ["agent=Search_Agent service=api", "2", "$0.10 +?", "inferred: Search_Agent"],
        ["service=api provider=openai model=gpt-4o", "1", "?"],
    ]


def test_rules_are_listed_with_what_they_mapped_and_what_is_odd_about_them(
    there: tuple[str, ...], config: Path
) -> None:
    config.write_text(
        f"""
        [features.shopp]
        [[map]]
        service = "shop"
        feature = "shop"
        from = {ago(7)}
        [[map]]
        agent = "refund-*"
        feature = "refunds"
        [[map]]
        service = "nowhere"
        feature = "gone"
        [[map]]
        service = "shop"
        environment = "prod"
        feature = "late"
        from = {ago(3)}
        [[alias]]
        from = "shop"
        to = "store"
        """,
        encoding="utf-8",
    )
    document = json.loads(run("list", "--format", "json", *there))
    assert [
        (r["number"], r["feature"], r["from"], r["calls"], r["cost_usd"], r["remarks"]) for r in document["rules"]
    ] == [
        (1, "shop", str(ago(7)), 4, "6", []),
        (2, "refunds", None, 1, "5", ["2 more of its calls go to rule 1, which stands before it"]),
        (3, "gone", None, 0, None, ["matches no call of the last 30 days"]),
        (
            4,
            "late",
            str(ago(3)),
            0,
            None,
            ["never reached", "4 more of its calls go to rule 1, which stands before it"],
        ),
    ]
    assert document["aliases"] == ["shop → store"]
    assert document["doubtful_names"] == []
    assert [(o["agent"], o["calls"]) for o in document["unallocated"]] == [("Search_Agent", 2), ("", 1)]
    output = run("list", *there)
    assert re.search(r"3\s+service=nowhere\s+gone\s+0\s+\?\s+matches no call of the last 30 days", output)
    config.write_text(config.read_text(encoding="utf-8").replace('"store"', '"shoppe"'), encoding="utf-8")
    assert "shopp and shoppe differ by one letter only: one feature?" in run("list", *there)


def test_a_broken_file_is_told_in_a_line(there: tuple[str, ...], config: Path) -> None:
    config.write_text("[[map]]\nfeature = 'a'\n", encoding="utf-8")
    for command in ("list", "propose", "confirm"):
        output = run(command, *there, code=1)
        assert output.startswith(f"breakeven: {config}: map 1: it says nothing of what it matches")
        assert output.count("\n") == 1


# ------------------------------------------------------------------------------------------------- propose, confirm


def test_proposals_are_shown_and_nothing_is_written(there: tuple[str, ...], config: Path) -> None:
    assert json.loads(run("propose", "--format", "json", *there)) == [
        {
            **{"feature": "refund-bot", "calls": 3, "cost_usd": "8", "unpriced_calls": 0, "origins": 1},
            "rules": [{"agent": ["refund-bot-prod"]}],
        },
        {
            **{"feature": "shop", "calls": 2, "cost_usd": "3", "unpriced_calls": 0, "origins": 1},
            "rules": [{"service": ["shop"], "agent": [""]}],
        },
        {
            **{"feature": "search-agent", "calls": 2, "cost_usd": "0.1", "unpriced_calls": 1, "origins": 1},
            "rules": [{"agent": ["Search_Agent"]}],
        },
    ]
    output = run("propose", *there)
    assert (
        "refund-bot  $8.00, 3 calls\n  agent=refund-bot-prod\nshop  $3.00, 2 calls\n  service=shop agent=(none)\n"
        in output
    )
    assert "1 more origin suggests no name" in output
    assert not config.exists()


def test_proposals_are_confirmed_one_by_one(there: tuple[str, ...], config: Path) -> None:
    config.write_text("# mine\n", encoding="utf-8")
    output = run(*there, input="x\ny\ne\nTill\nq\n")
    assert "1/3 refund-bot  $8.00, 3 calls" in output
    assert f"2 rules written to {config}." in output.replace("\n", " ")
    assert config.read_text(encoding="utf-8") == (
        "# mine\n\n"
        f"# Added by `breakeven map` on {TODAY}: $8.00, 3 calls in 30 days\n"
        '[[map]]\nagent = "refund-bot-prod"\nfeature = "refund-bot"\n\n'
        f"# Added by `breakeven map` on {TODAY}: $3.00, 2 calls in 30 days\n"
        '[[map]]\nservice = "shop"\nagent = ""\nfeature = "Till"\n'
    )


def test_no_is_no(there: tuple[str, ...], config: Path) -> None:
    run("confirm", *there, input="n\nn\n\n")
    assert not config.exists()


def test_yes_takes_all_and_the_collector_takes_them_up_within_seconds(
    running: Collector, there: tuple[str, ...], config: Path
) -> None:
    output = run("--yes", *there)
    assert f"The collector at {running.url} takes it up within seconds." in output
    assert [rule.feature for rule in load_declarations(config).rules] == ["refund-bot", "search-agent", "shop"]
    sql = "SELECT DISTINCT parts.feature AS f FROM attributions_now WHERE origin_id != 0 ORDER BY f"
    deadline = time.monotonic() + 10
    while True:
        found: list[Any] = [row["f"] for row in running.pipeline.store.rows(sql)]
        if found == [[""], ["refund-bot"], ["search-agent"], ["shop"]]:
            break
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    again = run("--yes", *there)
    assert "Nothing to propose: what is left names nothing." in again
    assert len(load_declarations(config).rules) == 3
    assert "1 more" not in run("list", *there)


def test_an_end_of_input_writes_nothing(there: tuple[str, ...], config: Path) -> None:
    assert "Aborted" in run("confirm", *there, input="y\n", code=1)
    assert not config.exists()


# -------------------------------------------------------------------------------------------------------------- add


def test_a_rule_is_added_by_hand(there: tuple[str, ...], config: Path, running: Collector) -> None:
    arguments = ("add", "--service", "check*", "--service", "cart", "--key", "k", "--feature", "checkout")
    output = run(*arguments, "--from", "2026-07-01", "--until", "2026-08-01", "--note", "why", *there)
    assert output == f"1 rule written to {config}.\nThe collector at {running.url} takes it up within seconds.\n"
    assert config.read_text(encoding="utf-8") == (
        f'# Added by `breakeven map` on {TODAY}\n[[map]]\nkey = "k"\nservice = ["check*", "cart"]\n'
        'feature = "checkout"\nfrom = 2026-07-01\nuntil = 2026-08-01\nnote = "why"\n'
    )
    output = run(*arguments, "--from", "2026-07-01", "--until", "2026-08-01", *there)
    assert output == "checkout: such a rule stands there already.\n"


def test_a_collector_that_reads_another_file_is_told(running: Collector, tmp_path: Path, config: Path) -> None:
    other = tmp_path / "other.toml"
    output = run("add", "--service", "a", "--feature", "b", "--url", running.url, "--config", str(other))
    assert f"The collector at {running.url} reads {config}: put the rules there" in output


def test_without_a_collector_it_shows_in_the_next_report(tmp_path: Path) -> None:
    output = run("add", "--service", "a", "--feature", "b", "--port", "1", "--config", str(tmp_path / "b.toml"))
    assert "No collector runs here: it shows in the next report." in output


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (
            ("add", "--feature", "a"),
            1,
            "a rule must say what it matches: give at least one of --key, --project, --service",
        ),
        (("add", "--feature", " ", "--service", "a"), 1, "map 1.feature is ' '; write the name of a feature"),
        (("add", "--service", "a"), 2, "Missing option '--feature'"),
        (
            ("add", "--feature", "a", "--service", "b", "--from", "soon"),
            2,
            "'soon' does not match the format",
        ),
        (
            ("add", "--feature", "a", "--service", "b", "--from", "2026-02-01", "--until", "2026-01-01"),
            1,
            "until 2026-01-01 is not after from 2026-02-01",
        ),
        (("--days", "7", "list"), 1, "--days must stand behind list: breakeven map list --days …"),
        (("lst",), 2, "No such command 'lst'"),
    ],
)
def test_a_bad_value_is_told(
    arguments: tuple[str, ...], code: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told in " ".join(run(*arguments, code=code).split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command: str) -> None:
    output = run(command, "--help")
    assert "Examples:" in output
    assert f"breakeven map {command}" in output


# ---------------------------------------------------------------------------------------------- without a collector


def test_without_a_collector_the_store_itself_is_read(store: Store, tmp_path: Path) -> None:
    fill(store)
    config = tmp_path / "breakeven.toml"
    own = ("--port", "1", "--store", store.dsn, "--data-dir", str(tmp_path), "--config", str(config))
    assert "No collector runs here: it shows in the next report." in run("--yes", *own)
    document = json.loads(run("list", "--format", "json", *own))
    assert [(rule["feature"], rule["calls"]) for rule in document["rules"]] == [
        ("refund-bot", 3),
        ("search-agent", 2),
        ("shop", 2),
    ]
    found = store.rows("SELECT parts.feature AS f FROM attributions_now WHERE origin_id = 2 AND environment = 'prod'")
    assert found == [{"f": ["shop"]}]
