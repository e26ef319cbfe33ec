"""The journal's records: a request as it came, with our own fields behind it, told apart from what is torn or forged.

Record: varint length | ExportTraceServiceRequest | 1000: project | 1001: received_ns | 1002: segment | 1003: CRC-32 of
all before it, from the request on. Protobuf messages that are concatenated merge, so nothing is encoded anew.
"""

import time
import zlib
from collections.abc import Callable, Iterator
from typing import Final

_CRC_TAG: Final = b"\xdd\x3e"  # field 1003, fixed32
_CRC_SIZE: Final = len(_CRC_TAG) + 4
_OWN_FIELDS: Final = b"\xc2\x3e"  # field 1000, length-delimited: where our fields begin


def rewritten(record: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The record with its request replaced by `change(request)`; our own fields stay as they are."""
    body, fields = _parts(record)
    return _framed(change(body[:fields]) + body[fields:])


def _parts(record: bytes) -> tuple[bytes, int]:
    """The record without length and checksum, and where in it our fields begin."""
    body = record[_skip_varint(record, 0) : -_CRC_SIZE]
    return body, body.rindex(_OWN_FIELDS)


def content(record: bytes) -> tuple[bytes, str]:
    """The request in a record, and its project."""
    body, fields = _parts(record)
    at = fields + len(_OWN_FIELDS)
    length = shift = 0
    start = _skip_varint(body, at)
    for byte in body[at:start]:
        length |= (byte & 127) << shift
        shift += 7
    return body[:fields], body[start : start + length].decode()


def record(request: bytes, project: str, segment: str) -> bytes:
    """A request as it stands in the segment of this name."""
    return _framed(
        b"".join((request, _string(1000, project), _varint(1001 << 3), _varint(time.time_ns()), _string(1002, segment)))
    )


def _framed(body: bytes) -> bytes:
    return b"".join((_varint(len(body) + _CRC_SIZE), body, _CRC_TAG, zlib.crc32(body).to_bytes(4, "little")))


def _string(field: int, text: str) -> bytes:
    data = text.encode()
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def bounds(data: bytes, segment: str) -> Iterator[tuple[int, int]]:
    """Start and end of each whole record; what lies between and behind them is damaged or torn."""
    # Every record ends with this. It holds the segment's name, so a stranger who writes whole records into a request
    # cannot make them be found here.
    last = _string(1002, segment) + _CRC_TAG
    at = 0
    while at < len(data):
        end = _end_of_record(data, at)
        if end:
            yield at, end
            at = end
        else:
            # The next can only begin where another ended.
            found = data.find(last, at)
            if found < 0:
                return
            at = found + len(last) + 4


def _end_of_record(data: bytes, at: int) -> int:
    """Where the record that begins here ends; 0 if there is no whole one."""
    length = shift = 0
    while True:
        if at >= len(data) or shift > 35:
            return 0
        byte = data[at]
        at += 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    end = at + length
    crc_at = end - _CRC_SIZE
    if end > len(data) or crc_at < at or data[crc_at : crc_at + 2] != _CRC_TAG:
        return 0
    return end if zlib.crc32(data[at:crc_at]).to_bytes(4, "little") == data[crc_at + 2 : end] else 0


def _skip_varint(data: bytes, at: int) -> int:
    while data[at] >= 128:
        at += 1
    return at + 1
