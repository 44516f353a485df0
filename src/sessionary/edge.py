"""The ASGI entry of the LLM routes: a call from its first byte to its last, in `Edge.serve`.

Hot routes are dispatched here, before any framework's routing; everything else goes to `other`, the Starlette
application with API and pages. Authentication comes before the body is read. Every answer names its call and
its session; every failure answers in the caller's wire format.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote

import msgspec

from sessionary import errors, ids
from sessionary.auth import Auth, Principal, allow_model
from sessionary.errors import BadRequest, GatewayError, ModelNotFound, PayloadTooLarge
from sessionary.metrics import Metrics
from sessionary.providers.routing import Router
from sessionary.record.exchange import Begin
from sessionary.record.recorder import Recorder, Recording, now_us
from sessionary.relay import headers as header_rules
from sessionary.relay.relay import Relay, Request
from sessionary.sessions.clients import client_name
from sessionary.sessions.identify import Identity, identify

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("sessionary.edge")
CLIENT_CLOSED = 499
_CALLS = {
    "/chat/completions": "chat.completions",
    "/completions": "completions",
    "/embeddings": "embeddings",
}
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class ClientGone(Exception):
    """The client left before its request was whole: there is nobody to answer and nothing to record."""


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
            raise BadRequest(f"{scope['path']} takes POST.", code="method_not_allowed")
        headers = _headers(scope)
        principal = await self._auth.authenticate(headers)
        body = await _read_body(receive, headers, self._max_body)
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
        leaving = asyncio.ensure_future(_disconnected(receive))
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
        principal = await self._auth.authenticate(_headers(scope))
        names = self._router.models()
        if name:
            try:
                allow_model(principal, name)
                self._router.resolve(name)
            except GatewayError:
                raise ModelNotFound(f"The model '{name[:200]}' does not exist.") from None
            return await _respond(send, 200, _model(name))
        visible = [n for n in names if principal.models is None or _allowed(principal, n)]
        await _respond(send, 200, {"object": "list", "data": [_model(n) for n in visible]})

    async def _answer(self, scope: Scope, send: Send, serving: Awaitable[None]) -> None:
        """Failures before a call has begun: nothing is recorded but the count."""
        try:
            await serving
        except ClientGone:
            return
        except GatewayError as error:
            self._metrics.refused.labels(code=error.code or error.type).inc()
            request_id = ids.new_request_id()
            await _send_json(send, error.status, errors.body(error, request_id), {"x-request-id": request_id})


class AsgiClient:
    """The caller's side of a relayed call. Every answer names call and session."""

    def __init__(self, send: Send, begin: Begin) -> None:
        self._send = send
        self._begin = begin
        self.started = False

    async def start(self, status: int, headers: dict[str, str]) -> None:
        b = self._begin
        named = {
            **headers,
            "x-request-id": b.call_id,
            "x-call-id": b.call_id,
            "x-session-id": quote(b.session_text, safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~"),
            "x-session-source": b.source,
        }
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": _encoded(named)})

    async def send(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        await self._send({"type": "http.response.body", "body": data})

    async def fail(self, error: GatewayError) -> None:
        body = errors.body(error, self._begin.call_id)
        if not self.started:
            await self.start(error.status, {"content-type": "application/json", "content-length": str(len(body))})
            await self.end(body)


def _headers(scope: Scope) -> dict[str, str]:
    """Lower-case; underscores read as hyphens. Of a repeated header the first counts."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").replace("_", "-"), value.decode("latin-1"))
    return found


async def _read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """Raises PayloadTooLarge before reading past the limit, ClientGone where the client has left."""
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise PayloadTooLarge(f"The request body is larger than {limit} bytes.")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise PayloadTooLarge(f"The request body is larger than {limit} bytes.")
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


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


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(k.encode("latin-1"), v.encode("latin-1", "replace")) for k, v in headers.items()]


async def _respond(send: Send, status: int, value: object) -> None:
    await _send_json(send, status, msgspec.json.encode(value), {"x-request-id": ids.new_request_id()})


async def _send_json(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    named = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    await send({"type": "http.response.start", "status": status, "headers": _encoded(named)})
    await send({"type": "http.response.body", "body": body})
