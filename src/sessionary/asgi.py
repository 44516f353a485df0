"""What edge and gate share of ASGI: reading a request's head and body, sending an answer."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Self
from urllib.parse import quote

import msgspec

from sessionary import errors, ids
from sessionary.errors import GatewayError, PayloadTooLarge
from sessionary.record.exchange import Begin
from sessionary.sessions.identify import pending
from sessionary.wire.messages import errors as anthropic

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ClientGone(Exception):
    """The client left before its request was whole: there is nobody to answer and nothing to record."""


class AsgiClient:
    """The caller's side of an answer."""

    def __init__(self, send: Send, named: Mapping[str, str], endpoint: str = "") -> None:
        """`named`: headers that every answer has, `x-request-id` among them."""
        self._send = send
        self._named = named
        self._endpoint = endpoint
        self.started = False

    @classmethod
    def of(cls, send: Send, begin: Begin) -> Self:
        """Of a call: names it, and its session, unless that is told by what is stored."""
        named = {"x-request-id": begin.call_id, "x-call-id": begin.call_id}
        if pending(begin):
            named["x-session-source"] = "pending"
        else:
            named["x-session-id"] = quote(begin.session_text, safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~")
            named["x-session-source"] = begin.source
        return cls(send, named, begin.endpoint)

    async def start(self, status: int, headers: dict[str, str]) -> None:
        self.started = True
        named = {**headers, **self._named}
        await self._send({"type": "http.response.start", "status": status, "headers": _encoded(named)})

    async def send(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        await self._send({"type": "http.response.body", "body": data})

    async def fail(self, error: GatewayError) -> None:
        body = error_body(error, self._named["x-request-id"], self._endpoint)
        if not self.started:
            await self.start(error.status, {"content-type": "application/json", "content-length": str(len(body))})
            await self.end(body)


def read_headers(scope: Scope) -> dict[str, str]:
    """Lower-case; underscores read as hyphens. Of a repeated header the first counts."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").replace("_", "-"), value.decode("latin-1"))
    return found


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
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


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(k.encode("latin-1"), v.encode("latin-1", "replace")) for k, v in headers.items()]


async def respond(send: Send, status: int, value: object) -> None:
    await send_json(send, status, msgspec.json.encode(value), {"x-request-id": ids.new_request_id()})


async def send_json(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    named = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    await send({"type": "http.response.start", "status": status, "headers": _encoded(named)})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, error: GatewayError, endpoint: str = "") -> None:
    """For requests that never became a call."""
    request_id = ids.new_request_id()
    await send_json(send, error.status, error_body(error, request_id, endpoint), {"x-request-id": request_id})


def error_body(error: GatewayError, request_id: str, endpoint: str) -> bytes:
    """In the wire format of whoever called."""
    return anthropic.body(error, request_id) if endpoint == "messages" else errors.body(error, request_id)
