"""A hot request on its connection, and its answer, past ASGI: no message is made of what comes and goes.

An `Exchange` stands in the server's protocol where else uvicorn has its `RequestResponseCycle`, and has the names that
the protocol uses of one. The protocol hands it the body and tells it that the client has left; the call reads and
writes through it. What parses HTTP is the same for all requests.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from sessionary.asgi import read_body
from sessionary.capacity import Place
from sessionary.errors import GatewayError
from sessionary.heads import Head, headers_of
from sessionary.leaving import Leaving

_LINE = "%s: %s\r\n".__mod__
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Exchange:
    __slots__ = (
        "_always",
        "_broken",
        "_ended",
        "_flow",
        "_head",
        "_held",
        "_is_chunked",
        "_left",
        "_lingers",
        "_most_unread",
        "_parts",
        "_raw",
        "_told",
        "_transport",
        "_waiting",
        "disconnected",
        "endpoint",
        "keep_alive",
        "leaving",
        "more_body",
        "response_complete",
        "said",
        "started",
    )

    def __init__(
        self,
        endpoint: str,
        said: Head,
        headers: Sequence[tuple[bytes, bytes]],
        transport: asyncio.Transport,
        flow: FlowControl,
        ended: Callable[[], None],
        always: bytes,
        *,
        keep_alive: bool,
        most_unread: int,
    ) -> None:
        """`said`: what the head says. `headers`: all of them, as they came; of a request whose body is here, none.
        `always`: the lines that every answer's head has. `most_unread`: bytes of a body that are read past, where it is
        answered before it is whole."""
        self.endpoint = endpoint
        self.leaving = Leaving()
        self.disconnected = False
        self.keep_alive = keep_alive
        self.more_body = True
        self.started = False
        self.response_complete = False
        self.said = said
        self._raw = headers
        self._transport = transport
        self._flow = flow
        self._ended = ended
        self._always = always
        self._most_unread = most_unread
        self._told = False
        """Whether the client needs not be told any more to send its body."""
        self._parts: list[bytes] = []
        self._held = 0
        """Bytes of the body that are here and were not asked for."""
        self._broken: GatewayError | None = None
        """Why the body cannot be read any further."""
        self._waiting: asyncio.Future[None] | None = None
        self._head = b""
        """That of a whole answer, which is written with its body."""
        self._is_chunked = False
        self._lingers = False
        """Whether the client sends more: a reset, where the connection is closed, would take the answer along."""
        self._left = 0
        """Bytes that the answer's head has promised and that are not written."""

    # What the protocol knows.

    @property
    def message_event(self) -> "Exchange":
        return self

    def set(self) -> None:
        """Something came, or the client has left."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        if self.disconnected and not self.response_complete:
            self.leaving.tell()

    def came(self, part: bytes) -> None:
        """Of the body."""
        self._parts.append(part)
        self._held += len(part)
        if self._held > HIGH_WATER_LIMIT and self.more_body:
            self._flow.pause_reading()
        self.set()

    def broke(self, error: GatewayError) -> None:
        """What came is no body. The client is told why, if it has no answer yet."""
        self._broken = error
        self.keep_alive = False
        self.set()

    # What comes.

    async def body(self, place: Place) -> bytes:
        """As `asgi.read_body`; at once where it is here."""
        if self.more_body or self.disconnected:
            return await read_body(self._receive, headers_of(self._raw), place)
        place.take(self._held)
        self._held = 0
        parts, self._parts = self._parts, []
        self._flow.resume_reading()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _receive(self) -> MutableMapping[str, Any]:
        if not self._told and expects(self._raw) and not self._transport.is_closing():
            self._transport.write(_CONTINUE)
        self._told = True
        self._flow.resume_reading()
        if not self._parts and self.more_body and not self.disconnected and self._broken is None:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        if self.disconnected:
            return {"type": "http.disconnect"}
        if self._broken is not None:
            raise self._broken
        parts, self._parts, self._held = self._parts, [], 0
        return {"type": "http.request", "body": b"".join(parts), "more_body": self.more_body}

    # What goes. Who writes to a client that has left is not told so: the call is cancelled.

    async def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Raises RuntimeError for headers that would end their lines, and where there is an answer already."""
        if self.started:
            raise RuntimeError("a second answer")
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        lines = "".join(map(_LINE, headers.items()))
        if lines.count("\n") + lines.count("\r") != 2 * len(headers) or "\0" in lines:
            raise RuntimeError("a header with a line break")
        too_much = self.more_body and _length(self._raw) > self._most_unread
        self._lingers = too_much and (self._told or not expects(self._raw))
        self.started = self._told = True
        size = headers.get("content-length")
        if size is None:
            self._is_chunked = True
            lines += "transfer-encoding: chunked\r\n"
        else:
            self._left = int(size)
        if "connection" in headers:
            self.keep_alive = False
        elif too_much or not self.keep_alive:
            self.keep_alive = False
            lines += "connection: close\r\n"
        first = STATUS_LINE.get(status) or b"HTTP/1.1 %d \r\n" % status
        head = first + self._always + lines.encode("latin-1", "replace") + b"\r\n"
        if self._is_chunked:
            self._transport.write(head)
        else:
            self._head = head

    async def send(self, data: bytes) -> None:
        while not self.put(data):
            await self._flow.drain()

    def put(self, data: bytes) -> bool:
        if self.disconnected:
            return True
        if self._flow.write_paused:
            return False
        if data:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else self._counted(data))
        return True

    async def end(self, data: bytes = b"") -> None:
        """Raises RuntimeError where the body is not as long as the head said."""
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        if not self._is_chunked:
            self._transport.write(self._counted(data))
            if self._left:
                raise RuntimeError("an answer shorter than it was said to be")
        elif data:
            self._transport.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data))
        else:
            self._transport.write(b"0\r\n\r\n")
        self.response_complete = True
        if not self.keep_alive and not self._lingers:
            self._transport.close()
        self._ended()

    def _counted(self, data: bytes) -> bytes:
        if len(data) > self._left:
            raise RuntimeError("an answer longer than it was said to be")
        self._left -= len(data)
        head, self._head = self._head, b""
        return head + data


def _length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Of a body, as it was declared; 0 where it was not. The parser has seen that it is a number."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def expects(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the client waits to be told to send its body."""
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)
