"""Hashing stored messages by the rules of this version: nodes, and with them what calls are found by.

A new normalisation rule changes what messages mean, never their ids. So the tree is walked from its roots, each
message read anew, and where its node is another the row is given it, and with it the calls that end there, for
sweeping finds them by it; then the calls, for what else they are found by. It goes in small transactions, while the
gateway runs or not, and may be broken off and begun again: what is there already is left as it is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary import ids
from sessionary.store import schema, tree
from sessionary.store.writes import insert, transaction
from sessionary.wire import loose, meaning
from sessionary.wire.reading import read
from sessionary.wire.responses import item_ids

_PAGE = 500
_NAME = "meaning"
Resolve = Callable[[int, str], bytes | None]
"""Project and an item's id -> the item that a reference stands for; None where it is not to be found any more."""
Told = Callable[[int], None]


class Counts(msgspec.Struct):
    messages: int = 0
    calls: int = 0
    changed: int = 0
    """Messages and calls."""


def version(connection: sa.Connection) -> int | None:
    """Of the rules that what is stored was hashed by; None where nothing is."""
    v = schema.versions.c
    known: int | None = connection.scalar(sa.select(v.version).where(v.name == _NAME))
    if known is None and connection.scalar(sa.select(schema.messages.c.depth).limit(1)) is not None:
        return 1
    return known


def note_version(connection: sa.Connection) -> None:
    """From now on everything is hashed by the rules of this version."""
    v = schema.versions
    insert(connection, v, [{"name": _NAME, "version": meaning.VERSION}])
    connection.execute(sa.update(v).where(v.c.name == _NAME).values(version=meaning.VERSION))


def rehash(engine: sa.Engine, resolve: Resolve, told: Told = lambda _: None, page: int = _PAGE) -> Counts:
    """`told` hears of how many messages and calls have been looked at, after each `page` of them."""
    counts = Counts()
    with engine.connect() as connection:
        projects = connection.scalars(sa.select(schema.projects.c.id).order_by(schema.projects.c.id)).all()
    for project in projects:
        for looked_at, changed in _messages(engine, project, resolve, page):
            counts.messages += looked_at
            counts.changed += changed
            told(counts.messages)
        for looked_at, changed in _calls(engine, project, page):
            counts.calls += looked_at
            counts.changed += changed
            told(counts.messages + counts.calls)
    with transaction(engine) as connection:
        note_version(connection)
    return counts


@dataclass(slots=True)
class _Before:
    """A message that others hang on."""

    node: bytes
    parent_node: bytes
    prefill: str = ""
    """Its text, where it may be the beginning of the answer after it."""


@dataclass(slots=True)
class _Level:
    """Messages that hang on the same few others, page by page."""

    before: dict[bytes | None, _Before]
    last: bytes = b""


def _messages(engine: sa.Engine, project: int, resolve: Resolve, page: int) -> Iterator[tuple[int, int]]:
    """From the roots down, so that a message is read when what it hangs on has been."""
    root = ids.root_node(project)
    levels = [_Level({None: _Before(root, root)})]
    while levels:
        level = levels[-1]
        with transaction(engine) as connection:
            rows = connection.execute(_hanging(project, level).limit(page)).all()
            if not rows:
                levels.pop()
                continue
            level.last = rows[-1].id
            below: dict[bytes | None, _Before] = {}
            changed = []
            for row, raw in zip(rows, tree.raws(connection, project, rows), strict=True):
                before = level.before[row.parent]
                below[row.id] = here = _read(row, raw, before, project, resolve)
                if here.node != row.node:
                    changed.append({"b_id": row.id, "b_node": row.node, "node": here.node})
            _update(connection, schema.messages, project, changed)
            _move_ends(connection, project, changed)
        levels.append(_Level(below))
        yield len(rows), len(changed)


