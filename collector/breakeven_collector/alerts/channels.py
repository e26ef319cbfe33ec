"""Where alerts go: `[[alerts.channels]]` of `breakeven.toml`, and the secrets that it names but never holds."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from breakeven_collector import loopback
from breakeven_collector.alerts.events import Digest, Event, Rule
from breakeven_collector.alerts.messages import Links
from breakeven_collector.config_file import Place, shown

KEYS: Final = ("channels", "page_url", "grafana_url")
"""Keys of `[alerts]` that are read here."""
DIGEST: Final = "digest"
"""Stands among a channel's rules for the week's digest."""
WEBHOOK_ENV: Final = "BREAKEVEN_SLACK_WEBHOOK"
TOKEN_ENV: Final = "BREAKEVEN_SLACK_TOKEN"
CHANNEL_ENV: Final = "BREAKEVEN_SLACK_CHANNEL"
JSON_ENV: Final = "BREAKEVEN_ALERT_WEBHOOK"
SLACK_API: Final = "https://slack.com/api/"
_CHANNEL_KEYS: Final = (
    *("name", "kind", "channel", "env", "file", "signing_env", "signing_file", "api_url"),
    *("owners", "rules", "projects"),
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WRITE: Final = '[[alerts.channels]] with name = "costs" and kind = "slack_webhook"'


class Kind(StrEnum):
    """How a channel is written to."""

    SLACK_WEBHOOK = "slack_webhook"
    """An incoming webhook of Slack: its address is the secret, and decides the conversation."""
    SLACK_BOT = "slack_bot"
    """A bot's token, which is the secret, and a conversation; updates go into threads."""
    WEBHOOK = "webhook"
    """Any address that takes JSON; the address is a secret too."""


_ENVS: Final[Mapping[Kind, str]] = {
    Kind.SLACK_WEBHOOK: WEBHOOK_ENV,
    Kind.SLACK_BOT: TOKEN_ENV,
    Kind.WEBHOOK: JSON_ENV,
}


@dataclass(frozen=True)
class Channel:
    """One place that alerts go to."""

    name: str
    """Names it in the store and on the command line."""
    kind: Kind
    secret: SecretStr = field(default=SecretStr(""), repr=False)
    """Address of a webhook, or token of a bot; empty where `problem` says why."""
    problem: str = ""
    """Why nothing can be sent, and what to do; never the secret."""
    post_to: str = ""
    """A bot's conversation: `C0123456789`, or `#costs`."""
    api_url: str = SLACK_API
    """Where a bot finds Slack's API."""
    signing: SecretStr | None = field(default=None, repr=False)
    """What a webhook's JSON is signed with."""
    owners: tuple[str, ...] = ()
    """Only what is theirs; empty: everybody's."""
    rules: tuple[str, ...] = ()
    """Only these, `digest` among them; empty: all."""
    projects: tuple[str, ...] = ()
    """Only what is of these; empty: all."""

    def takes(self, what: Event | Digest) -> bool:
        """Whether it is to be told here."""
        if self.projects and what.project not in self.projects:
            return False
        if isinstance(what, Digest):
            # A digest is nobody's in particular.
            return DIGEST in self.rules if self.rules else not self.owners
        return (not self.rules or what.rule in self.rules) and (not self.owners or what.owner in self.owners)


def parse_channels(
    alerts: Mapping[str, Any], place: Place, environ: Mapping[str, str] = os.environ
) -> tuple[Channel, ...]:
    """The channels of a table `[alerts]`; without any, the one that the environment makes.

    A secret that is not there is no error of the file: the channel says so as its `problem`.

    Args:
        alerts: the table.
        place: where it stands.
        environ: where secrets are.

    Raises:
        ConfigError: a key or value does not fit; the message names it.
    """
    rows = place.tables(alerts.get("channels", []), _WRITE)
    if "channels" not in alerts:
        return _of_environment(environ)
    channels: list[Channel] = []
    for number, row in enumerate(rows, 1):
        here = Place(f"{place.text}.channels, number {number}")
        channel = _channel(row, here, environ)
        if channel.name in {one.name for one in channels}:
            here.fail(f": there is a channel {channel.name!r} already; give each its own name")
        channels.append(channel)
    return tuple(channels)


def parse_links(alerts: Mapping[str, Any], place: Place) -> Links:
    """`page_url` and `grafana_url` of a table `[alerts]`.

    Raises:
        ConfigError: one is no address.
    """
    return Links(*(_address(alerts[key], place / key) if key in alerts else "" for key in ("page_url", "grafana_url")))


def _of_environment(environ: Mapping[str, str]) -> tuple[Channel, ...]:
    if secret := environ.get(WEBHOOK_ENV, "").strip():
        problem = _unusable(Kind.SLACK_WEBHOOK, secret, WEBHOOK_ENV)
        return (Channel("slack", Kind.SLACK_WEBHOOK, SecretStr("" if problem else secret), problem),)
    token, post_to = environ.get(TOKEN_ENV, "").strip(), environ.get(CHANNEL_ENV, "").strip()
    if not token:
        return ()
    problem = _unusable(Kind.SLACK_BOT, token, TOKEN_ENV)
    if not post_to:
        problem = f"{CHANNEL_ENV} is not set: put the id of a conversation into it, such as C0123456789"
    return (Channel("slack", Kind.SLACK_BOT, SecretStr("" if problem else token), problem, post_to=post_to),)


