"""What people change: a session's title and tags, and deleting it with everything that only it needs.

Messages and bodies are shared within a project. A message stays while another call's path goes through it: while
it is a call's input leaf or answer, or the parent of a message that stays. A body stays while a message or another
session's request needs it.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.store import conversations, schema, search, tree
from sessionary.store.writes import clean, insert, present, transaction

_SLICE = 500
_SCAN = 10_000
"""Values in one look-up that no index serves: each costs a walk through the table."""
_USUAL = frozenset({"user", "assistant", "tool", "function"})


def patch_session(engine: sa.Engine, project: int, session: str, title: str | None, tags: list[str] | None) -> None:
    s = schema.sessions.c
    values: dict[str, object] = {"updated_at": time.time_ns() // 1000}
    if title is not None:
        values |= {"title": title, "title_set": True}
    if tags is not None:
        values["tags"] = tags
    with transaction(engine) as connection:
        connection.execute(
            sa.update(schema.sessions).where(s.project == project, s.id == session).values(clean(values))
        )


def forget_answer(engine: sa.Engine, project: int, call_id: str) -> None:
    """Clients cannot go on from this call any more; the log keeps it."""
    with transaction(engine) as connection:
        insert(connection, schema.forgotten, [{"project": project, "call_id": call_id}])


def delete_session(engine: sa.Engine, project: int, session: str) -> None:
    """Calls of it that are in flight are answered, and leave nothing."""
    c, b, f, s = schema.calls.c, schema.session_bodies.c, schema.facets.c, schema.sessions.c
    with transaction(engine) as connection:
        beside = connection.scalars(sa.select(b.hash).where(b.project == project, b.session == session)).all()
        walked = tree.reached(connection, project, session)
        search.remove(connection, project, session)
        calls = sa.select(c.id).where(c.project == project, c.session == session)
        _forget(connection, project, calls)
        conversations.restart(connection, project, calls)
        for table in (schema.exchanges, schema.partials):
            connection.execute(sa.delete(table).where(table.c.project == project, table.c.call_id.in_(calls)))
        connection.execute(sa.delete(schema.calls).where(c.project == project, c.session == session))
        connection.execute(sa.delete(schema.session_bodies).where(b.project == project, b.session == session))
        connection.execute(sa.delete(schema.facets).where(f.project == project, f.session == session))
        connection.execute(sa.delete(schema.sessions).where(s.project == project, s.id == session))
        freed = _free_messages(connection, project, walked)
        _free_bodies(connection, project, {*beside, *freed})


def _forget(connection: sa.Connection, project: int, calls: sa.Select[Any]) -> None:
    """Spool and memory may still hold what the store has no more: nothing goes on from it."""
    rows = [{"project": project, "call_id": call_id} for call_id in connection.scalars(calls)]
    insert(connection, schema.forgotten, rows)


def _free_messages(connection: sa.Connection, project: int, walked: list[tree.Node]) -> set[bytes]:
    """Deletes those of `walked` that nothing needs; returns the hashes of their bodies."""
    held = _ends(connection, project, walked)
    children: dict[bytes, list[bytes]] = {}
    for row in present(connection, schema.messages, "parent", project, [n.id for n in walked], "id"):
        children.setdefault(row.parent, []).append(row.id)
    freed: dict[bytes, tree.Node] = {}
    for node in sorted(walked, key=lambda n: n.depth, reverse=True):
        if node.id not in held and all(child in freed for child in children.get(node.id, ())):
            freed[node.id] = node
    m = schema.messages.c
    for part in _parts(freed, _SLICE):
        connection.execute(sa.delete(schema.messages).where(m.project == project, m.id.in_(part)))
    return {h for node in freed.values() for h in (node.frame, node.text) if h is not None}


def _ends(connection: sa.Connection, project: int, walked: list[tree.Node]) -> set[bytes]:
    """The messages at which a call's path ends. Calls are found by the message's node, for that is indexed."""
    nodes = {n.node for n in walked}
    ends = {row.leaf for row in present(connection, schema.calls, "leaf_node", project, nodes, "leaf")}
    ends |= {row.output for row in present(connection, schema.calls, "output_node", project, nodes, "output")}
    c = schema.calls.c
    for part in _parts(_unusual(connection, project, walked), _SCAN):
        for column in (c.leaf, c.output):
            ends |= set(connection.scalars(sa.select(column).where(c.project == project, column.in_(part))))
    return ends


def _unusual(connection: sa.Connection, project: int, walked: list[tree.Node]) -> list[bytes]:
    """Messages that mean one thing as an answer and another as input, so that the node of a call which ends there
    may not be the node of the message: those whose role is not plainly there."""
    raws = tree.raws(connection, project, walked)
    return [node.id for node, raw in zip(walked, raws, strict=True) if _role(raw) not in _USUAL]


class _Role(msgspec.Struct):
    role: str = ""


def _role(raw: bytes) -> str:
    try:
        return msgspec.json.decode(raw, type=_Role).role
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _free_bodies(connection: sa.Connection, project: int, hashes: set[bytes]) -> None:
    """Deletes the bodies that no message and no session of the project refers to."""
    free = hashes - {row.hash for row in present(connection, schema.session_bodies, "hash", project, hashes)}
    m, b = schema.messages.c, schema.bodies.c
    for part in _parts(free, _SCAN):
        for column in (m.frame, m.text):
            used = sa.select(column).where(m.project == project, column.in_(part)).distinct()
            free = free - set(connection.scalars(used))
    for part in _parts(free, _SLICE):
        connection.execute(sa.delete(schema.bodies).where(b.project == project, b.hash.in_(part)))


def _parts(values: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
