"""Bringing a database to the schema of this version, by Alembic; nothing to do costs one small query.

Who waits for another to do it holds no connection meanwhile, and who does it needs one: a pooler may have few.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from sessionary import locks
from sessionary.errors import SettingsError
from sessionary.store import partitions
from sessionary.store.engine import narrow_encoding, open_engine

HEAD = "0009"
UNFINISHED = "copying"
"""The version of a schema whose tables are still being filled (see `migrating`)."""
MADE_BY = "CREATE DATABASE name ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0"
"""A PostgreSQL database that every text fits into."""
_LOCK = 7_315_551_042  # any number that is ours: PostgreSQL's advisory lock
_PAUSE = 0.1
"""Seconds until it is tried again."""


def upgrade(url: str) -> None:
    """Creates or migrates the schema. Several that start at once do it once. Raises SettingsError where it cannot."""
    engine = open_engine(url)
    try:
        with _turn(engine):
            with engine.connect() as connection:
                old = _is_old(connection)
            if old:
                with _alone(engine) as connection:
                    if _is_old(connection):  # still: another may have been quicker
                        _run(connection)
                partitions.prepare(engine, time.time_ns() // 1000)
    finally:
        engine.dispose()


def version(engine: sa.Engine) -> str | None:
    """Of the schema; None: there is none yet."""
    with engine.connect() as connection:
        return _version(connection)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def _is_old(connection: sa.Connection) -> bool:
    """Whether there is something to do. Raises SettingsError where this version cannot."""
    if (encoding := narrow_encoding(connection)) is not None:
        raise SettingsError(f"The database's encoding is {encoding}, which has not every letter: make one by {MADE_BY}")
    found = _version(connection)
    if found == UNFINISHED:
        raise SettingsError("The database is a copy that is not finished: run `sessionary migrate` again.")
    if found is not None and found > HEAD:
        raise SettingsError(f"The database was made by a newer Sessionary (its schema is {found}, ours {HEAD}).")
    return found != HEAD


def _run(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextlib.contextmanager
def _turn(engine: sa.Engine) -> Iterator[None]:
    """SQLite's: also the first look is for one at a time, for the change to WAL waits for nobody."""
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        yield
        return
    with locks.turn(Path(database + ".migrate.lock")):
        yield


@contextlib.contextmanager
def _alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that no other migrates beside."""
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection, connection.begin():
            yield connection
        return
    while True:  # the transaction's lock, not the session's: that may be a pooler's
        with engine.connect().execution_options(isolation_level="READ COMMITTED") as connection, connection.begin():
            if connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK))):
                yield connection  # which sees what was done before, whatever the user's own isolation is
                return
        time.sleep(_PAUSE)
