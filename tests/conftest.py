"""What all tests share: one ClickHouse engine (chDB) in the process, a database for each test that asks for one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.settings import Settings
from breakeven_collector.store import Store

FIXTURES = Path(__file__).parent / "fixtures"
# What the shell sets for a collector of its own is not meant for these.
for _name in [name for name in os.environ if name.startswith("BREAKEVEN_")]:
    del os.environ[_name]


@pytest.fixture(scope="session")
def engine_folder() -> Iterator[Path]:
    # Not pytest's tmp_path: the engine may still hold files when pytest cleans up.
    folder = Path(tempfile.mkdtemp(prefix="breakeven-tests-"))
    keep_open = Store(f"chdb://{folder}?database=keep_open").open()
    yield folder
    keep_open.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def empty_store(engine_folder: Path) -> Iterator[Store]:
    """An address with nothing behind it yet."""
    store = Store(f"chdb://{engine_folder}?database=t_{uuid4().hex[:12]}")
    yield store
    store.close()


@pytest.fixture
def store(empty_store: Store) -> Store:
    return empty_store.open()


@pytest.fixture
def settings(empty_store: Store, tmp_path: Path) -> Settings:
    return quick_settings(empty_store.dsn, tmp_path)


def quick_settings(dsn: str, folder: Path) -> Settings:
    """Settings of a collector that ships at once and listens on any free port."""
    return Settings(
        store=dsn,
        data_dir=folder / "data",
        config=folder / "breakeven.toml",
        port=0,
        grpc_port=-1,
        batch_seconds=0.02,
        # It looks by the clock, and tests are about other days.
        alerts=False,
    )


@pytest.fixture(scope="session")
def pipeline(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """One pipeline for all tests: opening a store takes seconds. Tests keep apart by `project`."""
    dsn = f"chdb://{engine_folder}?database=shared"
    with Pipeline(quick_settings(dsn, tmp_path_factory.mktemp("pipeline"))) as pipeline:
        yield pipeline


@pytest.fixture
def project() -> str:
    """A project that no other test uses."""
    return f"p{uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def fixtures() -> Path:
    return FIXTURES


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real traffic that is not part of the project; tests that need it are skipped where it is not there."""
    around = Path(__file__).parents[2:4]
    for folder in (parent / "shared" / "data" for parent in around):
        if folder.exists():
            return folder
    pytest.skip(f"real traffic is not here: no shared/data in {' or '.join(map(str, around))}")
