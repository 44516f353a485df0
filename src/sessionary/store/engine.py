"""Opening the database: the one place that knows how either engine is set up."""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

_CONNECT_SECONDS = 5
"""Until a server that does not answer counts as away: clients wait for what is asked of it."""


def open_engine(url: str, *, read_only: bool = False) -> sa.Engine:
    """An engine for `url` (`sqlite:///…` or `postgresql://…`). SQLite runs in WAL mode: readers never wait."""
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    options: dict[str, Any] = {}
    if not url.startswith("sqlite"):
        patience = {} if "connect_timeout" in sa.make_url(url).query else {"connect_timeout": _CONNECT_SECONDS}
        options = {"pool_pre_ping": True, "connect_args": patience}
    engine = sa.create_engine(url, **options)
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def set_up(connection: sqlite3.Connection, record: Any) -> None:
            connection.isolation_level = None  # transactions are begun below, never behind our back
            cursor = connection.cursor()
            cursor.execute("PRAGMA busy_timeout = 5000")
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute("PRAGMA foreign_keys = ON")
            if read_only:
                cursor.execute("PRAGMA query_only = ON")
            cursor.close()

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
            connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


@contextlib.contextmanager
def snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """For several reads that must tell of one moment, whatever is committed meanwhile."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection
