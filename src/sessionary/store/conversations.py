"""Conversations: named pointers into the message tree, and what was put in by hand.

What a conversation holds is the walk up from its *head*, the newest call that was made in it. Items that are added
or removed by hand make a new *edit*: it stands on a *base*, the call that was the head until then ("" where the
conversation starts anew), and has the items after it. A call of an earlier edit that ends late changes nothing.
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from sessionary.store import audit, schema
from sessionary.store.audit import COMMAND, Actor
from sessionary.store.pack import pack, unpack
from sessionary.store.writes import insert, transaction

_c = schema.conversations.c
_i = schema.conversation_items.c
_top = sa.func.coalesce(sa.func.nullif(_c.head, ""), _c.base)
"""The newest call that a conversation stands on."""


class Conversation(msgspec.Struct, frozen=True):
    id: str
    created_at: int
    """Microseconds."""
    metadata: dict[str, str]
    edit: int
    base: str
    head: str
    """A call's id; "" while no call of this edit is stored."""
    items: list[bytes]
    """Put in by hand after the base; JSON."""


class Head(NamedTuple):
    """A call that has ended in a conversation."""

    project: int
    conversation: str
    edit: int
    call_id: str
    parent: str = ""
    """The call that it went on from."""


class Outdated(Exception):
    """Somebody else has edited the conversation meanwhile."""


def create(engine: sa.Engine, project: int, id: str, metadata: dict[str, str], items: Sequence[bytes]) -> None:
    row = {"project": project, "id": id, "created_at": time.time_ns() // 1000, "metadata": metadata}
    with transaction(engine) as connection:
        insert(connection, schema.conversations, [{**row, "edit": 0, "base": "", "head": ""}])
        _put(connection, project, id, items)


def get(engine: sa.Engine, project: int, id: str) -> Conversation | None:
    with engine.connect() as connection:
        row = connection.execute(sa.select(schema.conversations).where(_c.project == project, _c.id == id)).first()
        if row is None:
            return None
        here = (_i.project == project, _i.conversation == id)
        items = connection.scalars(sa.select(_i.item).where(*here).order_by(_i.position)).all()
    return Conversation(
        row.id, row.created_at, row.metadata, row.edit, row.base, row.head, [unpack(item) for item in items]
    )


def describe(engine: sa.Engine, project: int, id: str, metadata: dict[str, str]) -> None:
    with transaction(engine) as connection:
        changed = sa.update(schema.conversations).where(_c.project == project, _c.id == id)
        connection.execute(changed.values(metadata=metadata))


def edit(engine: sa.Engine, project: int, old: Conversation, base: str, items: Sequence[bytes]) -> None:
    """The conversation is `base` and then `items`. Raises Outdated where it is not `old` any more."""
    with transaction(engine) as connection:
        mine = (_c.project == project, _c.id == old.id, _c.edit == old.edit)
        values = {"edit": old.edit + 1, "base": base, "head": ""}
        if connection.execute(sa.update(schema.conversations).where(*mine).values(values)).rowcount != 1:
            raise Outdated
        _drop(connection, project, old.id)
        _put(connection, project, old.id, items)


def delete(engine: sa.Engine, project: int, id: str, by: Actor = COMMAND) -> None:
    """Its calls stay in the log."""
    with transaction(engine) as connection:
        _drop(connection, project, id)
        connection.execute(sa.delete(schema.conversations).where(_c.project == project, _c.id == id))
        audit.record(connection, by, "conversation.delete", id, project=project)


def restart(connection: sa.Connection, project: int, deleted: sa.Select[Any]) -> None:
    """Conversations that stand on a call that is to be deleted start anew. `deleted`: a query of the calls' ids.

    What was put in after those calls stays. A conversation stands on a call that was made in it.
    """
    here = _c.project == project
    made_in = deleted.with_only_columns(schema.calls.c.conversation)
    for row in connection.execute(sa.select(_c.id, _c.head).where(here, _c.id.in_(made_in), _top.in_(deleted))).all():
        if row.head:
            _drop(connection, project, row.id)
        anew = sa.update(schema.conversations).where(here, _c.id == row.id)
        connection.execute(anew.values(edit=_c.edit + 1, base="", head=""))


def move_heads(connection: sa.Connection, heads: Sequence[Head]) -> None:
    for head in sorted(heads, key=lambda head: head[:2]):  # so that two who move the same meet at the first of them
        here = (_c.project == head.project, _c.id == head.conversation, _c.edit == head.edit)
        older = sa.or_(_c.head < head.call_id, _c.head == head.parent)  # the latter where a clock was set back
        connection.execute(sa.update(schema.conversations).where(*here, older).values(head=head.call_id))


def _put(connection: sa.Connection, project: int, id: str, items: Sequence[bytes]) -> None:
    rows: list[dict[str, Any]] = [
        {"project": project, "conversation": id, "position": n, "item": pack(item)} for n, item in enumerate(items)
    ]
    insert(connection, schema.conversation_items, rows)


def _drop(connection: sa.Connection, project: int, id: str) -> None:
    connection.execute(sa.delete(schema.conversation_items).where(_i.project == project, _i.conversation == id))
