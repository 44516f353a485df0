"""What a request goes on from without sending it: an answer, a conversation, items by their ids.

Found before the call begins, for the record has it. Nothing here refuses: a request that names what is unknown
becomes a call with a problem.
"""

import asyncio

import msgspec
import sqlalchemy as sa

from sessionary import errors
from sessionary.errors import BadRequest, GatewayError
from sessionary.links import Link, Near
from sessionary.record import exchange
from sessionary.state import State
from sessionary.store import conversations
from sessionary.store.conversations import Conversation
from sessionary.wire.reading import Said
from sessionary.wire.responses import item_ids


class Named(msgspec.Struct, frozen=True):
    """What a request names, by ids as the client gave them; "" where it names none."""

    previous: str
    previous_call: str
    """The call behind `previous`, "" where that is no id of ours."""
    conversation: str
    items: list[str]


class Context(msgspec.Struct, frozen=True):
    link: Link | None = None
    conversation: Conversation | None = None
    added: list[bytes] = []
    """Items that were put into the conversation after `link`."""
    references: dict[str, bytes] = {}
    problem: GatewayError | None = None

    def recorded(self, *, resumable: bool) -> exchange.Context:
        """A call that nothing goes on from does not become part of its conversation."""
        conversation = self.conversation if resumable else None
        return exchange.Context(
            self.link.call_id if self.link else "",
            conversation.id if conversation else "",
            conversation.edit if conversation else 0,
            self.added,
            self.references,
        )


class Contexts:
    def __init__(self, engine: sa.Engine, state: State) -> None:
        self._engine = engine
        self._state = state

    async def of(self, project: int, named: Named, near: Near | None = None) -> Context:
        """`near`: the calls of the connection that asks."""
        if not (named.previous or named.conversation or named.items):
            return Context()
        link, conversation, added = None, None, list[bytes]()
        try:
            if named.conversation:
                if named.previous:
                    raise BadRequest(
                        "'previous_response_id' and 'conversation' cannot both be given.", param="conversation"
                    )
                conversation, link, added = await self.conversation(project, named.conversation)
            elif named.previous:
                link = await self._state.find(project, named.previous_call, near)
                if link is None:
                    raise errors.PreviousResponseNotFound(named.previous)
            here = dict(known for raw in added if (known := _named(raw))[0])
            references = {id: here[id] if id in here else await self._item(project, id) for id in named.items}
        except GatewayError as problem:
            return Context(link, problem=problem)
        return Context(link, conversation, added, {id: raw for id, raw in references.items() if raw})

    async def history(self, project: int, context: Context, near: Near | None = None) -> list[Said]:
        """What is put in front of the request's own input."""
        before = await self._state.history(project, context.link, near) if context.link else []
        return before + [Said(raw, "responses", answer=False) for raw in context.added]

    async def conversation(
        self, project: int, id: str, *, reading: bool = False
    ) -> tuple[Conversation, Link | None, list[bytes]]:
        """With its newest call, and what was put in by hand after that.

        Raises ConversationNotFound, and unless it is for `reading` BadRequest while a call is being answered in it.
        """
        recent = await self._state.latest(project, id)
        found = await asyncio.to_thread(conversations.get, self._engine, project, id)
        if found is None:
            raise errors.ConversationNotFound(id)
        mine = [link for link in recent if link.edit == found.edit]
        if not reading and any(link.status == "live" for link in mine):
            raise BadRequest(
                "Another process is currently operating on this conversation. Please retry in a few seconds.",
                code="conversation_locked",
            )
        answered = (link for link in mine if link.status != "live" and any(said.answer for said in link.said))
        newest = next(answered, None)
        if newest is not None and newest.call_id >= found.head:
            return found, newest, []
        if found.head:
            return found, await self._state.find(project, found.head), []
        return found, await self._state.find(project, found.base) if found.base else None, found.items

    async def _item(self, project: int, id: str) -> bytes:
        """Empty for an id that is not of our making: its provider may know it."""
        if not item_ids.call_of(id):
            return b""
        found = await self._state.item(project, id)
        if found is None:
            raise errors.ItemNotFound(id)
        return found


def _named(raw: bytes) -> tuple[str, bytes]:
    return str(msgspec.json.decode(raw).get("id") or ""), raw
