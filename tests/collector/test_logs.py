"""Log lines: one JSON object each, or plain; without users' content; and less and less of what repeats."""

import io
import json
import logging
import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector import logs
from breakeven_collector.errors import StoreError, StoreUnavailable
from breakeven_collector.logs import LogFormat, Repeats, cause_of, handler_of
from rich.console import Console

from tests.collector.test_cli import run, up
from tests.collector.test_ship import odd_span
from tests.spans import Call, body

_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@contextmanager
def logger(form: LogFormat, *, terminal: bool = False) -> Generator[tuple[logging.Logger, io.StringIO]]:
    out = io.StringIO()
    one = logging.getLogger(f"tests.logs.{time.time_ns()}")
    one.propagate = False
    one.setLevel(logging.INFO)
    one.addHandler(handler_of(form, Console(file=out, force_terminal=terminal, width=100, color_system=None)))
    yield one, out


def test_a_json_line_is_one_object_with_its_fields() -> None:
    with logger(LogFormat.JSON) as (log, out):
        log.warning("%d segments\nwait: søk", 3, extra={"segments": 3, "cause": "StoreUnavailable 210"})
        try:
            raise ValueError("a bug")
        except ValueError:
            log.exception("it broke")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert re.fullmatch(_TIME, first.pop("time"))
    assert first == {
        "level": "WARNING",
        "logger": log.name,
        "message": "3 segments\nwait: søk",
        "segments": 3,
        "cause": "StoreUnavailable 210",
    }
    assert second["message"] == "it broke"
    assert second["traceback"].startswith("Traceback (most recent call last):\n")
    assert second["traceback"].endswith("ValueError: a bug")


def test_a_plain_line_has_time_level_and_logger_and_a_terminal_keeps_its_own() -> None:
    with logger(LogFormat.TEXT) as (log, out):
        log.warning("%s wait [/]", 3, extra={"segments": 3})
    assert re.fullmatch(rf"{_TIME} WARNING {log.name}: 3 wait \[/\]\n", out.getvalue())
    with logger(LogFormat.TEXT, terminal=True) as (log, out):
        log.warning("%s wait [/]", 3)
    assert re.fullmatch(r"\[.+\] WARNING +3 wait \[/\] *\n", out.getvalue())


# ----------------------------------------------------------------------------------------------------- repetitions


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    return now


