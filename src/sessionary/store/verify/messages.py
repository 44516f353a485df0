"""The message tree: every message is what its id and its node say, hangs on one that is there, and is needed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
import zstandard

from sessionary import ids
from sessionary.store import scan, schema
from sessionary.store.pack import unpack
from sessionary.store.questions import present
from sessionary.store.sweep import UNNEEDED
from sessionary.store.verify.found import PAGE, Check, Difference
from sessionary.wire import literal, meaning
from sessionary.wire.reading import read

_BITS = 27
_COLUMNS = ("parent", "node", "depth", "role", "format", "answer", "frame", "text")
_m = schema.messages.c


class Messages:
    """Of one project. Remembers which bodies are named, in a field of bits: a few of a million that nobody names may be
    overlooked."""

    def __init__(self, engine: sa.Engine, project: int, *, nodes: bool) -> None:
        """`nodes`: whether they are of this version's rules, and can be derived."""
        self._engine = engine
        self._project = project
        self._meaning = nodes
        self._named = bytearray(1 << (_BITS - 3))
        self._suspects: set[bytes] = set()

    def check(self) -> Check:
        return Check(_m.id, [_m.project == self._project], self._look)

    def bodies(self) -> Check:
        """After the messages."""
        return Check(schema.bodies.c.hash, [schema.bodies.c.project == self._project], self._bodies)

    def _look(self, connection: sa.Connection, values: Sequence[bytes]) -> Iterator[tuple[bytes, Difference]]:
        rows = self._rows(connection, values)
        above = self._rows(connection, {r.parent for r in rows.values() if r.parent is not None})
        further = self._rows(connection, {r.parent for r in above.values() if r.parent is not None})
        bodies = load(connection, self._project, _bodies_of([*rows.values(), *above.values()]))
        free = connection.execute(UNNEEDED, {"project": self._project, "ids": list(values)}).all()
        listed = {row.ref for row in self._listed(connection, "message", (row.id for row in free))}
        for row in rows.values():
            for hashed in _bodies_of([row]):
                self._note(hashed)
            for what in self._wrong(row, above, further, bodies):
                yield row.id, self._told("message", row.id, what)
        for row in free:
            if row.id not in listed:
                yield row.id, self._told("message", row.id, "nothing needs it")

    def _wrong(
        self, row: Any, above: Mapping[bytes, Any], further: Mapping[bytes, Any], bodies: Mapping[bytes, bytes]
    ) -> Iterator[str]:
        parent = above.get(row.parent)
        if row.parent is not None and parent is None:
            yield "what it hangs on is not there"
        if row.depth != (1 if row.parent is None else parent.depth + 1 if parent else row.depth):
            yield f"its depth is not {row.depth}"
        if (raw := _raw(row, bodies)) is None:
            yield "its bytes are not there"
            return
        root = ids.root_node(self._project)
        if row.id != ids.digest(row.parent or root, ids.digest(raw)):
            yield "its id is not that of its bytes"
        if not self._meaning or (row.parent is not None and parent is None) or b"item_reference" in raw:
            return  # what a reference means is not in its bytes
        before = root if parent is None else parent.node
        node = self._node(row, raw, before, parent, further, bodies)
        if node is not None and node != row.node:
            yield "its node is not that of what it means"

    def _node(
        self,
        row: Any,
        raw: bytes,
        before: bytes,
        parent: Any,
        further: Mapping[bytes, Any],
        bodies: Mapping[bytes, bytes],
    ) -> bytes | None:
        """None where that cannot be told."""
        message, meant = read(raw, row.format, answer=row.answer)
        if row.answer and parent is not None and not parent.answer:
            if (asked := _raw(parent, bodies)) is None:
                return None
            begun = meaning.prefill(read(asked, parent.format, answer=False)[0])
            if told := meaning.prefilled(begun, message):
                up = further.get(parent.parent)
                return meaning.fold(up.node if up is not None else ids.root_node(self._project), told)
        return meaning.fold(before, meant)

    # -- bodies

    def _bodies(self, connection: sa.Connection, values: Sequence[bytes]) -> Iterator[tuple[bytes, Difference]]:
        there = load(connection, self._project, values)
        for hashed in values:
            if ids.digest(there.get(hashed, b"")) != hashed:
                yield hashed, self._told("body", hashed, "its hash is not that of its bytes")
        self._suspects |= self._unneeded(connection, {h for h in values if not self._is_noted(h)})

    def unnamed(self) -> Iterator[Difference]:
        """Bodies that nothing names, once all are looked at. Those that may have been named since are looked for."""
        last = b""
        while self._suspects:
            named = sa.select(_m.id, _m.frame, _m.text).where(_m.project == self._project, _m.id > last)
            with self._engine.connect() as connection:
                rows = connection.execute(named.order_by(_m.id).limit(10 * PAGE)).all()
                if not rows:
                    self._suspects = self._unneeded(connection, self._suspects)
                    break
            last = rows[-1].id
            self._suspects -= {hashed for row in rows for hashed in (row.frame, row.text)}
        yield from (self._told("body", hashed, "nothing names it") for hashed in self._suspects)

    def _unneeded(self, connection: sa.Connection, hashes: set[bytes]) -> set[bytes]:
        """Those that are there, that no session needs, and that the sweep does not know of."""
        there = {row.hash for row in present(connection, schema.bodies, "hash", self._project, hashes)}
        there -= {row.hash for row in present(connection, schema.session_bodies, "hash", self._project, there)}
        return there - {row.ref for kind in ("body", "scanned") for row in self._listed(connection, kind, there)}

    def _note(self, hashed: bytes) -> None:
        at = int.from_bytes(hashed[:8], "big") & ((1 << _BITS) - 1)
        self._named[at >> 3] |= 1 << (at & 7)

    def _is_noted(self, hashed: bytes) -> bool:
        at = int.from_bytes(hashed[:8], "big") & ((1 << _BITS) - 1)
        return bool(self._named[at >> 3] & (1 << (at & 7)))

    # -- rows

    def _rows(self, connection: sa.Connection, values: Iterable[bytes]) -> dict[bytes, Any]:
        return {r.id: r for r in present(connection, schema.messages, "id", self._project, values, *_COLUMNS)}

    def _listed(self, connection: sa.Connection, kind: str, refs: Iterable[bytes]) -> Iterator[Any]:
        u = schema.unneeded.c
        for part in scan.parts(refs):
            here = (u.project == self._project, u.kind == kind, u.ref.in_(part))
            yield from connection.execute(sa.select(u.ref).where(*here))

    def _told(self, kind: str, id: bytes, what: str) -> Difference:
        return Difference(kind, self._project, id.hex(), what)


def load(connection: sa.Connection, project: int, hashes: Iterable[bytes]) -> dict[bytes, bytes]:
    """Bodies, without those that cannot be read."""
    found = {}
    for row in present(connection, schema.bodies, "hash", project, hashes, "data"):
        try:
            found[row.hash] = unpack(row.data)
        except zstandard.ZstdError:
            continue
    return found


def _bodies_of(rows: Iterable[Any]) -> set[bytes]:
    return {hashed for row in rows for hashed in (row.frame, row.text) if hashed is not None}


def _raw(row: Any, bodies: Mapping[bytes, bytes]) -> bytes | None:
    if row.frame not in bodies or (row.text is not None and row.text not in bodies):
        return None
    return literal.whole(bodies[row.frame], None if row.text is None else bodies[row.text])
