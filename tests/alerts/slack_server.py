"""A Slack on loopback that judges messages as the real one does, by slack-sdk's own classes and Slack's documented limits.

What slack-sdk lets pass and Slack does not is judged here: unknown kinds of blocks, more than 50 of them, empty texts, and
more than about 13,000 characters in all. Errors come as Slack sends them: a bare word from a webhook, JSON from the API.
"""

import json
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

MOST_BLOCKS = 50
MOST_TOTAL = 13_000
MOST_TEXT = 4_000
TOKEN = "xoxb-loopback-token"
CONVERSATION = "C0LOOPBACK"
HOOK = "/services/T0LOOP/B0LOOP/secretsecretsecret"
_LINK = re.compile(r"<https?://[^<>|\s]+\|[^<>|]+>")
_ERRORS = {"action_prohibited": 403, "no_service": 404, "channel_not_found": 404, "channel_is_archived": 410}


@dataclass(frozen=True)
class Received:
    """A message that was taken."""

    text: str
    blocks: list[dict[str, Any]]
    ts: str = ""
    thread_ts: str = ""
    broadcast: bool = False

    @property
    def texts(self) -> list[str]:
        """All text of the blocks."""
        return [words for words, _ in texts_of(self.blocks)]

    @property
    def whole(self) -> str:
        """The same, one below the other."""
        return "\n".join(self.texts)


