"""`breakeven grafana verify` and `build`: through a stub of Grafana's API that runs the queries on chDB."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from breakeven_collector.cli import app
from breakeven_collector.grafana.variables import ALL, expand
from breakeven_dashboards import provision
from breakeven_dashboards.alert_rules import RULES
from breakeven_dashboards.build import build
from typer.testing import CliRunner, Result

from tests.dashboards import grafana_stub, macros
from tests.dashboards.conftest import Grafana, chosen, queries
from tests.dashboards.traffic import FEATURES, HARD

pytest.importorskip("grafana_client", reason="needs the extra `grafana`")

_SOURCE = ("--datasource-url", "http://grafana@collector:4318/clickhouse")


def run(it: grafana_stub.Grafana, command: str, *options: str) -> Result:
    environment = {"GRAFANA_TOKEN": grafana_stub.TOKEN, "BREAKEVEN_READ_KEY": "k", "COLUMNS": "300"}
    return CliRunner(env=environment).invoke(app, ["grafana", command, "--url", it.url, *options])


def lines(result: Result) -> list[tuple[str, str]]:
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in result.stdout.splitlines()[:-1]]


@pytest.fixture
def stub() -> Iterator[grafana_stub.Grafana]:
    with grafana_stub.grafana() as it:
        run(it, "push", *_SOURCE)
        yield it


def answers(grafana: Grafana) -> grafana_stub.Ask:
    """The queries, run; each different one once."""
    kept: dict[str, grafana_stub.Rows] = {}

    def ask(query: dict[str, Any], _start: str, _end: str) -> grafana_stub.Rows:
        sql = query["rawSql"]
        if sql not in kept:
            try:
                answer = grafana.ask(sql)
            except AssertionError as error:
                raise ValueError(str(error).splitlines()[0]) from None
            kept[sql] = (list(answer.columns), [list(answer.column(name)) for name in answer.columns])
        return kept[sql]

    return ask


def test_every_query_of_a_dashboard_and_of_the_rules_runs_on_a_store(
    stub: grafana_stub.Grafana, grafana_of_nothing: Grafana
) -> None:
    stub.ask = answers(grafana_of_nothing)
    # One of them: that all queries run is for the tests of the dashboards.
    others = [uid for uid in stub.dashboards if uid != "breakeven-pipeline"]
    for uid in others:
        stub.dashboards.pop(uid)
    tried = lines(run(stub, "verify"))
    assert [what.partition(":")[0] for word, what in tried if word == "failed"] == [
        f"dashboard {uid}" for uid in others
    ]
    ran = [what for word, what in tried if word != "failed"]
    pipeline = build()["pipeline"]
    assert ran == [
        *(f"breakeven-pipeline · variable {v['name']}" for v in pipeline["templating"]["list"] if v["type"] == "query"),
        *(f"breakeven-pipeline · panel {panel['id']} {panel['title']}" for panel in pipeline["panels"]),
        *(
            f"breakeven-pipeline · annotation {note['name']}"
            for note in pipeline["annotations"]["list"]
            if "rawSql" in note["target"]
        ),
        *(f"alert rule {rule.uid} · A" for rule in RULES),
    ]


def test_a_query_that_fails_is_told_with_its_reason_and_the_others_run_all_the_same(stub: grafana_stub.Grafana) -> None:
    def ask(query: dict[str, Any], _start: str, _end: str) -> grafana_stub.Rows:
        if "collector_health" in query["rawSql"]:
            raise ValueError("Code: 60. DB::Exception: Unknown table collector_health")
        return (["n"], [[1, 2]]) if "FROM spend" in query["rawSql"] else (["n"], [[]])

    stub.ask = ask
    stub.dashboards.pop("breakeven-feature")
    stub.rules.pop("breakeven_unpriced")
    result = run(stub, "verify")
    tried = lines(result)
    failed = [what for word, what in tried if word == "failed"]
    assert (result.exit_code, {word for word, _ in tried}) == (1, {"ok", "empty", "failed"})
    missing = "Grafana does not have it: `breakeven grafana push` brings it"
    assert f"dashboard breakeven-feature: {missing}" in failed
    assert f"alert rule breakeven_unpriced: {missing}" in failed
    assert "alert rule breakeven_lag · A: Code: 60. DB::Exception: Unknown table collector_health" in failed
    count = {word: sum(one == word for one, _ in tried) for word in ("ok", "empty", "failed")}
    assert result.stdout.splitlines()[-1] == ", ".join(f"{number} {word}" for word, number in count.items())


def test_no_rows_are_no_failure_unless_they_are_said_to_be(stub: grafana_stub.Grafana) -> None:
    stub.ask = lambda query, start, end: (["n"], [[]])
    assert (run(stub, "verify").exit_code, run(stub, "verify", "--strict").exit_code) == (0, 1)


def test_a_data_source_that_is_gone_fails_each_query_and_a_token_that_is_gone_ends_it(
    stub: grafana_stub.Grafana,
) -> None:
    stub.datasources.clear()
    tried = lines(run(stub, "verify"))
    assert {(word, what.rpartition(": ")[2]) for word, what in tried} == {
        ("failed", "Grafana has none (Data source not found)")
    }
    stub.failing["POST /api/ds/query"] = (403, {"message": "no"})
    result = run(stub, "verify")
    assert (result.exit_code, len(result.stderr.splitlines()), "may not do this (no)" in result.stderr) == (1, 1, True)


def test_a_query_goes_out_with_its_variables_and_the_macros_of_the_server(stub: grafana_stub.Grafana) -> None:
    seen: list[dict[str, Any]] = []

    def ask(query: dict[str, Any], start: str, end: str) -> grafana_stub.Rows:
        seen.append({**query, "range": (start, end)})
        return ["n"], [["x"]]

    stub.ask = ask
    run(stub, "verify", "--from", "now-7d")
    assert {query["datasource"]["uid"] for query in seen} == {"breakeven"}
    assert {query["range"] for query in seen} == {("now-7d", "now")}
    assert {query["intervalMs"] for query in seen} == {86_400_000}
    assert not any("$__conditionalAll" in query["rawSql"] or "${" in query["rawSql"] for query in seen)
    assert any("$__timeFilter" in query["rawSql"] or "$__fromTime" in query["rawSql"] for query in seen)


@pytest.mark.parametrize(
    "values",
    [chosen(), chosen(feature=["search"]), chosen(feature=FEATURES, tenant=HARD[:2]), chosen(model=["", "x"])],
    ids=["all", "one", "quotes", "an empty one"],
)
def test_variables_are_put_in_as_grafana_does(values: dict[str, list[str]]) -> None:
    for asked in queries():
        wanted = macros.templated(macros.conditional(asked.sql, values), values)
        assert expand(asked.sql, values) == wanted, asked.where
    assert ALL == macros.ALL


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--webhook-env", "https://hooks.slack.com/x"), "--webhook-env takes the name of an environment variable"),
        (("--password-env", "bk read"), "--password-env takes the name of an environment variable"),
        (("--page-url", "breakeven.internal"), "'breakeven.internal': write it like http://127.0.0.1:4318"),
        (("--out", "FILE/x"), "choose another folder with --out"),
    ],
)
def test_what_cannot_be_written_or_would_not_work_is_told(tmp_path: Path, options: tuple[str, str], says: str) -> None:
    (tmp_path / "FILE").touch()
    name, value = options
    arguments = [name, value.replace("FILE", str(tmp_path / "FILE"))]
    out = [] if name == "--out" else ["--out", str(tmp_path / "out")]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["grafana", "build", *out, *arguments])
    assert (result.exit_code != 0, says in result.stderr, (tmp_path / "out").exists()) == (True, True, False)


def test_files_are_written_for_any_grafana(tmp_path: Path) -> None:
    def build_into(*options: str) -> dict[str, Any]:
        result = CliRunner().invoke(app, ["grafana", "build", "--out", str(tmp_path), *options])
        assert result.exit_code == 0, result.output
        written = [Path(line) for line in result.stdout.splitlines()]
        read = {".json": json.loads, ".yml": yaml.safe_load}
        return {str(file.relative_to(tmp_path)): read[file.suffix](file.read_text()) for file in written}

    boards = {f"dashboards/breakeven/{stem}.json": json.loads(json.dumps(one)) for stem, one in build().items()}
    plain = build_into()
    assert plain.keys() == {"datasources/breakeven.yml", "dashboards/breakeven.yml", "alerting/rules.yml", *boards}
    assert {path: plain[path] for path in boards} == boards
    assert plain["alerting/rules.yml"] == provision.rules_file(paused=True, receiver=None)
    assert plain["datasources/breakeven.yml"]["datasources"][0]["secureJsonData"] == {"password": "$BREAKEVEN_READ_KEY"}
    assert plain["dashboards/breakeven.yml"]["providers"][0]["options"]["path"] == f"{tmp_path}/dashboards/breakeven"

    told = build_into(
        "--alerts", "--webhook-env", "HOOK", "--dashboards-path", "/d", "--datasource-url", "clickhouses://u@h/db"
    )
    assert told["alerting/rules.yml"] == provision.rules_file(paused=False, receiver="breakeven-slack")
    assert told["alerting/contact_point.yml"] == provision.contact_point_file("HOOK")
    assert told["dashboards/breakeven.yml"]["providers"][0]["options"]["path"] == "/d"
    source = told["datasources/breakeven.yml"]["datasources"][0]["jsonData"]
    assert source.items() >= {"port": 9440, "secure": True, "protocol": "native", "defaultDatabase": "db"}.items()
