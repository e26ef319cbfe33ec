"""The doctor finds what is wrong and says how to mend it."""

import io
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from breakeven_collector import doctor
from breakeven_collector.doctor import Finding, examine, print_findings
from breakeven_collector.errors import BreakevenError
from breakeven_collector.settings import Settings
from breakeven_collector.source import CollectorRefused, CollectorUnreachable
from rich.console import Console

HEALTH: dict[str, Any] = {
    "status": "ok",
    "held_up": None,
    "config_error": None,
    "clock": "2026-11-20T12:00:00+00:00",
    "store_error": None,
    "lag_seconds": 0.4,
    "journal_limit_bytes": 20_000_000_000,
    "journal_segments": 0,
    "journal_disk_free_bytes": 50_000_000_000,
    "ship_errors": 0,
    "quarantine": {"requests": 0, "bytes": 0, "oldest_seconds": None, "reasons": {}},
    "newest_span_seconds": 3.2,
    "ahead_requests": 0,
    "farthest_ahead_seconds": 0.0,
    "refused": {"malformed": 0, "unauthenticated": 0, "too_large": 0},
    "price_book": "genai-prices@1",
    "newest_price": "2026-11-09",
    "started": "2026-11-20T12:00:00+00:00",
    "store": "chdb:///data/store",
    "journal_bytes": 0,
    "shipped_segments": 1,
    "quarantined_requests": 0,
    "unkept_requests": 0,
    "damaged_segments": 0,
    "requests": 5,
    "spans": 9,
    "rejected_spans": 0,
    "refused_requests": 0,
    "dropped_requests": {"metrics": 0, "logs": 0},
}
REPORT: dict[str, Any] = {
    "features": [{"feature": "search"}, {"feature": None}],
    "totals": {"calls": 1000},
    "coverage": {"priced": 1.0, "reported_usage": 1.0, "allocated": 1.0},
    "unpriced": [],
    "lost": {"spans": 0, "numbered": 100},
}


class Clock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Clock":
        return cls(2026, 11, 20, 12, tzinfo=tz)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@contextmanager
def world(
    monkeypatch: pytest.MonkeyPatch, health: Mapping[str, Any] | Exception, report: Mapping[str, Any] | Exception
) -> Generator[None]:
    def answer(what: Mapping[str, Any] | Exception) -> Any:
        def give(*_: Any, **__: Any) -> Any:
            if isinstance(what, Exception):
                raise what
            return what

        return give

    with monkeypatch.context() as patch:
        patch.setattr(doctor, "get_json", answer(health))
        patch.setattr(doctor, "fetch_channels", lambda _settings, _address: [])  # pyright: ignore
        patch.setattr(doctor, "datetime", Clock)
        patch.setattr(doctor, "fetch_report", answer(report))
        patch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 0, 50 * 10**9))  # pyright: ignore
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "not" / "yet", config=tmp_path / "breakeven.toml")


def found(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    health: Mapping[str, Any] | Exception = HEALTH,
    report: Mapping[str, Any] | Exception = REPORT,
    url: str | None = None,
) -> list[Finding]:
    with world(monkeypatch, health, report):
        return examine(settings, url)


