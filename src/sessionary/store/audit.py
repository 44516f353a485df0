"""The audit log: who did what to projects, keys and what is stored. Only ever added to.

Each deed is told in its own transaction: what was not done is not told, and what could not be told is not done. An
entry says which fields were changed, never a secret, and nothing of what was said in a session: that goes away with
the session, the entry does not. Nothing deletes or changes an entry, also not what ends a session's time.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary import ids
from sessionary.store import schema
from sessionary.store.writes import clean, insert, transaction

Row = sa.Row[Any]
ACTIONS = (
    "call.move",
    "conversation.delete",
    "database.migrate",
    "demo.clear",
    "demo.fill",
    "gateway.lost",
    "gateway.start",
    "key.change",
    "key.create",
    "key.revoke",
    "login.fail",
    "login.key",
    "login.link",
    "login.offer",
    "project.create",
    "rehash",
    "response.delete",
    "session.delete",
    "session.export",
    "session.merge",
    "session.rename",
    "session.replay",
    "session.split",
    "session.tag",
    "view.delete",
    "view.save",
)
"""All that is told of."""
_EVERY = 60.0
"""Seconds between two entries of logins that failed."""
_a = schema.audit.c


class Actor(msgspec.Struct, frozen=True):
    """Who acts."""

    id: str
    """A key's id, `master`, `command` for the command line, `gateway` for the server itself; "" for nobody known."""
    name: str = ""
    """For people, as it is now."""


COMMAND = Actor("command")
GATEWAY = Actor("gateway")
NOBODY = Actor("")


def is_known(action: str) -> bool:
    """Whether there may be entries of that action, or of those that begin with it (see `Wanted`)."""
    return any(one == action or one.startswith(f"{action}.") for one in ACTIONS)


class Wanted(msgspec.Struct, frozen=True):
    """Which entries: those for which all that is given holds. Times in microseconds."""

    action: str = ""
    """`key.create`, or `key` for everything that was done to keys."""
    actor: str = ""
    """Id or name."""
    target: str = ""
    since: int | None = None
    until: int | None = None


def record(
    connection: sa.Connection, by: Actor, action: str, target: str, *, project: int | None = None, **detail: Any
) -> None:
    """`project`: that it concerns; None: the whole gateway. `detail`: anything that is JSON."""
    now = time.time_ns() // 1000
    row = {"id": ids.new_audit_id(now), "at": now, "project": project, "actor": by.id}
    row |= {"actor_name": by.name, "action": action, "target": target, "detail": _plain(detail)}
    insert(connection, schema.audit, [row])


def tell(engine: sa.Engine, by: Actor, action: str, target: str, *, project: int | None = None, **detail: Any) -> None:
    """What changes nothing in the store, or not at once."""
    with transaction(engine) as connection:
        record(connection, by, action, target, project=project, **detail)


def entries(
    engine: sa.Engine, project: int | None, wanted: Wanted, limit: int, before: tuple[int, str] | None = None
) -> Sequence[Row]:
    """Newest first; of one project, or all. `before`: time and id of the last entry that was seen."""
    query = sa.select(schema.audit).order_by(_a.id.desc()).limit(limit)
    if project is not None:
        query = query.where(_a.project == project)
    if before is not None:
        query = query.where(_a.id < before[1])
    if wanted.action:
        below = _a.action.startswith(f"{wanted.action}.", autoescape=True)
        query = query.where(sa.or_(_a.action == wanted.action, below))
    if wanted.actor:
        query = query.where(sa.or_(_a.actor == wanted.actor, _a.actor_name == wanted.actor))
    if wanted.target:
        query = query.where(_a.target == wanted.target)
    if wanted.since is not None:
        query = query.where(_a.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(_a.at <= wanted.until)
    with engine.connect() as connection:
        return connection.execute(query).all()


class FailedLogins:
    """Told at most once a minute, with how many they were: who guesses keys cannot fill the table."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._untold = 0
        self._told_at = float("-inf")

    def add(self, by: str) -> None:
        """`by`: key | link. Blocking."""
        self._untold += 1
        if (now := time.monotonic()) - self._told_at >= _EVERY:
            attempts, self._untold, self._told_at = self._untold, 0, now
            tell(self._engine, NOBODY, "login.fail", by, attempts=attempts)


def _plain(detail: Mapping[str, Any]) -> Any:
    """Texts as both engines take them, at any depth."""
    return {name: _plain_value(value) for name, value in detail.items()}


def _plain_value(value: Any) -> Any:
    match value:
        case str():
            return clean({"": value})[""]
        case Mapping():
            return _plain(value)
        case list() | tuple():
            return [_plain_value(each) for each in value]
        case _:
            return value
