"""The ASGI entry of the LLM routes: a call from its first byte to its last, in `Edge.serve`.

Hot routes are dispatched here, before any framework's routing; everything else goes to `other`, the Starlette
application with API and pages. Authentication comes before the body is read. Every answer names its call and
its session; every failure answers in the caller's wire format.
"""

import asyncio
import logging
from collections.abc import Awaitable

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
from sessionary.counting import Counting
from sessionary.errors import GatewayError, MethodNotAllowed, ModelNotFound, PreviousResponseNotFound
from sessionary.incoming import Incoming
from sessionary.metrics import Metrics
from sessionary.providers.routing import Router
from sessionary.recall import Recall
from sessionary.record.recorder import Recorder, Recording
from sessionary.relay.crossing import crossing
from sessionary.relay.relay import Relay, Request
from sessionary.settings import Settings
from sessionary.state import Link, State

log = logging.getLogger("sessionary.edge")
CLIENT_CLOSED = 499
_CALLS = {
    "/chat/completions": "chat.completions",
    "/completions": "completions",
    "/embeddings": "embeddings",
    "/responses": "responses",
    "/messages": "messages",
}


class Edge:
    def __init__(
        self,
        auth: Auth,
        router: Router,
        relay: Relay,
        recorder: Recorder,
        state: State,
        recall: Recall,
        counts: Counting,
        metrics: Metrics,
        other: App,
        settings: Settings,
    ) -> None:
        self._auth = auth
        self._router = router
        self._relay = relay
        self._recorder = recorder
        self._state = state
        self._recall = recall
        self._counting = counts
        self._metrics = metrics
        self._other = other
        self._max_body = settings.max_body
        self._keep_all = settings.log_unstored

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"].removeprefix("/v1").removeprefix("/v1")  # one SDK says it twice
            if path in _CALLS:
                return await self._answer(send, self.serve(_CALLS[path], scope, receive, send), _CALLS[path])
            if path in counting.PATHS:
                return await self._answer(send, self._counting.serve(path, scope, receive, send), path.split("/")[1])
            if path.startswith("/responses/"):
                return await self._answer(send, self._recall.serve(path.removeprefix("/responses/"), scope, send))
            if path == "/models" or path.startswith("/models/"):
                return await self._answer(send, self._models(path.removeprefix("/models")[1:], scope, send))
        return await self._other(scope, receive, send)

    async def serve(self, endpoint: str, scope: Scope, receive: Receive, send: Send) -> None:
        """One call: authenticate, identify, begin, resolve, relay, finish."""
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{scope['path']} takes POST.")
        headers = read_headers(scope)
        principal = await self._auth.authenticate(headers)
        body = await read_body(receive, headers, self._max_body)
        await self.call(endpoint, principal, headers, body, receive, send)

    async def call(
        self, endpoint: str, principal: Principal, headers: dict[str, str], body: bytes, receive: Receive, send: Send
    ) -> None:
        """The same for a principal who is known and a body that is read."""
        request = incoming.read(endpoint, headers, body)
        link = await self._goes_on_from(request, principal)
        begin = incoming.begin(request, principal, link, keep_all=self._keep_all)
        recording = self._recorder.begin(begin)
        if endpoint == "responses" and request.value("store") is not False:
            recording.keep()
            self._state.remember(recording)
        client = AsgiClient(send, recording.begin)
        relaying = self._relay_call(request, link, principal, recording, client)
        await self._until_client_leaves(receive, recording, relaying, client)

    async def _goes_on_from(self, request: Incoming, principal: Principal) -> Link | None:
        previous = incoming.call_named(request.previous)
        return await self._state.find(principal.call_project, previous) if previous else None

    async def _relay_call(
        self, request: Incoming, link: Link | None, principal: Principal, recording: Recording, client: AsgiClient
    ) -> None:
        begin = recording.begin
        try:
            if request.problem is not None:
                raise request.problem
            if request.previous and link is None:
                raise PreviousResponseNotFound(request.previous)
            allow_model(principal, begin.model)
            targets = self._router.resolve(begin.model)
        except GatewayError as error:
            recording.finish(
                "rejected",
                http_status=error.status,
                error_type=error.code or error.type,
                error_message=error.message,
            )
            raise
        history = await self._state.history(begin.project, link) if link is not None else []
        passage = crossing(
            begin.endpoint,
            request.body,
            request.fields,
            history,
            begin.call_id,
            begin.at // 1_000_000,
            stream=begin.stream,
        )
        path = begin.endpoint.replace(".", "/")
        await self._relay.run(Request(path, begin.stream, request.headers, passage), targets, recording, client)

    async def _until_client_leaves(
        self, receive: Receive, recording: Recording, relaying: Awaitable[None], client: "AsgiClient"
    ) -> None:
        """Runs `relaying`; a client that hangs up cancels it, a server that stops interrupts it."""
        relay = asyncio.ensure_future(relaying)
        leaving = asyncio.ensure_future(disconnected(receive))
        try:
            await asyncio.wait({relay, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if relay.done():
                relay.result()
            else:
                await _cancelled(relay)
                recording.finish(
                    "client_closed",
                    http_status=CLIENT_CLOSED,
                    error_type="client_closed",
                    error_message="The client closed the connection before the answer was complete.",
                )
        except GatewayError as error:
            await client.fail(error)
        except asyncio.CancelledError:
            await _cancelled(relay)
            recording.finish(
                "interrupted",
                http_status=503,
                error_type="interrupted",
                error_message="The gateway was stopped while the call was in flight.",
            )
            raise
        except Exception as error:
            log.exception("call %s failed", recording.call_id)
            recording.finish(
                "interrupted",
                http_status=500,
                error_type="server_error",
                error_message=f"The gateway failed: {error.__class__.__name__}.",
            )
            await client.fail(GatewayError("The gateway failed. The request id helps to find out why."))
        finally:
            leaving.cancel()

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
            self._metrics.refused.labels(code=error.code or error.type).inc()
            await refuse(send, error, endpoint)


async def _cancelled(task: "asyncio.Future[None]") -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        log.debug("relay ended with %r while being cancelled", error)


def _allowed(principal: Principal, model: str) -> bool:
    try:
        allow_model(principal, model)
    except GatewayError:
        return False
    return True


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "sessionary"}