def test_a_set_up_that_is_well(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> None:
    assert found(monkeypatch, settings) == [
        Finding("good", "a collector answers at http://127.0.0.1:4318, store chdb:///data/store"),
        Finding("good", "the bill is 0.4 s behind what came, 0 bytes wait in the journal"),
        Finding("good", f"50 GB free under {tmp_path}"),
        Finding("good", f"no {tmp_path / 'breakeven.toml'} (it may add owners and budgets)"),
        Finding("good", "1,000 calls in the last 30 days"),
    ]


@pytest.mark.parametrize(
    ("change", "level", "what", "mend"),
    [
        (
            {"held_up": "no answer", "journal_bytes": 12345, "lag_seconds": 7300.0},
            *("wrong", "12.3 kB wait in the journal, the oldest for 2.0 h: no answer", "what was acknowledged is kept"),
        ),
        ({"store_error": "no answer for 20 s"}, "wrong", "the store does not answer: no answer for 20 s", "taken"),
        (
            {"lag_seconds": 300.0, "journal_bytes": 2_500_000_000},
            *("note", "the bill is 5.0 min behind: 2.5 GB wait in the journal", "docs/operations.md"),
        ),
        ({"ship_errors": 3}, "note", "3 tries to bring spans into the ledger failed since 2026", "log says why"),
        ({"journal_bytes": 11_000_000_000}, "note", "the journal holds 11.0 GB of 20.0 GB", "answered 503"),
        ({"journal_bytes": 19_000_000_000}, "wrong", "the journal holds 19.0 GB of 20.0 GB", "bring the store back"),
        ({"journal_disk_free_bytes": 5e8}, "wrong", "500 MB free on the collector's disk", "make room"),
        (
            {"config_error": "b.toml: map 1: feature is missing"},
            *("wrong", "the collector cannot use its file: b.toml: map 1: feature is missing", "mend the file"),
        ),
        ({"unkept_requests": 5}, "note", "5 requests were answered 503", "disk"),
        ({"damaged_segments": 1}, "wrong", "1 segments of the journal were damaged", "*.damaged"),
        (
            {
                "quarantine": {
                    "requests": 2,
                    "bytes": 999,
                    "oldest_seconds": 180_000,
                    "reasons": {"PROTOBUF_BAD_CAST": 2},
                }
            },
            "note",
            "2 requests could not be stored and lie in quarantine/: 999 bytes, the oldest for 2 days (2 PROTOBUF_BAD_CAST)",
            ".txt file",
        ),
        (
            {"refused_requests": 3, "refused": {"malformed": 3, "too_large": 0}},
            *("note", "3 requests were refused: 3 malformed", "or over gRPC to the port"),
        ),
        (
            {"refused_requests": 2, "refused": {"too_large": 1, "unauthenticated": 1}},
            *("note", "2 requests were refused: 1 too large, 1 unauthenticated", "BREAKEVEN_API_KEY"),
        ),
        ({"newest_span_seconds": 200_000.0}, "note", "the newest span ended 2 days ago", "still run"),
        (
            {"ahead_requests": 4, "farthest_ahead_seconds": 600.0},
            *("note", "4 requests held spans from the future, by up to 10 min", "NTP"),
        ),
        ({"clock": "2026-11-20T12:10:00+00:00"}, "note", "the collector's clock is 10 min ahead of this", "NTP"),
        ({"clock": "2026-11-20T11:50:00+00:00"}, "note", "the collector's clock is 10 min behind this", "NTP"),
        (
            {"newest_price": "2026-09-01"},
            "note",
            "the price book genai-prices@1 is 80 days old",
            "breakeven prices sync",
        ),
        ({"rejected_spans": 4}, "note", "4 spans had ids of a wrong length", ""),
        ({"requests": 0}, "note", "no spans came since the start at 2026-11-20", "breakeven.init()"),
        ({"dropped_requests": {"metrics": 0, "logs": 6}}, "note", "6 requests of logs were answered", "from spans"),
    ],
)
def test_what_the_collector_tells(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, change: dict[str, Any], level: str, what: str, mend: str
) -> None:
    extra = [f for f in found(monkeypatch, settings, {**HEALTH, **change}) if f.level != "good"]
    assert [(f.level, f.what, mend in f.mend) for f in extra if f.what.startswith(what)] == [
        (level, extra[0].what, True)
    ]
    assert len(extra) == 1


@pytest.mark.parametrize(
    ("change", "what", "mend"),
    [
        (
            {"unpriced": [{"reason": "model unknown", "provider": "p", "model": m} for m in ("b", "a", "a", "")]},
            *("no price for p/a, p/b, p/no model", "breakeven prices check"),
        ),
        (
            {"unpriced": [{"reason": "model unknown", "provider": "p", "model": f"m{n}"} for n in range(9)]},
            *("no price for p/m0, p/m1, p/m2, p/m3, p/m4 and more", "breakeven prices check"),
        ),
        ({"coverage": {**REPORT["coverage"], "reported_usage": 0.9}}, "100 calls came without usage", "include_usage"),
        ({"coverage": {**REPORT["coverage"], "allocated": 0.5}}, "50.0 % of calls have no declared", "breakeven map"),
        ({"lost": {"spans": 7, "numbered": 1234}}, "7 of 1,234 numbered spans never came", "SIGKILL"),
        (
            {"features": [{"feature": "code-review"}, {"feature": None}, {"feature": "code_review"}]},
            *("features 'code-review' and 'code_review' differ by case or separators only", "[[alias]]"),
        ),
        ({"totals": {"calls": 0}}, "no calls in the last 30 days", ""),
    ],
)
def test_what_the_bill_tells(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, change: dict[str, Any], what: str, mend: str
) -> None:
    extra = [f for f in found(monkeypatch, settings, report={**REPORT, **change}) if f.level != "good"]
    assert [(f.level, f.what.startswith(what), mend in f.mend) for f in extra] == [("note", True, True)]


def test_no_collector_is_wrong_only_where_one_was_named(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    gone = CollectorUnreachable("nothing answers at http://x")
    nothing = BreakevenError("no data yet: …")
    assert [f.level for f in found(monkeypatch, settings, gone, nothing)] == ["note", "good", "good", "note"]
    # the disk of this machine says nothing of another's
    assert [f.level for f in found(monkeypatch, settings, gone, gone, "http://x/")] == ["wrong", "good", "wrong"]


def test_another_program_on_the_port_is_wrong(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    other = CollectorRefused("what answers at … is not a Breakeven collector")
    first, *_ = found(monkeypatch, settings, other)
    assert first == Finding("wrong", str(other), "another program has the port; choose one with --port on both sides")


@pytest.mark.parametrize(
    ("status", "mend"),
    [(401, "BREAKEVEN_KEY"), (403, "breakeven keys create --scope read"), (500, "the collector's log says why")],
)
def test_a_collector_that_refuses_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, status: int, mend: str
) -> None:
    refusal = CollectorRefused(f"no ({status} from the collector at …)", status)
    first, *others = found(monkeypatch, settings, refusal, refusal)
    assert (first.level, first.what, mend in first.mend) == ("wrong", str(refusal), True)
    assert [(f.level, f.what) for f in others if f.level != "good"] == [("wrong", str(refusal))]


def test_a_full_disk_is_wrong(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> None:
    with world(monkeypatch, HEALTH, REPORT):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1, 1, 1_234_567_890))  # pyright: ignore
        findings = examine(settings)
    assert Finding("wrong", f"1.2 GB free under {tmp_path}", "make room, or move with --data-dir") in findings


def test_a_features_file_is_read(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.config.write_text("[features.a]\n[features.b]\n", encoding="utf-8")
    assert Finding("good", f"{settings.config}: 2 features declared, 0 rules, 0 aliases") in found(
        monkeypatch, settings
    )
    settings.config.write_text("features = 1", encoding="utf-8")
    expected = f"{settings.config}: features must be a table; write [features.NAME]"
    assert Finding("wrong", expected, "mend the file; a collector goes on with what it declared before") in found(
        monkeypatch, settings
    )


def test_findings_are_printed_as_they_are() -> None:
    findings = [
        Finding("good", "well [/] [bold]"),
        Finding("note", "so so \x1b[2J", "pip install 'breakeven[collector]'"),
        Finding("wrong", ":boom:"),
    ]
    out = io.StringIO()
    print_findings(findings, Console(file=out, width=100, color_system=None))
    assert [line.strip() for line in out.getvalue().splitlines()] == [
        "ok     well [/] [bold]",
        "look   so so \ufffd[2J",
        "→ pip install 'breakeven[collector]'",
        "wrong  :boom:",
    ]