def record(message: str = "away: %s", level: int = logging.WARNING, **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("a", level, "", 0, message, ("x",), None)
    made.__dict__.update(fields)
    return made


def test_an_outage_of_a_day_makes_few_lines(clock: list[float]) -> None:
    repeats, told = Repeats(), list[tuple[float, int]]()
    for second in range(0, 86_400, 30):
        clock[0] = 1000.0 + second
        line = record()
        if repeats.filter(line):
            told.append((second, getattr(line, "left_out", 0)))
    assert told[:14] == [
        *((30.0 * n, 0) for n in range(10)),
        *((330, 1), (450, 3), (690, 7), (1170, 15)),
    ]
    assert len(told) < 45
    # none is lost from the count
    assert len(told) + sum(left_out for _, left_out in told) >= 86_400 / 30 - 121


def test_other_causes_lines_below_warning_and_what_comes_back_pass(clock: list[float]) -> None:
    repeats = Repeats()
    assert sum(repeats.filter(record(cause="one")) for _ in range(1000)) == 10
    assert sum(repeats.filter(record(cause="two")) for _ in range(1000)) == 10
    assert sum(repeats.filter(record("other")) for _ in range(1000)) == 10
    assert all(repeats.filter(record(level=logging.INFO)) for _ in range(1000))
    clock[0] += 3600
    assert sum(repeats.filter(record(cause="one")) for _ in range(1000)) == 10


def test_causes_beyond_number_take_no_memory_beyond_number() -> None:
    repeats = Repeats()
    for number in range(3000):
        repeats.filter(record(cause=str(number)))
    assert len(repeats._causes) == 1000  # pyright: ignore[reportPrivateUsage]


def test_how_many_were_left_out_stands_in_the_line(clock: list[float]) -> None:
    for form, expected in (
        (LogFormat.TEXT, r": away \(5 more like this were left out\)\n$"),
        (LogFormat.JSON, r'"left_out": 5\}\n$'),
    ):
        with logger(form) as (log, out):
            for _ in range(15):
                log.warning("away")
            clock[0] += 61
            log.warning("away")
        assert len(out.getvalue().splitlines()) == 11
        assert re.search(expected, out.getvalue())


def test_a_cause_is_told_by_kind_and_code_and_never_by_text() -> None:
    assert cause_of(StoreUnavailable("h: Code: 210. DB::NetException: secret")) == "StoreUnavailable 210"
    assert cause_of(StoreError("secret")) == "StoreError"
    assert cause_of(KeyError("secret")) == "KeyError"


# ------------------------------------------------------------------------------------------------ a real collector


def send(url: str, data: bytes, content_type: str, **headers: str) -> int:
    request = urllib.request.Request(f"{url}/v1/traces", data, {"Content-Type": content_type, **headers})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_no_content_key_or_prompt_is_logged_whatever_comes(tmp_path: Path) -> None:
    protobuf, canary = "application/x-protobuf", b"CANARY"
    config = tmp_path / "breakeven.toml"
    config.touch()
    with up(tmp_path / "data", BREAKEVEN_CONFIG=str(config), BREAKEVEN_LOG_FORMAT="json") as running:
        prompt = {"gen_ai.prompt": "CANARY", "gen_ai.input.messages": '[{"content":"CANARY"}]', "user.id": "CANARY"}
        good = Call(at=datetime.now(UTC), attributes=prompt, model="no-such-model", feature="CANARY")
        sent = [
            send(running.url, body(good), protobuf, Authorization="Bearer CANARY", **{"x-api-key": "CANARY"}),
            send(running.url, b"\xff\xff CANARY", protobuf),
            send(running.url, b'{"CANARY": CANARY', "application/json"),
            send(running.url, b'{"resourceSpans": "CANARY"}', "application/json"),
            send(running.url, b"CANARY", protobuf, **{"Content-Encoding": "gzip"}),
            send(running.url, b"CANARY", "text/CANARY"),
            send(running.url, b"CANARY", protobuf, **{"Content-Encoding": "CANARY"}),
            # Taken, and refused by ClickHouse alone: an attribute CANARY whose bool is 107.
            send(running.url, odd_span(b"\x4a\x0c\x0a\x06" + canary + b"\x12\x02\x10\x6b"), protobuf),
        ]
        assert sent[1:] == [400, 400, 400, 400, 415, 415, 200]
        assert sent[0] in (200, 401)
        config.write_text("[features.search]\nownr = 1\n", encoding="utf-8")
        deadline = time.monotonic() + 30
        while health(running.url)["lag_seconds"] or not health(running.url)["config_error"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.process.send_signal(signal.SIGTERM)
        out, err = running.process.communicate(timeout=30)
    assert running.process.returncode == 0
    assert "CANARY" not in out + err
    lines = [json.loads(line) for line in err.splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    messages = "\n".join(line["message"] for line in lines)
    assert "no price for provider 'openai', model 'no-such-model'" in messages
    assert "is refused" in messages
    assert "unknown key 'ownr'" in messages


def test_that_the_program_cannot_start_is_a_line_too(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    ended = run("up", "--port", "0", "--data-dir", str(tmp_path / "data"), "--log-format", "json")
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = (json.loads(text) for text in ended.stderr.splitlines())
    assert (line["level"], line["logger"]) == ("CRITICAL", "breakeven_collector")
    assert "choose another folder with --data-dir" in line["message"]


def health(url: str) -> dict[str, Any]:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/healthz", timeout=20) as answer:
        return json.load(answer)
