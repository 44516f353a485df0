"""The Responses API over a WebSocket: many turns on one connection, each the events of a stream as text frames.

A client sends `{"type": "response.create", ...}`, with the fields of `POST /responses`. One turn runs at a time;
what comes meanwhile waits. A response with `store: false` can be gone on from on its own connection, and only there.
"""

import asyncio
import contextlib
import logging
from collections.abc import MutableMapping
from typing import Any

import msgspec

from sessionary import incoming
from sessionary.asgi import Receive, Scope, Send, error_body, read_headers
from sessionary.auth import Auth
from sessionary.calls import Calls
from sessionary.capacity import Capacity
from sessionary.errors import BadRequest, GatewayError, NotFound, Overloaded
from sessionary.heads import Head
from sessionary.ids import new_request_id
from sessionary.leaving import Leaving
from sessionary.relay.relay import LastWords
from sessionary.state.bounded import Bounded
from sessionary.state.links import Near
from sessionary.wire import loose
from sessionary.wire.sse import Event, Parser

log = logging.getLogger("sessionary.websocket")
_MOST_WAITING = 32
_MOST_NEAR = 256
_MOST_NEAR_BYTES = 16 << 20
"""Calls of one connection that are remembered for it."""
_POLICY = 1008
_RESTART = 1012


class Sockets:
    def __init__(self, auth: Auth, calls: Calls, capacity: Capacity, leaving: asyncio.Event) -> None:
        """A connection takes the place of one call for as long as it is open. `leaving`: the server is about to end."""
        self._auth = auth
        self._calls = calls
        self._capacity = capacity
        self._leaving = leaving

    async def serve(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        head = Head(read_headers(scope))
        try:
            if path != "/responses":
                raise NotFound("There is no WebSocket here.")
            await self._auth.principal(head.key)
            place = self._capacity.place()
        except GatewayError as error:
            return await _refuse(scope, send, error)
        with place:
            await receive()
            await send({"type": "websocket.accept"})
            await _Connection(self._auth, self._calls, self._capacity, self._leaving, head, send).run(receive)


class _Connection:
    def __init__(
        self,
        auth: Auth,
        calls: Calls,
        capacity: Capacity,
        leaving: asyncio.Event,
        head: Head,
        send: Send,
    ) -> None:
        self._auth = auth
        self._calls = calls
        self._capacity = capacity
        self._leaving = leaving
        self._head = head
        self._send = send
        self._held = 0
        """Bytes of frames that are here and not answered."""
        self._near: Near = Bounded(_MOST_NEAR, _MOST_NEAR_BYTES)
        self._frames: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)
        self._left = asyncio.Event()
        self._client = Leaving()

    async def run(self, receive: Receive) -> None:
        reading = asyncio.create_task(self._read(receive))
        try:
            while (frame := await self._next()) is not None:
                await self._turn(frame)
                self._hold(-len(frame))
        except asyncio.CancelledError:
            pass  # the server stops, of which the turn has told
        finally:
            reading.cancel()
            self._hold(-self._held)
        if not self._left.is_set():
            with contextlib.suppress(OSError):
                await self._send({"type": "websocket.close", "code": _RESTART, "reason": "The gateway is stopped."})

    def _hold(self, size: int) -> None:
        self._held += size
        self._capacity.body_bytes += size

    async def _read(self, receive: Receive) -> None:
        """Never waits for a turn, so that it is noticed when the client leaves."""
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                try:
                    self._take(_text(message))
                except GatewayError as error:
                    await _Frames(self._send).fail(error)
        finally:
            self._left.set()
            self._client.tell()

    def _take(self, frame: str) -> None:
        if self._frames.full():
            raise Overloaded(f"{_MOST_WAITING} turns wait on this connection already.")
        self._capacity.more(0, len(frame))
        self._held += len(frame)
        self._frames.put_nowait(frame)

    async def _next(self) -> str | None:
        """The next frame; None where the client has left, or the server is about to end."""
        frame = asyncio.ensure_future(self._frames.get())
        ends = [asyncio.ensure_future(event.wait()) for event in (self._left, self._leaving)]
        try:
            await asyncio.wait({frame, *ends}, return_when=asyncio.FIRST_COMPLETED)
            return None if self._left.is_set() or self._leaving.is_set() else frame.result()
        finally:
            for waiting in (frame, *ends):
                waiting.cancel()

    async def _turn(self, frame: str) -> None:
        client = _Frames(self._send)
        try:
            principal = await self._auth.principal(self._head.key)  # a key may be revoked while the socket is open
            request = incoming.read("responses", self._head, _asked(frame))
            call = await self._calls.begin(principal, request, self._near)
        except GatewayError as error:
            return await client.fail(error)
        except Exception:
            log.exception("a fault of the gateway's own")
            return await client.fail(GatewayError())
        await self._calls.answer(call, client, self._client)


