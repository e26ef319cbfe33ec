"""A journal for each test that asks for one, and one collector with its HTTP front for each module."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.journal import Journal
from breakeven_collector.serve import Collector

from tests.collector.client import LIMIT, Client
from tests.collector.journals import Open
from tests.conftest import quick_settings


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Open]:
    opened: list[Journal] = []

    def open_one(folder: Path = tmp_path / "journal", **options: Any) -> Journal:
        defaults: dict[str, Any] = {"max_segment_bytes": 1_000_000, "max_segment_seconds": 30.0}
        journal = Journal(folder, **{**defaults, **options})
        opened.append(journal)
        return journal

    yield open_one
    for journal in opened:
        journal.close()


@pytest.fixture(scope="module")
def collector(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    dsn = f"chdb://{engine_folder}?database=receiver"
    settings = quick_settings(dsn, tmp_path_factory.mktemp("receiver"))
    settings = settings.model_copy(update={"max_body_bytes": LIMIT, "grpc_port": 0})
    with Collector(settings) as collector:
        yield collector


@pytest.fixture
def client(collector: Collector) -> Client:
    return Client(collector.url)


@pytest.fixture
def samples(fixtures: Path) -> Path:
    """Files of providers' accounts."""
    return fixtures / "imports"


@pytest.fixture
def service(project: str) -> str:
    """A name of a service that no other test uses."""
    return f"service-{project}"
