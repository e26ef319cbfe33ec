"""What is inserted lies in the store's own folder meanwhile, and nowhere afterwards."""

import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from breakeven_collector import records
from breakeven_collector.insert_files import insert_file
from breakeven_collector.store import Store

from tests.spans import Call, body


def test_a_file_is_for_its_user_alone_and_gone_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "it's \\ here"
    folder.mkdir()
    with insert_file(folder, b"secret") as quoted:
        (file,) = folder.iterdir()
        written = file.read_bytes(), stat.S_IMODE(file.stat().st_mode)
        assert quoted == f"'{tmp_path}/it\\'s \\\\ here/{file.name}'"
    assert written == (b"secret", 0o600)
    assert list(folder.iterdir()) == []


def test_requests_are_inserted_without_the_folder_of_temporary_files(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.folder
    before = sorted(store.folder.iterdir())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    store.insert_requests(records.record(body(Call()), "files", "s"), token="files")
    assert store.rows("SELECT count() AS n FROM calls WHERE project = 'files'") == [{"n": 1}]
    assert sorted(store.folder.iterdir()) == before


def test_what_a_process_left_that_was_killed_goes_when_the_store_is_opened_again(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "insert-abc").write_bytes(b"my prompt about a divorce")
    opening = f"from breakeven_collector.store import Store; Store('chdb://{folder}').connect().close()"
    subprocess.run([sys.executable, "-c", opening], check=True, timeout=60)
    assert [path.name for path in folder.iterdir() if path.name.startswith("insert-")] == []
    assert (folder / "metadata").exists()
