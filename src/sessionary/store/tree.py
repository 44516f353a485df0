"""Reading the message tree: a path from a message to its root, and bodies put together again."""

from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.store import schema
from sessionary.store.pack import unpack
from sessionary.store.writes import present
from sessionary.wire.recipe import Recipe
from sessionary.wire.split import join


class Stored(msgspec.Struct, frozen=True):
    """One message at one place."""

    id: bytes
    depth: int
    role: str
    raw: bytes


def path(connection: sa.Connection, project: int, leaf: bytes | None, above: int = 0) -> list[Stored]:
    """From the root (or from the first message deeper than `above`) to `leaf`."""
    if leaf is None:
        return []
    m = schema.messages
    walk = (
        sa.select(m.c.id, m.c.parent, m.c.depth, m.c.role, m.c.body)
        .where(m.c.project == project, m.c.id == leaf, m.c.depth > above)
        .cte("walk", recursive=True)
    )
    up = (
        sa.select(m.c.id, m.c.parent, m.c.depth, m.c.role, m.c.body)
        .join(walk, m.c.id == walk.c.parent)
        .where(m.c.project == project, m.c.depth > above)
    )
    rows = connection.execute(sa.select(walk.union_all(up))).all()
    bodies = load_bodies(connection, project, {row.body for row in rows})
    return [Stored(r.id, r.depth, r.role, bodies[r.body]) for r in sorted(rows, key=lambda r: r.depth)]


def load_bodies(connection: sa.Connection, project: int, hashes: set[bytes]) -> dict[bytes, bytes]:
    return {row.hash: unpack(row.data) for row in present(connection, schema.bodies, "hash", project, hashes, "data")}


def recipe(packed: bytes) -> Recipe:
    return msgspec.msgpack.decode(unpack(packed), type=Recipe)


def rebuild(connection: sa.Connection, project: int, packed: bytes, leaf: bytes | None) -> bytes:
    """A body as it was sent. For an answer, `leaf` is its message."""
    r = recipe(packed)
    if r.whole:
        return r.shell
    bodies = load_bodies(connection, project, {*r.lifted.values(), *r.preamble})
    lifted = {key: bodies[hashed] for key, hashed in r.lifted.items()}
    if r.chain.startswith("choices."):
        assert leaf is not None
        messages = [one(connection, project, leaf)]
    else:
        messages = [bodies[h] for h in r.preamble] + [s.raw for s in path(connection, project, leaf)]
    return join(r.shell, lifted, r.chain, messages)


def one(connection: sa.Connection, project: int, message: bytes) -> bytes:
    m = schema.messages.c
    body = connection.execute(sa.select(m.body).where(m.project == project, m.id == message)).scalar_one()
    return load_bodies(connection, project, {body})[body]


def request_body(connection: sa.Connection, call: sa.Row[Any]) -> bytes:
    e = schema.exchanges.c
    packed = connection.execute(
        sa.select(e.request).where(e.project == call.project, e.call_id == call.id)
    ).scalar_one()
    return rebuild(connection, call.project, packed, call.leaf)


def response_body(connection: sa.Connection, call: sa.Row[Any]) -> bytes | None:
    """The answer, a stream's assembled; None while there is none."""
    e = schema.exchanges.c
    packed = connection.scalar(sa.select(e.response).where(e.project == call.project, e.call_id == call.id))
    return None if packed is None else rebuild(connection, call.project, packed, call.output)


def raw_events(connection: sa.Connection, call: sa.Row[Any]) -> bytes | None:
    """A streamed answer's bytes as they came; None where it was not streamed."""
    e = schema.exchanges.c
    packed = connection.scalar(sa.select(e.raw).where(e.project == call.project, e.call_id == call.id))
    return None if packed is None else unpack(packed)
