"""Who is erased stands nowhere any more, in no table and in no file, and the bill is what it was to the last digit."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from breakeven_collector.catalog import Catalog
from breakeven_collector.erase import EraseError, Whom, erase, scan
from breakeven_collector.ledger import Ledger
from breakeven_collector.store import Store
from breakeven_collector.verdicts.revenue import import_revenue

from tests.collector.test_retention import record
from tests.spans import Call, body

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MONTH_AGO = NOW - timedelta(days=30)


def quiet(_what: str) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, engine_folder: Path) -> Iterator[Store]:
    store = Store(f"chdb://{engine_folder}?database=erasing").open()
    Catalog(store).load()
    yield store
    store.close()


def land(store: Store, *calls: Call, project: str) -> None:
    segment = uuid4().hex
    store.insert_requests(
        record(body(*calls), project, segment, int(datetime.now(UTC).timestamp() * 1e9)), token=segment
    )
    Ledger(store).pass_segments([segment])


def sums(store: Store, project: str) -> list[dict[str, object]]:
    return store.rows(
        "SELECT grain, feature, counted, sum(s.calls) AS calls, sum(s.input_tokens) AS tokens, sum(s.cost_usd) AS usd, "
        "sum(s.quantity) AS q FROM spend AS s WHERE project = {p:String} GROUP BY ALL HAVING calls != 0 OR q != 0 ORDER BY ALL",
        {"p": project},
    )


def files_with(store: Store, text: str) -> int:
    """Files of this store's tables that hold the text; short text stands in LZ4 as it is."""
    tables = store.rows(
        "SELECT arrayJoin(data_paths) AS path FROM system.tables WHERE database = currentDatabase() AND name != 'erasing'"
    )
    found = 0
    for file in [file for row in tables for file in Path(row["path"]).rglob("*")]:
        # The engine merges meanwhile: a file may be gone again.
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            found += text.encode() in file.read_bytes()
    return found


def test_a_person_is_nowhere_any_more_and_the_bill_is_what_it_was(filled: Store, project: str, tmp_path: Path) -> None:
    store, person = filled, f"person-{uuid4().hex}"
    Catalog(store).resolve_new()
    calls = [
        Call(
            at=(NOW, MONTH_AGO)[n % 2] + timedelta(minutes=n),
            response_id=f"{project}-{n}",
            attributes={
                "user.id": person if n % 3 else "other",
                "session.id": f"session-{n}",
                "breakeven.tag.who": person,
                "breakeven.meter.page": 0.1,
            },
        )
        for n in range(12)
    ]
    land(store, *calls, project=project)
    # an earlier month is sealed and its calls are gone; what comes for it is late
    sealed = datetime(2026, 11, 1, tzinfo=UTC)
    store.insert("seals", ["sealed_before", "from_ns", "closed", "at"], [(sealed, 0, True, NOW)])
    store.run("ALTER TABLE calls DROP PARTITION 202610")
    land(store, Call(at=MONTH_AGO, response_id="late", attributes={"user.id": person}), project=project)
    quarantine = tmp_path / "quarantine"
    quarantine.mkdir()
    (quarantine / "one.pb").write_bytes(b"\x0a" + person.encode())
    (quarantine / "two.pb").write_bytes(b"\x0asomebody")
    columns = ("project", "feature", "decided_at", "decision", "made_by")
    store.insert(
        "decisions", columns, [(project, "search", NOW, "stay", person), (project, "search", NOW, "stay", "other")]
    )
    before = sums(store, project)
    assert {row["counted"] for row in before} == {"yes", "late"}
    assert files_with(store, person) > 0

    looked = erase(store, Ledger(store), Whom("user_id", person), files=[quarantine], progress=quiet, dry_run=True)
    assert looked.before == looked.after == scan(store, Whom("user_id", person))
    assert looked.before.keys() >= {
        "calls.user_id",
        "calls.tags",
        "late_spans.user_id",
        "spend_slices.user_id",
        "spend_cubes.user_id",
        "decisions.made_by",
    }
    erased = erase(store, Ledger(store), Whom("user_id", person), files=[quarantine], progress=quiet)

    assert (erased.before, erased.after) == (looked.before, {})
    assert (len(erased.files_before), erased.files_after) == (1, [])
    assert [path.name for path in quarantine.iterdir()] == ["two.pb"]
    assert erased.bill_before == erased.bill_after
    assert sums(store, project) == before
    # A part that the engine no longer lists is being unlinked.
    deadline = time.monotonic() + 90
    while files_with(store, person) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert files_with(store, person) == 0
    # passes over all of it find nothing to add or to take off
    minutes = [(project, int(call.at.timestamp()) // 60 * 60) for call in calls]
    Ledger(store).pass_slices(minutes)
    assert sums(store, project) == before
    users = store.rows(
        "SELECT user_id, sum(s.calls) AS n FROM spend_slices AS s WHERE project = {p:String} GROUP BY user_id ORDER BY user_id",
        {"p": project},
    )
    assert users == [{"user_id": "", "n": 9}, {"user_id": "other", "n": 4}]
    decided = store.rows("SELECT made_by FROM decisions WHERE project = {p:String} ORDER BY made_by", {"p": project})
    assert decided == [{"made_by": ""}, {"made_by": "other"}]
    # what comes later is new
    land(store, Call(at=NOW, response_id="new", attributes={"user.id": person}), project=project)
    assert scan(store, Whom("user_id", person))["calls.user_id"] == 1


def test_a_tenant_is_erased_in_one_project_and_stays_in_another(
    filled: Store, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Files that are replaced go after half a minute; the test above waits for them.
    monkeypatch.setattr("breakeven_collector.erase._OLD_PARTS_SECONDS", 0.0)
    store, other = filled, f"{project}-other"
    tenant = f"tenant-{uuid4().hex}"
    call = Call(at=NOW, attributes={"breakeven.tenant": tenant})
    land(store, call, project=project)
    land(store, call, project=other)
    for owner in (project, other):
        import_revenue(store, f"month,tenant,usd\n2026-10,{tenant},100\n", "revenue.csv", project=owner)
    before = sums(store, project)
    whom = Whom("tenant", tenant, project)
    erased = erase(store, Ledger(store), whom, files=[], progress=quiet)
    assert erased.before == {
        **{"calls.tenant": 1, "spend_cubes.tenant": 1, "spend_slices.tenant": 1},
        "revenue.tenant": 1,
    }
    assert (erased.after, sums(store, project)) == ({}, before)
    assert scan(store, Whom("tenant", tenant)) == erased.before


def test_an_empty_id_is_refused() -> None:
    with pytest.raises(EraseError, match="everybody"):
        Whom("user_id", "")
