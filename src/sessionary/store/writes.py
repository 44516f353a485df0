"""Writing a round of the drain: bulk inserts that change nothing when repeated. Runs inside one transaction."""

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sessionary.store import schema

Rows = Sequence[Mapping[str, Any]]
_SLICE = 500
_LOCK = 7_315_551_043  # PostgreSQL's advisory lock of whoever writes; any number that is ours


@contextlib.contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Holds the write lock from its start, so that what it reads stays true until it commits."""
    with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        yield connection


def clean(row: Mapping[str, Any]) -> dict[str, Any]:
    """`row` as both engines take it: what a client or a provider wrote may hold NUL, lone surrogates, 10**30."""
    return {k: _clean(v) if isinstance(v, str | int) else v for k, v in row.items()}


def _clean(value: str | int) -> str | int | None:
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else None
    if value.isascii() and "\0" not in value:
        return value
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def insert(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Rows that are there already stay as they are."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), [clean(r) for r in rows])


def insert_from(connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: sa.Select[Any]) -> None:
    """As `insert`, of what a query finds."""
    connection.execute(_insert(connection, table).from_select(columns, rows).on_conflict_do_nothing())


def upsert(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Every row must have the same columns; those beside the primary key are overwritten."""
    if not rows:
        return
    statement = _insert(connection, table)
    keys = [c.name for c in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), [clean(r) for r in rows])


def update_calls(connection: sa.Connection, rows: Rows) -> None:
    """Rows carry `project` and `id` and the columns to set, the same in each."""
    if not rows:
        return
    c = schema.calls.c
    names = [n for n in rows[0] if n not in ("project", "id")]
    statement = (
        sa.update(schema.calls)
        .where(c.project == sa.bindparam("b_project"), c.id == sa.bindparam("b_id"))
        .values({n: sa.bindparam(f"b_{n}") for n in names})
    )
    connection.execute(statement, [{f"b_{k}": v for k, v in clean(row).items()} for row in rows])


def finish_exchanges(connection: sa.Connection, rows: Rows) -> None:
    """Rows: project, call_id, response, response_headers, raw."""
    if not rows:
        return
    c = schema.exchanges.c
    statement = (
        sa.update(schema.exchanges)
        .where(c.project == sa.bindparam("b_project"), c.call_id == sa.bindparam("b_call_id"))
        .values({n: sa.bindparam(f"b_{n}") for n in ("response", "response_headers", "raw")})
    )
    connection.execute(statement, [{f"b_{k}": v for k, v in clean(row).items()} for row in rows])


def present(
    connection: sa.Connection,
    table: sa.Table,
    column: str,
    project: int,
    values: Iterable[Any],
    *columns: str,
) -> list[sa.Row[Any]]:
    """The rows of a project whose `column` is among `values`: `column`, then `columns`."""
    wanted = sorted(set(values))
    rows: list[sa.Row[Any]] = []
    for start in range(0, len(wanted), _SLICE):
        some = {"project": project, "some": wanted[start : start + _SLICE]}
        rows += connection.execute(_present(table, column, columns), some).all()
    return rows


@functools.cache
def _present(table: sa.Table, column: str, columns: tuple[str, ...]) -> sa.Select[Any]:
    """Written once: it is asked many times a round."""
    picked = [table.c[column], *(table.c[n] for n in columns)]
    some = table.c[column].in_(sa.bindparam("some", expanding=True))
    return sa.select(*picked).where(table.c.project == sa.bindparam("project"), some)


def load_cursors(connection: sa.Connection) -> dict[str, tuple[int, int]]:
    """Spool writer -> (segment, offset) of the next byte to read."""
    c = schema.cursors.c
    rows = connection.execute(sa.select(c.writer, c.segment, c.offset))
    return {row.writer: (row.segment, row.offset) for row in rows}


def save_cursors(connection: sa.Connection, cursors: Mapping[str, tuple[int, int]]) -> None:
    rows = [{"writer": w, "segment": s, "offset": o} for w, (s, o) in sorted(cursors.items())]
    upsert(connection, schema.cursors, rows)


def delete_cursor(connection: sa.Connection, writer: str) -> None:
    connection.execute(sa.delete(schema.cursors).where(schema.cursors.c.writer == writer))


def partials(connection: sa.Connection, project: int, call_id: str) -> dict[int, bytes]:
    """What a stream in flight has delivered so far, by `seq`, in order."""
    c = schema.partials.c
    rows = connection.execute(
        sa.select(c.seq, c.data).where(c.project == project, c.call_id == call_id).order_by(c.seq)
    )
    return {row.seq: row.data for row in rows}


def partial_bytes(connection: sa.Connection, project: int, call_id: str) -> bytes:
    return b"".join(partials(connection, project, call_id).values())


def delete_partials(connection: sa.Connection, project: int, call_ids: Iterable[str]) -> None:
    c = schema.partials.c
    for call_id in call_ids:
        connection.execute(sa.delete(schema.partials).where(c.project == project, c.call_id == call_id))
