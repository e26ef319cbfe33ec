"""What the store refuses is cut up until the refused requests stand alone; everything else lands exactly once."""

import logging
import math
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import cast

import pytest
from breakeven_collector import records
from breakeven_collector.errors import StoreError, StoreUnavailable
from breakeven_collector.journal import Segment
from breakeven_collector.landing import Landing
from breakeven_collector.quarantine import Quarantine
from breakeven_collector.store import Store
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.spans import Call, request

SECRET = "a prompt that nobody else may read"


class FakeStore:
    """Refuses what holds one of the poisons, and remembers tokens as ClickHouse does."""

    def __init__(self, *poisons: bytes) -> None:
        self.poisons = poisons
        self.asked = 0
        self.landed: Counter[bytes] = Counter()
        self.tokens: set[str] = set()
        self.down_at: set[int] = set()
        self.takes_nothing = False

    def insert_requests(self, body: bytes, *, token: str) -> None:
        self.asked += 1
        if self.asked in self.down_at:
            raise StoreUnavailable("down")
        if self.takes_nothing or any(poison in body for poison in self.poisons):
            raise StoreError("refused", f"cannot read {SECRET}")
        if token not in self.tokens:
            self.landed.update(body[start:end] for start, end in records.bounds(body, "seg"))
        self.tokens |= {token} - {""}


def segment_of(folder: Path, requests: list[bytes]) -> Segment:
    path = folder / "seg.seg"
    path.write_bytes(b"".join(records.record(one, "p", "seg") for one in requests))
    return Segment(path)


def landing(store: FakeStore, folder: Path) -> tuple[Landing, Quarantine]:
    quarantine = Quarantine(folder / "quarantine", days=30, also=folder)
    return Landing(cast(Store, store), quarantine, threading.Event()), quarantine


def numbered(number: int) -> bytes:
    # a model of a number is at no place a part of another's
    return request(Call(model=f"model-{number:04}.")).SerializeToString()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_all_but_the_refused_ones_land_once_in_few_inserts_though_the_store_goes_away_in_between(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, 60))
    bad = data.draw(st.sets(st.integers(0, count - 1), max_size=4))
    folder = tmp_path_factory.mktemp("landing")
    store = FakeStore(*(f"model-{number:04}.".encode() for number in bad))
    requests = [numbered(number) for number in range(count)]
    segment = segment_of(folder, requests)
    lander, quarantine = landing(store, folder)
    rest = [record for number, record in enumerate(segment.records()) if number not in bad]
    lander.land([segment])
    # the whole, an empty one, the whole anew; a path down to each bad one and an empty one at its end
    assert store.asked <= 3 + len(bad) * (2 * math.ceil(math.log2(count) if count > 1 else 0) + 1)
    assert store.landed == Counter(rest)
    assert quarantine.requests == len(bad)

    # interrupted anywhere, and done again
    again = FakeStore(*store.poisons)
    again.down_at = {data.draw(st.integers(1, store.asked))}
    lander, quarantine = landing(again, folder)
    with pytest.raises(StoreUnavailable):
        lander.land([segment])
    lander.land([segment])
    assert again.landed == Counter(rest)


def test_of_thousands_one_is_found_in_a_few_inserts(tmp_path: Path) -> None:
    store = FakeStore(b"model-2345.")
    lander, quarantine = landing(store, tmp_path)
    segment = segment_of(tmp_path, [numbered(number) for number in range(4096)])
    lander.land([segment])
    assert (len(store.landed), quarantine.requests) == (4095, 1)
    assert store.asked == 3 + 2 * 12 + 1


def test_what_is_set_aside_is_private_and_its_content_stands_in_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    lander, _ = landing(FakeStore(b"model-0001."), tmp_path)
    segment = segment_of(tmp_path, [numbered(number) for number in range(3)])
    lander.land([segment])
    folder = tmp_path / "quarantine"
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        "seg-1.pb": list(segment.records())[1],
        "seg-1.txt": f"cannot read {SECRET}\n".encode(),
    }
    assert {oct(file.stat().st_mode & 0o777) for file in folder.iterdir()} == {"0o600"}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "1 of 3 requests of segment seg were set aside" in caplog.text
    assert SECRET not in caplog.text


def test_a_store_that_takes_nothing_at_all_sends_nothing_into_quarantine(tmp_path: Path) -> None:
    store = FakeStore()
    store.takes_nothing = True
    lander, quarantine = landing(store, tmp_path)
    with pytest.raises(StoreUnavailable, match="not even an empty one: refused"):
        lander.land([segment_of(tmp_path, [numbered(1)])])
    assert (store.asked, quarantine.requests) == (2, 0)


def test_cutting_up_stops_when_the_collector_does(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    quarantine = Quarantine(tmp_path / "quarantine", days=30, also=tmp_path)
    lander = Landing(cast(Store, FakeStore(b"model")), quarantine, stop)
    with pytest.raises(StoreUnavailable, match="stopping"):
        lander.land([segment_of(tmp_path, [numbered(1), numbered(2)])])
    assert quarantine.requests == 0


def test_what_was_set_aside_goes_when_it_is_old(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "quarantine", days=7, also=tmp_path)
    quarantine.add("old", b"1", "why")
    quarantine.add("new", b"2", "why")
    damaged = [tmp_path / "old.seg.damaged", tmp_path / "new.seg.damaged"]
    for file in damaged:
        file.touch()
    (tmp_path / "other").touch()
    week_ago = time.time() - 7 * 86_400 - 60
    for file in (*tmp_path.glob("quarantine/old*"), damaged[0], tmp_path / "other"):
        os.utime(file, (week_ago, week_ago))
    quarantine.expire_if_due()
    left = {file.name for file in (*tmp_path.iterdir(), *(tmp_path / "quarantine").iterdir())}
    assert left == {"quarantine", "new.pb", "new.txt", "new.seg.damaged", "other"}
    assert quarantine.expired_files == 3
