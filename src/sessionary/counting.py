"""How many tokens a request would cost, asked before it is made: `/messages/count_tokens`, `/responses/input_tokens`.

A provider that counts itself is asked; for others it is estimated. These are no calls: nothing is recorded.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from sessionary.asgi import Receive, Scope, Send, read_body, read_headers, send_json
from sessionary.auth import Auth, Principal, allow_model
from sessionary.capacity import Capacity
from sessionary.errors import BadRequest, MethodNotAllowed, UpstreamError
from sessionary.heads import Head
from sessionary.ids import new_request_id
from sessionary.incoming import Incoming
from sessionary.incoming import read as read_incoming
from sessionary.providers.routing import Router, Target
from sessionary.relay import headers as header_rules
from sessionary.relay.crossing import turns_of
from sessionary.relay.upstream import Upstream
from sessionary.relay.upstream import whole as read_whole
from sessionary.sessions.identify import OWN_FIELDS
from sessionary.settings.tree import Format
from sessionary.state.context import Context, Contexts
from sessionary.wire import loose, tokens
from sessionary.wire.canonical import Request, Unsupported
from sessionary.wire.formats import FORMATS
from sessionary.wire.message import Message
from sessionary.wire.messages import count
from sessionary.wire.responses import item_ids

PATHS: dict[str, Format] = {"/messages/count_tokens": "messages", "/responses/input_tokens": "responses"}
_PER_TOOL = 12
_CONTEXT = ("previous_response_id", "conversation")


class Counting:
    def __init__(
        self,
        auth: Auth,
        router: Router,
        upstreams: Callable[[Target], Upstream],
        contexts: Contexts,
        capacity: Capacity,
    ) -> None:
        self._auth = auth
        self._router = router
        self._upstreams = upstreams
        self._contexts = contexts
        self._capacity = capacity

    async def serve(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            raise MethodNotAllowed
        headers = read_headers(scope)
        principal = await self._auth.authenticate(headers)
        with self._capacity.place() as place:
            format = PATHS[path]
            incoming = read_incoming(format, Head(headers), await read_body(receive, headers, place))
            await self._count(principal, path, incoming, send)

    async def _count(self, principal: Principal, path: str, incoming: Incoming, send: Send) -> None:
        format, headers = PATHS[path], incoming.head.headers
        if incoming.problem is not None:
            raise incoming.problem
        model = incoming.text("model")
        allow_model(principal, model)
        target = self._router.resolve(model)[0]
        context = await self._contexts.of(principal.call_project, incoming.named)
        if context.problem is not None:
            raise context.problem
        alone = context == Context()
        body = item_ids.with_items(incoming.body, context.references) if context.references else incoming.body
        if (asked := loose.read_object(body)) is None:
            raise BadRequest("The body is nested too deeply, or a number in it is too long.", code="invalid_json")
        if format in target.speaks and target.provider.style != "demo" and alone:
            return await self._ask(path, target, asked, headers, send)
        if format == "messages":
            return await _tell(send, {"input_tokens": await asyncio.to_thread(count.estimate, asked)})
        try:
            request = FORMATS[format].read_request({k: v for k, v in asked.items() if k not in _CONTEXT})
            if not alone:
                before = turns_of(await self._contexts.history(principal.call_project, context))
                request = msgspec.structs.replace(request, turns=[*before, *request.turns])
        except Unsupported as error:
            raise BadRequest(str(error), param=error.field) from None
        counted = await asyncio.to_thread(estimate, request)
        await _tell(send, {"object": "response.input_tokens", "input_tokens": counted})

    async def _ask(self, path: str, target: Target, asked: dict[str, Any], headers: dict[str, str], send: Send) -> None:
        """The provider's own count."""
        theirs = {name: value for name, value in asked.items() if name not in OWN_FIELDS}
        renamed = loose.encode({**theirs, "model": target.deployment.model})
        sent = header_rules.to_upstream(headers)
        answer = await self._upstreams(target).open(target, path[1:], renamed, sent, stream=False)
        try:
            whole = await read_whole(answer)
        finally:
            answer.close()
        if 300 <= answer.status < 400:
            raise UpstreamError(f"{target.provider.title} answered with a redirect, which is not followed")
        await send_json(send, answer.status, whole, {"x-request-id": new_request_id()})


async def _tell(send: Send, answer: dict[str, Any]) -> None:
    await send_json(send, 200, msgspec.json.encode(answer), {"x-request-id": new_request_id()})


def estimate(request: Request) -> int:
    """Of everything the model would read."""
    turns = [*request.system, *request.turns]
    messages = [Message(turn.role, [part.piece for part in turn.parts], turn.name) for turn in turns]
    tools = sum(
        tokens.count(f"{tool.name} {tool.description} {msgspec.json.encode(tool.schema).decode()}") + _PER_TOOL
        for tool in request.params.tools
    )
    return tokens.estimate(messages, []).input + tools
