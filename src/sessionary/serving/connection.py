"""One connection of a client: uvicorn's, with bounds on what comes in before a call begins.

A request's head is bounded in size and time; what an early answer leaves unread of a body is read past, within bounds,
so that its sender gets to see the answer.
"""

import asyncio
import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sessionary import errors, ids
from sessionary.again import Known, known
from sessionary.asgi import SECURITY
from sessionary.direct import Exchange, expects
from sessionary.edge import Edge
from sessionary.errors import BadRequest, GatewayError, HeadTooLarge, RequestTimeout, TargetTooLong
from sessionary.handover import Handover
from sessionary.heads import Head, Heads

MOST_HEAD = 64 * 1024
MOST_TARGET = 16 * 1024
"""Bytes of a request's path and query."""
MOST_HEADERS = 200
MOST_UNSENT = 32 * 1024
"""Bytes that wait for a client to take them, before the provider is read no further."""
_TO_READ = 1.0
"""Seconds that a client has to read why it is refused."""
_LEARNS = 4


class Always:
    """The lines that every answer's head has, the date for one, which changes once a second."""

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._lines = b""

    def lines(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._headers:
            self._headers = headers
            lines = (f"{name}: {value}\r\n".encode() for name, value in SECURITY.items())
            self._lines = b"".join((*(b"%b: %b\r\n" % header for header in headers), *lines))
        return self._lines


class Protocol(HttpToolsProtocol):
    """Hot requests are handed to `edge` as they are (`direct`), others go by ASGI, those that another
    process is to answer to that one (`handover`), and the connection with them.

    It waits for one thing at a time: a head, the rest of what is read past, the next request. One timer is kept for
    that and moved only when it rings, for most of what is waited for comes long before.
    """

    def __init__(
        self,
        *,
        edge: Edge,
        handover: Handover,
        heads: Heads,
        always: Always,
        pause: float,
        most_unread: int,
        began: bytes = b"",
        **given: Any,
    ) -> None:
        """`pause`: seconds for a head, and for what is read past; `most_unread`: bytes of that; `began`: what came on
        the connection while it was another process's."""
        super().__init__(**given)
        self._edge = edge
        self._handover = handover
        self._began = began
        self._heads = heads
        self._always = always
        self._pause = pause
        self._most_unread = most_unread
        self._timer: asyncio.TimerHandle | None = None
        self._until = math.inf
        self._in_head = False
        self._head = 0
        """Bytes that came while a head was not whole."""
        self._coming = 0
        """Bytes that came last."""
        self._problem: GatewayError | None = None
        self._unread = 0
        self._refused = False
        self._answering: Exchange | None = None
        """Not what has come behind it."""
        self._known: Known | None = None
        """The head of the last hot request, while another one may follow it."""
        self._hot: tuple[str, Head] | None = None
        """What was found of the request that began last, if another one may follow it."""
        self._learns = _LEARNS
        """How often a head is still kept of which none was seen again."""
        self._passed_over = False
        """Whether the request that begins asks to speak something else, which we do not: it is read without that."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=MOST_UNSENT)
        self._wait(self._pause)
        if self._began:
            began, self._began = self._began, b""
            self.data_received(began)

    def connection_lost(self, exc: Exception | None) -> None:
        self._until = math.inf
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)
        if self._answering is not None and not self._answering.disconnected:
            self._answering.disconnected = True
            self._answering.set()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        begins = self._is_between()
        if begins and self._known is not None and (body := self._known.body(data)) is not None:
            self._learns = _LEARNS
            self._until = math.inf
            exchange = self._take(self._known.endpoint, self._known.head, (), keep_alive=True)
            exchange.more_body = False
            return exchange.came(body)
        if begins and self._handover.is_theirs(data) and self._hands_on(data):
            return
        self._coming = len(data)
        self._hot = None
        self._feed(data)
        if begins and self._hot is not None and self._learns > 0:
            self._learns -= 1
            self._known = known(data, *self._hot)
        if self._in_head:
            if self._head == 0:
                self._wait(self._pause)
            self._head += len(data)
            if self._head > MOST_HEAD:
                self._refuse(HeadTooLarge())

    def _feed(self, data: bytes) -> None:
        """As uvicorn does; a request that asks for what is passed over is read once more, without that."""
        try:
            while data:
                try:
                    self.parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    if not self._passed_over:
                        if self._should_upgrade():
                            self.handle_websocket_upgrade()
                        break
                    self._passed_over = False
                    (behind,) = upgrade.args
                    data = self._without_upgrade() + data[behind:]
        except httptools.HttpParserError as error:
            self.send_400_response(str(error))

    def _without_upgrade(self) -> bytes:
        """The head of the request that was passed over."""
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            if name == b"connection":
                wanted = [one for one in value.split(b",") if one.strip().lower() != b"upgrade"]
                lines.append(b"%b: %b" % (name, b",".join(wanted)))
            elif name != b"upgrade":
                lines.append(b"%b: %b" % (name, value))
        return b"\r\n".join([*lines, b"", b""])

    def _should_upgrade(self) -> bool:
        return self.parser.get_method() == b"GET" and super()._should_upgrade()

    def _hands_on(self, data: bytes) -> bool:
        """Whether the connection is another process's now. It is not while an answer is still being sent on it."""
        if self.transport.get_write_buffer_size() > 0:
            return False
        if not self._handover.give(data, self.transport.get_extra_info("socket").fileno()):
            return False
        self.transport.abort()
        return True

    def on_message_begin(self) -> None:
        """As uvicorn does; a scope is made where it is needed."""
        self.url = b""
        self.headers = []
        self._known = None
        self._in_head = True
        self._head = 0

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > MOST_TARGET:
            self._fail(TargetTooLong())

    def on_header(self, name: bytes, value: bytes) -> None:
        headers = self.headers
        headers.append((name.lower(), value))
        if len(headers) > MOST_HEADERS:
            self._fail(HeadTooLarge())

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._until = math.inf
        if self._head + self._coming > MOST_HEAD and sum(len(n) + len(v) for n, v in self.headers) > MOST_HEAD:
            self._fail(HeadTooLarge())
        method = self.parser.get_method()
        if self.parser.should_upgrade() and method != b"CONNECT" and not self._should_upgrade():
            self._passed_over = True
            return
        if method == b"POST" and (endpoint := self._edge.hot(self.url)):
            head, stays = self._heads.of(self.headers), self.parser.should_keep_alive()
            keep_alive = stays and self.parser.get_http_version() != "1.0"
            self._take(endpoint, head, self.headers, keep_alive=keep_alive)
            self._hot = (endpoint, head) if keep_alive else None
        else:
            self._hot = None
            url, headers = self.url, self.headers
            super().on_message_begin()
            self.url = url
            self.headers += headers
            self.expect_100_continue = expects(headers)
            super().on_headers_complete()

    def _take(self, endpoint: str, head: Head, headers: Sequence[tuple[bytes, bytes]], *, keep_alive: bool) -> Exchange:
        before = self.cycle
        self.cycle = exchange = Exchange(  # type: ignore[assignment]
            endpoint,
            head,
            headers,
            self.transport,
            self.flow,
            self.on_response_complete,
            self._always.lines(self.server_state.default_headers),
            keep_alive=keep_alive,
            most_unread=self._most_unread,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(exchange, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))  # type: ignore[arg-type]
        return exchange

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if isinstance(cycle, Exchange):
            self._answering = cycle
            cycle.leaving.task = task = self.loop.create_task(self._answer(cycle))
            self.tasks.add(task)
        else:
            self._answering = None
            super()._start_asgi_task(cycle, app)

    async def _answer(self, exchange: Exchange) -> None:
        """An answer without an end ends its connection."""
        try:
            await self._edge.call(exchange)
        finally:
            if not exchange.response_complete and not exchange.disconnected:
                self.transport.close()
            self.tasks.discard(exchange.leaving.task)
            exchange.leaving.task = None  # each has the other

    def on_body(self, body: bytes) -> None:
        cycle: object = self.cycle
        if not self._idle():
            if isinstance(cycle, Exchange):
                return cycle.came(body)
            return super().on_body(body)
        self._unread += len(body)
        if self._unread > self._most_unread:
            self.transport.close()

    def on_message_complete(self) -> None:
        if self._passed_over:
            return
        super().on_message_complete()
        if not self._idle():
            return
        if self.cycle is not None and not self.cycle.keep_alive:
            self.transport.close()
        else:
            self._wait(self.timeout_keep_alive)

    def on_response_complete(self) -> None:
        """As uvicorn does, but for its timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.cycle.more_body:
            self._unread = 0
            self._wait(self._pause)
        elif not self._in_head:
            self._wait(self.timeout_keep_alive)

    def handle_websocket_upgrade(self) -> None:
        self._until = math.inf  # the connection is another protocol's from here on
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._problem or BadRequest("This is no HTTP request.", code="invalid_http"))

    def _fail(self, problem: GatewayError) -> None:
        """From within the parser, which stops at an exception."""
        self._problem = problem
        raise problem

    def _is_between(self) -> bool:
        """Whether the next byte begins a request, and what came before it is answered."""
        cycle = self.cycle
        return not self._in_head and (cycle is None or (cycle.response_complete and not cycle.more_body))

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait(self, seconds: float) -> None:
        self._until = self.loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._until:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self.loop.call_at(self._until, self._rings)

    def _rings(self) -> None:
        self._timer = None
        if self._until > self.loop.time():
            if self._until < math.inf:
                self._timer = self.loop.call_at(self._until, self._rings)
        elif self._in_head and not self._refused:
            self._refuse(RequestTimeout("The request's head did not come in time."))
        else:
            self.transport.close()

    def _refuse(self, error: GatewayError) -> None:
        """Before there is a call, or a format to answer in."""
        if self.transport.is_closing() or self._refused:
            return
        self._refused = True
        cycle: object = self.cycle
        if isinstance(cycle, Exchange) and cycle.more_body and not cycle.started:
            cycle.broke(error)
        elif not self._idle():
            self.transport.close()
        else:
            body = errors.body(error, ids.new_request_id())
            status = HTTPStatus(error.status)
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
            self._wait(_TO_READ)  # a reset, for what it still sends, would take the answer along
