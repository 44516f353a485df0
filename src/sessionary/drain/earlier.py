"""What earlier calls asked and were told: of this round's from memory, of others from the store. Read where a history
was rewritten, or where several calls would do."""

from dataclasses import dataclass

import sqlalchemy as sa

from sessionary.drain.link import Ref
from sessionary.drain.requests import Parsed
from sessionary.store import schema, tree
from sessionary.wire.meaning import Meaning
from sessionary.wire.message import Message
from sessionary.wire.reading import FORMATS, SYSTEM, read
from sessionary.wire.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Beside:
    """What a request says beside its messages, by hashes."""

    system: tuple[bytes, ...]
    tools: bytes | None

    @classmethod
    def of(cls, recipe: Recipe) -> "Beside":
        prompts = [recipe.lifted[name] for name in SYSTEM.values() if name in recipe.lifted]
        return cls((*recipe.preamble, *prompts), recipe.lifted.get("tools"))


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

    def beside(self, project: int, refs: list[Ref]) -> dict[str, Beside]:
        """By call id."""
        mine = {ref.id: Beside.of(self._asked[ref.id].recipe) for ref in refs if ref.id in self._asked}
        e = schema.exchanges.c
        ids = [ref.id for ref in refs if ref.id not in mine]
        rows = self._db.execute(sa.select(e.call_id, e.request).where(e.project == project, e.call_id.in_(ids)))
        return mine | {row.call_id: Beside.of(tree.recipe(row.request)) for row in rows}


def question(parsed: Parsed, before: int) -> tuple[Message, Meaning] | None:
    """The last message before the step number `before` that means something."""
    for step in reversed(parsed.steps[:before]):
        message, meaning = read(step.meant, FORMATS[parsed.begin.endpoint], answer=False)
        if meaning:
            return message, meaning
    return None
