"""`breakeven grafana push` against a stub of Grafana's API, through the real grafana-client."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from breakeven_collector.cli import app
from breakeven_dashboards.alert_rules import RULES
from breakeven_dashboards.build import build
from typer.testing import CliRunner, Result

from tests.dashboards.grafana_stub import TOKEN, Grafana, grafana

pytest.importorskip("grafana_client", reason="needs the extra `grafana`")

SOURCE = ("--datasource-url", "clickhouse://breakeven_default@clickhouse/breakeven")
ALL = [
    "folder Breakeven",
    "data source breakeven",
    *(f"dashboard {dashboard['uid']}" for dashboard in build().values()),
    "message template breakeven",
    "contact point breakeven-slack",
    *(f"alert rule {rule.uid}" for rule in RULES),
    "alert group breakeven",
]


@pytest.fixture
def stub() -> Iterator[Grafana]:
    with grafana() as it:
        yield it


def push(it: Grafana, *options: str, token: str = TOKEN, **environment: str) -> Result:
    secrets = {"GRAFANA_TOKEN": token, "BREAKEVEN_READ_KEY": "reader", "HOOK": "https://hooks.slack.com/services/x"}
    return CliRunner(env={**secrets, **environment, "COLUMNS": "200"}).invoke(
        app, ["grafana", "push", "--url", it.url, *options]
    )


def told(result: Result) -> dict[str, str]:
    """What became of each object: the columns of the lines."""
    return {line[17:]: line[:17].strip() for line in result.stdout.splitlines()[:-1]}


def test_everything_is_created_then_unchanged_then_only_what_differs_is_updated(stub: Grafana) -> None:
    first = push(stub, *SOURCE, "--webhook-env", "HOOK")
    assert told(first) == {**dict.fromkeys(ALL, "created"), "alert group breakeven": "updated"}, first.output
    assert {uid: kept["dashboard"] for uid, kept in stub.dashboards.items()} == {
        one["uid"]: {**one, "id": 7, "version": 1} for one in build().values()
    }
    assert stub.datasources["breakeven"]["secureJsonData"] == {"password": "reader"}
    assert stub.intervals == {"breakeven": 300}

    stub.requests.clear()
    again = push(stub, *SOURCE, "--webhook-env", "HOOK")
    assert (told(again), stub.writes()) == (dict.fromkeys(ALL, "unchanged"), [])

    stub.dashboards["breakeven-bill"]["dashboard"]["title"] = "mine"
    stub.rules["breakeven_lag"]["data"][0]["model"]["rawSql"] = "SELECT 1"
    third = push(stub, *SOURCE, "--webhook-env", "HOOK")
    changed = {"dashboard breakeven-bill": "updated", "alert rule breakeven_lag": "updated"}
    assert told(third) == {**dict.fromkeys(ALL, "unchanged"), **changed}
    assert (stub.dashboards["breakeven-bill"]["dashboard"]["version"], third.exit_code) == (2, 0)


def test_what_others_made_stays_as_it_is_and_policies_are_not_touched(stub: Grafana) -> None:
    theirs: dict[str, Any] = {
        "uid": "theirs",
        "ruleGroup": "breakeven",
        "folderUID": "breakeven",
        "for": "1m",
        "data": [],
    }
    stub.rules["theirs"], stub.intervals["breakeven"] = theirs, 60
    stub.dashboards["theirs"] = {"dashboard": {"uid": "theirs"}, "meta": {}}
    stub.contact_points["theirs"] = {"uid": "theirs", "name": "theirs", "settings": {"url": "https://theirs"}}
    assert push(stub, *SOURCE, "--webhook-env", "HOOK").exit_code == 0
    assert stub.rules["theirs"].items() >= theirs.items()
    assert stub.dashboards["theirs"] == {"dashboard": {"uid": "theirs"}, "meta": {}}
    assert stub.contact_points["theirs"]["settings"] == {"url": "https://theirs"}
    assert not any("policies" in path for _, path in stub.requests)


def test_rules_are_paused_at_first_and_then_as_somebody_left_them(stub: Grafana) -> None:
    push(stub, *SOURCE)
    assert {rule["isPaused"] for rule in stub.rules.values()} == {True}
    assert not any(rule.get("notification_settings") for rule in stub.rules.values())
    stub.rules["breakeven_lag"]["isPaused"] = False
    push(stub, *SOURCE)
    assert [uid for uid, rule in stub.rules.items() if not rule["isPaused"]] == ["breakeven_lag"]
    push(stub, *SOURCE, "--alerts", "--webhook-env", "HOOK")
    assert {(rule["isPaused"], rule["notification_settings"]["receiver"]) for rule in stub.rules.values()} == {
        (False, "breakeven-slack")
    }
    # Without the webhook next time, they go on to tell whom they told.
    assert set(told(push(stub, *SOURCE)).values()) == {"unchanged"}


def test_a_dry_run_says_what_would_be_done_and_does_nothing(stub: Grafana) -> None:
    result = push(stub, *SOURCE, "--dry-run")
    without_slack = [what for what in ALL if "slack" not in what and "template" not in what]
    assert told(result) == dict.fromkeys(without_slack, "would be created")
    assert (stub.writes(), result.stdout.splitlines()[-1]) == ([], f"{len(without_slack)} created (dry run)")


def test_secrets_are_sent_again_when_asked_for_and_never_printed(stub: Grafana) -> None:
    push(stub, *SOURCE, "--webhook-env", "HOOK")
    result = push(
        stub, *SOURCE, "--webhook-env", "HOOK", "--secrets", BREAKEVEN_READ_KEY="another", HOOK="https://other"
    )
    assert [what for what, done in told(result).items() if done == "updated"] == [
        "data source breakeven",
        "contact point breakeven-slack",
    ]
    assert stub.datasources["breakeven"]["secureJsonData"] == {"password": "another"}
    assert stub.contact_points["breakeven_slack"]["settings"]["url"] == "https://other"
    assert not any(secret in result.output for secret in ("another", "https://other", TOKEN))


def test_a_data_source_that_is_there_is_taken_and_without_it_nothing_is_written(stub: Grafana) -> None:
    result = push(stub, "--datasource-uid", "mine")
    assert (result.exit_code, stub.writes(), len(result.stderr.splitlines())) == (1, [], 1)
    assert "Grafana has no data source 'mine'; make one with --datasource-url" in result.stderr
    stub.datasources["mine"] = {"uid": "mine"}
    assert push(stub, "--datasource-uid", "mine").exit_code == 0
    assert {rule["data"][0]["datasourceUid"] for rule in stub.rules.values()} == {"mine"}
    # Dashboards open with it, though there may be others of the type.
    variables = [kept["dashboard"]["templating"]["list"][0] for kept in stub.dashboards.values()]
    assert {(one["name"], one["current"]["value"]) for one in variables} == {("datasource", "mine")}
    assert stub.datasources == {"mine": {"uid": "mine"}}


def test_a_secret_where_the_name_of_a_variable_belongs_is_not_repeated(stub: Grafana) -> None:
    secret = "https://hooks.slack.com/services/x"
    for option in ("--webhook-env", "--password-env", "--token-env"):
        result = push(stub, *SOURCE, option, secret)
        assert f"{option} takes the name of an environment variable" in result.stderr
        assert (result.exit_code, secret in result.output, stub.requests) == (1, False, [])


def test_a_collectors_sql_is_a_data_source_too(stub: Grafana) -> None:
    push(stub, "--datasource-url", "http://grafana@collector:4318/clickhouse")
    wanted = {"host": "collector", "port": 4318, "protocol": "http", "path": "clickhouse", "username": "grafana"}
    assert stub.datasources["breakeven"]["jsonData"].items() >= wanted.items()
    # Behind a proxy, as in docs/grafana.md: the port is that of any address of a page.
    push(stub, "--datasource-url", "https://grafana@breakeven.internal/clickhouse")
    wanted = {"host": "breakeven.internal", "port": 443, "secure": True, "path": "clickhouse"}
    assert stub.datasources["breakeven"]["jsonData"].items() >= wanted.items()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("postgres://x/y", "write clickhouse://USER@HOST:9000/DATABASE"),
        ("postgres://u:secret@x/y", "--datasource-url 'x/y': write clickhouse://"),
        ("foo", "--datasource-url 'foo': write clickhouse://"),
        ("http://u@h:4318", "--datasource-url 'h:4318': write clickhouse://"),
        ("clickhouse://u:secret@h", "a password does not belong into the address"),
        ("http://h:port/", "the address cannot be read"),
    ],
)
def test_an_address_that_is_none_is_told_without_its_password(stub: Grafana, address: str, says: str) -> None:
    result = push(stub, "--datasource-url", address)
    assert (result.exit_code, says in result.stderr, "secret" in result.output) == (1, True, False)
    assert stub.requests == []


def test_what_somebody_changed_meanwhile_is_told_and_the_rest_goes_on(stub: Grafana) -> None:
    push(stub, *SOURCE)
    stub.dashboards["breakeven-bill"]["dashboard"]["title"] = "mine"
    stub.failing["POST /api/dashboards/db"] = (
        412,
        {"status": "version-mismatch", "message": "changed by someone else"},
    )
    result = push(stub, *SOURCE, "--alerts")
    line = next(line for line in result.stdout.splitlines() if line.startswith("failed"))
    assert line.split(maxsplit=1)[1] == (
        "dashboard breakeven-bill: somebody else changed it meanwhile (changed by someone else); look at it, and push again"
    )
    assert (result.exit_code, {rule["isPaused"] for rule in stub.rules.values()}) == (1, {False})


def test_a_dashboard_that_comes_from_a_file_is_left_alone(stub: Grafana) -> None:
    push(stub, *SOURCE)
    stub.dashboards["breakeven-bill"]["meta"]["provisioned"] = True
    result = push(stub, *SOURCE)
    assert "dashboard breakeven-bill: it is provisioned from a file, and changes there only" in result.stdout


def test_a_contact_point_of_our_name_that_is_not_ours_is_not_overwritten(stub: Grafana) -> None:
    theirs = {"uid": "x", "name": "breakeven-slack", "settings": {"url": "https://theirs"}}
    stub.contact_points["x"] = theirs
    result = push(stub, *SOURCE, "--webhook-env", "HOOK")
    assert "contact point breakeven-slack: there is one of this name that is not ours; rename it" in result.stdout
    assert stub.contact_points == {"x": theirs}


@pytest.mark.parametrize(
    ("prepare", "token", "says"),
    [
        ({}, "wrong", "Grafana does not know the token; make one for a service account"),
        ({"plugin": False}, TOKEN, "GF_PLUGINS_PREINSTALL_SYNC=grafana-clickhouse-datasource"),
        ({"plugin": False}, TOKEN, "else name Grafana's with --url"),
        ({"role": "Viewer"}, TOKEN, "its service account needs the role Admin"),
        ({"slow_seconds": 1.5}, TOKEN, "does not answer in time; --timeout gives it longer"),
        ({}, "", "GRAFANA_TOKEN is not set"),
    ],
)
def test_what_stops_everything_is_one_line_that_says_what_to_do(
    stub: Grafana, prepare: dict[str, Any], token: str, says: str
) -> None:
    for name, value in prepare.items():
        setattr(stub, name, value)
    result = push(stub, *SOURCE, "--timeout", "1", token=token)
    assert (result.exit_code, says in result.stderr, stub.dashboards) == (1, True, {}), result.output
    assert len(result.stderr.splitlines()) == 1


def test_user_and_password_are_a_credential_too(stub: Grafana) -> None:
    assert push(stub, *SOURCE, token="admin:pass").exit_code == 0


def test_nobody_at_the_address_and_no_grafana_there_are_told() -> None:
    with grafana() as gone:
        pass
    assert "nothing answers at" in push(gone, *SOURCE).stderr
    assert "--url 'ftp://x': write Grafana's address" in push(Grafana(url="ftp://x"), *SOURCE).stderr


def test_without_the_extra_it_says_how_to_get_it(stub: Grafana, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grafana_client.api", None)
    result = push(stub, *SOURCE)
    wanted = "this needs 'grafana_client', which is not installed: pip install 'breakeven[collector,grafana]', in an environment of its own"
    assert (result.exit_code, wanted in result.stderr) == (1, True), result.output