class _Frames:
    """The client's side of one turn."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._parser: Parser | None = None
        self._status = 200

    async def start(self, status: int, headers: dict[str, str], last_words: LastWords | None = None) -> None:
        self._status = status
        if headers.get("content-type", "").startswith("text/event-stream"):
            self._parser = Parser()

    async def send(self, data: bytes) -> None:
        for event in self._parser.feed(data) if self._parser else ():
            await self._event(event)

    def put(self, data: bytes) -> bool:
        return False

    async def end(self, data: bytes = b"") -> None:
        if self._parser is not None:
            for event in (*self._parser.feed(data), *self._parser.close()):
                await self._event(event)
            return
        try:
            value = loose.decode(data)
        except loose.FAILURES:
            value = {}
        if self._status < 400:  # a provider that does not stream
            return await self._frame({"type": "response.completed", "sequence_number": 0, "response": value})
        await self._error(self._status, value.get("error") if isinstance(value, dict) else None)

    async def fail(self, error: GatewayError) -> None:
        await self._error(error.status, loose.decode(error_body(error, new_request_id(), "responses"))["error"])

    async def _error(self, status: int, error: Any) -> None:
        """Open Responses wants a code and a message of every error on a socket."""
        said = error if isinstance(error, dict) else {}
        code, message = said.get("code") or said.get("type"), said.get("message")
        named = {"code": str(code or "server_error"), "message": str(message or "The call failed.")}
        await self._frame({"type": "error", "status": status, "error": {**said, **named}})

    async def _event(self, event: Event) -> None:
        if event.data != "[DONE]":
            await self._text(event.data)

    async def _frame(self, value: dict[str, Any]) -> None:
        await self._text(loose.encode(value).decode())

    async def _text(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the client has left, of which the call is told
            await self._send({"type": "websocket.send", "text": text})


def _asked(frame: str) -> bytes:
    """The body of the call. Raises BadRequest for a frame that is none."""
    try:
        value = msgspec.json.decode(frame.encode(), type=dict[str, msgspec.Raw])
        kind = msgspec.json.decode(value.pop("type"))
    except (msgspec.DecodeError, KeyError, UnicodeEncodeError, RecursionError):
        kind = None
    if not isinstance(kind, str):
        raise BadRequest("A frame is a JSON object with a 'type'.", code="invalid_json")
    if kind != "response.create":
        raise BadRequest(f"There is no event '{kind[:100]}': send 'response.create'.", param="type")
    fields = [msgspec.json.encode(name) + b":" + bytes(raw) for name, raw in value.items() if name != "stream"]
    return b"{" + b",".join([*fields, b'"stream":true']) + b"}"


def _text(message: MutableMapping[str, Any]) -> str:
    text = message.get("text")
    return text if isinstance(text, str) else (message.get("bytes") or b"").decode("utf-8", "replace")


async def _refuse(scope: Scope, send: Send, error: GatewayError) -> None:
    """With the HTTP answer, where the server can still give one."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        return await send({"type": "websocket.close", "code": _POLICY, "reason": error.message[:120]})
    body = error_body(error, new_request_id(), "responses")
    named = {"content-type": "application/json", "content-length": str(len(body)), **error.headers}
    headers = [(name.encode(), value.encode()) for name, value in named.items()]
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
