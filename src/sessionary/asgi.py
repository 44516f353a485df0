"""What edge and gate share of ASGI: reading a request's head and body, sending an answer."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol, Self
from urllib.parse import quote

import msgspec

from sessionary import errors, ids
from sessionary.capacity import Place
from sessionary.errors import GatewayError, RequestTimeout
from sessionary.heads import headers_of
from sessionary.record.exchange import Begin
from sessionary.relay.relay import LastWords
from sessionary.sessions.identify import pending
from sessionary.wire.messages import errors as anthropic

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


SECURITY = {"x-content-type-options": "nosniff"}
"""Headers of every answer: what a model says is never taken for a page."""
_PLAIN = re.compile(r"[0-9A-Za-z._:/-]*")
"""Text that needs no quoting."""
_SAFE = " !#$&'()*+,-./:;<=>?@[]^_`{|}~"
_LONGEST_NAME = 2048
"""Characters of a session's name that are told in a header: clients and proxies take no header of any length, and ours
names the session as well."""
_MOST_PAUSES = 20
"""A body must be whole within so many times what it may pause for."""


class ClientGone(Exception):
    """The client left before its request was whole: there is nobody to answer and nothing to record."""


class Out(Protocol):
    """Where an answer's bytes go: its head, pieces of its body, and the last of them."""

    async def head(self, status: int, headers: Mapping[str, str]) -> None: ...
    async def send(self, data: bytes) -> None:
        """Returns when more can be taken."""

    def put(self, data: bytes) -> bool:
        """`send`, at once. False: that cannot be done now, and nothing was."""

    async def end(self, data: bytes = b"") -> None: ...


class AsgiOut:
    """By ASGI."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def head(self, status: int, headers: Mapping[str, str]) -> None:
        await self._send(
            {"type": "http.response.start", "status": status, "headers": _encoded({**SECURITY, **headers})}
        )

    async def send(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def put(self, data: bytes) -> bool:
        return False

    async def end(self, data: bytes = b"") -> None:
        await self._send({"type": "http.response.body", "body": data})


class Caller:
    """The caller's side of an answer."""

    def __init__(self, out: Out, named: Mapping[str, str], endpoint: str = "") -> None:
        """`named`: headers that every answer has, `x-request-id` among them."""
        self._out = out
        self._named = named
        self._endpoint = endpoint
        self.started = False
        self.send = out.send
        self.put = out.put
        self._ended = False
        self._last_words: LastWords | None = None

    @classmethod
    def of(cls, out: Out, begin: Begin, more: Mapping[str, str] | None = None) -> Self:
        """Of a call: names it, and its session, unless that is told by what is stored. `more`: further headers."""
        named = {**(more or {}), "x-request-id": begin.call_id, "x-call-id": begin.call_id}
        if pending(begin):
            named["x-session-source"] = "pending"
        else:
            text = begin.session_text
            told = text if _PLAIN.fullmatch(text) else quote(text, safe=_SAFE)
            named["x-session-id"] = told if len(told) <= _LONGEST_NAME else begin.session_id
            named["x-session-source"] = begin.source
        return cls(out, named, begin.endpoint)

    async def start(self, status: int, headers: dict[str, str], last_words: LastWords | None = None) -> None:
        self.started = True
        self._last_words = last_words
        await self._out.head(status, {**headers, **self._named})

    async def end(self, data: bytes = b"") -> None:
        self._ended = True
        await self._out.end(data)

    async def fail(self, error: GatewayError) -> None:
        if self._ended:
            return
        if self.started:
            if self._last_words is not None:
                await self.end(self._last_words(error))
            return
        body = error_body(error, self._named["x-request-id"], self._endpoint)
        framed = {"content-type": "application/json", "content-length": str(len(body))}
        await self.start(error.status, {**error.headers, **framed})
        await self.end(body)


def read_headers(scope: Scope) -> dict[str, str]:
    return headers_of(scope["headers"])


async def read_body(receive: Receive, headers: Mapping[str, str], place: Place) -> bytes:
    """Into the room that the place has for it. Raises PayloadTooLarge and Overloaded before reading what does not fit,
    RequestTimeout where it pauses for too long, ClientGone where the client has left."""
    try:
        declared = headers.get("content-length", "")
        if declared.isdigit():
            place.take(int(declared))
        return await _received(receive, place)
    except GatewayError as error:
        if "expect" in headers:  # it waits to be told to send, and never is
            error.headers["connection"] = "close"
        raise


async def _received(receive: Receive, place: Place) -> bytes:
    parts: list[bytes] = []
    size = 0
    receive = in_time(receive, place.pause)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > place.size:
            place.take(size - place.size)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def in_time(receive: Receive, pause: float) -> Receive:
    """`receive`, which raises RequestTimeout where a body that is not whole pauses for so many seconds, or takes
    `_MOST_PAUSES` times as long in all. What comes behind the body takes its time: a client leaves when it likes."""
    loop = asyncio.get_running_loop()
    last = loop.time() + _MOST_PAUSES * pause
    comes = True

    async def timed() -> MutableMapping[str, Any]:
        nonlocal comes
        if not comes:
            return await receive()
        try:
            async with asyncio.timeout_at(min(loop.time() + pause, last)):
                message = await receive()
        except TimeoutError:
            raise RequestTimeout("The request's body did not come in time.") from None
        comes = bool(message.get("more_body", False))
        return message

    return timed


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(k.encode("latin-1"), v.encode("latin-1", "replace")) for k, v in headers.items()]


async def respond(send: Send, status: int, value: object) -> None:
    await send_json(send, status, msgspec.json.encode(value), {"x-request-id": ids.new_request_id()})


async def send_json(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    await tell(AsgiOut(send), status, body, headers)


async def tell(out: Out, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    """A whole answer in JSON."""
    await out.head(status, {"content-type": "application/json", "content-length": str(len(body)), **headers})
    await out.end(body)


async def refuse(out: Out, error: GatewayError, endpoint: str = "") -> None:
    """For requests that never became a call."""
    request_id = ids.new_request_id()
    named = {**error.headers, "x-request-id": request_id}
    await tell(out, error.status, error_body(error, request_id, endpoint), named)


def error_body(error: GatewayError, request_id: str, endpoint: str) -> bytes:
    """In the wire format of whoever called."""
    return anthropic.body(error, request_id) if endpoint == "messages" else errors.body(error, request_id)
