"""Reading the message tree: paths from a message to its root, and bodies put together again."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.errors import Emptied
from sessionary.store import schema
from sessionary.store.pack import unpack
from sessionary.store.questions import present
from sessionary.store.writes import partial_bytes
from sessionary.wire import literal
from sessionary.wire.message import Message
from sessionary.wire.reading import read
from sessionary.wire.recipe import Recipe
from sessionary.wire.split import join


class Stored(msgspec.Struct, frozen=True):
    """One message at one place."""

    id: bytes
    depth: int
    role: str
    format: str
    answer: bool
    raw: bytes

    def message(self) -> Message:
        return read(self.raw, self.format, answer=self.answer)[0]


def _path_query() -> sa.Select[Any]:
    """One statement, and written once: state is rebuilt by it while a client waits."""
    m, b = schema.messages, schema.bodies
    project: sa.BindParameter[int] = sa.bindparam("project")
    frames, texts = b.alias(), b.alias()
    columns = (m.c.id, m.c.parent, m.c.depth, m.c.role, m.c.format, m.c.answer, m.c.frame, m.c.text)
    here = (m.c.project == project, m.c.depth > sa.bindparam("above"))
    walk = sa.select(*columns).where(*here, m.c.id == sa.bindparam("leaf")).cte("walk", recursive=True)
    walk = walk.union_all(sa.select(*columns).join(walk, m.c.id == walk.c.parent).where(*here))
    return (
        sa.select(walk, frames.c.data.label("frame_data"), texts.c.data.label("text_data"))
        .select_from(walk)
        .join(frames, sa.and_(frames.c.project == project, frames.c.hash == walk.c.frame))
        .outerjoin(texts, sa.and_(texts.c.project == project, texts.c.hash == walk.c.text))
        .order_by(walk.c.depth)
    )


_recipe = msgspec.msgpack.Decoder(Recipe)
_PATH = _path_query()


def path(connection: sa.Connection, project: int, leaf: bytes | None, above: int = 0) -> list[Stored]:
    """From the root, or from the first message deeper than `above`, to `leaf`."""
    if leaf is None:
        return []
    rows = connection.execute(_PATH, {"project": project, "leaf": leaf, "above": above})
    frames: dict[bytes, bytes] = {}
    found = []
    for r in rows:
        frame = frames.get(r.frame) or frames.setdefault(r.frame, unpack(r.frame_data))
        raw = literal.whole(frame, None if r.text is None else unpack(r.text_data))
        found.append(Stored(r.id, r.depth, r.role, r.format, r.answer, raw))
    return found


def node_before(connection: sa.Connection, project: int, message: bytes) -> bytes | None:
    """The node of the message before; None for a first one."""
    m, parent = schema.messages.c, schema.messages.alias().c
    above = sa.select(m.parent).where(m.project == project, m.id == message).scalar_subquery()
    found: bytes | None = connection.scalar(sa.select(parent.node).where(parent.project == project, parent.id == above))
    return found


def raws(connection: sa.Connection, project: int, rows: Sequence[Any]) -> list[bytes]:
    """The messages' bytes; each row has `frame` and `text`."""
    hashes = {h for row in rows for h in (row.frame, row.text) if h is not None}
    bodies = load_bodies(connection, project, hashes)
    return [literal.whole(bodies[r.frame], None if r.text is None else bodies[r.text]) for r in rows]


def _stored(connection: sa.Connection, project: int, rows: Sequence[Any]) -> list[Stored]:
    found = raws(connection, project, rows)
    return [Stored(r.id, r.depth, r.role, r.format, r.answer, raw) for r, raw in zip(rows, found, strict=True)]


Ids = Sequence[str] | None
"""Calls; None for all of the session."""


def _mine(project: int, session: str | None, ids: Ids) -> list[sa.ColumnElement[bool]]:
    c = schema.calls.c
    within = [] if session is None else [c.session == session]
    return [c.project == project, *within, *([] if ids is None else [c.id.in_(ids)])]


def added(connection: sa.Connection, project: int, session: str | None, ids: Ids = None) -> dict[str, list[Stored]]:
    """The messages that each call of a session, None: of any, added to what was there before it, by call id."""
    c = schema.calls.c
    return _between(connection, project, session, ids, c.base_depth, c.leaf)


def answers(connection: sa.Connection, project: int, session: str | None, ids: Ids = None) -> dict[str, list[Stored]]:
    """What the model said in each call of a session, None: of any, by call id."""
    c = schema.calls.c
    return _between(connection, project, session, ids, c.input_depth, c.output)


def _between(
    connection: sa.Connection, project: int, session: str | None, ids: Ids, above: sa.Column[int], end: sa.Column[bytes]
) -> dict[str, list[Stored]]:
    """Of each call of the session, the messages on the path to `end` that are deeper than `above`."""
    c, m = schema.calls.c, schema.messages
    columns = (m.c.id, m.c.parent, m.c.depth, m.c.role, m.c.format, m.c.answer, m.c.frame, m.c.text)
    walk = (
        sa.select(c.id.label("call_id"), above.label("above"), *columns)
        .select_from(schema.calls)
        .join(m, sa.and_(m.c.project == c.project, m.c.id == end, m.c.depth > above))
        .where(*_mine(project, session, ids))
        .cte("walk", recursive=True)
    )
    up = (
        sa.select(walk.c.call_id, walk.c.above, *columns)
        .join(walk, m.c.id == walk.c.parent)
        .where(m.c.project == project, m.c.depth > walk.c.above)
    )
    rows = sorted(connection.execute(sa.select(walk.union_all(up))).all(), key=lambda r: r.depth)
    found: dict[str, list[Stored]] = {}
    for row, message in zip(rows, _stored(connection, project, rows), strict=True):
        found.setdefault(row.call_id, []).append(message)
    return found


