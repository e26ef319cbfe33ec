"""Counting tokens with tiktoken and the rank files of this package. Only the outbox's thread comes here."""

import re
from collections.abc import Callable
from typing import Any, Final

from breakeven import ranks
from breakeven._guard import log_once

CL100K: Final = "cl100k_base"
O200K: Final = "o200k_base"
CHUNK: Final = 100_000
"""Characters encoded at a time. tiktoken cannot take a million spaces at once; the seams cost 0.004 % of accuracy."""
_SMALLEST: Final = 1000

_CL100K_MODELS: Final = re.compile(r"(?:.*/)?(?:ft:)?(?:gpt-(?:3\.5|35|4(?![.\do]))|text-embedding-(?:3|ada-002))")
"""GPT-3.5 and GPT-4 (not 4o, 4.1, 4.5), and the embedding models; `openai/` and `ft:` may come first."""

_PATTERNS: Final = {
    CL100K: (
        r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|"""
        r"""\s*[\r\n]|\s+(?!\S)|\s"""
    ),
    O200K: "|".join(
        [
            r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
            r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
            r"""\p{N}{1,3}""",
            r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""",
            r"""\s*[\r\n]+""",
            r"""\s+(?!\S)""",
            r"""\s+""",
        ]
    ),
}
_SPECIAL: Final = {
    CL100K: {
        "<|endoftext|>": 100257,
        "<|fim_prefix|>": 100258,
        "<|fim_middle|>": 100259,
        "<|fim_suffix|>": 100260,
        "<|endofprompt|>": 100276,
    },
    O200K: {"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
}

Encode = Callable[[str], int]
"""Number of tokens in a text of at most CHUNK characters. May raise whatever tiktoken does."""

_encodings: dict[str, Encode | None] = {}


def encoding_for(model: str) -> str:
    """The encoding of a model; o200k for all that are not OpenAI's, and for all of OpenAI's that are new."""
    return CL100K if _CL100K_MODELS.match(model.lower()) else O200K


def definition(encoding: str) -> dict[str, Any]:
    """What `tiktoken.Encoding` is made of. Nothing is looked up in TIKTOKEN_CACHE_DIR and nothing is downloaded."""
    return {
        "name": encoding,
        "pat_str": _PATTERNS[encoding],
        "mergeable_ranks": ranks.load(encoding),
        "special_tokens": _SPECIAL[encoding],
    }


def _load(encoding: str) -> Encode | None:
    if encoding not in _encodings:
        # No lock: a fork in between would leave it locked in the child. Loading twice does no harm.
        _encodings[encoding] = _make(encoding)
    return _encodings[encoding]


def _make(encoding: str) -> Encode | None:
    try:
        # Imported here: most processes never estimate anything.
        import tiktoken

        encode = tiktoken.Encoding(**definition(encoding)).encode
    except Exception as error:  # noqa: BLE001 - missing, too old, or built for another machine
        log_once(
            "tiktoken",
            "tiktoken cannot be used (%s: %s): calls that report no usage get no estimate",
            type(error).__name__,
            error,
        )
        return None
    # User text may hold `<|endoftext|>`, which `encode` refuses unless told that it is text.
    return lambda text: len(encode(text, disallowed_special=()))


def count(text: str, encoding: str) -> int | None:
    """Tokens of a text of any length; None where tiktoken cannot be used."""
    encode = _load(encoding)
    if encode is None:
        return None
    return sum(_count(text[at : at + CHUNK], encode) for at in range(0, len(text), CHUNK))


def _count(text: str, encode: Encode) -> int:
    try:
        return encode(text)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001
        # pyo3's PanicException is no Exception. What is too much at once (a run of one kind of character overflows the
        # stack of the pattern) works in pieces.
        if len(text) <= _SMALLEST:
            return -(-len(text) // 4)
        half = len(text) // 2
        return _count(text[:half], encode) + _count(text[half:], encode)
