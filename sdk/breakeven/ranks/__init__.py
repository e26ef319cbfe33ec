"""Rank files of tiktoken's encodings, packed: see `pack` and `unpack`, `build.py` and NOTICE.

A rank file lists the tokens of an encoding in the order of their ranks, which have no gaps. So a packed file is each
token's length in one byte and then the token, all of it as xz: a third of the size of OpenAI's own form.
"""

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Final

SHA256: Final = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
"""SHA-256 of OpenAI's files, as tiktoken expects it (`tiktoken_ext/openai_public.py`)."""

_HERE: Final = Path(__file__).parent


def path(encoding: str) -> Path:
    """Where the packed ranks of this encoding are."""
    return _HERE / f"{encoding}.xz"


def load(encoding: str) -> dict[bytes, int]:
    """Rank of each token, as `tiktoken.Encoding` takes it. Takes about 0.1 s."""
    return {token: rank for rank, token in enumerate(unpack(path(encoding).read_bytes()))}


def unpack(packed: bytes) -> list[bytes]:
    """The tokens of a packed file, in the order of their ranks."""
    # Here, because some builds of Python come without it, and only estimates depend on it.
    import lzma

    data = lzma.decompress(packed)
    tokens: list[bytes] = []
    at, end = 0, len(data)
    while at < end:
        after = at + 1 + data[at]
        tokens.append(data[at + 1 : after])
        at = after
    return tokens


def pack(tokens: Iterable[bytes]) -> bytes:
    """The other way round. A token has 255 bytes at most."""
    import lzma

    plain = b"".join(bytes([len(token)]) + token for token in tokens)
    return lzma.compress(plain, format=lzma.FORMAT_XZ, preset=9 | lzma.PRESET_EXTREME)


def parse(original: bytes) -> list[bytes]:
    """The tokens of a file in OpenAI's form: base64, a space, the rank, in each line."""
    pairs = (line.split() for line in original.splitlines())
    ranks = {int(rank): base64.b64decode(token) for token, rank in pairs}
    if sorted(ranks) != list(range(len(ranks))):
        raise ValueError("the ranks have gaps: this form cannot hold them")
    return [ranks[rank] for rank in range(len(ranks))]


def unparse(tokens: Iterable[bytes]) -> bytes:
    """The same file in OpenAI's form, byte by byte."""
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens))
