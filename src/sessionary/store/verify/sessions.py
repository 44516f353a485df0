"""Sessions: their rows, facets and bodies are what their calls add up to."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
import zstandard

from sessionary.store import rollups, schema
from sessionary.store.verify.found import Check, Difference

_LISTS = ("models", "clients", "users")
_KINDS = {"model", "client", "user", "agent", "tag"}
"""Of facets. A key may have got another name since."""


def check(project: int) -> Check:
    s = schema.sessions.c

    def look(connection: sa.Connection, values: Sequence[str]) -> Iterator[tuple[str, Difference]]:
        for row in connection.execute(sa.select(schema.sessions).where(s.project == project, s.id.in_(values))).all():
            for what in _wrong(connection, row):
                yield row.id, Difference("session", project, row.id, what)

    return Check(s.id, [s.project == project], look)


def _wrong(connection: sa.Connection, row: Any) -> Iterator[str]:
    calls = rollups.calls_of(connection, row.project, row.id)
    if not calls:
        yield "it has no calls"
        return
    # A body that could not be read is no branch, which is known in the end only.
    left_out = {"keys", *([] if all(call.leaf_node for call in calls) else ["branches"])}
    for name, value in rollups.fold(calls, {}).items():
        stored = getattr(row, name)
        if name in _LISTS:
            if not (set(stored) <= set(value) if len(stored) == rollups.MOST else set(stored) == set(value)):
                yield f"{name} are not those of its calls"
        elif name not in left_out and stored != value:
            yield f"{name} is {stored}, its calls add up to {value}"
    f, b = schema.facets.c, schema.session_bodies.c
    here = sa.select(f.kind, f.value).where(f.project == row.project, f.session == row.id, f.kind.in_(_KINDS))
    if {(r.kind, r.value) for r in connection.execute(here)} != rollups.facets(calls, row.tags):
        yield "it is not filtered by what its calls have"
    if row.emptied_at is None:  # else some may be about to go
        noted = set(connection.scalars(sa.select(b.hash).where(b.project == row.project, b.session == row.id)))
        with contextlib.suppress(msgspec.MsgspecError, zstandard.ZstdError):  # told of the call
            if noted - rollups.needed(connection, row.project, row.id):
                yield "it keeps bodies that its calls do not need"
