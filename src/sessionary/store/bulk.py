"""One statement for many rows: compiled once, and prepared column by column.

What a row's values need before a driver may have them depends on their columns, so whole columns are looked at: that
all of a thousand texts are harmless is seen at once. SQLite is given the rows by its driver then; what SQLAlchemy does
for each row costs more than storing it. PostgreSQL has another way: `arrays`.
"""

import contextlib
import functools
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

Rows = Sequence[Mapping[str, Any]]
Column = Sequence[Any]
_SQLITE = sqlite.dialect()
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


def execute(connection: sa.Connection, statement: sa.Insert | sa.Update | sa.Delete, rows: Rows) -> int:
    """For each of at least one row: the values of the statement's parameters, by name; others are passed over. Returns
    how many rows of the table were changed.

    The statement is remembered by its identity: it is to be made once. For SQLite alone.
    """
    text, names, prepared = _driven(statement, tuple(rows[0]))
    columns = zip(*map(_values_of(names), rows), strict=True)
    ready = [prepare(column) for prepare, column in zip(prepared, columns, strict=True)]
    with driver(connection, text) as cursor:
        return cursor.executemany(text, zip(*ready, strict=True)).rowcount


@contextlib.contextmanager
def driver(connection: sa.Connection, statement: str) -> Iterator[sqlite3.Cursor]:
    """For `statement`, in a transaction that writes: a cursor of SQLite's driver. What SQLAlchemy does around each of a
    round's statements costs more than most of them do. Raises what SQLAlchemy raises."""
    if not connection.in_transaction():
        connection.begin()
    cursor: sqlite3.Cursor = connection.connection.cursor()  # type: ignore[assignment]
    try:
        yield cursor
    except sqlite3.Error as error:
        raise sa.exc.DBAPIError.instance(
            statement, None, error, sqlite3.Error, hide_parameters=True, dialect=connection.dialect
        ) from error
    finally:
        cursor.close()


def clean(row: Mapping[str, Any]) -> dict[str, Any]:
    """`row` as both engines take it: what a client or a provider wrote may hold NUL, lone surrogates, 10**30."""
    return {k: _clean(v) if isinstance(v, str | int) else v for k, v in row.items()}


def clean_text(value: str) -> str:
    """As a column has it."""
    if value.isascii() and "\0" not in value:
        return value
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _clean(value: str | int) -> str | int | None:
    if isinstance(value, int):
        return value if _LEAST <= value <= _MOST else None
    return clean_text(value)


@functools.cache
def _driven(
    statement: sa.Insert | sa.Update | sa.Delete, given: tuple[str, ...]
) -> tuple[str, list[str], list[Callable[[Column], Column]]]:
    """The statement's text, and its parameters in order, each with what is to be done to a column of it."""
    compiled = statement.compile(dialect=_SQLITE, column_keys=list(given) if isinstance(statement, sa.Insert) else None)
    names = list(compiled.positiontup or ())
    return compiled.string, names, [_preparing(compiled.binds[name].type) for name in names]


def _preparing(kind: sa.types.TypeEngine[Any]) -> Callable[[Column], Column]:
    if isinstance(kind, sa.JSON):
        null = None if kind.none_as_null else "null"
        return lambda column: [null if value is None else json_text(value) for value in column]
    return texts if isinstance(kind, sa.String) else numbers if isinstance(kind, sa.Integer) else _as_it_is


def json_text(value: Any) -> str:
    """What a column of JSON is given for it."""
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError):  # lone surrogates, and numbers that have no end
        return json.dumps(value)


def texts(column: Column) -> Column:
    every = "".join(filter(None, column))
    if every.isascii() and "\0" not in every:
        return column
    return [value if value is None else clean_text(value) for value in column]


def numbers(column: Column) -> Column:
    found = [value for value in column if value is not None]
    if not found or (min(found) >= _LEAST and max(found) <= _MOST):
        return column
    return [value if value is None else _clean(value) for value in column]


def _as_it_is(column: Column) -> Column:
    return column


def _values_of(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) == 1:
        return lambda row: (row[names[0]],)
    return itemgetter(*names)