def _turns_query() -> sa.Select[Any]:
    """Ends at a call whose session has no row, or that has no contents: they are deleted."""
    c, s = schema.calls.c, schema.sessions.c
    project: sa.BindParameter[int] = sa.bindparam("project")
    columns = (c.id, c.parent, c.above, c.session, c.edit, c.created_at, c.status, c.error_message)
    columns += (c.endpoint, c.stream, c.leaf, c.output, s.session_id.label("session_text"))  # type: ignore[assignment]
    e = schema.exchanges.c
    said = sa.exists(sa.select(e.call_id).where(e.project == c.project, e.call_id == c.id))
    named = sa.and_(s.project == c.project, s.id == c.session, said)
    first = sa.select(*columns, sa.literal(0).label("back")).select_from(schema.calls).join(schema.sessions, named)
    walk = first.where(c.project == project, c.id == sa.bindparam("call")).cte("walk", recursive=True)
    up = sa.select(*columns, walk.c.back + 1).select_from(walk).join(schema.calls, c.id == walk.c.parent)
    up = up.join(schema.sessions, named)
    walk = walk.union_all(up.where(c.project == project, walk.c.above > 0))
    return sa.select(walk).order_by(walk.c.back.desc())


_TURNS = _turns_query()


def turns(connection: sa.Connection, project: int, call_id: str) -> Sequence[Any]:
    """The calls that went on from each other without sending again what was said, up to this one; first things first.

    Each row has of its call `id`, `session`, `session_text`, `edit`, `created_at`, `status`, `error_message`,
    `endpoint`, `stream`, `leaf`, `output`, and `above`: what it brought is deeper.
    """
    return connection.execute(_TURNS, {"project": project, "call": call_id}).all()


def load_bodies(connection: sa.Connection, project: int, hashes: set[bytes]) -> dict[bytes, bytes]:
    return {row.hash: unpack(row.data) for row in present(connection, schema.bodies, "hash", project, hashes, "data")}


def recipe(packed: bytes) -> Recipe:
    return _recipe.decode(unpack(packed))


def recipes_of(connection: sa.Connection, project: int, ids: Iterable[str]) -> dict[str, Recipe]:
    """As `recipes`, of these calls."""
    rows = present(connection, schema.exchanges, "call_id", project, ids, "request")
    return {row.call_id: recipe(row.request) for row in rows}


def _rebuilt(connection: sa.Connection, project: int, r: Recipe, end: bytes | None) -> bytes:
    """A body as it was sent. `end` is a request's last message, or an answer's only one."""
    if r.whole:
        return r.shell
    bodies = load_bodies(connection, project, {*r.lifted.values(), *r.preamble})
    lifted = {key: bodies[hashed] for key, hashed in r.lifted.items()}
    messages = [bodies[h] for h in r.preamble]
    if r.chain:
        messages += [s.raw for s in path(connection, project, end, r.above)]
    return join(r.shell, lifted, r.chain, messages)


def request_body(connection: sa.Connection, call: sa.Row[Any]) -> bytes:
    """Raises Emptied, as the others do."""
    return request(connection, call)[0]


def request(connection: sa.Connection, call: sa.Row[Any]) -> tuple[bytes, int]:
    """The body, and how many messages the model had in front of what is in it."""
    r = recipe(_exchange(connection, call, "request").request)
    return _rebuilt(connection, call.project, r, call.leaf), r.above


def headers(connection: sa.Connection, call: sa.Row[Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Of a call's request and of its answer, by name."""
    found = _exchange(connection, call, "request_headers", "response_headers")
    return found.request_headers, found.response_headers or {}


def response_body(connection: sa.Connection, call: sa.Row[Any]) -> bytes | None:
    """The answer, a stream's assembled; None while there is none."""
    packed = _exchange(connection, call, "response").response
    return None if packed is None else _rebuilt(connection, call.project, recipe(packed), call.output)


def raw_events(connection: sa.Connection, call: sa.Row[Any]) -> bytes | None:
    """A streamed answer's bytes as they came, of a call in flight so far; None where there are none."""
    if call.status == "live":
        return partial_bytes(connection, call.project, call.id) or None
    packed = _exchange(connection, call, "raw").raw
    return None if packed is None else unpack(packed)


def _exchange(connection: sa.Connection, call: sa.Row[Any], *columns: str) -> sa.Row[Any]:
    """Raises Emptied where what was said in the call is deleted (see store.emptying)."""
    e, s = schema.exchanges.c, schema.sessions.c
    mine = sa.select(*(e[name] for name in columns)).where(e.project == call.project, e.call_id == call.id)
    if (found := connection.execute(mine).first()) is not None:
        return found
    here = (s.project == call.project, s.id == call.session)
    at = connection.scalar(sa.select(s.emptied_at).where(*here))
    raise emptied(at)


def emptied(at: int | None) -> Emptied:
    """`at`: when, in microseconds, where that is known."""
    when = "" if at is None else f" on {datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%d}"
    return Emptied(f"What was said here was deleted{when}, as the settings for retention say.")
