"""Whether all of it arrived: rows and sums of every table, and of a sample that hashes, ends and words are what they
are at the source."""

from collections.abc import Iterator

import sqlalchemy as sa

from sessionary.migrating import Refused
from sessionary.migrating.source import File
from sessionary.migrating.target import Target
from sessionary.store import rehash, schema
from sessionary.store.engine import snapshot
from sessionary.store.verify import calls, messages, sessions
from sessionary.store.verify.found import PAGE, Check, Difference
from sessionary.wire import meaning


def table(target: Target, file: File, of: sa.Table) -> None:
    """Raises Refused where the table is not what was read, or not all of it."""
    expected, read = target.progress(of.name), file.count(of)
    rows, total = target.counted(of)
    if not (expected.rows + expected.refused == read and rows == expected.rows):
        raise Refused(f"The table {of.name} has {rows} rows, {read} were to be copied: {_ANEW}")
    if total != expected.sum:
        raise Refused(f"The table {of.name} has other contents than were copied: {_ANEW}")


def searched(target: Target, file: File) -> None:
    """Raises Refused where a document has no words in the index."""
    with target.engine.connect() as connection:
        indexed = connection.scalar(sa.text("SELECT count(*) FROM search_text"))
    if indexed != file.count(schema.search_docs):
        raise Refused(
            f"The search index has {indexed} texts, {file.count(schema.search_docs)} were to be in it: {_ANEW}"
        )


def sample(target: Target, file: File) -> tuple[int, list[Difference]]:
    """How many rows were looked at, and what is not as it should be of them, and was at the source."""
    looked_at, wrong = 0, list[Difference]()
    with snapshot(target.engine) as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        for check in _checks(target, connection):
            picked = sa.select(check.column).where(*check.where).order_by(sa.func.random()).limit(PAGE)
            values = connection.scalars(picked).all()
            looked_at += len(values)
            found = {told for _, told in check.look(connection, values)}
            if found:
                found -= {told for _, told in check.look(file.connection, values)}
            wrong += sorted(found)
    return looked_at, wrong


def _checks(target: Target, connection: sa.Connection) -> Iterator[Check]:
    ours = rehash.version(connection) in (None, meaning.VERSION)
    for project in connection.scalars(sa.select(schema.projects.c.id).order_by(schema.projects.c.id)).all():
        tree = messages.Messages(target.engine, project, nodes=ours)
        yield from (tree.check(), tree.bodies(), calls.Calls(project).check())
        yield from (sessions.check(project), calls.docs(project))


_ANEW = "drop the database, make it anew, and run this again."
