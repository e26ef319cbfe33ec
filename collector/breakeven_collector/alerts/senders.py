"""One try to send one message: over a webhook of Slack, with a bot's token, or as JSON to any address.

Nothing is tried twice here: that is for the outbox, which knows what was sent. So slack-sdk's own retries are off,
among them the one after a broken connection, which might send a message twice.
"""

import hashlib
import hmac
import json
import logging
from datetime import datetime
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.webhook import WebhookClient

from breakeven_collector.alerts.answers import Answer, Verdict, answer_of, failed
from breakeven_collector.alerts.channels import Channel, Kind
from breakeven_collector.alerts.messages import Message

TIMEOUT_SECONDS: Final = 10
SCHEMA: Final = "breakeven.alert/1"
SIGNATURE: Final = "Breakeven-Signature"
_MOST_ANSWER_BYTES: Final = 10_000

# slack-sdk would write addresses and messages into the log, and an address is a secret.
_silent = logging.Logger("breakeven_collector.alerts.slack", logging.CRITICAL + 1)


def send_to_slack(channel: Channel, message: Message, *, thread_ts: str = "", broadcast: bool = False) -> Answer:
    """Try once.

    Args:
        channel: of Slack.
        message: with or without blocks.
        thread_ts: message in whose thread it goes; a webhook knows no threads.
        broadcast: show it in the conversation too.
    """
    if channel.problem:
        return Answer(Verdict.FINAL, "not_usable")
    try:
        if channel.kind is Kind.SLACK_BOT:
            return _by_bot(channel, message, thread_ts, broadcast=broadcast)
        return _by_webhook(channel, message)
    except (OSError, HTTPException) as error:
        return failed(error)
    except (ValueError, SlackRequestError):
        # Not its text: it may quote the address.
        return Answer(Verdict.FINAL, "unexpected_answer")


def send_json(channel: Channel, document: dict[str, Any], now: datetime) -> Answer:
    """Try once to send a document to a webhook that takes JSON, signed where the channel has what to sign with."""
    if channel.problem:
        return Answer(Verdict.FINAL, "not_usable")
    body = json.dumps({"schema": SCHEMA, **document}, ensure_ascii=False, sort_keys=True).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "breakeven"}
    if channel.signing:
        headers[SIGNATURE] = signature(channel.signing.get_secret_value(), body, now)
    try:
        request = Request(channel.secret.get_secret_value(), data=body, headers=headers, method="POST")
        with build_opener(_NoRedirects()).open(request, timeout=TIMEOUT_SECONDS) as answer:
            answer.read(_MOST_ANSWER_BYTES)
        return Answer(Verdict.SENT)
    except HTTPError as error:
        error.close()
        return answer_of(error.code, "", dict(error.headers.items()))
    except (OSError, HTTPException) as error:
        return failed(error)
    except ValueError:
        return Answer(Verdict.FINAL, "unexpected_answer")


def signature(secret: str, body: bytes, now: datetime) -> str:
    """`t=SECONDS,v1=HEX`: HMAC-SHA256 of `SECONDS.BODY`, so that an old request cannot be sent anew unnoticed."""
    at = int(now.timestamp())
    return f"t={at},v1={hmac.new(secret.encode(), b'%d.' % at + body, hashlib.sha256).hexdigest()}"


def _by_webhook(channel: Channel, message: Message) -> Answer:
    client = WebhookClient(
        channel.secret.get_secret_value(), timeout=TIMEOUT_SECONDS, logger=_silent, retry_handlers=[]
    )
    answer = client.send(text=message.text, blocks=list(message.blocks) or None, unfurl_links=False, unfurl_media=False)
    if answer.status_code == 200 and answer.body.strip() == "ok":
        return Answer(Verdict.SENT)
    return answer_of(answer.status_code, answer.body, answer.headers)


def _by_bot(channel: Channel, message: Message, thread_ts: str, *, broadcast: bool) -> Answer:
    client = WebClient(
        channel.secret.get_secret_value(),
        base_url=channel.api_url,
        timeout=TIMEOUT_SECONDS,
        logger=_silent,
        retry_handlers=[],
    )
    try:
        answer = client.chat_postMessage(
            channel=channel.post_to,
            text=message.text,
            blocks=list(message.blocks) or None,
            thread_ts=thread_ts or None,
            reply_broadcast=True if broadcast and thread_ts else None,
            unfurl_links=False,
            unfurl_media=False,
            # No name in the text is looked up.
            parse="none",
            link_names=False,
        )
    except SlackApiError as error:
        said: Any = error.response
        return answer_of(said.status_code, str(said.get("error", "")), said.headers)
    return Answer(Verdict.SENT, posted_to=str(answer.get("channel") or ""), message_ts=str(answer.get("ts") or ""))


class _NoRedirects(HTTPRedirectHandler):
    """What a redirect leads to was not asked for, and the document is not its business."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        """Follow none: the answer becomes an HTTPError."""
        return
