"""Bodies that nobody needs any more: found by reading all of a project's messages once.

No index tells who names a body, so that storing a message stays cheap. Instead hashes are collected in `unneeded`
when a session or a message that named them goes, and a scan looks for as many of them at once as it may:

    claim    hashes of kind `body` become `scanned`, a slice a transaction; those that a session needs are let off
    read     all messages in the order of their ids, a batch at a time, outside the write lock; what one names is kept
    settle   what no message named is deleted, a slice a transaction

Invariants:

- Whoever stores a message or a session's body takes its hashes off the lists in the same transaction (`spare`).
- What is let go of while a scan is under way is a `body` again, for the next scan. Were it taken up by this one, a
  message that came meanwhile, at a place that has been read, would lose it.
- A scan is its owner's, whose mark is the project's row of kind `scanner`. One that has lost it to another process
  deletes nothing. What a dead process had claimed, the next one that starts goes on with.
"""

from collections.abc import Collection, Iterable

import msgspec
import sqlalchemy as sa

from sessionary.store import schema
from sessionary.store.questions import Question, present
from sessionary.store.writes import insert, transaction

_u = schema.unneeded.c
_LISTS = ("body", "scanned")
_OF_KIND = (
    _u.project == sa.bindparam("project", type_=_u.project.type),
    _u.kind == sa.bindparam("kind", type_=_u.kind.type),
)
_ANY = Question(sa.select(_u.ref).where(*_OF_KIND).limit(1))
_SLICE = 500


class Bounds(msgspec.Struct, frozen=True):
    """How much of what is done in one go."""

    calls: int = 500
    """Deleted, or emptied, in one transaction."""
    sessions: int = 200
    """Whose calls those may be."""
    messages: int = 500
    """Looked at in one transaction."""
    bodies: int = 500
    """Claimed or deleted in one transaction."""
    batch: int = 5_000
    """Messages that a scan reads in one go."""
    scanned: int = 50_000
    """Bodies that one scan looks for."""
    minutes: int = 500
    """Rows of traffic by the minute, deleted in one transaction."""
    forgotten: int = 500
    """Forgotten calls, looked at in one transaction."""
    seconds: float = 0.04
    """After which a transaction takes no further call out of the search index, which is most of what it does."""
    partition: int = 64 << 20
    """Bytes of a table of calls for which it is waited until it can be dropped; see store.partitions."""
    bytes: int = 8 << 20
    """Of exchanges, or of bodies, deleted in one transaction: one of them in any case."""


class Scan:
    """One pass over one project's messages. What it has seen is in memory: if it is lost, the next scan sees it."""

    def __init__(self, engine: sa.Engine, project: int, mark: bytes, bounds: Bounds) -> None:
        self._engine = engine
        self._project = project
        self._mark = mark
        self._bounds = bounds
        self._next = self._claim
        self._claimed = 0
        self._unnamed: set[bytes] = set()
        self._after = b""

    def step(self) -> bool:
        """Whether there is more to do."""
        return self._next()

    def _claim(self) -> bool:
        with transaction(self._engine) as connection:
            if not self._claimed:
                drop(connection, self._project, "scanner")
                note(connection, self._project, "scanner", [self._mark])
            elif not self._is_mine(connection):
                return False
            found = refs(connection, self._project, "body", self._bounds.bodies)
            drop(connection, self._project, "body", found)
            note(connection, self._project, "scanned", found - _needed(connection, self._project, found))
            self._claimed += self._bounds.bodies
            if len(found) == self._bounds.bodies and self._claimed < self._bounds.scanned:
                return True
            self._unnamed = refs(connection, self._project, "scanned")
        self._next = self._read if self._unnamed else self._settle
        return True

    def _read(self) -> bool:
        m = schema.messages.c
        query = sa.select(m.id, m.frame, m.text).where(m.project == self._project, m.id > self._after)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(m.id).limit(self._bounds.batch)).all()
        for row in rows:
            self._unnamed.discard(row.frame)
            self._unnamed.discard(row.text)
        if len(rows) == self._bounds.batch and self._unnamed:
            self._after = rows[-1].id
        else:
            self._next = self._settle
        return True

    def _settle(self) -> bool:
        b = schema.bodies.c
        with transaction(self._engine) as connection:
            if not self._is_mine(connection):
                return False
            found = refs(connection, self._project, "scanned", self._bounds.bodies)
            unnamed = found & self._unnamed
            free = unnamed - _needed(connection, self._project, unnamed)
            later = self._too_many(connection, free)
            for part in parts(free - later):
                connection.execute(sa.delete(schema.bodies).where(b.project == self._project, b.hash.in_(part)))
            drop(connection, self._project, "scanned", found - later)
            if later or len(found) == self._bounds.bodies:
                return True
            drop(connection, self._project, "scanner")
            return False

    def _too_many(self, connection: sa.Connection, free: set[bytes]) -> set[bytes]:
        """Those that are too large to go with the others."""
        size = sa.func.length(schema.bodies.c.data).label("size")
        named = sa.select(schema.bodies.c.hash, size).where(schema.bodies.c.project == self._project)
        later: set[bytes] = set()
        total = 0
        for part in parts(free):
            for row in connection.execute(named.where(schema.bodies.c.hash.in_(part))):
                total += row.size
                if total > self._bounds.bytes and total > row.size:
                    later.add(row.hash)
        return later

    def _is_mine(self, connection: sa.Connection) -> bool:
        return refs(connection, self._project, "scanner") == {self._mark}


def _needed(connection: sa.Connection, project: int, hashes: Collection[bytes]) -> set[bytes]:
    """Those that a session needs beside the tree."""
    return {row.hash for row in present(connection, schema.session_bodies, "hash", project, hashes)}


def spare(connection: sa.Connection, project: int, hashes: Iterable[bytes]) -> None:
    """These bodies are needed, by what this transaction stores."""
    if not any(_ANY.any(connection, [{"project": project, "kind": kind} for kind in _LISTS])):
        return
    listed = (_u.project == project, _u.kind.in_(_LISTS))
    for part in parts(hashes):
        connection.execute(sa.delete(schema.unneeded).where(*listed, _u.ref.in_(part)))


# The table `unneeded`


def refs(connection: sa.Connection, project: int, kind: str, most: int | None = None) -> set[bytes]:
    query = sa.select(_u.ref).where(_u.project == project, _u.kind == kind)
    return set(connection.scalars(query.order_by(_u.ref).limit(most)))


def note(connection: sa.Connection, project: int, kind: str, found: Iterable[bytes]) -> None:
    insert(connection, schema.unneeded, [{"project": project, "kind": kind, "ref": ref} for ref in sorted(found)])


def drop(connection: sa.Connection, project: int, kind: str, found: Iterable[bytes] | None = None) -> None:
    """All of that kind, where `found` is None."""
    listed = (_u.project == project, _u.kind == kind)
    if found is None:
        connection.execute(sa.delete(schema.unneeded).where(*listed))
        return
    for part in parts(found):
        connection.execute(sa.delete(schema.unneeded).where(*listed, _u.ref.in_(part)))


def parts(values: Iterable[bytes]) -> Iterable[list[bytes]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), _SLICE):
        yield ordered[start : start + _SLICE]
