"""The entry of the LLM routes: a call from its first byte to its last, in `Edge.call`.

Hot routes come here past ASGI (`direct`), the others by it; everything else goes to `other`, the Starlette application
with API and pages. Authentication comes before the body is read. Every answer names its call and
its session; every failure answers in the caller's wire format.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable
from urllib.parse import unquote

import httptools
import sqlalchemy as sa

from sessionary import counting, incoming
from sessionary.asgi import (
    App,
    AsgiOut,
    Caller,
    ClientGone,
    Out,
    Receive,
    Scope,
    Send,
    in_time,
    read_headers,
    refuse,
    respond,
)
from sessionary.auth import Auth, Principal, allow_model
from sessionary.calls import Calls
from sessionary.capacity import Capacity
from sessionary.counting import Counting
from sessionary.direct import Exchange
from sessionary.errors import GatewayError, Interrupted, MethodNotAllowed, ModelNotFound, NotFound, StoreUnavailable
from sessionary.metrics import Metrics
from sessionary.providers.routing import Router
from sessionary.repeated import Repeated
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
_HOT = {f"/v1{path}".encode(): endpoint for path, endpoint in _CALLS.items()}
"""As most clients ask for them."""


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
        capacity: Capacity,
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
        self._capacity = capacity
        self._trouble = Repeated(log, logging.ERROR)

    def hot(self, target: bytes) -> str:
        """The endpoint that a request's target names, to be called with `call`; "" for what comes by ASGI. Raises what
        `httptools` does for one that is none."""
        found = _HOT.get(target)
        if found is None:
            path = httptools.parse_url(target).path.decode("ascii")
            found = _CALLS.get(_path(unquote(path) if "%" in path else path), "")
        return found

    def call(self, exchange: Exchange) -> Awaitable[None]:
        """One call: authenticate, identify, begin, resolve, relay, finish."""
        return self._answer(exchange, self._serve(exchange), exchange.endpoint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._other(scope, receive, send)
        path = _path(scope["path"])
        if scope["type"] == "websocket":
            return await self._sockets.serve(path, scope, receive, send)
        out = AsgiOut(send)
        if path in _CALLS:
            problem = MethodNotAllowed(f"{scope['path']} takes POST.")
            return await self._refuse(out, problem, _CALLS[path])
        if path in counting.PATHS:
            return await self._answer(out, self._counting.serve(path, scope, receive, send), path.split("/")[1])
        root, _, rest = path[1:].partition("/")
        match root:
            case "responses" if rest:
                return await self._answer(out, self._recall.serve(rest, scope, receive, send))
            case "conversations":
                return await self._answer(out, self._conversations.serve(rest, scope, receive, send))
            case "models":
                return await self._answer(out, self._models(rest, scope, send))
            case "messages":
                return await self._refuse(out, NotFound(f"There is no {scope['path'][:200]}."), root)
        return await self._other(scope, in_time(receive, self._capacity.pause), send)

    async def _serve(self, exchange: Exchange) -> None:
        endpoint, head = exchange.endpoint, exchange.said
        principal = await self._auth.principal(head.key)
        with self._capacity.place() as place:
            request = incoming.read(endpoint, head, await exchange.body(place))
            call = await self._calls.begin(principal, request)
            client = Caller.of(exchange, call.recording.begin, call.admitted.headers)
            if endpoint == "responses" and request.value("background") is True:
                return await self._background.serve(call, place, client, exchange.leaving)
            await self._calls.answer(call, client, exchange.leaving)

    async def _models(self, name: str, scope: Scope, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{scope['path'][:200]} takes GET.")
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

    async def _answer(self, out: Out, serving: Awaitable[None], endpoint: str = "") -> None:
        """Failures before a call has begun: nothing is recorded but the count."""
        try:
            await serving
        except ClientGone:
            return
        except asyncio.CancelledError:  # the server stops
            with contextlib.suppress(RuntimeError):  # there is an answer already: a call tells its client itself
                await self._refuse(out, Interrupted("The gateway is being stopped."), endpoint)
        except GatewayError as error:
            await self._refuse(out, error, endpoint)
        except sa.exc.SQLAlchemyError as error:
            self._trouble.tell(f"the store refused: {error.__class__.__name__}")
            await self._refuse(out, StoreUnavailable(), endpoint)
        except Exception:
            log.exception("a fault of the gateway's own")
            with contextlib.suppress(RuntimeError):  # there is an answer already
                await self._refuse(out, GatewayError(), endpoint)

    async def _refuse(self, out: Out, error: GatewayError, endpoint: str) -> None:
        self._metrics.refused.labels(code=error.code or error.type).inc()
        await refuse(out, error, endpoint)


def _path(path: str) -> str:
    return path.removeprefix("/v1").removeprefix("/v1")  # one SDK says it twice


def _allowed(principal: Principal, model: str) -> bool:
    try:
        allow_model(principal, model)
    except GatewayError:
        return False
    return True


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "sessionary"}
