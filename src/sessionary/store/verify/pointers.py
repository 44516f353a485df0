"""Rows that name a call or a session which is not there."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from sessionary.store import schema
from sessionary.store.questions import present
from sessionary.store.verify.found import Check, Difference

_TO_CALLS = (schema.exchanges.c.call_id, schema.partials.c.call_id, schema.spawns.c.call_id)
_TO_SESSIONS = (schema.facets.c.session, schema.session_bodies.c.session, schema.merged.c.session)


def checks(project: int) -> Iterator[Check]:
    for column in _TO_CALLS:
        yield _check(project, column, schema.calls, "call")
    for column in _TO_SESSIONS:
        yield _check(project, column, schema.sessions, "session")
    for column in (schema.conversations.c.head, schema.conversations.c.base):
        yield _check(project, column, schema.calls, "call")


def _check(project: int, column: sa.Column[str], to: sa.Table, name: str) -> Check:
    table = column.table

    def look(connection: sa.Connection, values: Sequence[str]) -> Iterator[tuple[str, Difference]]:
        there = {row.id for row in present(connection, to, "id", project, values)}
        for value in values:
            if value not in there:
                yield value, Difference("pointer", project, value, f"{table} names a {name} that is not there")

    return Check(column, [table.c.project == project, column != ""], look, counted=False)
