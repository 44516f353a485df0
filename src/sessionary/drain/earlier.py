"""What earlier calls asked and were told: of this round's from memory, of others from the store. Read where a history
was rewritten, or where several calls would do."""

import sqlalchemy as sa

from sessionary.drain.link import Ref
from sessionary.drain.requests import Parsed
from sessionary.store import tree
from sessionary.wire.meaning import Meaning
from sessionary.wire.message import Message
from sessionary.wire.reading import FORMATS, read


class Earlier:
    def __init__(self, connection: sa.Connection) -> None:
        self._db = connection
        self._asked: dict[str, Parsed] = {}
        self._told: dict[str, list[Message]] = {}

    def asked(self, parsed: Parsed) -> None:
        self._asked[parsed.begin.call_id] = parsed

    def told(self, call_id: str, answer: list[Message]) -> None:
        self._told[call_id] = answer

    def question(self, project: int, ref: Ref) -> tuple[Message, Meaning] | None:
        """The last message that it was asked; None where it has none that is kept."""
        if (parsed := self._asked.get(ref.id)) is not None:
            return question(parsed, len(parsed.steps))
        for stored in reversed(tree.path(self._db, project, ref.leaf, max(0, ref.input_depth - 4))):
            message, meaning = read(stored.raw, stored.format, answer=stored.answer)
            if meaning:
                return message, meaning
        return None

    def answer(self, project: int, ref: Ref) -> list[Message]:
        if ref.id in self._told:
            return self._told[ref.id]
        return [stored.message() for stored in tree.path(self._db, project, ref.output, ref.input_depth)]


def question(parsed: Parsed, before: int) -> tuple[Message, Meaning] | None:
    """The last message before the step number `before` that means something."""
    for step in reversed(parsed.steps[:before]):
        message, meaning = read(step.meant, FORMATS[parsed.begin.endpoint], answer=False)
        if meaning:
            return message, meaning
    return None
