"""The doctor finds what is wrong and says how to mend it."""

import io
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
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
        Finding("good", f"50 GB free under {tmp_path}"),
        Finding("good", f"no {tmp_path / 'breakeven.toml'} (it may add owners and budgets)"),
        Finding("good", "1,000 calls in the last 30 days"),
    ]


@pytest.mark.parametrize(
    ("change", "level", "what", "mend"),
    [
        (
            {"held_up": "the store does not answer", "journal_bytes": 12345},
            *("wrong", "12,345 bytes wait in the journal: the store does not answer", "what was acknowledged is kept"),
        ),
        (
            {"config_error": "b.toml: map 1: feature is missing"},
            *("wrong", "the collector cannot use its file: b.toml: map 1: feature is missing", "mend the file"),
        ),
        ({"unkept_requests": 5}, "note", "5 requests were answered 503", "disk"),
        ({"damaged_segments": 1}, "wrong", "1 segments of the journal were damaged", "*.damaged"),
        ({"quarantined_requests": 2}, "note", "2 requests could not be stored and were set aside", ".txt file"),
        ({"refused_requests": 3}, "note", "3 requests were refused", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"),
        ({"rejected_spans": 4}, "note", "4 spans had ids of a wrong length", ""),
        ({"requests": 0}, "note", "no spans came since the start at 2026-11-20", "breakeven.init()"),
        ({"dropped_requests": {"metrics": 0, "logs": 6}}, "note", "6 requests of logs were answered", "from spans"),
    ],
)
def test_what_the_collector_tells(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, change: dict[str, Any], level: str, what: str, mend: str
) -> None:
    extra = [f for f in found(monkeypatch, settings, {**HEALTH, **change}) if f.level != "good"]
    assert [(f.level, f.what.startswith(what), mend in f.mend) for f in extra] == [(level, True, True)]


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
    assert Finding("wrong", expected, "mend the file; reports need it") in found(monkeypatch, settings)


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
