"""Calls that come out of the spool when their session has been deleted already: they began before, and are stored as
what is to be swept, so that they count, and nobody ever reads them."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from sessionary.ids import scope
from sessionary.record.exchange import Begin
from sessionary.store import schema
from sessionary.store.questions import present

_AS_BEGUN = ("project", "source", "rule", "key_id", "endpoint", "stream", "client", "user", "model")


def among(connection: sa.Connection, project: int, begins: Iterable[Begin]) -> set[str]:
    """Ids of those calls that name a session that was deleted after they began."""
    named: dict[str, list[Begin]] = {}
    for begin in begins:
        named.setdefault(begin.session_id, []).append(begin)
    rows = present(connection, schema.deleted, "session", project, named, "at")
    return {begin.call_id for row in rows for begin in named[row.session] if begin.at <= row.at}


def row(begin: Begin, writer: str, session: str) -> dict[str, Any]:
    """Of the calls table. `session`: the name under which no session is."""
    return {
        **{c.name: None for c in schema.calls.c},
        **{name: getattr(begin, name) for name in _AS_BEGUN},
        **{"id": begin.call_id, "session": session, "created_at": begin.at, "writer": writer},
        **dict.fromkeys(("turn", "base_depth", "above", "input_depth"), 0),
        **dict.fromkeys(("agent", "agent_name", "agent_parent", "unkept"), ""),
        **dict.fromkeys(("estimated", "side", "ambiguous", "continued"), False),
        "status": "interrupted",
        "scope": scope(begin.key_id, begin.user, begin.source),
        "new": True,
    }
