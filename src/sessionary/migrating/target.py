"""The PostgreSQL side: how far the copy is, and what it is brought further with.

The table `migrating` has by name what must outlive a kill: the mark of the source, the progress of each table, the
indexes that have yet to be made. It is there while the copy is not finished, and so long the schema's version is
`migrate.UNFINISHED`.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec
import psycopg
import sqlalchemy as sa

from sessionary.limits import counters
from sessionary.limits import schema as limits_schema
from sessionary.migrating import Refused
from sessionary.migrating.rows import SUM, Row, Shape, added, summed
from sessionary.migrating.source import Batch, Mark, Place
from sessionary.store import audit, migrate, partitions, schema, search
from sessionary.store.audit import Actor
from sessionary.store.engine import open_engine
from sessionary.store.pack import pack
from sessionary.store.writes import insert, transaction, upsert

BESIDE = ("search_text", "alembic_version", "migrating")
_STATE = sa.Table(
    "migrating",
    sa.MetaData(),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("state", sa.LargeBinary, nullable=False),
)
_INDEXED_LATER = ("calls", "messages", "search_text")
"""The large tables. What their indexes hold is short, so that no row can be too large for one."""
_INDEXES = sa.text(
    "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
    "WHERE indrelid = to_regclass(:name) AND NOT indisprimary ORDER BY 1"
)
_HERE = "migrate/"
"""What the ids begin with of rows that are set aside here."""
_TOO_LARGE = "54"
"""SQLSTATE's class of what goes beyond a limit of PostgreSQL's, such as of a row in an index."""
T = TypeVar("T")


class Progress(msgspec.Struct, frozen=True):
    """Of one table."""

    place: Place = []
    """Of the last row that is there."""
    rows: int = 0
    sum: int = 0
    changed: int = 0
    """Texts that had what no text of PostgreSQL may have."""
    refused: int = 0
    """Rows that PostgreSQL would not have: they are in `set_aside`."""


def tables() -> list[sa.Table]:
    """All that are copied, what is referred to first."""
    return [*schema.metadata.sorted_tables, *limits_schema.metadata.sorted_tables]


class Target:
    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        self._url = url
        self._progress: dict[str, Progress] = {}

    # -- begin and end

    def begin(self, mark: Mark, periods: Sequence[int]) -> bool:
        """Makes the tables, those of `periods` too, without the indexes that are made later. Whether an earlier copy of
        the same goes on.

        Raises Refused where the database has other data, SettingsError where it is of a newer version."""
        found = migrate.version(self.engine)
        if found == migrate.UNFINISHED:
            before = self._load("source", Mark)
            if before == mark:
                self._go_on()
                return True
            if before is None or before.gateway != mark.gateway:
                raise Refused("The database has a copy of another data folder that is not finished: take an empty one.")
            self._clear()
        elif found is None and (there := self._there()):
            raise Refused(f"The database has a table {there[0]} already, and it is not ours: take an empty one.")
        migrate.upgrade(self._url)
        counters.prepare(self.engine)
        for at in periods:
            partitions.prepare(self.engine, at)
        with transaction(self.engine) as connection:
            for table in tables():
                if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
                    raise Refused("The database has data of a Sessionary already: take an empty one.")
            _STATE.create(connection)
            self._save(connection, "source", mark)
            later = [index for name in _INDEXED_LATER for index in connection.execute(_INDEXES, {"name": name})]
            for name, _ in later:
                connection.execute(sa.text(f"DROP INDEX {name}"))
            self._save(connection, "indexes", [made.replace(" ON ONLY ", " ON ") for _, made in later])
            self._version(connection, migrate.UNFINISHED)
        return False

    def finished(self, mark: Mark) -> bool:
        """Whether it has the copy of just this, whole."""
        if migrate.version(self.engine) != migrate.HEAD:
            return False
        wanted = audit.Wanted(action="database.migrate", target=mark.gateway)
        entries = audit.entries(self.engine, None, wanted, 1)
        return bool(entries) and entries[0].detail.get("files") == mark.files

    def indexes(self) -> Iterable[str]:
        """Makes those that are still to be made; says of each when it is made."""
        missing = self._load("indexes", list[str]) or []
        while missing:
            with transaction(self.engine) as connection:
                connection.execute(sa.text(missing[0]))
                done, missing = missing[0], missing[1:]
                self._save(connection, "indexes", missing)
            yield done

    def analyze(self) -> None:
        """What is known of the tables' contents decides how they are asked."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in (*(table.name for table in tables()), "search_text"):
                connection.execute(sa.text(f"ANALYZE {name}"))

    def finish(self, mark: Mark, by: Actor, **told: Any) -> None:
        """From here on it is a database like any other."""
        with transaction(self.engine) as connection:
            for column in (*(table.autoincrement_column for table in tables()), schema.search_docs.c.id):
                if column is not None:
                    sequence = sa.func.pg_get_serial_sequence(column.table.name, column.name)
                    at = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).scalar_subquery()
                    connection.execute(sa.select(sa.func.setval(sequence, at, False)))
            audit.record(connection, by, "database.migrate", mark.gateway, files=mark.files, **told)
            _STATE.drop(connection)
            self._version(connection, migrate.HEAD)

    # -- rows

    def progress(self, name: str) -> Progress:
        """Of a table; once the copy has begun."""
        return self._progress.get(name, Progress())

    def copy(self, table: sa.Table, batch: Batch) -> None:
        """What PostgreSQL would not have of the rows is found by halves, and set aside."""
        shape, before = Shape(table), self.progress(table.name)
        taken = [shape.taken(row) for row in batch.rows]
        rows = [row for row, _ in taken]
        after = Progress(
            place=batch.places[-1],
            rows=before.rows + len(rows),
            sum=(before.sum + sum(map(added, rows))) % SUM,
            changed=before.changed + sum(changed for _, changed in taken),
            refused=before.refused,
        )
        try:
            with transaction(self.engine) as connection:
                _not_each(connection)
                _copied(connection, table, shape, rows)
                self._save(connection, table.name, after)
            self._progress[table.name] = after
        except psycopg.Error as error:
            if not isinstance(error, psycopg.DataError) and not (error.sqlstate or "").startswith(_TOO_LARGE):
                raise
            if len(rows) == 1:
                return self._set_aside(table, batch, error.__class__.__name__)
        else:
            return
        for half in batch.halves():
            self.copy(table, half)

    def index(self, texts: Sequence[tuple[int, int, str]]) -> None:
        """The words of documents, by their projects and ids."""
        before = self.progress("search_text")
        after = msgspec.structs.replace(before, place=[texts[-1][1]], rows=before.rows + len(texts))
        with transaction(self.engine) as connection:
            _not_each(connection)
            search.index(connection, texts)
            self._save(connection, "search_text", after)
        self._progress["search_text"] = after

    def counted(self, table: sa.Table) -> tuple[int, int]:
        """Rows and their sum, as they are read back."""
        query = summed(table)
        if table is schema.set_aside:
            query = query.where(schema.set_aside.c.id.not_like(f"{_HERE}%"))
        with transaction(self.engine) as connection:  # its statements may take as long as they do
            rows, total = connection.execute(query).one()
        return rows, int(total) % SUM

    def close(self) -> None:
        self.engine.dispose()

    # -- below

    def _set_aside(self, table: sa.Table, batch: Batch, why: str) -> None:
        (row,), (place,), before = batch.rows, batch.places, self.progress(table.name)
        after = msgspec.structs.replace(before, place=place, refused=before.refused + 1)
        kept = {
            "id": f"{_HERE}{table.name}/{before.rows + after.refused}",
            "at": time.time_ns() // 1000,
            "reason": f"refused by the database: {why}, of table {table.name}",
            "payload": pack(msgspec.msgpack.encode(dict(zip(Shape(table).names, row, strict=True)))),
        }
        with transaction(self.engine) as connection:
            insert(connection, schema.set_aside, [kept])
            self._save(connection, table.name, after)
        self._progress[table.name] = after

    def _there(self) -> list[str]:
        """Tables that have the names of ours."""
        ours = {*(table.name for table in tables()), *BESIDE}
        return sorted(ours.intersection(sa.inspect(self.engine).get_table_names()))

    def _clear(self) -> None:
        with transaction(self.engine) as connection:
            connection.execute(sa.text(f"DROP TABLE {', '.join(self._there())}"))

    def _version(self, connection: sa.Connection, version: str) -> None:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})

    def _go_on(self) -> None:
        others = ("source", "indexes")
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(_STATE).where(_STATE.c.name.not_in(others))).all()
        self._progress = {row.name: msgspec.msgpack.decode(row.state, type=Progress) for row in rows}

    def _load(self, name: str, type: type[T]) -> T | None:
        with self.engine.connect() as connection:
            state = connection.scalar(sa.select(_STATE.c.state).where(_STATE.c.name == name))
        return None if state is None else msgspec.msgpack.decode(state, type=type)

    def _save(self, connection: sa.Connection, name: str, state: Any) -> None:
        upsert(connection, _STATE, [{"name": name, "state": msgspec.msgpack.encode(state)}])


def _copied(connection: sa.Connection, table: sa.Table, shape: Shape, rows: Sequence[Row]) -> None:
    columns = ", ".join(f'"{name}"' for name in shape.names)
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN (FORMAT BINARY)') as copy:
        copy.set_types(shape.types)
        for row in rows:
            copy.write_row(row)


def _not_each(connection: sa.Connection) -> None:
    """A commit need not be on the disk before the next: a crash of the server loses them with how far they were."""
    connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
