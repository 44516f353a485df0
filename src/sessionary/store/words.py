"""The text that search finds a call by. It is not stored: it is read from the message tree whenever it is needed.

A call has two texts: what its request added, and its answer. `wire.text` decides what the words of a message are;
an index that was made by other rules cannot forget a text, so a change there comes with a new index.
"""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from sessionary.store import tree
from sessionary.wire import text
from sessionary.wire.message import Message

MOST = 200_000
"""Characters of one text that are indexed."""


def of(messages: Iterable[Message]) -> str:
    return "\n".join(filter(None, map(text.plain, messages)))[:MOST]


def of_call(connection: sa.Connection, call: sa.RowMapping, *, answer: bool) -> str:
    """`call` has the columns of its row."""
    end, above = (call["output"], call["input_depth"]) if answer else (call["leaf"], call["base_depth"])
    return of(stored.message() for stored in tree.path(connection, call["project"], end, above))


def of_calls(connection: sa.Connection, project: int, calls: Sequence[str], *, answer: bool) -> dict[str, str]:
    """As `of_call`, of calls by their ids; those that have no text are not in it."""
    said = (tree.answers if answer else tree.added)(connection, project, None, calls) if calls else {}
    return {call: of(stored.message() for stored in messages) for call, messages in said.items()}
