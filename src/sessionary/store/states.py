"""Sessions that others may change at the same time: each is read in one state, and written if that is still its state.

Gateways that share a PostgreSQL store their calls beside each other, and most often not of the same sessions. So nobody
waits: whoever is overtaken finds out, and begins anew. A session's state is its row's `updated_at`, which every
round makes larger.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from sessionary.store import schema
from sessionary.store.writes import insert, upsert

Key = tuple[int, str]
"""Project, session."""
# In the order of their ids, so that two who write the same sessions meet at the first of them.
_STILL = (
    "SELECT count(*) FROM (SELECT FROM sessions"
    " JOIN unnest(%b::text[], %b::bigint[]) AS read(id, updated_at) USING (id, updated_at)"
    " WHERE project = %s ORDER BY id FOR NO KEY UPDATE OF sessions) AS still"
)


class Overtaken(Exception):
    """Somebody else has changed meanwhile what was read: all of it is to be read again."""


class States:
    """Of the sessions that a transaction reads."""

    def __init__(self) -> None:
        self._read: dict[Key, int | None] = {}

    def see(self, project: int, session: str, updated_at: int | None) -> None:
        """Something was read that says in which state its session is; None: there is none. Raises Overtaken."""
        if self._read.setdefault((project, session), updated_at) != updated_at:
            raise Overtaken

    def write(self, connection: sa.Connection, sessions: Iterable[Mapping[str, Any]], now: int) -> None:
        """Whole rows, of sessions that were looked for. Nobody changes them any more before the transaction ends.
        `now`: microseconds. Raises Overtaken."""
        new: list[dict[str, Any]] = []
        old: list[dict[str, Any]] = []
        for row in sessions:
            read = self._read[row["project"], row["id"]]
            (new if read is None else old).append({**row, "updated_at": now if read is None else max(now, read + 1)})
        if insert(connection, schema.sessions, new) < len(new) or not self._are_still(connection, old):
            raise Overtaken
        upsert(connection, schema.sessions, old)

    def _are_still(self, connection: sa.Connection, rows: list[dict[str, Any]]) -> bool:
        if connection.dialect.name == "sqlite":
            return True
        for project in sorted({row["project"] for row in rows}):
            ids = [row["id"] for row in rows if row["project"] == project]
            read = [self._read[project, id] for id in ids]
            if connection.exec_driver_sql(_STILL, (ids, read, project)).scalar_one() < len(ids):
                return False
        return True
