"""Content-Encoding undone in pieces, so that a bomb is stopped while it inflates."""

import sys
import zlib
from typing import Final

from breakeven_collector.errors import BadRequest

if sys.version_info >= (3, 14):
    from compression import zstd  # pyright: ignore[reportMissingImports]
else:
    from backports import zstd

ENCODINGS: Final = ("gzip", "zstd", "deflate")

_CHUNK: Final = 1 << 20
_PIECE: Final = 1 << 14
_LEAST_WINDOW_LOG: Final = 23
"""8 MiB: RFC 9659 lets a client ask for that much over HTTP."""
_MOST_FRAMES: Final = 1000
"""Each costs a context; no client writes more than one a request."""


def inflate(body: bytes, content_encoding: str, limit: int) -> bytes:
    """Undo Content-Encoding, never making more than `limit` bytes.

    Raises:
        BadRequest: 413 too large, 415 unknown encoding, 400 broken.
    """
    name = content_encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in ENCODINGS:
        raise BadRequest(415, f"Content-Encoding {content_encoding[:100]!r}: send gzip, zstd or none")
    try:
        return _unzstd(body, limit) if name == "zstd" else _inflate(body, limit)
    except EOFError:
        raise BadRequest(400, f"the {name} body ends in the middle") from None
    except (zlib.error, zstd.ZstdError) as error:
        raise BadRequest(400, f"the body is not {name}: {error}") from None


def _inflate(body: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(wbits=47)  # 32 + 15: gzip or zlib by its header
    out = bytearray()
    at = 0
    while at < len(body):
        # In small pieces: what a call leaves over is copied, and there may be a million tiny members.
        piece = body[at : at + _PIECE]
        out += inflater.decompress(piece, _CHUNK)
        _hold(out, limit)
        at += len(piece) - len(inflater.unconsumed_tail) - len(inflater.unused_data)
        if inflater.eof:
            # gzip allows several members one after the other, and zeros behind the last
            inflater = zlib.decompressobj(wbits=47)
            if at == len(body) or (body[at] == 0 and not body[at:].strip(b"\0")):
                return bytes(out)
    raise EOFError


def _unzstd(body: bytes, limit: int) -> bytes:
    # No body needs a window larger than the largest body. One that asks for more is refused before it gets memory.
    window: dict[int, int] = {
        zstd.DecompressionParameter.window_log_max: max(_LEAST_WINDOW_LOG, limit.bit_length() - 1)
    }
    out = bytearray()
    at = 0
    for _ in range(_MOST_FRAMES):
        inflater = zstd.ZstdDecompressor(options=window)
        while not inflater.eof:
            piece = body[at : at + _PIECE] if inflater.needs_input else b""
            if inflater.needs_input and not piece:
                raise EOFError
            out += inflater.decompress(piece, _CHUNK)
            _hold(out, limit)
            at += len(piece)
        at -= len(inflater.unused_data)
        if at == len(body):
            return bytes(out)
    raise zstd.ZstdError(f"more than {_MOST_FRAMES} frames")


def _hold(out: bytearray, limit: int) -> None:
    if len(out) > limit:
        raise BadRequest(413, f"the body is over {limit} bytes once decompressed; send smaller batches")
