"""What `doctor` says about channels."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from breakeven_collector.alerts.answers import mend
from breakeven_collector.doctor_health import Finding


def examine_channels(channels: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """What to do about each channel, as `channels_now` tells of them."""
    for told in channels:
        name = f"alerts to {told['channel']} ({told['kind']})"
        if not told["kind"]:
            yield Finding("wrong", "alerts: channels cannot be read, those declared before count", told["problem"])
        elif told["problem"]:
            yield Finding("wrong", f"{name} cannot be sent", told["problem"])
        elif told["state"] == "given_up":
            yield Finding("wrong", f"{name}: the last was refused, {told['error']}", mend(told["error"]))
        elif told["state"] == "failed":
            yield Finding("note", f"{name}: the last failed, {told['error']}, and is tried again", mend(told["error"]))
        elif told["state"] == "sent":
            yield Finding("good", f"{name}: the last was taken")
        else:
            yield Finding(
                "note", f"{name}: nothing was sent yet", f"`breakeven alerts test --channel {told['channel']}` tries it"
            )
