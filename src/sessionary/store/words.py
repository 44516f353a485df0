"""The text that search finds a call by. It is not stored: it is read from the message tree whenever it is needed.

A call has two texts: what its request added, and its answer. `wire.text` decides what the words of a message are;
an index that was made by other rules cannot forget a text, so a change there comes with a new index.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from sessionary.store import tree
from sessionary.store.writes import clean
from sessionary.wire import text
from sessionary.wire.message import Message
from sessionary.wire.reading import read_answer, read_message

MOST = 200_000
"""Characters of one text that are indexed."""


def of(messages: Iterable[Message]) -> str:
    joined = "\n".join(filter(None, map(text.plain, messages)))[:MOST]
    return str(clean({"text": joined})["text"])


def of_call(connection: sa.Connection, call: sa.RowMapping, *, answer: bool) -> str:
    """`call` has the columns of its row."""
    if answer:
        return of(read_answer(raw, call["endpoint"])[0] for raw in _answer(connection, call))
    added = tree.path(connection, call["project"], call["leaf"], call["base_depth"])
    return of(read_message(s.raw, call["endpoint"])[0] for s in added)


def _answer(connection: sa.Connection, call: sa.RowMapping) -> list[bytes]:
    return [] if call["output"] is None else [tree.one(connection, call["project"], call["output"])]
