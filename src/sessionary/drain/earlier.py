"""What earlier calls asked and were told: of this round's from memory, of others from the store. Read where a history
was rewritten, or where several calls would do."""

from itertools import islice

import sqlalchemy as sa

from sessionary.drain import requests
from sessionary.drain.link import Ref
from sessionary.drain.requests import Parsed
from sessionary.store import schema, tree
from sessionary.wire.meaning import Meaning
from sessionary.wire.message import Message
from sessionary.wire.reading import read
from sessionary.wire.recipe import Recipe

TAIL = 5
"""Messages in front of an answer that are compared where its history is not the same."""
Asked = tuple[Message, Meaning]


class Earlier:
    def __init__(self, connection: sa.Connection) -> None:
        self._db = connection
        self._asked: dict[str, Parsed] = {}
        self._told: dict[str, list[Message]] = {}

    def asked(self, parsed: Parsed) -> None:
        self._asked[parsed.begin.call_id] = parsed

    def told(self, call_id: str, answer: list[Message]) -> None:
        self._told[call_id] = answer

    def tail(self, project: int, ref: Ref) -> list[Asked]:
        """The last messages that it was asked, the last first; empty where none is kept."""
        if (parsed := self._asked.get(ref.id)) is not None:
            return tail(parsed, len(parsed.steps))
        stored = tree.path(self._db, project, ref.leaf, max(0, ref.input_depth - 2 * TAIL))
        read_all = (read(s.raw, s.format, answer=s.answer) for s in reversed(stored))
        return list(islice((asked for asked in read_all if asked[1]), TAIL))

    def recipe(self, project: int, ref: Ref) -> Recipe | None:
        """How its request is put together."""
        if (parsed := self._asked.get(ref.id)) is not None:
            return parsed.recipe
        e = schema.exchanges.c
        packed = self._db.scalar(sa.select(e.request).where(e.project == project, e.call_id == ref.id))
        return None if packed is None else tree.recipe(packed)

    def answer(self, project: int, ref: Ref) -> list[Message]:
        if ref.id in self._told:
            return self._told[ref.id]
        return [stored.message() for stored in tree.path(self._db, project, ref.output, ref.input_depth)]


def tail(parsed: Parsed, before: int) -> list[Asked]:
    """The last messages before the step number `before` that mean something, the last first."""
    read_all = (requests.said(step, parsed.begin.endpoint) for step in reversed(parsed.steps[:before]))
    return list(islice((asked for asked in read_all if asked[1]), TAIL))
