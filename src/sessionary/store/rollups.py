"""A session's row, and what else is kept by session, made anew from its calls: after a person moved some.

The drain keeps the same by adding call after call; what comes out is equal. Title, tags, source and the client's id
are not the calls' to say, and stay.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from sessionary.store import schema, tree
from sessionary.store.branches import branches, further, requests
from sessionary.store.writes import insert

FAILED = frozenset({"upstream_error", "timeout", "rejected"})
CUT = frozenset({"client_closed", "interrupted"})
_TOKENS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
_SUMMED = ("calls", "live", "errors", *_TOKENS, "cost", "unpriced", "active", "first_at", "last_at", "status")
MOST = 50
"""Values kept in a session's lists of models, clients, keys, users."""


@dataclass(slots=True)
class Sums:
    """What calls add up to, in whatever order they are added. Times are microseconds."""

    calls: int = 0
    live: int = 0
    errors: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost: int | None = None
    """Of the calls whose price is known; None where none is."""
    unpriced: int = 0
    active: int = 0
    """Each call for itself."""
    first_at: int = 0
    last_at: int = 0
    ended: tuple[int, int, str, bool] = (0, 0, "", False)
    """Of the call that ended last: when, when it had begun, its id, and whether it was broken off."""

    def add(self, call: Any) -> None:
        """A row of the calls table."""
        began: int = call.created_at
        end: int = call.finished_at or began
        status, cost = call.status, call.cost
        self.first_at = min(self.first_at, began) if self.calls else began
        self.last_at = max(self.last_at, began, end)
        self.calls += 1
        self.input_tokens += call.input_tokens or 0
        self.cached_tokens += call.cached_tokens or 0
        self.output_tokens += call.output_tokens or 0
        self.reasoning_tokens += call.reasoning_tokens or 0
        if cost is not None:
            self.cost = (self.cost or 0) + cost
        if status == "live":
            self.live += 1
            return
        self.errors += status in FAILED
        self.unpriced += cost is None and status == "ok"
        self.active += max(0, end - began)
        self.ended = max(self.ended, (end, began, call.id, status in CUT))

    def join(self, other: "Sums") -> None:
        if not other.calls:
            return
        self.first_at = min(self.first_at, other.first_at) if self.calls else other.first_at
        self.last_at = max(self.last_at, other.last_at)
        self.calls += other.calls
        self.live += other.live
        self.errors += other.errors
        self.input_tokens += other.input_tokens
        self.cached_tokens += other.cached_tokens
        self.output_tokens += other.output_tokens
        self.reasoning_tokens += other.reasoning_tokens
        if other.cost is not None:
            self.cost = (self.cost or 0) + other.cost
        self.unpriced += other.unpriced
        self.active += other.active
        self.ended = max(self.ended, other.ended)

    @property
    def status(self) -> str:
        """`live`, `errors`, `ok`, or `cut` where the call that ended last was broken off."""
        if self.live:
            return "live"
        if self.errors:
            return "errors"
        return "cut" if self.ended[3] else "ok"


def total(calls: Iterable[Any]) -> Sums:
    found = Sums()
    for call in calls:
        found.add(call)
    return found


def joined(parts: Iterable[Sums]) -> Sums:
    found = Sums()
    for part in parts:
        found.join(part)
    return found


def fold(calls: Sequence[Any], key_names: Mapping[str, str]) -> dict[str, Any]:
    """Columns of the sessions table. `calls`, at least one, are all of a session, by (created_at, id)."""
    sums = total(calls)
    return {
        **{name: getattr(sums, name) for name in _SUMMED},
        "turns": max(call.turn for call in calls),
        "models": _values(call.model for call in calls),
        "clients": _values(call.client for call in calls),
        "keys": _values(key_names.get(call.key_id, call.key_id) for call in calls),
        "users": _values(call.user for call in calls),
        "branches": further(branches(requests(calls))),
        "agents": len({call.agent for call in calls if call.agent}),
    }


def recompute(connection: sa.Connection, project: int, session: str, now: int) -> bool:
    """Returns False where the session has no call left, and is gone. `now`, microseconds, is when this happens."""
    s, k = schema.sessions.c, schema.keys.c
    calls = calls_of(connection, project, session)
    for table in (schema.facets, schema.session_bodies):
        connection.execute(sa.delete(table).where(table.c.project == project, table.c.session == session))
    here = (s.project == project, s.id == session)
    if not calls:
        connection.execute(sa.delete(schema.sessions).where(*here))
        return False
    names = {"master": "master"} | {row.id: row.name for row in connection.execute(sa.select(k.id, k.name))}
    connection.execute(
        sa.update(schema.sessions).where(*here).values(**fold(calls, names), contents=True, updated_at=now)
    )
    found = facets(calls, connection.scalar(sa.select(s.tags).where(*here)) or [])
    found |= {("key", names.get(call.key_id, call.key_id)[: schema.LONGEST]) for call in calls}
    at = {"project": project, "session": session}
    insert(connection, schema.facets, [at | {"kind": kind, "value": value} for kind, value in sorted(found)])
    hashes = sorted(needed(connection, project, session))
    insert(connection, schema.session_bodies, [at | {"hash": hashed} for hashed in hashes])
    return True


def calls_of(connection: sa.Connection, project: int, session: str) -> Sequence[Any]:
    """All of a session, as far as `fold` and `facets` need them."""
    c = schema.calls.c
    mine = sa.select(*(c[name] for name in _COLUMNS)).where(c.project == project, c.session == session)
    return connection.execute(mine.order_by(c.created_at, c.id)).all()


def facets(calls: Sequence[Any], tags: Iterable[str]) -> set[tuple[str, str]]:
    """Kinds and values, without keys."""
    kinds = ("model", "client", "user", "agent")
    found = {("tag", tag) for tag in tags} | {(kind, getattr(call, kind)) for call in calls for kind in kinds}
    return {(kind, value[: schema.LONGEST]) for kind, value in found if value}


_COLUMNS = (
    *("id", "parent", "origin", "origin_kind", "agent", "side", "leaf_node", "turn", "status", "created_at"),
    *("finished_at", "model", "client", "key_id", "user", "cost", *_TOKENS),
)


def _values(every: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, every)))[:MOST]


def needed(connection: sa.Connection, project: int, session: str) -> set[bytes]:
    """The bodies beside the tree that the session's requests and answers are put together from."""
    c, e = schema.calls.c, schema.exchanges.c
    packed = sa.select(e.request, e.response).select_from(schema.calls)
    packed = packed.join(schema.exchanges, sa.and_(e.project == c.project, e.call_id == c.id))
    found: set[bytes] = set()
    for row in connection.execute(packed.where(c.project == project, c.session == session)):
        for recipe in (tree.recipe(p) for p in row if p is not None):
            found |= {*recipe.lifted.values(), *recipe.preamble}
    return found
