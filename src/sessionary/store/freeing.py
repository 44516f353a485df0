"""What a call has in the store for itself, beside its row: taken away for some calls at a time, as many as fit into a
moment. What it shares with others is listed in `unneeded`, for `store.sweep` to look at.
"""

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from sessionary.store import scan, schema, search
from sessionary.store.scan import Bounds

COLUMNS = tuple(schema.calls.c[name] for name in ("id", "session", "created_at", "leaf", "output"))
"""That must be known of a call."""


def contents(connection: sa.Connection, project: int, calls: Sequence[Any], bounds: Bounds) -> Sequence[Any]:
    """Takes the first of the calls what they have for themselves; returns those. Their rows stay as they are."""
    done = unindexed(connection, project, calls[: _fitting(connection, project, calls, bounds.bytes)], bounds.seconds)
    ids = [call.id for call in done]
    for table in (schema.exchanges, schema.partials, schema.spawns):
        connection.execute(sa.delete(table).where(table.c.project == project, table.c.call_id.in_(ids)))
    list_ends(connection, project, done)
    return done


def unindexed(connection: sa.Connection, project: int, calls: Sequence[Any], seconds: float) -> Sequence[Any]:
    """Takes the first of the calls out of the search index; returns those. How long a text takes nobody knows before:
    so they are taken by quarters, while a further one can be expected to fit."""
    until, n, some = time.monotonic() + seconds, 0, max(1, len(calls) // 4)
    while n < len(calls):
        start = time.monotonic()
        search.remove(connection, project, [call.id for call in calls[n : n + some]])
        n, now = min(n + some, len(calls)), time.monotonic()
        if now + (now - start) > until:
            break
    if n and connection.dialect.name == "sqlite":
        scan.note(connection, project, "words", [b""])
    return calls[:n]


def list_ends(connection: sa.Connection, project: int, calls: Sequence[Any]) -> None:
    """The messages at which calls end that are to go."""
    ends = {end for call in calls for end in (call.leaf, call.output) if end is not None}
    scan.note(connection, project, "message", ends)


def _fitting(connection: sa.Connection, project: int, calls: Sequence[Any], most: int) -> int:
    """How many of the calls have no more than `most` bytes together."""
    e = schema.exchanges.c
    size = sum(
        (sa.func.coalesce(sa.func.length(column), 0) for column in (e.request, e.response, e.raw)), sa.literal(0)
    )
    mine = sa.select(e.call_id, size.label("size")).where(
        e.project == project, e.call_id.in_([call.id for call in calls])
    )
    sizes = {row.call_id: row.size for row in connection.execute(mine)}
    total = 0
    for n, call in enumerate(calls):
        total += sizes.get(call.id, 0)
        if n and total > most:
            return n
    return len(calls)
