"""ClickHouse's Native format, as far as it has to be made by hand: a greeting, and columns without rows.

The embedded engine writes the oldest revision of Native, without the block header that newer clients ask for by
`client_protocol_version`. clickhouse-go (Grafana's driver) reads its first answer in the revision it asked for, takes
the server's revision from it, and reads all others in that one. So the greeting has a header and says revision 0.
"""

from typing import Final

_BLOCK_HEADER_FROM: Final = 1
_CUSTOM_SERIALIZATION_FROM: Final = 54_454


def number(value: int) -> bytes:
    """A length or count: 7 bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value: str) -> bytes:
    """A string with its length."""
    data = value.encode()
    return number(len(data)) + data


def block(columns: list[tuple[str, str, bytes]], *, rows: int, revision: int = 0) -> bytes:
    """A block.

    Args:
        columns: name, type and data of each.
        rows: rows in the data.
        revision: protocol of who reads it.
    """
    out = bytearray()
    if revision >= _BLOCK_HEADER_FROM:
        # Field 1: not an overflow block; field 2: bucket -1; end.
        out += b"\x01\x00\x02" + (-1).to_bytes(4, "little", signed=True) + b"\x00"
    out += number(len(columns)) + number(rows)
    for name, kind, data in columns:
        out += text(name) + text(kind)
        if revision >= _CUSTOM_SERIALIZATION_FROM:
            out += b"\x00"
        out += data
    return bytes(out)


def greeting(version: str, timezone: str, *, revision: int) -> bytes:
    """The answer to `SELECT displayName(), version(), revision(), timezone()`, for a client of a revision."""
    return block(
        [
            ("displayName()", "String", text("Breakeven")),
            ("version()", "String", text(version)),
            ("revision()", "UInt32", (0).to_bytes(4, "little")),
            ("timezone()", "String", text(timezone)),
        ],
        rows=1,
        revision=revision,
    )


def no_rows(columns: list[tuple[str, str]]) -> bytes:
    """Columns without a row: the engine writes nothing then, and clients would not know the columns."""
    return block([(name, kind, b"") for name, kind in columns], rows=0)
