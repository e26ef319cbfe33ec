"""Where deliveries are tested: a store for all of them, for tests keep apart by `project`, and a Slack for each."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from breakeven_collector.store import Store

from tests.alerts.delivery_desk import Desk
from tests.alerts.slack_server import Slack


@pytest.fixture(scope="session")
def store(engine_folder: Any) -> Iterator[Store]:
    store = Store(f"chdb://{engine_folder}?database=delivery_{uuid4().hex[:8]}").open()
    yield store
    store.close()


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as slack:
        yield slack


@pytest.fixture
def desk(store: Store, slack: Slack, project: str) -> Desk:
    return Desk(store, slack, project)
