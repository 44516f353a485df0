"""The SQLite side: the database and the limits as they were when they were opened, read as they lie on the disk."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import sqlalchemy as sa

from sessionary import locks
from sessionary.migrating import Refused
from sessionary.migrating.rows import Row, Shape, size
from sessionary.store import migrate, partitions, schema
from sessionary.store.engine import open_engine

_ROWS, _BYTES = 5_000, 4 << 20
"""Of a batch, whatever comes first."""
Place = list[Any]
"""Of a row in the order in which its table is read; empty: before the first."""


@contextlib.contextmanager
def unserved(spool: Path) -> Iterator[None]:
    """No gateway drains the spool meanwhile. Raises Refused where one does."""
    spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locks.alone(spool / "drain.lock") as ours:
        if not ours:
            raise Refused(f"A gateway serves {spool.parent}: stop it, and run this again.")
        yield


class Batch(msgspec.Struct):
    rows: list[Row] = []
    places: list[Place] = []
    """Of each row."""
    size: int = 0
    """Bytes, nearly."""

    def halves(self) -> "tuple[Batch, Batch]":
        half = len(self.rows) // 2
        return Batch(self.rows[:half], self.places[:half]), Batch(self.rows[half:], self.places[half:])


class Mark(msgspec.Struct, frozen=True):
    """Which data folder it is, and in what state: a copy goes on only where nothing was written since it was begun."""

    gateway: str
    schema: str
    files: list[list[int]]
    """Sizes and times of change."""


class File:
    """A database in a file: one snapshot of it. It is never written to."""

    def __init__(self, path: Path) -> None:
        """Raises Refused where there is none."""
        if not path.is_file():
            raise Refused(f"There is no database at {path}.")
        self.path = path
        self._engine = open_engine(f"sqlite:///file:{quote(str(path.resolve()))}?mode=ro&uri=true", read_only=True)
        self.connection = self._engine.connect()
        driver = self.connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        self._driver = driver
        self._driver.text_factory = _text
        self.connection.execute(sa.text("SELECT count(*) FROM sqlite_master"))  # from here on nothing changes

    @property
    def schema(self) -> str | None:
        return migrate.version(self._engine)

    def count(self, table: sa.Table) -> int:
        return self.connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0

    def periods(self) -> list[int]:
        """When the times begin, in microseconds, that get a table in PostgreSQL: those with more than a few calls."""
        c, length = schema.calls.c, partitions.LENGTH_MS * 1000
        period = c.created_at // length
        counted = sa.select(period).group_by(period).having(sa.func.count() > partitions.KEPT).order_by(period)
        return [number * length for number in self.connection.scalars(counted)]

    def batches(self, table: sa.Table, after: Place) -> Iterator[Batch]:
        """The rows behind `after`."""
        columns = ", ".join(f'"{name}"' for name in Shape(table).names)
        order, wanted = self._order(table)
        keys = ", ".join(order)
        where = f"WHERE ({keys}) > ({', '.join('?' * len(order))})" if after else ""
        query = f'SELECT {keys}, {columns} FROM "{table.name}" {where} ORDER BY {keys}'  # noqa: S608
        cursor = self._driver.execute(query, after)
        batch = Batch()
        for row in cursor:
            batch.rows.append(row[wanted:])
            batch.places.append(list(row[:wanted]))
            batch.size += size(row)
            if len(batch.rows) >= _ROWS or batch.size >= _BYTES:
                yield batch
                batch = Batch()
        if batch.rows:
            yield batch

    def _order(self, table: sa.Table) -> tuple[list[str], int]:
        """What the table is sorted by on the disk."""
        if table.dialect_options["sqlite"]["with_rowid"]:
            return ["rowid"], 1
        order = [f'"{column.name}"' for column in table.primary_key]
        return order, len(order)

    def state(self) -> list[list[int]]:
        """Of the file and its log."""
        found = []
        for path in (self.path, self.path.with_name(f"{self.path.name}-wal")):
            stat = path.stat() if path.exists() else None
            found.append([stat.st_size, stat.st_mtime_ns] if stat is not None and stat.st_size else [0, 0])
        return found

    def close(self) -> None:
        self.connection.close()
        self._engine.dispose()


class Source:
    """What there is to copy."""

    def __init__(self, store: File, limits: File | None, gateway: str) -> None:
        """`limits`: the counters, where there are any. `gateway`: the data folder's id. Raises Refused for a database
        of another version."""
        self.store = store
        self.limits = limits
        self.gateway = gateway
        if store.schema != migrate.HEAD:
            raise Refused(
                f"{store.path} has the schema of another version ({store.schema or 'none'}, and not {migrate.HEAD}): "
                "start this version's gateway on it once, stop it, and run this again."
            )

    def mark(self) -> Mark:
        files = [state for file in (self.store, self.limits) if file is not None for state in file.state()]
        return Mark(self.gateway, migrate.HEAD, files)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
