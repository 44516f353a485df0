"""Opening the database: the one place that knows how either engine is set up.

Of PostgreSQL's session nothing is used but what ends with a transaction (`SET LOCAL`, advisory locks of transactions):
so a pooler may stand between that lends connections by the transaction.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from sessionary.errors import SettingsError
from sessionary.store.away import Away

_LINK = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Seconds, and milliseconds, until a server counts as away that does not answer, or whose host, or the way to it, is
gone: without these that takes the system a quarter of an hour, or two hours. Clients wait for what is asked of it."""
_LET_GO = "60s"
_UNICODE = "UTF8"
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
WRITTEN = (
    "write it as sqlite:///path or postgresql://user:password@host:5432/name, with several hosts as "
    "postgresql://user:password@/name?host=one:5432&host=two:5432, and an @ in the password as %40"
)
"""How a database's address is."""
Connect = Callable[[sa.Dialect, Any, Any, Any], Any]
_STEPS = 20_000
"""Of SQLite's machine, between two looks at the clock."""


def open_engine(
    url: str, *, read_only: bool = False, patience: float | None = None, connect: Connect | None = None
) -> sa.Engine:
    """An engine for `url` (`sqlite:///…` or `postgresql://…`). SQLite runs in WAL mode: readers never wait.

    `patience`: seconds that a statement that reads may take; see `took_too_long`. `connect`: SQLAlchemy's `do_connect`,
    for PostgreSQL. Errors never have values in them.
    Raises SettingsError where `url` is no address, or what speaks to the database is not installed.
    """
    where = address(url)
    options: dict[str, Any] = {"hide_parameters": True}
    if where.get_backend_name() == "postgresql":
        where = where.update_query_dict({"client_encoding": _UNICODE})  # whatever is set for the user or here
        options |= {"pool_pre_ping": True, "connect_args": link(where)}
    try:
        engine = sa.create_engine(where, **options)
    except (sa.exc.ArgumentError, ValueError):
        raise _no_address() from None
    except ImportError:
        raise SettingsError("What speaks to PostgreSQL is not installed: pip install 'sessionary[postgres]'") from None
    if engine.dialect.name == "postgresql":
        sa.event.listen(engine, "connect", _suit_poolers)
        sa.event.listen(engine, "connect", _send_lists_as_they_are)
        sa.event.listen(engine, "do_connect", connect or Away().connect)
    else:

        @sa.event.listens_for(engine, "connect")
        def set_up(connection: sqlite3.Connection, record: Any) -> None:
            connection.isolation_level = None  # transactions are begun below, never behind our back
            cursor = connection.cursor()
            cursor.execute("PRAGMA busy_timeout = 5000")
            if not read_only:
                cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.execute("PRAGMA secure_delete = ON")  # what is deleted is not left in the file
            if read_only:
                cursor.execute("PRAGMA query_only = ON")
            cursor.close()

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
            connection.exec_driver_sql(f"BEGIN {mode}")

    if patience is not None:
        _bound(engine, patience)
    return engine


def address(url: str, of: str = "database") -> sa.URL:
    """What `url` says. Raises SettingsError where it cannot be understood, with nothing of it: a password may be in any
    place. `of`: whose it is, for people."""
    try:
        found = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise _no_address(of) from None
    driver = _DRIVERS.get(found.get_backend_name())
    if driver is None:
        raise _no_address(of)
    if driver != "sqlite" and "@" in f"{found.host}{found.database}":  # the end of a password: errors would show it
        raise _no_address(of)
    return found.set(drivername=driver)


def _no_address(of: str = "database") -> SettingsError:
    return SettingsError(f"The {of}'s address is not valid: {WRITTEN}")


def link(url: sa.URL) -> dict[str, Any]:
    """When a connection counts as lost, where `url` does not say it."""
    return {name: value for name, value in _LINK.items() if name not in url.query}


def let_go() -> sa.ColumnElement[str]:
    """To be selected in a transaction of PostgreSQL that holds what others need: it ends where nothing is heard of us,
    whose host may be gone, which the server would not notice for hours."""
    return sa.func.set_config("idle_in_transaction_session_timeout", _LET_GO, True)


def _suit_poolers(connection: Any, record: Any) -> None:
    """Behind a pooler that lends a server's connection for one transaction (pgbouncer) nothing that a session has may
    be relied on, and a prepared statement is such a thing. It shows: the server's process is not whom we met."""
    with connection.cursor() as cursor:
        (pid,) = cursor.execute("SELECT pg_backend_pid()").fetchone()
    connection.rollback()
    if pid != connection.info.backend_pid:
        connection.prepare_threshold = None


def _send_lists_as_they_are(connection: Any, record: Any) -> None:
    """In binary: psycopg would write them as text, with every quote and backslash of it looked for, and bytes as twice
    as many letters."""
    from psycopg.types.array import ListBinaryDumper  # only where it is installed

    connection.adapters.register_dumper(list, ListBinaryDumper)


def narrow_encoding(connection: sa.Connection) -> str | None:
    """The database's, where it has not every letter: what is said would be refused, or read as something else."""
    if connection.dialect.name == "sqlite":
        return None
    found: str = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    return None if found == _UNICODE else found


def is_shared(engine: sa.Engine) -> bool:
    """Whether gateways of other hosts may write to the store."""
    return engine.dialect.name != "sqlite"


def took_too_long(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether a statement was ended because of `patience`."""
    cause = getattr(error, "orig", None)
    return str(cause) == "interrupted" or cause.__class__.__name__ == "QueryCanceled"


def _bound(engine: sa.Engine, seconds: float) -> None:
    """What writes is not bound: it is short, and half of it is no use (`writes.transaction`)."""
    if engine.dialect.name == "postgresql":

        @sa.event.listens_for(engine, "begin")
        def limit(connection: sa.Connection) -> None:  # for a transaction: the session may be a pooler's
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")

        return

    @sa.event.listens_for(engine, "connect")
    def watch(connection: sqlite3.Connection, record: Any) -> None:
        record.info["until"] = float("inf")
        connection.set_progress_handler(lambda: time.monotonic() > record.info["until"], _STEPS)

    @sa.event.listens_for(engine, "before_cursor_execute")
    def begin(connection: sa.Connection, *statement: Any) -> None:
        writes = connection.get_execution_options().get("sqlite_begin") == "IMMEDIATE"
        connection.info["until"] = float("inf") if writes else time.monotonic() + seconds


def truncate_log(engine: sa.Engine) -> bool:
    """Moves what SQLite's write-ahead log has into the database, and empties it: it has old pages, and with them what
    was deleted since. False where others read or write just now. Nothing to do for PostgreSQL."""
    if engine.dialect.name != "sqlite":
        return True
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA busy_timeout = 0")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ((busy, *_),) = cursor.fetchall()
        cursor.execute("PRAGMA busy_timeout = 5000")
        cursor.close()
        return not busy
    finally:
        raw.close()


@contextlib.contextmanager
def snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """For several reads that must tell of one moment, whatever is committed meanwhile."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection
