"""How much two requests have in common from their beginning, by the message tree: equal ids are equal paths.

A request that goes on from another has that one's last message on its path, at its depth. Where it has not, both paths
are walked up to where they meet, all pairs at once. Marks for a provider's cache are no difference.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from sessionary.store import schema, tree
from sessionary.store.questions import present
from sessionary.wire import literal
from sessionary.wire.bare import same

Row = sa.Row[Any]
Ends = Mapping[str, tuple[bytes, bytes]]
"""By any name: the last messages of two paths."""
_MOST = 40_000
"""Messages that are looked at: where clients rewrite long histories again and again, the rest is not known."""
_TEXT = b'"\\u0000"'
"""Stands for a message's text, where only its frame is compared."""


@dataclass(slots=True)
class _Walk:
    """From the ends of two paths up, in step."""

    one: bytes | None
    other: bytes | None
    pairs: list[tuple[Row, Row]] = field(default_factory=list)
    """Messages at one depth that have not the same id, deepest first."""
    shorter: int = 0
    """The depth of the first path's end, where the other goes on."""

    def up(self, known: Mapping[bytes, Row]) -> bool:
        """As far as messages are known; True where the paths have met."""
        while self.one != self.other:
            one = known.get(self.one) if self.one else None
            other = known.get(self.other) if self.other else None
            if (self.one and one is None) or (self.other and other is None):
                return False
            deep, other_deep = one.depth if one else 0, other.depth if other else 0
            if one is not None and other is not None and deep == other_deep:
                self.pairs.append((one, other))
            elif deep < other_deep and not self.shorter and not self.pairs:
                self.shorter = deep + 1
            if one is not None and deep >= other_deep:
                self.one = one.parent
            if other is not None and other_deep >= deep:
                self.other = other.parent
        return True


def parted(
    connection: sa.Connection, project: int, session: str, ids: tree.Ids = None
) -> dict[str, tuple[bytes, bytes]]:
    """Those calls whose path the last message of their parent's request is not on, by id: a message of their path, at
    its depth or above, and that last message."""
    c, p, m = schema.calls.c, schema.calls.alias("parents").c, schema.messages
    mine = [c.project == project, c.session == session, *([] if ids is None else [c.id.in_(ids)])]
    pair = sa.and_(p.project == c.project, p.id == c.parent, p.leaf.is_not(None))
    both = schema.calls.join(p.leaf.table, pair)
    end = sa.and_(m.c.project == c.project, m.c.id == c.leaf, m.c.depth > p.input_depth)
    walk = (
        sa.select(c.id.label("call_id"), p.leaf.label("told"), p.input_depth.label("above"), m.c.parent, m.c.depth)
        .select_from(both.join(m, end))
        .where(*mine)
        .cte("walk", recursive=True)
    )
    up = sa.select(walk.c.call_id, walk.c.told, walk.c.above, m.c.parent, m.c.depth)
    up = up.join(walk, m.c.id == walk.c.parent).where(m.c.project == project, m.c.depth > walk.c.above)
    walk = walk.union_all(up)
    here = (walk.c.depth == walk.c.above + 1, walk.c.parent != walk.c.told)
    long = sa.select(walk.c.call_id, walk.c.parent, walk.c.told).where(*here)
    short = sa.select(c.id, c.leaf, p.leaf).select_from(both)
    short = short.where(*mine, c.input_depth <= p.input_depth, c.leaf != p.leaf)
    return {call: (end, told) for query in (long, short) for call, end, told in connection.execute(query)}


def first_difference(connection: sa.Connection, project: int, ends: Ends) -> dict[str, int]:
    """Of each pair of paths: the depth of the first message in which they differ, up to the end of the second. Pairs
    that have none are left out; 0 where that would be too much to find out."""
    walks = {name: _Walk(one, other) for name, (one, other) in ends.items()}
    known: dict[bytes, Row] = {}
    going = dict(walks)
    while going:
        wanted = {id for walk in going.values() for id in (walk.one, walk.other) if id is not None} - known.keys()
        if len(known) + len(wanted) > _MOST:
            break
        known |= {row.id: row for row in _messages(connection, project, wanted)}
        going = {name: walk for name, walk in going.items() if not walk.up(known)}
    found = dict.fromkeys(going, 0)
    met = {name: walk for name, walk in walks.items() if name not in going}
    forms = _forms(connection, project, met.values())
    for name, walk in met.items():
        other = next((one.depth for one, other in reversed(walk.pairs) if not _same(one, other, forms)), walk.shorter)
        if other:
            found[name] = other
    return found


def _messages(connection: sa.Connection, project: int, wanted: Iterable[bytes]) -> Sequence[Row]:
    columns = ("parent", "depth", "frame", "text", "node", "answer")
    return present(connection, schema.messages, "id", project, wanted, *columns)


def _forms(connection: sa.Connection, project: int, walks: Iterable[_Walk]) -> dict[bytes, bytes]:
    """The frames that matter, as messages without their text."""
    needed: set[bytes] = set()
    for walk in walks:
        for one, other in reversed(walk.pairs):
            if one.answer or other.answer:
                continue
            if one.text != other.text:
                break
            if one.frame != other.frame:
                needed |= {one.frame, other.frame}
    bodies = tree.load_bodies(connection, project, needed)
    return {hashed: literal.whole(body, _TEXT if body[:1] != b"\0" else None) for hashed, body in bodies.items()}


def _same(one: Row, other: Row, forms: Mapping[bytes, bytes]) -> bool:
    if one.answer or other.answer:  # what a provider said has other fields than what is sent back
        return bool(one.node == other.node)
    if one.text != other.text:
        return False
    return bool(one.frame == other.frame) or same(forms[one.frame], forms[other.frame])
