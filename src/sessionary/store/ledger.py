"""What became of the calls that a gateway's writers began. A gateway is a data folder; several may share a store.

    begun = stored + set aside + damaged + what is in the spool behind the writer's cursor

Invariants
    1. A writer's counts stand in its cursor's row and are committed with the calls that they count.
    2. A row goes when its writer's folder has gone, and is added to the gateway's in the same transaction. A folder
       that is there after that would be read, and counted, from its start again: so folders go first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sessionary.store import schema, writes


@dataclass(frozen=True, slots=True)
class Counts:
    """Calls. The four columns of both tables."""

    begun: int = 0
    stored: int = 0
    set_aside: int = 0
    """They could not be understood, or the database would not have them."""
    damaged: int = 0
    """They were in the spool, and could not be read from it."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, n) + getattr(other, n) for n in _NAMES))

    def row(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in _NAMES}


_NAMES = tuple(field.name for field in fields(Counts))


def by_writer(connection: sa.Connection, gateway: str) -> dict[str, Counts]:
    """Of writers whose folder may still be there."""
    c = schema.cursors.c
    rows = connection.execute(sa.select(c.writer, *(c[n] for n in _NAMES)).where(c.gateway == gateway))
    return {row.writer: _counts(row) for row in rows}


def of_the_gone(connection: sa.Connection, gateway: str) -> Counts:
    c = schema.ledger.c
    row = connection.execute(sa.select(*(c[n] for n in _NAMES)).where(c.gateway == gateway)).first()
    return _counts(row) if row else Counts()


def save(
    connection: sa.Connection, gateway: str, stood: Mapping[str, tuple[tuple[int, int], Counts]], reached: int = 0
) -> None:
    """Writer -> its cursor (segment, offset), and its counts up to there. `reached`: see `others`."""
    rows = [
        {"writer": writer, "gateway": gateway, "segment": segment, "offset": offset, **counts.row(), "reached": reached}
        for writer, ((segment, offset), counts) in sorted(stood.items())
    ]
    writes.upsert(connection, schema.cursors, rows)


def fold(connection: sa.Connection, gateway: str, gone: Iterable[str]) -> None:
    """Writers whose folders are not there any more."""
    counted = by_writer(connection, gateway)
    for writer in gone:
        counts = counted.get(writer, Counts())
        insert: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(schema.ledger)
        added = {name: schema.ledger.c[name] + insert.excluded[name] for name in _NAMES}
        row = {"gateway": gateway, **counts.row()}
        connection.execute(insert.on_conflict_do_update(index_elements=["gateway"], set_=added), row)
        c = schema.cursors.c
        connection.execute(sa.delete(schema.cursors).where(c.writer == writer, c.gateway.in_(("", gateway))))


def _counts(row: sa.Row[Any]) -> Counts:
    return Counts(*(row._mapping[n] for n in _NAMES))