def _hanging(project: int, level: _Level) -> sa.Select[Any]:
    m = schema.messages.c
    parents = [parent for parent in level.before if parent is not None]
    on = m.parent.in_(parents) if parents else m.parent.is_(None)
    columns = (m.id, m.parent, m.node, m.role, m.format, m.answer, m.frame, m.text)
    return sa.select(*columns).where(m.project == project, on, m.id > level.last).order_by(m.id)


def _move_ends(connection: sa.Connection, project: int, changed: list[dict[str, Any]]) -> None:
    """Gives calls the new nodes of the messages that they end at, by the old ones, for those are indexed."""
    c = schema.calls.c
    for end, node in ((c.leaf, c.leaf_node), (c.output, c.output_node)) if changed else ():
        mine = sa.and_(c.project == project, node == sa.bindparam("b_node"), end == sa.bindparam("b_id"))
        connection.execute(sa.update(schema.calls).where(mine).values({node.name: sa.bindparam("node")}), changed)


def _read(row: Any, raw: bytes, before: _Before, project: int, resolve: Resolve) -> _Before:
    message, meant = read(_itself(row, raw, project, resolve), row.format, answer=row.answer)
    node = before.node
    if row.answer and (begun := meaning.prefilled(before.prefill, message)):
        node, meant = before.parent_node, begun
    return _Before(meaning.fold(node, meant), before.node, "" if row.answer else meaning.prefill(message))


def _itself(row: Any, raw: bytes, project: int, resolve: Resolve) -> bytes:
    """Of a reference, the item."""
    if row.format != "responses" or row.answer or b"item_reference" not in raw:
        return raw
    named = item_ids.referred(loose.read_any(raw))
    return (resolve(project, named) if named else None) or raw


def _calls(engine: sa.Engine, project: int, page: int) -> Iterator[tuple[int, int]]:
    c = schema.calls.c
    last = ""
    while True:
        with transaction(engine) as connection:
            columns = (c.id, c.leaf, c.output, c.input_depth, c.key_id, c.user, c.source)
            columns += (c.leaf_node, c.output_node, c.answer_key, c.scope)  # type: ignore[assignment]
            query = sa.select(*columns).where(c.project == project, c.id > last)
            rows = connection.execute(query.order_by(c.id).limit(page)).all()
            if not rows:
                return
            last = rows[-1].id
            nodes = _nodes(connection, project, rows)
            changed = []
            for row in rows:
                found = {
                    "leaf_node": row.leaf_node if row.leaf is None else nodes.get(row.leaf),
                    "output_node": row.output_node if row.output is None else nodes.get(row.output),
                    "answer_key": _answer_key(connection, project, row),
                    "scope": ids.scope(row.key_id, row.user, row.source),
                }
                if any(getattr(row, name) != value for name, value in found.items()):
                    changed.append({"b_id": row.id, **found})
            _update(connection, schema.calls, project, changed)
        yield len(rows), len(changed)


def _nodes(connection: sa.Connection, project: int, rows: Sequence[Any]) -> dict[bytes | None, bytes]:
    m = schema.messages.c
    ends = {end for row in rows for end in (row.leaf, row.output) if end is not None}
    found = connection.execute(sa.select(m.id, m.node).where(m.project == project, m.id.in_(ends)))
    return {row.id: row.node for row in found}


def _answer_key(connection: sa.Connection, project: int, row: Any) -> bytes | None:
    said: list[bytes] = []
    begun = ""
    for stored in tree.path(connection, project, row.output, max(0, row.input_depth - 1)):
        message, meant = read(stored.raw, stored.format, answer=stored.answer)
        if stored.depth > row.input_depth:
            said += (not said and meaning.prefilled(begun, message)) or meant
        else:
            begun = meaning.prefill(message)
    return meaning.answer_key(project, tuple(said))


def _update(connection: sa.Connection, table: sa.Table, project: int, rows: list[dict[str, Any]]) -> None:
    if rows:
        named = [n for n in rows[0] if not n.startswith("b_")]
        mine = sa.and_(table.c.project == project, table.c.id == sa.bindparam("b_id"))
        connection.execute(sa.update(table).where(mine).values({n: sa.bindparam(n) for n in named}), rows)
