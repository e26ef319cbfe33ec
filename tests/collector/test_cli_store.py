"""`breakeven backup`, `restore` and `erase`, with a collector that runs."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.backup_file import Encoding, Reader
from breakeven_collector.gate import Gate
from breakeven_collector.serve import Collector

from tests.collector.client import Client
from tests.collector.test_cli import run
from tests.conftest import quick_settings
from tests.spans import Call, body


def bill(*where: str) -> dict[str, Any]:
    """The bill without the moment in which it was asked for."""
    answer = run("report", "--format", "json", *where)
    assert answer.returncode == 0, answer.stderr
    return {key: value for key, value in json.loads(answer.stdout).items() if key != "period"}


@pytest.fixture(scope="module")
def collector(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A store of its own: all of it is backed up."""
    settings = quick_settings(f"chdb://{engine_folder}?database=backed_up", tmp_path_factory.mktemp("backed_up"))
    with Collector(settings) as collector:
        yield collector


@pytest.mark.timeout(240)
def test_a_running_collector_is_backed_up_restored_elsewhere_and_erases_a_person(
    collector: Collector, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("breakeven_collector.erase._OLD_PARTS_SECONDS", 0.0)
    now = datetime.now(UTC)
    calls = [Call(at=now, response_id=f"c{n}", attributes={"user.id": "u-17"}) for n in range(5)]
    assert client.post(body(*calls)).status == 200
    made = run("backup", str(tmp_path), "--url", collector.url)
    assert made.returncode == 0, made.stderr
    (file,) = tmp_path.glob("*.backup")
    assert made.stdout.startswith(str(file))
    there = bill("--url", collector.url)
    assert there["totals"]["calls"] == 5

    again = tmp_path / "again"
    restored = run("restore", str(file), "--data-dir", str(again))
    assert restored.returncode == 0, restored.stderr
    assert bill("--data-dir", str(again), "--port", "1") == there
    refused = run("restore", str(file), "--data-dir", str(again))
    assert (refused.returncode, "--replace" in refused.stderr) == (1, True)

    everything = tmp_path / "everything"
    exported = run("export", "all", "--out", str(everything), "--url", collector.url)
    assert exported.returncode == 0, exported.stderr
    assert exported.stdout.startswith(str(everything))
    with Reader(everything) as unpacked:
        unpacked.verify(lambda _what, _done, _all: None)
        assert unpacked.manifest.encoding is Encoding.PARQUET
        kept = {table.name for table in unpacked.manifest.tables if table.rows}
    assert {"calls", "spend_slices", "spend_cubes", "price_book"} <= kept

    erased = run("erase", "--user", "u-17", "--yes", "--url", collector.url, timeout=120)
    assert erased.returncode == 0, erased.stderr
    assert "The bill is what it was: 5 calls" in erased.stdout
    assert bill("--url", collector.url) == there
    gone = run("erase", "--user", "u-17", "--url", collector.url)
    assert (gone.returncode, gone.stdout) == (0, "The id stands nowhere in the store.\n")


def test_who_is_no_admin_gets_neither_backup_nor_erasure(client: Client) -> None:
    for path in ("/api/backup", "/api/erase"):
        page = {"Content-Type": "application/json", "Origin": "http://evil.example"}
        assert client.post(b"{}", page, path).status == 403
    asked = {"Content-Type": "application/json"}
    assert client.post(b'{"column": "user_id", "id": ""}', asked, "/api/erase").status == 422
    assert client.post(b'{"encoding": "csv"}', asked, "/api/backup").status == 422
    assert client.post(b'{"column": "feature", "id": "x"}', asked, "/api/erase").status == 422
    assert client.send("GET", "/api/jobs/none").status == 404


def test_who_is_alone_behind_the_gate_waits_for_all_others_and_lets_none_in() -> None:
    import threading

    gate, steps = Gate(), list[str]()
    inside, leave, alone = threading.Event(), threading.Event(), threading.Event()

    def together() -> None:
        with gate.together():
            inside.set()
            leave.wait(5)
            steps.append("left")

    def on_its_own() -> None:
        with gate.alone():
            steps.append("alone")
            alone.set()
            third.start()
            third.join(0.2)
            steps.append("done")

    def late() -> None:
        with gate.together():
            steps.append("in again")

    first, second, third = (threading.Thread(target=work) for work in (together, on_its_own, late))
    first.start()
    inside.wait(5)
    second.start()
    assert not alone.wait(0.2)
    leave.set()
    for thread in (first, second):
        thread.join(5)
    third.join(5)
    assert steps == ["left", "alone", "done", "in again"]
