"""The channels as they are declared now, how they do, and where a test of them is done."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from breakeven_collector.alerts.answers import mend
from breakeven_collector.alerts.channels import Channel, parse_channels, parse_links
from breakeven_collector.alerts.messages import Links
from breakeven_collector.alerts.outbox import channel_states
from breakeven_collector.alerts.trial import try_channels
from breakeven_collector.config_file import Place, read_config
from breakeven_collector.errors import ConfigError
from breakeven_collector.settings import Settings
from breakeven_collector.source import get_json, key_for, running_collector
from breakeven_collector.store import Store

_TIMEOUT_SECONDS = 300.0
"""A test waits for each channel in turn."""


def load_channels(path: Path) -> tuple[tuple[Channel, ...], Links]:
    """Channels and links that `breakeven.toml` declares; without any, the channel that the environment makes.

    Raises:
        ConfigError: the file cannot be read, or a key or value does not fit; the message names it.
    """
    place = Place(f"{path}: alerts")
    table = place.table(read_config(path).get("alerts", {}), "[alerts]")
    return parse_channels(table, place), parse_links(table, place)


def channels_now(store: Store, path: Path) -> list[dict[str, Any]]:
    """Each channel, what keeps it from being used, and how its last message went.

    Returns:
        For each `channel` (its name), `kind`, `problem` and its `mend` in one, `state` (`sent`, `failed`, `given_up`;
        empty: nothing was sent yet), `error`, and `mend`, what to do about that.

    Raises:
        StoreError: the store cannot be read.
    """
    try:
        channels, _ = load_channels(path)
    except ConfigError as error:
        return [{"channel": path.name, "kind": "", "problem": str(error), "state": "", "error": "", "mend": ""}]
    last = channel_states(store)
    return [
        {
            "channel": channel.name,
            "kind": str(channel.kind),
            "problem": channel.problem,
            **last.get(channel.name, {"state": "", "error": ""}),
            "mend": mend(last[channel.name]["error"]) if channel.name in last else "",
        }
        for channel in channels
    ]


def fetch_channels(settings: Settings, address: str) -> list[dict[str, Any]]:
    """What `channels_now` tells in a running collector.

    Raises:
        BreakevenError: it does not say; the message says why.
    """
    key = key_for(settings, address)
    return get_json(f"{address}/api/alerts/channels", having="channels", key=key, timeout=5)["channels"]


def try_from_here_or_there(settings: Settings, url: str | None, *, only: str | None, now: datetime) -> dict[str, Any]:
    """Send tests, see `try_channels`: by the collector at `url`, else by one on this machine's port, else from here.

    Raises:
        BreakevenError: there is no such channel, or the collector refuses; the message says what to do.
    """
    if address := running_collector(settings, url):
        return get_json(
            f"{address}/api/alerts/test",
            having="channels",
            key=key_for(settings, address),
            timeout=_TIMEOUT_SECONDS,
            body=json.dumps({"channel": only}).encode(),
        )
    channels, links = load_channels(settings.config)
    return try_channels(channels, links, now, only=only)
