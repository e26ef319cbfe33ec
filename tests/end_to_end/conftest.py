"""A collector of its own for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.processes import CollectorProcess, collector


@pytest.fixture
def running(tmp_path: Path) -> Iterator[CollectorProcess]:
    """A collector that runs, on an empty folder."""
    with collector(tmp_path / "data") as process:
        yield process
