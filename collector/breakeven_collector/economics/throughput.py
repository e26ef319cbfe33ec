"""What `vllm bench serve --save-result` measured, as prefill and decode tokens a second of a replica."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from breakeven_collector.config_file import Place
from breakeven_collector.economics import checked
from breakeven_collector.errors import ConfigError


@dataclass(frozen=True)
class Run:
    """One result file: what a replica did in how long."""

    duration_s: float
    input_tokens: float
    output_tokens: float


@dataclass(frozen=True)
class Rates:
    """P and D of a replica."""

    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    how: str


def read(text: str, name: str) -> Run:
    """A run from the keys `duration`, `total_input_tokens` and `total_output_tokens` of vLLM's result file.

    Raises:
        ConfigError: it is no such file.
    """
    try:
        document: object = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}; give a file of `vllm bench serve --save-result`") from None
    at = Place(name)
    table = at.table(document, "it with `vllm bench serve --save-result`")
    duration, taken, made = (
        checked.number(checked.required(table, key, at), at / key, "positive")
        for key in ("duration", "total_input_tokens", "total_output_tokens")
    )
    return Run(duration, taken, made)


def read_files(names: Sequence[str], folder: Path, at: Place) -> Rates:
    """Both rates from result files, which stand relative to `folder`.

    Raises:
        ConfigError: a file cannot be read, or is no such file; the message names it.
    """
    runs: list[Run] = []
    for name in names:
        path = folder / name
        try:
            runs.append(read(path.read_text(encoding="utf-8"), str(path)))
        except OSError as error:
            at.fail(f": {path}: {error.strerror}; name a file of `vllm bench serve --save-result`")
        except ValueError:
            at.fail(f": {path} is not UTF-8; name a file of `vllm bench serve --save-result`")
    return rates(runs)


def rates(runs: Sequence[Run], prefill_to_decode: float = 6.0) -> Rates:
    """P and D such that Σ in/P + out/D is the time each run took.

    One run has one equation: the ratio P:D is then assumed. Two and more, of different shapes (long prompts, long
    answers), are solved by least squares, relative to the time of each.

    Raises:
        ConfigError: no run, or runs that are too alike.
    """
    if not runs:
        raise ConfigError("no result of `vllm bench serve`: give one file or more")
    if len(runs) == 1:
        run = runs[0]
        decode = (run.input_tokens / prefill_to_decode + run.output_tokens) / run.duration_s
        return Rates(decode * prefill_to_decode, decode, f"one run, prefill {prefill_to_decode:g} times decode assumed")
    x = [run.input_tokens / run.duration_s for run in runs]
    y = [run.output_tokens / run.duration_s for run in runs]
    xx, yy, xy = (sum(a * b for a, b in zip(p, q, strict=True)) for p, q in ((x, x), (y, y), (x, y)))
    determinant = xx * yy - xy * xy
    if determinant > 1e-6 * xx * yy:
        per_input = (sum(x) * yy - sum(y) * xy) / determinant
        per_output = (sum(y) * xx - sum(x) * xy) / determinant
        if per_input > 0 and per_output > 0:
            return Rates(1 / per_input, 1 / per_output, f"{len(runs)} runs, solved for both rates")
    raise ConfigError("the runs are too alike to tell prefill from decode: add one with long prompts and short answers")
