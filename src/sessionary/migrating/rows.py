"""A row on its way: as PostgreSQL takes it, and what it adds to the sum of its table.

The sum is made of the values, not of how either database writes them: each as text (bytes as they are) behind its
length in four bytes, all of a row hashed, the hashes' first eight bytes added up. So the order of rows does not matter,
and PostgreSQL can work out the same where the rows are.
"""

import hashlib
import struct
from typing import Any

import sqlalchemy as sa

from sessionary.store.writes import clean

Row = tuple[Any, ...]
SUM = 1 << 64
"""Sums are kept below it."""
_NULL = b"\xff\xff\xff\xff"
_length = struct.Struct(">i").pack


class Shape:
    """The columns of a table."""

    def __init__(self, table: sa.Table) -> None:
        self.names = [column.name for column in table.columns]
        self.types = [_type(column) for column in table.columns]
        """As COPY is told them: JSON goes as the text that it is."""
        self._booleans = [n for n, type in enumerate(self.types) if type == "bool"]

    def taken(self, row: Row) -> tuple[Row, int]:
        """The row for PostgreSQL, and how many of its texts had what no text of PostgreSQL may have."""
        changed = 0
        values = list(row)
        for n in self._booleans:
            values[n] = None if values[n] is None else bool(values[n])
        for n, value in enumerate(values):
            if isinstance(value, str) and "\0" in value:
                values[n] = clean({"": value})[""]
                changed += 1
        return tuple(values), changed


def added(row: Row) -> int:
    """To the sum."""
    pieces: list[bytes] = []
    for value in row:
        if value is None:
            pieces.append(_NULL)
            continue
        data = _data(value)
        pieces += (_length(len(data)), data)
    return int.from_bytes(hashlib.sha256(b"".join(pieces)).digest()[:8], "big", signed=True)


def _data(value: Any) -> bytes:
    match value:
        case bytes():
            return value
        case str():
            return value.encode()
        case bool():
            return b"true" if value else b"false"
        case _:
            return b"%d" % value


def size(row: Row) -> int:
    """Bytes, nearly."""
    return sum(len(value) if isinstance(value, bytes | str) else 8 for value in row)


def summed(table: sa.Table) -> sa.Select[Any]:
    """A query for PostgreSQL: how many rows, and their sum."""
    data = " || ".join(_written(column) for column in table.columns)
    first = f"('x' || encode(substr(sha256({data}), 1, 8), 'hex'))::bit(64)::bigint"
    added_up = sa.func.coalesce(sa.func.sum(sa.literal_column(first, sa.BigInteger)), 0)
    told: list[sa.ColumnElement[Any]] = [sa.func.count(), added_up]
    return sa.select(*told).select_from(table)


def _written(column: sa.Column[Any]) -> str:
    name = f'"{column.table.name}"."{column.name}"'
    data = name if _type(column) == "bytea" else f"convert_to({name}::text, 'UTF8')"
    return f"coalesce(int4send(length({data})) || {data}, '\\xffffffff'::bytea)"


def _type(column: sa.Column[Any]) -> str:
    match column.type:
        case sa.Boolean():
            return "bool"
        case sa.BigInteger():
            return "int8"
        case sa.Integer():
            return "int4"
        case sa.LargeBinary():
            return "bytea"
        case sa.Text() | sa.JSON():
            return "text"
    raise AssertionError(f"{column} is of a type that is not copied yet")
