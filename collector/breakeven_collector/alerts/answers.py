"""What Slack, a webhook or the network answers, what it means, and how it is mended."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

REFUSED_BLOCKS: Final = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
"""The message itself is refused: the same in plain words may pass."""
LOST_THREADS: Final = frozenset({"thread_not_found", "invalid_thread_ts", "cannot_reply_to_message"})
"""The first message is gone: the update may stand by itself."""
_PASSING: Final = frozenset(
    {
        *("rate_limited", "ratelimited", "timeout", "unreachable", "internal_error", "fatal_error", "rollup_error"),
        *("service_unavailable", "request_timeout", "team_added_to_org", "http_408", "http_425", "http_429"),
    }
)
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{1,63}\Z")

_WEBHOOK: Final = "make a new incoming webhook in the Slack app's settings, and put its address where the channel says"
_TOKEN: Final = "put the app's Bot User OAuth Token (xoxb-…) where the channel says, and start the collector anew"
_ADMINS: Final = "the workspace's admins keep apps from posting there: ask them, or choose another conversation"
_MENDS: Final[Mapping[str, str]] = {
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "token_revoked": _TOKEN,
    "token_expired": _TOKEN,
    "account_inactive": _TOKEN,
    "invalid_token": _WEBHOOK,
    "missing_scope": "give the bot the scope chat:write, and install the app to the workspace again",
    "not_allowed_token_type": _TOKEN,
    "channel_not_found": "check the id in `channel`; a private conversation needs the bot in it: /invite @the-app",
    "not_in_channel": "invite the bot into the conversation: /invite @the-app",
    "is_archived": "name a conversation that is not archived",
    "channel_is_archived": "unarchive the conversation, or make a webhook for another one",
    "no_service": _WEBHOOK,
    "no_service_id": _WEBHOOK,
    "no_team": _WEBHOOK,
    "team_disabled": "the workspace is gone: make a webhook in another one",
    "action_prohibited": _ADMINS,
    "restricted_action": _ADMINS,
    "posting_to_general_channel_denied": "choose another conversation than #general",
    "user_not_found": _WEBHOOK,
    "invalid_payload": "this is a bug: please report it with the alert's id",
    "invalid_blocks": "this is a bug: please report it with the alert's id; the plain text was sent in its place",
    "no_text": "this is a bug: please report it with the alert's id",
    "rate_limited": "nothing: it is sent again when Slack says",
    "timeout": "see that the collector can reach the address (proxy, firewall)",
    "unreachable": "see that the collector can reach the address (proxy, firewall, name)",
    "unexpected_answer": "what answers there is not what the channel's kind says: check the address",
    "not_usable": "put the secret where the channel says, and start the collector anew",
    "too_old": "nothing: it was not taken within a day",
    "unreadable": "an older or newer version wrote it: let all collectors of a store be of one version",
}


class Verdict(StrEnum):
    """What an answer means for the message."""

    SENT = "sent"
    PASSING = "passing"
    """Worth another try."""
    FINAL = "final"
    """No try would go better before something is mended."""


@dataclass(frozen=True)
class Answer:
    """What became of one try."""

    verdict: Verdict
    error: str = ""
    """A code such as `invalid_auth`, `http_503` or `timeout`; never the receiver's own words."""
    retry_after_seconds: float | None = None
    """How long the receiver asks to wait."""
    posted_to: str = ""
    """Id of the conversation, where Slack tells it."""
    message_ts: str = ""
    """Slack's name of the message, where it tells it."""


def answer_of(status: int, error: str, headers: Mapping[str, str]) -> Answer:
    """The answer that is no success.

    Args:
        status: of HTTP.
        error: the receiver's word for it; only a word is kept.
        headers: of the answer.
    """
    code = error.strip() if _CODE.match(error.strip()) else ""
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return Answer(Verdict.PASSING, "rate_limited", _seconds(headers))
    if status >= 500:
        return Answer(Verdict.PASSING, f"http_{status}", _seconds(headers))
    code = code or ("unexpected_answer" if 200 <= status < 300 else f"http_{status}")
    return Answer(Verdict.PASSING if code in _PASSING else Verdict.FINAL, code)


def failed(error: Exception) -> Answer:
    """The answer of a network that has none."""
    reason = getattr(error, "reason", error)
    late = isinstance(error, TimeoutError) or isinstance(reason, TimeoutError)
    return Answer(Verdict.PASSING, "timeout" if late else "unreachable")


def mend(code: str) -> str:
    """What to do about an error, a sentence."""
    if code.startswith("http_5"):
        return "nothing, if it passes: the receiver failed, and it is tried again for a day"
    if code.startswith("http_3"):
        return "the receiver points elsewhere, and nothing is sent there: write the address that it points to"
    return _MENDS.get(code, "look the code up in the receiver's documentation")


def _seconds(headers: Mapping[str, str]) -> float | None:
    told = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(float(told), 3600.0) if told.isascii() and told.isdigit() else None