def _channel(row: dict[str, Any], place: Place, environ: Mapping[str, str]) -> Channel:
    place.only(row, _CHANNEL_KEYS)
    name = (place / "name").string(row.get("name"))
    if not _NAME.match(name):
        (place / "name").fail(f" is {name!r}; write letters, digits, _ . and -, at most 64")
    kind = _kind(row.get("kind"), place / "kind")
    secret, problem = _secret(row, "env", "file", _ENVS[kind], place, environ)
    if secret and (problem := _unusable(kind, secret, _source(row, "env", "file", _ENVS[kind]))):
        secret = ""
    channel = Channel(
        name,
        kind,
        SecretStr(secret),
        problem,
        owners=_texts(row.get("owners"), place / "owners"),
        projects=_texts(row.get("projects"), place / "projects"),
        rules=_rules(row.get("rules"), place / "rules"),
    )
    return replace(channel, **_of_kind(row, kind, place, environ))


def _of_kind(row: dict[str, Any], kind: Kind, place: Place, environ: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    foreign = {
        Kind.SLACK_WEBHOOK: ("channel", "api_url", "signing_env", "signing_file"),
        Kind.SLACK_BOT: ("signing_env", "signing_file"),
        Kind.WEBHOOK: ("channel", "api_url"),
    }[kind]
    for key in foreign:
        if key in row:
            place.fail(f": {key} means nothing to kind {kind.value!r}; leave it out")
    if kind is Kind.SLACK_BOT:
        if "channel" not in row:
            place.fail(': channel is missing; write the id of a conversation, such as channel = "C0123456789"')
        told["post_to"] = (place / "channel").string(row["channel"])
        if "api_url" in row:
            told["api_url"] = _address(row["api_url"], place / "api_url").rstrip("/") + "/"
    if kind is Kind.WEBHOOK and ("signing_env" in row or "signing_file" in row):
        signing, problem = _secret(row, "signing_env", "signing_file", "", place, environ)
        # Unsigned, the receiver would refuse it, or worse, take it.
        told |= {"signing": SecretStr(signing)} if signing else {"secret": SecretStr(""), "problem": problem}
    return told


def _secret(
    row: dict[str, Any], env: str, file: str, default: str, place: Place, environ: Mapping[str, str]
) -> tuple[str, str]:
    """A secret, or why there is none."""
    if env in row and file in row:
        place.fail(f": {env} and {file} are both given; leave one out")
    source = _source(row, env, file, default)
    for key in (env, file):
        if key in row and _is_secret((place / key).string(row[key]), is_variable=key == env):
            # Not what it says: that is a secret by the look of it.
            what = "the name of a variable, such as COSTS_SLACK_WEBHOOK" if key == env else "the path of a file"
            (place / key).fail(f": write {what}, and put the secret itself there")
    if file in row:
        try:
            secret = Path((place / file).string(row[file])).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            return "", f"{source}: {reason}; let it hold the secret, readable by the collector's user"
        return secret, "" if secret else f"{source} is empty; let it hold the secret"
    secret = environ.get(source, "").strip()
    return secret, "" if secret else f"{source} is not set where the collector runs; put the secret into it"


def _is_secret(text: str, *, is_variable: bool) -> bool:
    return "://" in text or text.startswith("xox") or (is_variable and not _VARIABLE.match(text))


def _source(row: dict[str, Any], env: str, file: str, default: str) -> str:
    return str(row[file]) if file in row else str(row.get(env, default))


def _unusable(kind: Kind, secret: str, source: str) -> str:
    """Why it cannot be such a secret, without telling it."""
    if kind is Kind.SLACK_BOT:
        fits = secret.isascii() and secret.isprintable() and " " not in secret
        return "" if fits else f"{source} is not a token: those of bots begin with xoxb-"
    if not _is_address(secret) or not secret.isascii():
        return f"{source} is not the address of a webhook: such begin with https://"
    parts = urlsplit(secret)
    if kind is Kind.SLACK_WEBHOOK and parts.scheme == "http" and not loopback.is_host(parts.hostname):
        return f"{source} is an address in clear text: Slack's webhooks begin with https://"
    return ""


def _kind(value: object, place: Place) -> Kind:
    try:
        return Kind(place.string(value))
    except ValueError:
        place.fail(f" is {shown(value)}; write one of {', '.join(Kind)}")


def _rules(value: object, place: Place) -> tuple[str, ...]:
    rules = _texts(value, place)
    known = (*Rule, DIGEST)
    for rule in rules:
        if rule not in known:
            place.fail(f" has {rule!r}; known are {', '.join(known)}")
    return rules


def _texts(value: object, place: Place) -> tuple[str, ...]:
    if value is None:
        return ()
    if value == []:
        place.fail(" is empty: nothing would come here; leave it out for all")
    return place.strings(value)


def _address(value: object, place: Place) -> str:
    text = place.string(value)
    if not _is_address(text):
        place.fail(f" is {text!r}; write an address such as https://breakeven.example.com")
    return text


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_one and text.isprintable() and " " not in text
