"""Writing a round of the drain: bulk inserts that change nothing when repeated. Runs inside one transaction."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sessionary.store import arrays, bulk, schema
from sessionary.store.bulk import Rows
from sessionary.store.bulk import clean as clean  # noqa: PLC0414 — who writes by rows has it from here
from sessionary.store.engine import let_go

_LOCK = 7_315_551_043  # PostgreSQL's advisory lock of whoever writes; any number that is ours


def transaction(engine: sa.Engine) -> contextlib.AbstractContextManager[sa.Connection]:
    """Holds the write lock from its start, so that what it reads stays true until it commits."""
    return _transaction(engine, sa.func.pg_advisory_xact_lock)


def beside_others(engine: sa.Engine) -> contextlib.AbstractContextManager[sa.Connection]:
    """Shares the write lock with others that began so, and keeps out those that have it alone. What it reads may be
    changed by them: it has to see for itself that it was not (`states`). SQLite has one writer at a time."""
    return _transaction(engine, sa.func.pg_advisory_xact_lock_shared)


@contextlib.contextmanager
def _transaction(engine: sa.Engine, lock: Callable[[int], sa.ColumnElement[Any]]) -> Iterator[sa.Connection]:
    with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            unbound = sa.func.set_config("statement_timeout", "0", True)
            connection.execute(sa.select(lock(_LOCK), unbound, let_go()))
        yield connection


@functools.cache
def _inserting(table: sa.Table) -> sa.Insert:
    return sqlite.insert(table).on_conflict_do_nothing()


def insert(connection: sa.Connection, table: sa.Table, rows: Rows) -> int:
    """Rows that are there already stay as they are. Every row must have the same columns. Returns how many are new."""
    if not rows:
        return 0
    if connection.dialect.name == "postgresql":
        return arrays.insert(connection, table, rows)
    return bulk.execute(connection, _inserting(table), rows)


def insert_from(connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: sa.Select[Any]) -> None:
    """As `insert`, of what a query finds."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).from_select(columns, rows).on_conflict_do_nothing())


def upsert(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Every row must have the same columns; those beside the primary key are overwritten."""
    if rows and connection.dialect.name == "postgresql":
        arrays.upsert(connection, table, rows)
    elif rows:
        bulk.execute(connection, _upserting(table, tuple(rows[0])), rows)


def add(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Every row must have the same columns; those beside the primary key are added to what is there."""
    if rows and connection.dialect.name == "postgresql":
        arrays.add(connection, table, rows)
    elif rows:
        bulk.execute(connection, _adding(table, tuple(rows[0])), rows)


@functools.cache
def _adding(table: sa.Table, names: tuple[str, ...]) -> sa.Insert:
    statement = sqlite.insert(table)
    keys = [c.name for c in table.primary_key]
    changed = {name: table.c[name] + statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


@functools.cache
def _upserting(table: sa.Table, names: tuple[str, ...]) -> sa.Insert:
    statement = sqlite.insert(table)
    keys = [c.name for c in table.primary_key]
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def update_calls(connection: sa.Connection, rows: Rows) -> None:
    """Rows carry `project` and `id` and the columns to set, the same in each."""
    _update(connection, schema.calls, ("project", "id"), rows)


def finish_exchanges(connection: sa.Connection, rows: Rows) -> None:
    """Rows: project, call_id, response, response_headers, raw."""
    _update(connection, schema.exchanges, ("project", "call_id"), rows)


def _update(connection: sa.Connection, table: sa.Table, keys: tuple[str, ...], rows: Rows) -> None:
    if rows and connection.dialect.name == "postgresql":
        arrays.update(connection, table, rows)
    elif rows:
        renamed = [{f"b_{k}": v for k, v in row.items()} for row in rows]
        bulk.execute(connection, _updating(table, keys, tuple(rows[0])), renamed)


@functools.cache
def _updating(table: sa.Table, keys: tuple[str, ...], names: tuple[str, ...]) -> sa.Update:
    """Parameters are named after the columns, with `b_` in front."""
    at = [table.c[name] == sa.bindparam(f"b_{name}", type_=table.c[name].type) for name in keys]
    changed = {name: sa.bindparam(f"b_{name}", type_=table.c[name].type) for name in names if name not in keys}
    return sa.update(table).where(*at).values(changed)


def load_cursors(connection: sa.Connection) -> dict[str, tuple[int, int]]:
    """Spool writer -> (segment, offset) of the next byte to read."""
    c = schema.cursors.c
    rows = connection.execute(sa.select(c.writer, c.segment, c.offset))
    return {row.writer: (row.segment, row.offset) for row in rows}


def partials(connection: sa.Connection, project: int, call_id: str) -> dict[int, bytes]:
    """What a stream in flight has delivered so far, by `seq`, in order."""
    c = schema.partials.c
    rows = connection.execute(
        sa.select(c.seq, c.data).where(c.project == project, c.call_id == call_id).order_by(c.seq)
    )
    return {row.seq: row.data for row in rows}


def partial_bytes(connection: sa.Connection, project: int, call_id: str) -> bytes:
    return b"".join(partials(connection, project, call_id).values())


def delete_partials(connection: sa.Connection, calls: Iterable[tuple[int, str]]) -> None:
    """Of calls, each with its project before it."""
    rows = [{"b_project": project, "b_call_id": call_id} for project, call_id in calls]
    if rows and connection.dialect.name == "sqlite":
        bulk.execute(connection, _FORGETTING, rows)
    elif rows:
        connection.execute(_FORGETTING, rows)


_FORGETTING = sa.delete(schema.partials).where(
    schema.partials.c.project == sa.bindparam("b_project", type_=sa.Integer),
    schema.partials.c.call_id == sa.bindparam("b_call_id", type_=sa.Text),
)
