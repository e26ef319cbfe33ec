"""A test of the channels: a clearly marked message to each, and what became of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from breakeven_collector.alerts.answers import Answer, Verdict, mend
from breakeven_collector.alerts.channels import Channel, Kind
from breakeven_collector.alerts.messages import Links, Message, trial_message
from breakeven_collector.alerts.senders import send_json, send_to_slack
from breakeven_collector.errors import ConfigError


def try_channels(
    channels: Sequence[Channel], links: Links, now: datetime, *, only: str | None = None
) -> dict[str, Any]:
    """Send a test to each channel, once.

    Args:
        channels: all that there are.
        links: where the message leads.
        now: UTC.
        only: the name of one of them; None: to all.

    Returns:
        `channels`: a list of `channel`, `kind`, `is_sent`, `error` (a code) and `mend` (what to do about it).

    Raises:
        ConfigError: there is no channel, or none of that name.
    """
    if not channels:
        raise ConfigError(
            "there is no channel to test: put one into breakeven.toml ([[alerts.channels]], see docs/alerts-slack.md), "
            "or set BREAKEVEN_SLACK_WEBHOOK"
        )
    wanted = [channel for channel in channels if only in (None, channel.name)]
    if not wanted:
        raise ConfigError(f"there is no channel {only!r}; there are {', '.join(channel.name for channel in channels)}")
    return {"channels": [_tried(channel, links, now) for channel in wanted]}


def _tried(channel: Channel, links: Links, now: datetime) -> dict[str, Any]:
    answer = _send(channel, trial_message(channel.name, links, now), now)
    is_sent = answer.verdict is Verdict.SENT
    return {
        "channel": channel.name,
        "kind": str(channel.kind),
        "is_sent": is_sent,
        "error": answer.error,
        "mend": "" if is_sent else channel.problem or mend(answer.error),
    }


def _send(channel: Channel, message: Message, now: datetime) -> Answer:
    if channel.kind is Kind.WEBHOOK:
        return send_json(channel, {"kind": "test", "id": "test", "test": {"text": message.text}}, now)
    return send_to_slack(channel, message)
