"""How the collector's log lines look: for people on a terminal, plain where they go to a file, or JSON for a machine.

Whatever fails again and again is told less and less often, so that an outage of hours does not fill the disk.
"""

import logging
import re
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler

_AT_FIRST: Final = 10
_FIRST_WAIT_SECONDS: Final = 60.0
_LONGEST_WAIT_SECONDS: Final = 3600.0
_MOST_CAUSES: Final = 1000

_json = False


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


def configure(form: LogFormat, console: Console) -> None:
    """Send all log lines of this process to stderr, those of libraries too.

    Args:
        form: how they look.
        console: for `text` on a terminal.
    """
    global _json
    _json = form is LogFormat.JSON
    logging.basicConfig(level=logging.INFO, handlers=[handler_of(form, console)])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.captureWarnings(True)
    # Else a traceback would go to stderr as it is, between the lines.
    threading.excepthook = _thread_ended


def handler_of(form: LogFormat, console: Console) -> logging.Handler:
    """What writes the lines."""
    if form is LogFormat.TEXT and console.is_terminal:
        handler: logging.Handler = RichHandler(console=console, show_path=False, rich_tracebacks=False)
        handler.setFormatter(_Text("%(message)s"))
    else:
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(_JsonLines() if form is LogFormat.JSON else _PlainLines("%(message)s"))
    handler.addFilter(Repeats())
    return handler


def told_in_json(message: str) -> bool:
    """Tell why the program ends as a log line; False, and nothing told, where lines are not JSON."""
    if _json:
        logging.getLogger("breakeven_collector").critical("%s", message)
    return _json


class Repeats(logging.Filter):
    """Lets the first ten lines of a cause pass, then one a minute, two, four, … up to one an hour.

    A cause is a logger, a message as it stands in the code, and what is given as `extra={"cause": …}`. A line that
    passes after others were left out says how many (`left_out`). A cause that is silent for as long as its wait, and a
    minute more, begins anew. INFO and below always pass.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._causes: OrderedDict[tuple[str, str, str], _Cause] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line passes."""
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, str(record.msg), str(getattr(record, "cause", "")))
        now = time.monotonic()
        with self._lock:
            cause = self._causes.get(key)
            if cause is None or now - cause.last > cause.wait + _FIRST_WAIT_SECONDS:
                cause = self._causes[key] = _Cause()
            self._causes.move_to_end(key)
            if len(self._causes) > _MOST_CAUSES:
                self._causes.popitem(last=False)
            cause.last = now
            if cause.told < _AT_FIRST:
                cause.told += 1
                cause.next = now + cause.wait
                return True
            if now < cause.next:
                cause.left_out += 1
                return False
            cause.wait = min(cause.wait * 2, _LONGEST_WAIT_SECONDS)
            cause.next = now + cause.wait
            if cause.left_out:
                record.left_out = cause.left_out
            cause.left_out = 0
        return True


def cause_of(error: Exception) -> str:
    """What tells an error from another in `extra`: its kind, and ClickHouse's code where it has one; never its text."""
    code = re.search(r"\b[Cc]ode:? (\d{1,5})\b", str(error))
    return f"{type(error).__name__} {code[1]}" if code else type(error).__name__


@dataclass
class _Cause:
    told: int = 0
    left_out: int = 0
    wait: float = _FIRST_WAIT_SECONDS
    next: float = 0.0
    last: float = float("inf")


class _JsonLines(JsonFormatter):
    """One object a line: time, level, logger, message, and what is given as `extra`."""

    def __init__(self) -> None:
        super().__init__(
            ["asctime", "levelname", "name", "message"],
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "traceback"},
            json_ensure_ascii=False,
        )

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002
        """RFC 3339 in UTC."""
        return _utc(record)


class _Text(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        left_out = getattr(record, "left_out", 0)
        return super().formatMessage(record) + (f" ({left_out} more like this were left out)" if left_out else "")


class _PlainLines(_Text):
    def formatMessage(self, record: logging.LogRecord) -> str:
        return f"{_utc(record)} {record.levelname} {record.name}: {super().formatMessage(record)}"


def _utc(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _thread_ended(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is SystemExit:
        return
    name = args.thread.name if args.thread else "a thread"
    logging.getLogger("breakeven_collector").critical(
        "%s ended by a bug",
        name,
        exc_info=(args.exc_type, args.exc_value, args.exc_traceback) if args.exc_value else None,
    )
