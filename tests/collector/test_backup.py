"""A backup brings the store back to the byte, or nothing is changed."""

import hashlib
import json
import shutil
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from breakeven_collector import backup as backup_module
from breakeven_collector.backup import restore_backup, write_backup
from breakeven_collector.backup_archive import TarIn, TarOut
from breakeven_collector.backup_file import BackupError, Encoding, Reader, file_for, folder_for
from breakeven_collector.catalog import Catalog
from breakeven_collector.ledger import Ledger
from breakeven_collector.price_overrides import Override
from breakeven_collector.price_service import PriceService
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.store import Store

from tests.collector.test_retention import record
from tests.spans import Call, body

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HALF_DAY = timedelta(hours=12)


def quiet(_what: str, _done: int, _all: int) -> None:
    """Nobody watches."""


def reports(store: Store) -> str:
    return json.dumps([build_report(store, days=30, by=by, now=NOW) for by in (Dimension.FEATURE, Dimension.USER)])


@pytest.fixture(scope="module")
def filled(engine_folder: Path) -> Iterator[Store]:
    """A store with something in every kind of table: calls, duplicates, links, meters, numbers of spans, own prices."""
    store = Store(f"chdb://{engine_folder}?database=backup").open()
    catalog, ledger = Catalog(store), Ledger(store)
    catalog.load()
    calls = [
        Call(
            at=NOW - n * HALF_DAY,
            response_id=f"r{n // 2}",
            scope=("a.scope", "b.scope")[n % 2],
            attributes={"breakeven.meter.page": 1.5, "user.id": f"u{n}", "breakeven.tag.team": "é\x00"},
        )
        for n in range(80)
    ]
    numbered = Call(
        at=NOW, feature=None, parent=b"parent01", attributes={"breakeven.seq": 7, "breakeven.seq.source": "p1"}
    )
    link = Call(at=NOW, operation="invoke_agent", parent=b"parent02", input_tokens=None, output_tokens=None)
    store.insert_requests(record(body(*calls, numbered, link), "default", "s1", int(NOW.timestamp() * 1e9)), token="s1")
    catalog.resolve_new()
    ledger.pass_segments(["s1"])
    PriceService(store, catalog, ledger).set(Override(model="gpt-4o", valid_from=NOW.date(), percent_off=Decimal(12)))
    store.run(
        "INSERT INTO verdicts (feature, decided_at, crosses_p50_on) VALUES ('f', '2026-11-20 12:00:00', '2027-01-02')"
    )
    yield store
    store.close()


