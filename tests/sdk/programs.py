"""What tests of whole programs share: how such a program begins, and what arrived of it."""

from typing import Any

CALL = """
import logging, os, sys, time
logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
import breakeven
breakeven.init(service="app", instrument=False)

def call(n=1):
    with breakeven.feature("f"):
        breakeven.record(provider="openai", model="m", input_tokens=n)
"""


def tokens(loopback: Any) -> list[int]:
    return sorted(span["attributes"]["gen_ai.usage.input_tokens"] for span in loopback.spans)
