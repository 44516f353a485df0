"""The ASGI entry of the LLM routes: a call from its first byte to its last, in `Edge.serve`.

Hot routes are dispatched here, before any framework's routing; everything else goes to `other`, the Starlette
application with API and pages. Authentication comes before the body is read. Every answer names its call and
its session; every failure answers in the caller's wire format.
"""

import logging
from collections.abc import Awaitable

import sqlalchemy as sa

from sessionary import counting, incoming
from sessionary.asgi import (
    App,
    AsgiClient,
    ClientGone,
    Receive,
    Scope,
    Send,
    disconnected,
    read_body,
    read_headers,
    refuse,
    respond,
)
from sessionary.auth import Auth, Principal, allow_model
from sessionary.calls import Calls
from sessionary.counting import Counting
from sessionary.errors import GatewayError, MethodNotAllowed, ModelNotFound, StoreUnavailable
from sessionary.metrics import Metrics
from sessionary.providers.routing import Router
from sessionary.responses_api.background import Background
from sessionary.responses_api.conversations import Conversations
from sessionary.responses_api.recall import Recall
from sessionary.responses_api.websocket import Sockets

log = logging.getLogger("sessionary.edge")
_CALLS = {
    "/chat/completions": "chat.completions",
    "/completions": "completions",
    "/embeddings": "embeddings",
    "/responses": "responses",
    "/responses/compact": "responses.compact",
    "/messages": "messages",
}


class Edge:
    def __init__(
        self,
        auth: Auth,
        router: Router,
        calls: Calls,
        background: Background,
        recall: Recall,
        conversations: Conversations,
        counts: Counting,
        sockets: Sockets,
        metrics: Metrics,
        other: App,
        max_body: int,
    ) -> None:
        self._auth = auth
        self._router = router
        self._calls = calls
        self._background = background
        self._recall = recall
        self._conversations = conversations
        self._counting = counts
        self._sockets = sockets
        self._metrics = metrics
        self._other = other
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._other(scope, receive, send)
        path = scope["path"].removeprefix("/v1").removeprefix("/v1")  # one SDK says it twice
        if scope["type"] == "websocket":
            return await self._sockets.serve(path, scope, receive, send)
        if path in _CALLS:
            return await self._answer(send, self.serve(_CALLS[path], scope, receive, send), _CALLS[path])
        if path in counting.PATHS:
            return await self._answer(send, self._counting.serve(path, scope, receive, send), path.split("/")[1])
        root, _, rest = path[1:].partition("/")
        match root:
            case "responses" if rest:
                return await self._answer(send, self._recall.serve(rest, scope, receive, send))
            case "conversations":
                return await self._answer(send, self._conversations.serve(rest, scope, receive, send))
            case "models":
                return await self._answer(send, self._models(rest, scope, send))
        return await self._other(scope, receive, send)

    async def serve(self, endpoint: str, scope: Scope, receive: Receive, send: Send) -> None:
        """One call: authenticate, identify, begin, resolve, relay, finish."""
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{scope['path']} takes POST.")
        headers = read_headers(scope)
        principal = await self._auth.authenticate(headers)
        request = incoming.read(endpoint, headers, await read_body(receive, headers, self._max_body))
        call = await self._calls.begin(principal, request)
        if endpoint == "responses" and request.value("background") is True:
            return await self._background.serve(call, receive, send)
        await self._calls.answer(call, AsgiClient.of(send, call.recording.begin), disconnected(receive))

    async def _models(self, name: str, scope: Scope, send: Send) -> None:
        principal = await self._auth.authenticate(read_headers(scope))
        names = self._router.models()
        if name:
            try:
                allow_model(principal, name)
                self._router.resolve(name)
            except GatewayError:
                raise ModelNotFound(f"The model '{name[:200]}' does not exist.") from None
            return await respond(send, 200, _model(name))
        visible = [n for n in names if principal.models is None or _allowed(principal, n)]
        await respond(send, 200, {"object": "list", "data": [_model(n) for n in visible]})

    async def _answer(self, send: Send, serving: Awaitable[None], endpoint: str = "") -> None:
        """Failures before a call has begun: nothing is recorded but the count."""
        try:
            await serving
        except ClientGone:
            return
        except GatewayError as error:
            await self._refuse(send, error, endpoint)
        except sa.exc.SQLAlchemyError as error:
            log.error("the store refused: %s", error.__class__.__name__)
            await self._refuse(send, StoreUnavailable(), endpoint)

    async def _refuse(self, send: Send, error: GatewayError, endpoint: str) -> None:
        self._metrics.refused.labels(code=error.code or error.type).inc()
        await refuse(send, error, endpoint)


def _allowed(principal: Principal, model: str) -> bool:
    try:
        allow_model(principal, model)
    except GatewayError:
        return False
    return True


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "sessionary"}