@pytest.fixture(scope="module")
def made(filled: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backup") / "store.backup"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backup_module, "_ROWS_A_PIECE", 30)
        write_backup(filled, path, quiet, now=NOW)
    return path


@pytest.fixture
def target(engine_folder: Path) -> Iterator[Store]:
    store = Store(f"chdb://{engine_folder}?database=r_{uuid4().hex[:8]}")
    yield store
    store.close()


def restore(target: Store, path: Path, **options: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backup_module, "_ROWS_A_PIECE", 30)
        restore_backup(target.dsn, path, quiet, **options)


def test_what_is_restored_reports_to_the_byte_what_was_backed_up_and_goes_on_counting(
    filled: Store, made: Path, target: Store
) -> None:
    restore(target, made)
    target.open()
    assert reports(target) == reports(filled)
    days = "SELECT feature, crosses_p50_on, crosses_p90_on FROM verdicts_now"
    assert target.rows(days) == filled.rows(days)
    with Reader(made) as backup:
        kept = {table.name: table.rows for table in backup.manifest.tables}
    assert {name for name, rows in kept.items() if rows} >= {
        *("calls", "span_links", "sequences", "spend_slices", "spend_cubes", "price_override", "model_names"),
        *("origins", "price_book", "price_books"),
    }
    # a call whose other half was restored
    late = Call(at=NOW - 3 * HALF_DAY, response_id="r0", scope="com.anthropic.sdk", span_id=b"late-one")
    late_record = record(body(late), "default", "s2", int(NOW.timestamp() * 1e9))
    target.insert_requests(late_record, token="s2")
    Ledger(target).pass_segments(["s2"])
    assert target.rows("SELECT sum(calls) AS n FROM spend_slices") == [{"n": 82}]
    with pytest.raises(BackupError, match=r"holds data \(82 rows of calls.*--replace"):
        restore(target, made)
    assert target.rows("SELECT sum(calls) AS n FROM spend_slices") == [{"n": 82}]
    restore(target, made, replace=True)
    assert target.rows("SELECT sum(calls) AS n FROM spend_slices") == [{"n": 81}]
    left = target.rows("SELECT name FROM system.databases WHERE name LIKE {n:String}", {"n": f"{target.database}%"})
    assert left == [{"name": target.database}]


@pytest.fixture(scope="module")
def exported(filled: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "everything"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backup_module, "_ROWS_A_PIECE", 30)
        write_backup(filled, path, quiet, now=NOW, encoding=Encoding.PARQUET, folder=True)
    return path


def test_everything_leaves_as_parquet_and_comes_back_to_the_byte(
    filled: Store, made: Path, exported: Path, target: Store
) -> None:
    with Reader(made) as binary, Reader(exported) as parquet:
        assert {t.name: [(p.rows, p.sha256) for p in t.pieces] for t in parquet.manifest.tables} == {
            t.name: [(p.rows, p.sha256) for p in t.pieces] for t in binary.manifest.tables
        }
    assert len(list((exported / "calls").glob("*.parquet"))) > 1
    restore(target, exported)
    target.open()
    assert reports(target) == reports(filled)
    with pytest.raises(BackupError, match=r"holds data .*--replace"):
        restore(target, exported)


def test_another_program_reads_the_exported_parquet(filled: Store, exported: Path) -> None:
    rows = filled.rows(
        "SELECT ts, trace_id, parent_span_id, tags, meters, input_tokens, reported_cost_usd, toTypeName(ts) AS time, "
        "toTypeName(meters) AS map FROM file({f:String}, 'Parquet') ORDER BY ts DESC, span_id LIMIT 1",
        {"f": f"{exported}/calls/*.parquet"},
    )
    ours = filled.rows(
        "SELECT ts, lower(hex(trace_id)) AS trace_id, lower(hex(parent_span_id)) AS parent_span_id, tags, meters, "
        "input_tokens, reported_cost_usd FROM calls FINAL ORDER BY ts DESC, hex(span_id) LIMIT 1"
    )
    kinds = {"time": "DateTime64(6, 'UTC')", "map": "Map(String, Decimal(38, 6))"}
    assert [{**row, "tags": dict(row["tags"])} for row in rows] == [{**ours[0], **kinds}]
    assert len(rows[0]["trace_id"]) == 32


@pytest.mark.parametrize(
    ("file", "how", "message"),
    [
        ("calls/000000.parquet", "altered", "is not what the manifest says"),
        ("calls/000000.parquet", "missing", "is missing"),
        ("manifest.json", "altered", "its manifest was altered"),
        ("manifest.json", "missing", "it has no manifest.json"),
    ],
)
def test_an_altered_or_torn_export_is_refused(
    exported: Path, tmp_path: Path, target: Store, file: str, how: str, message: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    if how == "missing":
        (copy / file).unlink()
    else:
        data = bytearray((copy / file).read_bytes())
        data[len(data) // 2] ^= 1
        (copy / file).write_bytes(data)
    with pytest.raises(BackupError, match=message):
        restore(target, copy, replace=True)
    target.connect()
    assert target.rows("SELECT count() AS n FROM system.tables WHERE database = currentDatabase()") == [{"n": 0}]


def test_a_backup_of_the_first_format_is_still_read(made: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.backup"
    files, out = TarIn(made), TarOut(old)
    document = json.loads(files.read("manifest.json"))
    for table in document["tables"]:
        for number, piece in enumerate(table["pieces"]):
            del piece["file_sha256"]
            name = f"{table['name']}/{number:06d}.zst"
            out.add(name, files.read(name))
    del document["encoding"]
    manifest = json.dumps({**document, "format": 1}).encode()
    out.add("manifest.json", manifest)
    out.add("manifest.sha256", hashlib.sha256(manifest).hexdigest().encode())
    out.keep()
    files.close()
    with Reader(made) as ours, Reader(old) as theirs:
        theirs.verify(quiet)
        assert theirs.manifest == ours.manifest


def altered(made: Path, folder: Path, how: str) -> Path:
    path = folder / "altered.backup"
    data = bytearray(made.read_bytes())
    if how == "torn":
        del data[len(data) // 2 :]
    elif how == "altered":
        with tarfile.open(made) as tar:
            piece = next(m for m in tar.getmembers() if m.name.startswith("spend_slices/"))
        data[piece.offset_data + piece.size // 2] ^= 1
    elif how == "manifest":
        at = data.index(b'"rows": 30')
        data[at : at + 10] = b'"rows": 31'
    elif how == "other":
        data = bytearray(b"no backup")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("torn", r"torn or altered: .*(missing|cut off)"),
        ("altered", r"torn or altered: spend_slices/\d+\.zst"),
        ("manifest", "torn or altered: its manifest was altered"),
        ("other", "is no backup of Breakeven"),
    ],
)
def test_a_torn_or_altered_backup_is_refused_and_changes_nothing(
    made: Path, tmp_path: Path, target: Store, how: str, message: str
) -> None:
    with pytest.raises(BackupError, match=message):
        restore(target, altered(made, tmp_path, how), replace=True)
    target.connect()
    assert target.rows("SELECT count() AS n FROM system.tables WHERE database = currentDatabase()") == [{"n": 0}]


def test_a_backup_of_a_newer_program_or_another_schema_is_refused(
    made: Path, target: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = backup_module.breakeven_schema.migrations()
    monkeypatch.setattr(backup_module.breakeven_schema, "migrations", lambda: ours[5:])
    with pytest.raises(BackupError, match=r"made by a newer Breakeven.*pip install -U"):
        restore(target, made)
    changed = [type(m)(m.name, m.sql + " ") for m in ours]
    monkeypatch.setattr(backup_module.breakeven_schema, "migrations", lambda: changed)
    with pytest.raises(BackupError, match=r"the backup's schema is another one"):
        restore(target, made)


def test_a_backup_that_fails_leaves_no_file_and_one_that_is_there_is_not_overwritten(
    filled: Store, tmp_path: Path
) -> None:
    def stop(_what: str, _done: int, _all: int) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_backup(filled, tmp_path / "b", stop)
    with pytest.raises(OSError, match="disk full"):
        write_backup(filled, tmp_path / "b", stop, encoding=Encoding.PARQUET, folder=True)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BackupError, match="there already; name a new folder"):
        folder_for(tmp_path)
    assert file_for(tmp_path, NOW) == tmp_path / "breakeven-2026-11-20T120000Z.backup"
    (tmp_path / "b").touch()
    with pytest.raises(BackupError, match="there already"):
        file_for(tmp_path / "b", NOW)
