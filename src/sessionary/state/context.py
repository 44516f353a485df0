"""What a request goes on from without sending it: an answer, a conversation, items by their ids.

Found before the call begins, for the record has it. Nothing here refuses: a request that names what is unknown
becomes a call with a problem.
"""

import asyncio
from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from sessionary import errors
from sessionary.errors import BadRequest, ConversationNotFound, GatewayError, StoreUnavailable
from sessionary.ids import is_conversation
from sessionary.record import exchange
from sessionary.state.links import Link, Near, items
from sessionary.state.walk import State
from sessionary.store import conversations
from sessionary.store.conversations import Conversation
from sessionary.wire.reading import Said
from sessionary.wire.responses import item_ids

_MOST_BYTES = 64 << 20
"""Of what a request goes on from: a few bytes may name much, and name it often."""


class Named(msgspec.Struct, frozen=True):
    """What a request names, by ids as the client gave them; "" where it names none."""

    previous: str
    previous_call: str
    """The call behind `previous`, "" where that is no id of ours."""
    conversation: str
    items: list[str]


NOTHING = Named("", "", "", [])


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


ALONE = Context()
"""Of a request that goes on from nothing."""


class Contexts:
    def __init__(self, engine: sa.Engine, state: State) -> None:
        self._engine = engine
        self._state = state

    async def of(self, project: int, named: Named, near: Near | None = None) -> Context:
        """`near`: the calls of the connection that asks."""
        if named is NOTHING or not (named.previous or named.conversation or named.items):
            return ALONE
        link, conversation, added = None, None, list[bytes]()
        try:
            if named.conversation:
                if named.previous:
                    raise BadRequest(
                        "'previous_response_id' and 'conversation' cannot both be given.", param="conversation"
                    )
                conversation, link, added = await self.conversation(project, named.conversation)
            elif named.previous:
                link = await self._state.find(project, named.previous_call, near, ended=True)
                if link is None:
                    raise errors.PreviousResponseNotFound(named.previous)
            references = await self._references(project, named, link, added, near)
        except GatewayError as problem:
            return Context(link, problem=problem)
        except sa.exc.SQLAlchemyError:
            return Context(link, problem=StoreUnavailable())
        return Context(link, conversation, added, references)

    async def history(self, project: int, context: Context, near: Near | None = None) -> list[Said]:
        """What is put in front of the request's own input. Raises PayloadTooLarge."""
        if context is ALONE:
            return []
        before = await self._state.history(project, context.link, near) if context.link else []
        _check_size(said.raw for said in before)
        return before + [Said(raw, "responses", answer=False) for raw in context.added]

    async def crossed(self, project: int, context: Context, call_id: str) -> GatewayError | None:
        """Why a call that has begun in a conversation must not go on: others began there at the same moment.

        Neither would see the other's turn, and one of them would be lost to the conversation. All hosts know
        that it has begun when this returns, so that a turn elsewhere waits for its end.
        """
        if context.conversation is None:
            return None
        try:
            await self._state.seen_by_all(project, call_id)
            now, link, _ = await self.conversation(project, context.conversation.id, but=call_id)
        except GatewayError as problem:
            return problem
        except sa.exc.SQLAlchemyError:
            return StoreUnavailable()
        before = context.link.call_id if context.link else ""
        same = now.edit == context.conversation.edit and (link.call_id if link else "") == before
        return None if same else _locked()

    async def conversation(
        self, project: int, id: str, *, reading: bool = False, but: str = ""
    ) -> tuple[Conversation, Link | None, list[bytes]]:
        """With its newest call, and what was put in by hand after that. The call `but` does not count, nor one that a
        gateway had in flight that is not heard of any more.

        Raises ConversationNotFound, and unless it is for `reading` BadRequest while a call is being answered in it.
        """
        if not is_conversation(id):
            raise ConversationNotFound(id)
        recent = await self._state.latest(project, id)
        found = await asyncio.to_thread(conversations.get, self._engine, project, id)
        if found is None:
            raise ConversationNotFound(id)
        mine = [link for link in recent if link.edit == found.edit and link.call_id != but]
        if not reading and any(link.status == "live" for link in mine):
            raise _locked()
        ended = [link for link in mine if link.status != "live" and not link.elsewhere]
        answered = [link for link in ended if any(said.answer for said in link.said)]
        following = {link.follows: link for link in reversed(answered)}
        newest, at = None, found.head or found.base
        while (link := following.pop(at, None)) is not None:  # not by their ids: a clock may be set back
            newest, at = link, link.call_id
        if newest is not None:
            return found, newest, []
        if found.head:
            return found, await self._state.known(project, found.head), []
        return found, await self._state.known(project, found.base), found.items

    async def _references(
        self, project: int, named: Named, link: Link | None, added: list[bytes], near: Near | None
    ) -> dict[str, bytes]:
        """The items that are named, without those of a provider's making, which it may know.

        Raises ItemNotFound, PayloadTooLarge.
        """
        here: dict[str, bytes] = {}
        if named.items and named.conversation:
            chain = await self._state.chain(project, link, near) if link else []
            here = {id: raw for step in chain for id, raw in items(step)} | {_id_of(raw): raw for raw in added}
        elsewhere = [id for id in named.items if id not in here and item_ids.call_of(id)]
        known = here | await self._state.items(project, elsewhere, near)
        if missing := next((id for id in elsewhere if id not in known), None):
            raise errors.ItemNotFound(missing)
        _check_size(known[id] for id in named.items if id in known)
        return {id: known[id] for id in named.items if id in known}


def _id_of(raw: bytes) -> str:
    return str(msgspec.json.decode(raw).get("id") or "")


def _check_size(said: Iterable[bytes]) -> None:
    if sum(map(len, said)) > _MOST_BYTES:
        raise errors.PayloadTooLarge(f"What the request goes on from is larger than {_MOST_BYTES} bytes.")


def _locked() -> BadRequest:
    return BadRequest(
        "Another process is currently operating on this conversation. Please retry in a few seconds.",
        code="conversation_locked",
    )
