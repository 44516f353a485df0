"""The ASGI entry of the LLM routes: a call from its first byte to its last, in `Edge.serve`.

Hot routes are dispatched here, before any framework's routing; everything else goes to `other`, the Starlette
application with API and pages. Authentication comes before the body is read. Every answer names its call and
its session; every failure answers in the caller's wire format.
"""

import asyncio
import logging
from collections.abc import Awaitable

import msgspec

from sessionary import ids
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
from sessionary.errors import BadRequest, GatewayError, MethodNotAllowed, ModelNotFound
from sessionary.metrics import Metrics
from sessionary.providers.routing import Router
from sessionary.record.exchange import Begin
from sessionary.record.recorder import Recorder, Recording, now_us
from sessionary.relay import headers as header_rules
from sessionary.relay.relay import Relay, Request
from sessionary.sessions.clients import client_name
from sessionary.sessions.identify import Identity, identify

log = logging.getLogger("sessionary.edge")
CLIENT_CLOSED = 499
_CALLS = {
    "/chat/completions": "chat.completions",
    "/completions": "completions",
    "/embeddings": "embeddings",
}
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Call(msgspec.Struct, frozen=True):
    """A call that is understood well enough to be recorded."""

    begin: Begin
    fields: dict[str, msgspec.Raw]
    headers: dict[str, str]
    problem: GatewayError | None
    """Set where the body cannot be relayed."""


class Edge:
    def __init__(
        self,
        auth: Auth,
        router: Router,
        relay: Relay,
        recorder: Recorder,
        metrics: Metrics,
        other: App,
        max_body: int,
    ) -> None:
        self._auth = auth
        self._router = router
        self._relay = relay
        self._recorder = recorder
        self._metrics = metrics
        self._other = other
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"].removeprefix("/v1")
            if path in _CALLS:
                return await self._answer(scope, send, self.serve(_CALLS[path], scope, receive, send))
            if path == "/models" or path.startswith("/models/"):
                return await self._answer(scope, send, self._models(path.removeprefix("/models")[1:], scope, send))
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
        call = self._understand(endpoint, principal, headers, body)
        recording = self._recorder.begin(call.begin)
        client = AsgiClient(send, call.begin)
        relaying = self._relay_call(call, principal, recording, client)
        await self._until_client_leaves(receive, recording, relaying, client)

    def _understand(self, endpoint: str, principal: Principal, headers: dict[str, str], body: bytes) -> Call:
        fields, problem = _decode(body)
        model = _text(fields.get("model"))
        if problem is None and not model:
            problem = BadRequest("you must provide a model parameter", param="model", code="missing_model")
        identity = identify(headers, lambda name: _value(fields.get(name)), _object(fields.get("metadata")))
        call_id = ids.new_call_id()
        session = ids.session_id(principal.call_project, identity.text or call_id)
        begin = Begin(
            call_id=call_id,
            at=now_us(),
            project=principal.call_project,
            key_id=principal.key_id,
            session_id=session,
            session_text=identity.text or session,
            source=identity.source,
            rule=identity.rule,
            endpoint=endpoint,
            model=model[:500],
            stream=_value(fields.get("stream")) is True,
            client=client_name(headers),
            user=_text(fields.get("user"))[:500],
            headers=header_rules.recorded(headers),
            body=body,
            agent=_agent(identity),
        )
        return Call(begin, fields, headers, problem)

    async def _relay_call(self, call: Call, principal: Principal, recording: Recording, client: "AsgiClient") -> None:
        begin = call.begin
        try:
            if call.problem is not None:
                raise call.problem
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
        request = Request(begin.endpoint.replace(".", "/"), begin.body, call.fields, begin.stream, call.headers)
        await self._relay.run(request, targets, recording, client)

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

    async def _answer(self, scope: Scope, send: Send, serving: Awaitable[None]) -> None:
        """Failures before a call has begun: nothing is recorded but the count."""
        try:
            await serving
        except ClientGone:
            return
        except GatewayError as error:
            self._metrics.refused.labels(code=error.code or error.type).inc()
            await refuse(send, error)


async def _cancelled(task: "asyncio.Future[None]") -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        log.debug("relay ended with %r while being cancelled", error)


def _decode(body: bytes) -> tuple[dict[str, msgspec.Raw], GatewayError | None]:
    try:
        return _fields.decode(body), None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}, BadRequest(
            "We could not parse the JSON body of your request. The API expects a JSON object.",
            code="invalid_json",
        )


def _value(raw: msgspec.Raw | None) -> object:
    """A field's value, where it is short enough to be one that we look at."""
    if raw is None:
        return None
    data = bytes(raw)
    if len(data) > 16_384:
        return None
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None


def _text(raw: msgspec.Raw | None) -> str:
    value = _value(raw)
    return value if isinstance(value, str) else ""


def _object(raw: msgspec.Raw | None) -> dict[str, object]:
    value = _value(raw)
    return value if isinstance(value, dict) else {}


def _agent(identity: Identity) -> str:
    return identity.agent[:200]


def _allowed(principal: Principal, model: str) -> bool:
    try:
        allow_model(principal, model)
    except GatewayError:
        return False
    return True


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "sessionary"}
