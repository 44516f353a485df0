"""The text that search finds a call by. It is not stored: it is read from the message tree whenever it is needed.

A call has two texts: what its request added, and its answer. `wire.text` decides what the words of a message are.
SQLite's index forgets a text by its words: so of documents that were made by older rules these rules stay known.
"""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from sessionary.store import schema, tree
from sessionary.wire import text
from sessionary.wire.message import Message

MOST = 200_000
"""Characters of one text that are indexed."""


_NAME = "words"


def of(messages: Iterable[Message], *, escaped: bool = False) -> str:
    """`escaped`: as documents up to `older` have it."""
    return "\n".join(filter(None, (text.plain(message, escaped=escaped) for message in messages)))[:MOST]


def older(connection: sa.Connection) -> int:
    """The last document whose words are of older rules; 0 where none is."""
    v = schema.versions.c
    return connection.scalar(sa.select(v.version).where(v.name == _NAME)) or 0


def of_call(connection: sa.Connection, call: sa.RowMapping, *, answer: bool) -> str:
    """`call` has the columns of its row."""
    end, above = (call["output"], call["input_depth"]) if answer else (call["leaf"], call["base_depth"])
    return of(stored.message() for stored in tree.path(connection, call["project"], end, above))


def of_calls(
    connection: sa.Connection, project: int, calls: Sequence[str], *, answer: bool, escaped: bool = False
) -> dict[str, str]:
    """As `of_call`, of calls by their ids; those that have no text are not in it."""
    said = (tree.answers if answer else tree.added)(connection, project, None, calls) if calls else {}
    return {call: of((one.message() for one in messages), escaped=escaped) for call, messages in said.items()}
