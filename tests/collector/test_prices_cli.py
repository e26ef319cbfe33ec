"""`breakeven prices` over a running collector and over the store itself, and the collector's API behind it."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from breakeven_collector.price_overrides import Override
from breakeven_collector.prices import Book
from breakeven_collector.prices_client import RemotePrices
from breakeven_collector.serve import Collector
from breakeven_collector.source import CollectorRefused

from tests.collector.client import JSON, Client
from tests.collector.test_cli import Up, run, up
from tests.spans import Call, body

NOW = datetime.now(UTC).replace(microsecond=0)


def send(running: Up) -> None:
    """Three names: two of a model of the book, and one that only its owner knows."""
    running.post(
        body(
            Call(at=NOW, model="gpt-4o-2024-08-06", input_tokens=1_000_000, output_tokens=0),
            Call(at=NOW, model="gpt-4o", input_tokens=0, output_tokens=100_000),
            Call(at=NOW, model="llama", provider="vllm", input_tokens=900, output_tokens=100),
        )
    )
    listed = None
    for _ in range(100):
        listed = run("prices", "list", "--format", "json", "--url", running.url)
        if listed.returncode == 0 and len(json.loads(listed.stdout)["models"]) == 3:
            return
    raise AssertionError(f"the calls did not arrive: {listed}")


def newer_file(folder: Path) -> Path:
    document = json.loads(Book().document)
    openai = next(p for p in document if p["id"] == "openai")
    next(m for m in openai["models"] if m["id"] == "gpt-4o")["prices"]["input_mtok"] = 5
    file = folder / "data.json"
    file.write_text(json.dumps(document))
    return file


@pytest.mark.timeout(240)
def test_prices_are_listed_set_synced_and_checked_with_a_collector_and_without(tmp_path: Path) -> None:
    file = newer_file(tmp_path)
    litellm = tmp_path / "litellm.json"
    litellm.write_text(json.dumps({"gpt-4o": {"litellm_provider": "openai", "output_cost_per_token": 1.5e-05}}))
    with up(tmp_path / "data") as running:
        send(running)
        at = ("--url", running.url)
        listed = run("prices", "list", *at)
        assert listed.returncode == 0, listed.stderr
        assert listed.stdout.startswith(f"Book  {Book().version}, ")
        assert "2.5 1.25 10 openai gpt-4o" in " ".join(listed.stdout.split())

        found = run("prices", "check", *at, "--litellm", str(litellm))
        assert found.returncode == 1
        assert "! vllm llama: 1 calls without a price: self-hosted: say what its machines cost" in found.stdout
        assert "! openai gpt-4o: answer: the book says 10 USD a million tokens, LiteLLM's gpt-4o 15." in found.stdout

        day = f"{NOW:%Y-%m-%d}"
        done = run("prices", "set", "llama", "--input", "1", "--output", "2", "--from", day, "--note", "card", *at)
        assert done.returncode == 0, done.stderr
        assert f"vllm llama (standard): in 1, out 2 USD a million tokens, from {day}  “card”" in done.stdout
        assert "holds for vllm llama" in done.stdout
        assert run("prices", "check", *at).returncode == 0

        asked = run("prices", "sync", str(file), *at)
        assert (asked.returncode, "Price everything with it" in asked.stdout) == (1, True)
        synced = run("prices", "sync", str(file), "--yes", *at)
        assert synced.returncode == 0, synced.stderr
        line = next(line for line in synced.stdout.splitlines() if line.startswith("openai gpt-4o "))
        assert line.split() == ["openai", "gpt-4o", "standard", "uncached", "2.5", "5", "+100.0", "%", "!"]

    # The same store without a collector, after a restart.
    on = ("--data-dir", str(tmp_path / "data"), "--port", "1")
    document = json.loads(run("prices", "list", "--format", "json", *on).stdout)
    assert document["book"]["version"].startswith("genai-prices@file+sha256:")
    assert [book["version"] for book in document["older_books"]] == [Book().version]
    costs = {m["model"]: (m["cost_usd"], m["overrides"] != []) for m in document["models"]}
    assert costs == {"gpt-4o-2024-08-06": ("5", False), "gpt-4o": ("1", False), "llama": ("0.0011", True)}
    assert sum(m["share"] for m in document["models"]) == pytest.approx(1)

    shown = json.loads(run("prices", "show", "gpt-4o", "--provider", "openai", "--format", "json", *on).stdout)
    assert [n["model"] for n in shown["names"]] == ["gpt-4o", "gpt-4o-2024-08-06"]
    (model,) = shown["rates"]
    assert (model["provider"], model["model"]) == ("openai", "gpt-4o")
    batch = [rate for rate in model["rates"] if rate["price_context"] == "processing=batch"]
    assert [(r["from"], r["usd_per_million_tokens"]["answer"]) for r in batch] == [(None, "10"), ("2026-10-14", "5")]

    taken = run("prices", "unset", "llama", *on)
    assert taken.stdout.startswith("Taken back: ")
    assert run("prices", "check", *on).returncode == 1
    whole = json.loads(run("prices", "list", "--all", "--format", "json", *on).stdout)
    assert len(whole["all_models"]) > 2000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", "gpt-4o", "--from", "2026-11-01"), "give one of: rates"),
        (("set", "gpt-4o", "--from", "1.11.2026", "--percent-off", "1"), "'1.11.2026' is not a day; write it like"),
        (("set", "gpt-4o", "--from", "2026-11-01", "--percent-off", "x"), "'x' is not a number"),
        (("set", "m", "--from", "2026-11-01", "--input", "1", "--meter", "page"), "'page': write it like web_search"),
        (("sync", "/nowhere/data.json"), "does not exist"),
        (("list", "--url", "http://127.0.0.1:1"), "Is `breakeven up` running there?"),
        (("check", "--litellm", "/nowhere.json"), "/nowhere.json: "),
    ],
)
def test_a_wrong_argument_is_named_with_what_to_write(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    told = run("prices", *arguments, "--data-dir", str(tmp_path))
    assert told.returncode != 0
    assert message in " ".join(told.stderr.replace("│", " ").split())


def test_an_override_travels_to_the_collector_and_back(collector: Collector, project: str) -> None:
    prices = RemotePrices(collector.url)
    override = Override(
        f"m-{project}",
        date(2026, 11, 1),
        date(2026, 12, 1),
        "openai",
        project,
        "service_tier=flex",
        {"input": Decimal("0.1"), "output": Decimal("1e-7")},
        Decimal("0.25"),
        {"web_search": Decimal("0.01")},
        note="with “quotes” & / signs",
    )
    entry = prices.set(override)["entry"]
    assert entry in prices.list()["overrides"]
    assert prices.show(override.model)["overrides"] == [entry]
    told = (
        entry["project"],
        entry["price_context"],
        entry["to"],
        entry["request_usd"],
        entry["meter_usd"],
        entry["note"],
    )
    assert told == (project, "service_tier=flex", "2026-12-01", "0.25", {"web_search": "0.01"}, override.note)
    assert entry["usd_per_million_tokens"]["uncached"] == "0.1"
    with pytest.raises(CollectorRefused, match="no override"):
        prices.unset(override.model, project="another")
    assert prices.unset(override.model, project=project) == {"removed": [entry]}
    with pytest.raises(CollectorRefused, match="no call came with"):
        prices.show(override.model)


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "message"),
    [
        ("overrides", b"{}", {}, 415, "send application/json"),
        (
            "overrides",
            b"{}",
            {**JSON, "Origin": "http://evil.example"},
            403,
            "pages of 'http://evil.example' may not ask",
        ),
        ("overrides", b"{", JSON, 400, "the body is not JSON"),
        ("overrides", b"[]", JSON, 422, "an override is a JSON object"),
        ("overrides", b'{"model":"m","valid_from":"soon"}', JSON, 422, "valid_from is 'soon'"),
        ("overrides", b'{"model":"m","valid_from":"2026-11-01"}', JSON, 422, "give one of: rates"),
        ("books", b"nope", JSON, 400, "not a JSON document"),
    ],
)
def test_a_change_that_is_not_one_is_refused(
    client: Client, path: str, body: bytes, headers: Mapping[str, str], status: int, message: str
) -> None:
    answer = client.send("POST", f"/api/prices/{path}", body, headers)
    assert answer.status == status
    assert message in json.loads(answer.body)["message"]
