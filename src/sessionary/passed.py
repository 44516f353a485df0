"""What a provider was sent for a call that is stored: not what the caller sent, where that was put into the provider's
words, or had what was said before in front of it.

It is not kept, for it follows from what is. So it is made again, by the code that made it then; what the configuration
says of the deployment now counts, and what redaction took out is not in it.
"""

import asyncio
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.errors import BadRequest, ModelNotFound, NotFound
from sessionary.incoming import RESPONSES
from sessionary.providers import catalog
from sessionary.providers.routing import Router, Target
from sessionary.relay.crossing import crossing
from sessionary.relay.outgoing import Fields
from sessionary.relay.passage import Passage
from sessionary.settings import Deployment
from sessionary.state.walk import State
from sessionary.store import attempts, reads, tree
from sessionary.wire.reading import Said
from sessionary.wire.responses import item_ids

Row = Any
"""Of a call."""
_NEVER = "No provider was asked for this call."
_GONE = "The deployment that was asked, '{}', is not configured any more, nor is its provider known."
_UNKEPT = "What was said in this call was not kept."
_LOST = "What the call goes on from has been deleted."


class ProviderRequest(msgspec.Struct, frozen=True):
    provider: str
    deployment: str
    model: str
    """As the provider calls it."""
    path: str
    """Below the provider's base URL."""
    dropped: list[str]
    """What the provider cannot do and was not asked for."""
    as_sent: bool
    """Whether these are the very bytes that the caller sent."""
    configured: bool
    """False: the configuration has the deployment no more, and this is as its provider is usually asked."""
    body: msgspec.Raw
    """A JSON object."""


class PassedOn:
    def __init__(self, engine: sa.Engine, state: State, router: Router) -> None:
        self._engine = engine
        self._state = state
        self._router = router

    async def of(self, call: Row, attempt: int | None = None) -> ProviderRequest:
        """`attempt`: which of its attempts, from 0 on; the last where that is not said. Raises NotFound where nothing
        was sent or it cannot be made again, Emptied where what was said is deleted."""
        if call.unkept:
            raise NotFound(_UNKEPT, code="unkept")
        target, configured = self._target(call, attempt)
        asked, before = await asyncio.to_thread(self._stored, call)
        body = asked
        if call.endpoint in RESPONSES and (named := item_ids.references(asked)):
            known = await self._state.items(call.project, named)
            body = item_ids.with_items(asked, known) if known else asked
        history = await self._state.resolved(call.project, before)
        passage = await asyncio.to_thread(_passage, call, body, history, target)
        d = target.deployment
        as_sent, sent = passage.body == asked, msgspec.Raw(passage.body)
        return ProviderRequest(
            d.provider, target.label, d.model, passage.endpoint, list(passage.dropped), as_sent, configured, sent
        )

    def _target(self, call: Row, attempt: int | None) -> tuple[Target, bool]:
        """And whether it is configured."""
        tried = attempts.of(call)
        if not tried or (attempt is not None and not 0 <= attempt < len(tried)):
            raise NotFound(_NEVER if not tried else "There is no such attempt.", code="not_sent")
        asked = tried[-1 if attempt is None else attempt]
        provider, label, model = asked.provider, asked.deployment, asked.model
        try:
            targets = self._router.resolve(call.model)
        except ModelNotFound:
            targets = []
        for target in targets:
            if (target.label, target.deployment.model) == (label, model):
                return target, True
        if model and (usual := catalog.provider(provider or "")) is not None:
            return Target(Deployment(usual.name, model, name=label or ""), usual), False
        raise NotFound(_GONE.format(label), code="deployment_gone")

    def _stored(self, call: Row) -> tuple[bytes, list[Said]]:
        """What the caller sent, and what was in front of it."""
        with self._engine.connect() as connection:
            asked, above = tree.request(connection, call)
            end = call.leaf
            if above and end is None:
                before = reads.call_within(connection, call.project, call.parent)
                end = None if before is None else before.output or before.leaf
            path = tree.path(connection, call.project, end)[:above] if above else []
        if len(path) < above:
            raise NotFound(_LOST)
        return asked, [Said(one.raw, one.format, one.answer) for one in path]


def _passage(call: Row, body: bytes, history: list[Said], target: Target) -> Passage:
    try:
        fields = msgspec.json.decode(body, type=Fields)
        created = call.created_at // 1_000_000
        return crossing(call.endpoint, body, fields, history, call.id, created, stream=call.stream)(target)
    except (BadRequest, ValueError) as error:
        raise NotFound(f"What was sent cannot be made again: {error}", code="not_sent") from None