@dataclass
class Slack:
    """The server. A context manager."""

    received: list[Received] = field(default_factory=list[Received])
    to_come: deque[tuple[int, str, dict[str, str]]] = field(default_factory=deque[tuple[int, str, dict[str, str]]])
    """What is answered next, in place of judging: status, word, headers."""
    refused: list[str] = field(default_factory=list[str])
    """Why messages were refused."""
    tries: int = 0
    archived: bool = False

    def __enter__(self) -> "Slack":
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with slack._lock:
                    status, kind, answer, more = slack._answer(self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in {**more, "Content-Type": kind, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None: ...

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.webhook_url = f"{self.url}{HOOK}"
        self.api_url = f"{self.url}/api/"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def rate_limit(self, seconds: int) -> None:
        """Answer the next message 429."""
        self.to_come.append((429, "ratelimited", {"Retry-After": str(seconds)}))

    def answer(self, status: int, word: str = "") -> None:
        """Answer the next message so."""
        self.to_come.append((status, word, {}))

    def _answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes, dict[str, str]]:
        self.tries += 1
        is_api = path.startswith("/api/")
        if self.to_come:
            status, word, more = self.to_come.popleft()
            return (*_said(status, word, is_api=is_api), more)
        if is_api:
            return (*self._api(path, headers, body), {})
        if path != HOOK:
            return (*_said(404, "no_service", is_api=False), {})
        return (*self._hook(headers, body), {})

    def _hook(self, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        sent = _document(headers, body)
        word = "invalid_payload" if sent is None else "channel_is_archived" if self.archived else self._judge(sent)
        if word or sent is None:
            return _said(_ERRORS.get(word, 400), word, is_api=False)
        self.received.append(Received(sent.get("text", ""), sent.get("blocks", [])))
        return 200, "text/html", b"ok"

    def _api(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        sent = _document(headers, body)
        if path != "/api/chat.postMessage":
            return _said(200, "unknown_method", is_api=True)
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return _said(200, "invalid_auth", is_api=True)
        if sent is None:
            return _said(200, "invalid_json", is_api=True)
        if sent.get("channel") not in (CONVERSATION, "#costs"):
            return _said(200, "channel_not_found", is_api=True)
        if self.archived:
            return _said(200, "is_archived", is_api=True)
        thread_ts = str(sent.get("thread_ts", ""))
        if thread_ts and thread_ts not in {one.ts for one in self.received}:
            return _said(200, "thread_not_found", is_api=True)
        if word := self._judge(sent):
            return _said(200, word, is_api=True)
        ts = f"1764000000.{len(self.received) + 1:06d}"
        broadcast = bool(sent.get("reply_broadcast"))
        self.received.append(Received(sent.get("text", ""), sent.get("blocks", []), ts, thread_ts, broadcast))
        told = {"ok": True, "channel": CONVERSATION, "ts": ts, "message": {"text": sent.get("text", ""), "ts": ts}}
        return 200, "application/json", json.dumps(told).encode()

    def _judge(self, sent: dict[str, Any]) -> str:
        word, why = judge(sent.get("text"), sent.get("blocks"))
        if why:
            self.refused.append(why)
        return word


def judge(text: object, blocks: object) -> tuple[str, str]:
    """Slack's word for what is wrong with a message, and why; both empty where nothing is."""
    if not text and not blocks:
        return "no_text", "neither text nor blocks"
    if text is not None and (not isinstance(text, str) or _units(text) > MOST_TEXT):
        return "msg_too_long", "the text is too long, or none"
    if blocks is None:
        return "", ""
    if not isinstance(blocks, list):
        return "invalid_blocks_format", "blocks are no list"
    rows = cast(list[dict[str, Any]], blocks)
    if len(rows) > MOST_BLOCKS:
        return "invalid_blocks", f"{len(rows)} blocks"
    for row in rows:
        if why := _block(row):
            return "invalid_blocks", why
    if (total := sum(_units(words) for words, _ in texts_of(rows))) > MOST_TOTAL:
        return "msg_blocks_too_long", f"{total} characters"
    return "", ""


def _block(row: dict[str, Any]) -> str:
    try:
        parsed = Block.parse(row)
        if parsed is None:
            return f"unknown block {row.get('type')!r}"
        parsed.validate_json()
        if parsed.to_dict() != row:
            return f"unknown keys in {row}"
    except (SlackObjectFormationError, TypeError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"
    for words, kind in texts_of([row]):
        if not words:
            return "an empty text"
        if _units(words) > {"header": 150, "field": 2000}.get(kind, 3000):
            return f"a {kind} of {_units(words)} characters"
    return ""


def texts_of(blocks: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """All texts, with the kind of place that they stand in."""
    found: list[tuple[str, str]] = []
    for block in blocks:
        if "text" in block:
            found.append((block["text"]["text"], block["type"]))
        found += [(one["text"], "field") for one in block.get("fields", [])]
        found += [(one["text"], "context") for one in block.get("elements", []) if "text" in one]
    return found


def pings(received: Received) -> list[str]:
    """Texts of a message that may ping somebody, or that hold a command of Slack's that is no link."""
    objects = [
        *(block["text"] for block in received.blocks if "text" in block),
        *(one for block in received.blocks for one in (*block.get("fields", []), *block.get("elements", []))),
    ]
    loose = [one["text"] for one in objects if one["type"] == "mrkdwn" and not one.get("verbatim")]
    texts = [received.text, *(one["text"] for one in objects if one["type"] == "mrkdwn")]
    commands = [words for words in texts if re.search(r"[<>]", _LINK.sub("", words))]
    named = [words for words in texts if re.search(r"@(here|channel|everyone|[\w.-]+)", words)]
    return [*loose, *commands, *named]


def _said(status: int, word: str, *, is_api: bool) -> tuple[int, str, bytes]:
    if is_api:
        return status, "application/json", json.dumps({"ok": False, "error": word or "fatal_error"}).encode()
    return status, "text/html", word.encode()


def _document(headers: dict[str, str], body: bytes) -> dict[str, Any] | None:
    kind = {name.lower(): value for name, value in headers.items()}.get("content-type", "")
    try:
        sent: object = json.loads(body) if kind.startswith("application/json") else dict(parse_qsl(body.decode()))
    except ValueError:
        return None
    return cast(dict[str, Any], sent) if isinstance(sent, dict) else None


def _units(text: str) -> int:
    """As JavaScript counts: more than Python does for emoji."""
    return len(text.encode("utf-16-le")) // 2
