"""Channels: what the file and the environment say of them, and what `alerts test` and `doctor` say about them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from breakeven_collector.alerts.answers import mend
from breakeven_collector.alerts.channels import Channel, Kind, parse_channels, parse_links
from breakeven_collector.alerts.findings import examine_channels
from breakeven_collector.alerts.messages import Links
from breakeven_collector.cli_alerts_test import alerts_test_command
from breakeven_collector.config_file import Place, parse_config
from breakeven_collector.errors import ConfigError
from pydantic import SecretStr
from typer.testing import CliRunner

from tests.alerts.json_server import JsonServer
from tests.alerts.slack_server import TOKEN, Slack

PLACE = Place("breakeven.toml: alerts")
HOOK = "https://hooks.slack.com/services/T0/B0/secret"


def channels(text: str, **environ: str) -> tuple[Channel, ...]:
    return parse_channels(parse_config(text, Path("breakeven.toml")).get("alerts", {}), PLACE, environ)


def test_the_file_says_where_secrets_are_and_not_what_they_are(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    found = channels(
        f"""
        [[alerts.channels]]
        name = "costs"
        kind = "slack_webhook"
        owners = ["support", "search"]

        [[alerts.channels]]
        name = "bot"
        kind = "slack_bot"
        file = "{token}"
        channel = "C0123456789"
        rules = ["jump", "digest"]
        projects = "alpha"

        [[alerts.channels]]
        name = "json"
        kind = "webhook"
        env = "MY_HOOK"
        signing_env = "MY_SIGNING"
        """,
        BREAKEVEN_SLACK_WEBHOOK=HOOK,
        MY_HOOK="http://alerts.internal/in?token=x",
        MY_SIGNING="hush",
    )
    assert found == (
        Channel("costs", Kind.SLACK_WEBHOOK, SecretStr(HOOK), owners=("support", "search")),
        Channel(
            "bot",
            Kind.SLACK_BOT,
            SecretStr(TOKEN),
            post_to="C0123456789",
            rules=("jump", "digest"),
            projects=("alpha",),
        ),
        Channel("json", Kind.WEBHOOK, SecretStr("http://alerts.internal/in?token=x"), signing=SecretStr("hush")),
    )
    assert not [secret for secret in (HOOK, TOKEN, "token=x", "hush") if secret in repr(found)]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ()),
        ({"BREAKEVEN_SLACK_WEBHOOK": HOOK}, (Channel("slack", Kind.SLACK_WEBHOOK, SecretStr(HOOK)),)),
        (
            {"BREAKEVEN_SLACK_TOKEN": TOKEN, "BREAKEVEN_SLACK_CHANNEL": "#costs"},
            (Channel("slack", Kind.SLACK_BOT, SecretStr(TOKEN), post_to="#costs"),),
        ),
        (
            {"BREAKEVEN_SLACK_TOKEN": TOKEN},
            (
                Channel(
                    "slack",
                    Kind.SLACK_BOT,
                    SecretStr(""),
                    "BREAKEVEN_SLACK_CHANNEL is not set: put the id of a conversation into it, such as C0123456789",
                ),
            ),
        ),
    ],
)
def test_without_a_file_the_environment_makes_one(environ: dict[str, str], expected: tuple[Channel, ...]) -> None:
    assert channels("", **environ) == expected
    # An empty list is no list that was left out.
    assert channels("[alerts]\nchannels = []", **environ) == ()


@pytest.mark.parametrize(
    ("secret", "kind", "problem"),
    [
        ("", "slack_webhook", "X is not set where the collector runs"),
        ("hooks.slack.com/services/very-secret", "slack_webhook", "X is not the address of a webhook"),
        ("https://very secret", "webhook", "X is not the address of a webhook"),
        ("https://hooks.slack.com:port-very-secret/", "webhook", "X is not the address of a webhook"),
        ("ftp://very-secret", "webhook", "X is not the address of a webhook"),
        ("http://hooks.slack.com/very-secret", "slack_webhook", "X is an address in clear text"),
        ("xoxb very-secret\n", "slack_bot", "X is not a token"),
    ],
)
def test_a_secret_that_is_none_is_the_channels_problem_and_told_nowhere(secret: str, kind: str, problem: str) -> None:
    more = '\nchannel = "C0"' if kind == "slack_bot" else ""
    (found,) = channels(f'[[alerts.channels]]\nname = "a"\nkind = "{kind}"\nenv = "X"{more}', X=secret)
    assert found.problem.startswith(problem)
    assert found.secret.get_secret_value() == ""
    assert "very" not in found.problem


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    text = '[[alerts.channels]]\nname = "a"\nkind = "slack_webhook"\nfile = "{}"'
    (missing,) = channels(text.format(tmp_path / "none"))
    assert missing.problem.startswith(f"{tmp_path / 'none'}: No such file")
    (tmp_path / "empty").write_text("\n")
    (empty,) = channels(text.format(tmp_path / "empty"))
    assert empty.problem.startswith(f"{tmp_path / 'empty'} is empty")


@pytest.mark.parametrize("key", ["env", "file", "signing_env", "signing_file"])
@pytest.mark.parametrize("secret", [HOOK, "xoxb-very-secret"])
def test_a_secret_in_the_place_of_its_name_is_refused_and_not_shown(key: str, secret: str) -> None:
    with pytest.raises(ConfigError) as error:
        channels(f'[[alerts.channels]]\nname = "a"\nkind = "webhook"\n{key} = "{secret}"', BREAKEVEN_ALERT_WEBHOOK=HOOK)
    assert f"number 1.{key}: write the " in str(error.value)
    assert secret not in str(error.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('kind = "slack_webhook"', "number 1.name is None; write it as text"),
        ('name = "a b"\nkind = "slack_webhook"', "name is 'a b'; write letters, digits"),
        ('name = "a"\nkind = "teams"', "kind is 'teams'; write one of slack_webhook, slack_bot, webhook"),
        ('name = "a"\nkind = "slack_bot"', "channel is missing; write the id of a conversation"),
        ('name = "a"\nkind = "slack_webhook"\nchannel = "C0"', "channel means nothing to kind 'slack_webhook'"),
        ('name = "a"\nkind = "webhook"\nurl = "https://x"', "unknown key 'url'; known are"),
        ('name = "a"\nkind = "webhook"\nenv = "A"\nfile = "b"', "env and file are both given"),
        ('name = "a"\nkind = "webhook"\nrules = ["jumps"]', "rules has 'jumps'; known are crossed"),
        ('name = "a"\nkind = "webhook"\nowners = []', "owners is empty"),
        ('name = "a"\nkind = "webhook"\n[[alerts.channels]]\nname = "a"\nkind = "webhook"', "a channel 'a' already"),
    ],
)
def test_what_does_not_fit_is_named(row: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        channels(f"[[alerts.channels]]\n{row}")
    assert message in str(caught.value)


def test_links_are_addresses() -> None:
    assert parse_links({}, PLACE) == Links()
    assert parse_links({"page_url": "https://b.example", "grafana_url": "http://g:3000"}, PLACE) == Links(
        "https://b.example", "http://g:3000"
    )
    with pytest.raises(ConfigError, match="grafana_url is 'g:3000'; write an address"):
        parse_links({"grafana_url": "g:3000"}, PLACE)


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as slack:
        yield slack


def run(folder: Path, text: str, *arguments: str, **environ: str) -> tuple[int, str]:
    """Exit code and output of `breakeven alerts test`, where no collector runs."""
    config = folder / "breakeven.toml"
    config.write_text(text)
    app = typer.Typer()
    alerts_test_command(app)

    @app.command("list")
    def other() -> None: ...

    options = ["test", "--config", str(config), "--data-dir", str(folder / "data"), "--port", "9", *arguments]
    result = CliRunner().invoke(app, options, env={**environ, "COLUMNS": "200"})
    return result.exit_code, result.output


def test_a_test_says_for_each_channel_what_happened_and_how_it_is_mended(tmp_path: Path, slack: Slack) -> None:
    text = f"""
    [[alerts.channels]]
    name = "costs"
    kind = "slack_webhook"

    [[alerts.channels]]
    name = "bot"
    kind = "slack_bot"
    channel = "C0NOWHERE"
    api_url = "{slack.api_url}"

    [[alerts.channels]]
    name = "unset"
    kind = "webhook"
    env = "NOBODY_SETS_THIS"
    """
    environ = {"BREAKEVEN_SLACK_WEBHOOK": slack.webhook_url, "BREAKEVEN_SLACK_TOKEN": TOKEN}
    code, said = run(tmp_path, text, **environ)
    assert (code, [line.strip() for line in said.splitlines()]) == (
        1,
        [
            "sent  costs (slack_webhook)",
            "not sent  bot (slack_bot)  channel_not_found",
            f"→ {mend('channel_not_found')}",
            "not sent  unset (webhook)  not_usable",
            "→ NOBODY_SETS_THIS is not set where the collector runs; put the secret into it",
        ],
    )
    assert slack.received[0].texts[0] == "Test: alerts come here"
    assert run(tmp_path, text, "--channel", "costs", **environ)[0] == 0
    assert len(slack.received) == 2
    assert "there is no channel 'none'; there are costs, bot, unset" in run(tmp_path, text, "--channel", "none")[1]


def test_a_test_of_a_webhook_is_json_that_says_so(tmp_path: Path) -> None:
    with JsonServer() as server:
        code, said = run(
            tmp_path,
            '[[alerts.channels]]\nname = "json"\nkind = "webhook"',
            *("--format", "json"),
            BREAKEVEN_ALERT_WEBHOOK=server.url,
        )
        assert (code, json.loads(said)["channels"][0]["is_sent"]) == (0, True)
        assert json.loads(server.received[0][1])["kind"] == "test"


def test_doctor_says_what_to_do_about_each_channel() -> None:
    def told(**known: str) -> dict[str, Any]:
        return {"channel": "costs", "kind": "slack_bot", "problem": "", "state": "", "error": "", **known}

    findings = examine_channels(
        [
            told(problem="X is not set"),
            told(state="given_up", error="invalid_auth"),
            told(state="failed", error="timeout"),
            told(state="sent"),
            told(),
            told(channel="breakeven.toml", kind="", problem="name is 'a b'"),
        ]
    )
    name = "alerts to costs (slack_bot)"
    assert [(one.level, one.what, one.mend) for one in findings] == [
        ("wrong", f"{name} cannot be sent", "X is not set"),
        ("wrong", f"{name}: the last was refused, invalid_auth", mend("invalid_auth")),
        ("note", f"{name}: the last failed, timeout, and is tried again", mend("timeout")),
        ("good", f"{name}: the last was taken", ""),
        ("note", f"{name}: nothing was sent yet", "`breakeven alerts test --channel costs` tries it"),
        ("wrong", "alerts: channels cannot be read, those declared before count", "name is 'a b'"),
    ]
