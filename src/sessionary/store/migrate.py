"""Bringing a database to the schema of this version, by Alembic; nothing to do costs a lock and one small query."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from sessionary import locks
from sessionary.errors import SettingsError
from sessionary.store import partitions
from sessionary.store.engine import open_engine

HEAD = "0008"
UNFINISHED = "copying"
"""The version of a schema whose tables are still being filled (see `migrating`)."""
_LOCK = 7_315_551_042  # any number that is ours: PostgreSQL's advisory lock


def upgrade(url: str) -> None:
    """Creates or migrates the schema. Two that start at once do it once. Raises SettingsError where it cannot."""
    engine = open_engine(url)
    try:
        with _only_one(engine):  # also for the first look: SQLite's change to WAL waits for nobody
            found = version(engine)
            if found == UNFINISHED:
                raise SettingsError("The database is a copy that is not finished: run `sessionary migrate` again.")
            if found is not None and found > HEAD:
                raise SettingsError(
                    f"The database was made by a newer Sessionary (its schema is {found}, ours {HEAD})."
                )
            if found != HEAD:
                _run(engine)
                partitions.prepare(engine, time.time_ns() // 1000)
    finally:
        engine.dispose()


def version(engine: sa.Engine) -> str | None:
    """Of the schema; None: there is none yet."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return found


def _run(engine: sa.Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextlib.contextmanager
def _only_one(engine: sa.Engine) -> Iterator[None]:
    database = engine.url.database
    if engine.dialect.name == "sqlite":
        if not database or database == ":memory:":
            yield
            return
        with locks.turn(Path(database + ".migrate.lock")):
            yield
        return
    with engine.connect() as connection:  # the transaction's lock, not the session's: that may be a pooler's
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:n)"), {"n": _LOCK})
        yield
