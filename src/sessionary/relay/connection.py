"""A connection to a provider: HTTP/1.1, one request at a time, its answer read into a `Reply` as it comes.

- A connection is free for another request once an answer is whole, its request has left, and both sides keep it open.
- One on which anything came that nobody asked for is never used again: it would be read as the next one's answer.
- No more is read while `READ_SIZE` bytes wait for who reads; no head, and nothing else that is no body, is longer than
  `MOST_BARE` bytes, however it is spread over headers, trailers, hints and extensions of chunks.
- One timer a connection, which is left alone while it may still ring too early: it rings seldom.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

READ_SIZE = 32 * 1024
"""Bytes at a time: more waits with the provider, or with the system, while the client takes none."""
MOST_BARE = 64 * 1024
"""Bytes in a row that are no body."""
_LINGER = 1.0
"""Seconds that an answer may take to end which its reader has had enough of."""
_STALE = 1.0
"""Seconds within which a kept connection ends without a word if the provider had let go of it already."""


class Broke(Exception):
    """The connection is of no use any more. Its text says why, and nothing of the address."""


class Stale(Broke):
    """It was kept from an earlier request, and ended before anything came: nobody has read this one, it may be sent
    again."""


class NoHttp(Broke):
    """What came is no HTTP."""


class Silent(Broke):
    """Nothing came in time."""


class Reply:
    """What comes on a connection for one request. It outlives the connection's interest in it."""

    __slots__ = (
        "_begun", "_connection", "_error", "_over", "_pieces", "_size", "_take", "_until", "_waiter", "headers", "idle",
        "status",
    )  # fmt: skip

    def __init__(self, connection: "Connection", until: float) -> None:
        """`until`: when it must be whole, in the loop's time; one that has an `idle` must have begun."""
        self.idle: float | None = None
        """Seconds that it may be silent once it has begun. They run while somebody waits: a slow reader never looks
        like a silent provider."""
        self.status = 0
        """0 until the head is whole."""
        self.headers: dict[str, str] = {}
        """Lower-case names; of a repeated header the last."""
        self._connection = connection
        self._until = until
        self._begun = False
        self._pieces: list[bytes] = []
        self._size = 0
        self._over = False
        self._error: Broke | None = None
        self._waiter: asyncio.Future[bool] | None = None
        self._take: Callable[[bytes], bool] | None = None
        """Who gets what comes while `_waiter` waits for the end."""

    async def begun(self) -> "Reply":
        """Itself, with status and headers. Raises Broke; who no longer waits for it lets go of it."""
        try:
            while not self.status:
                if self._error is not None:
                    raise self._error
                await self._something()
        except BaseException:
            self.close(ended=False)
            raise
        return self

    async def read(self) -> bytes:
        """What has come of the body; waits where nothing has. b"" at the end. Raises Broke."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._over:
                return b""
            await self._something()
        self._begun = True
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        if self._size > READ_SIZE and not self._over:
            self._connection.go_on()
        self._size = 0
        return data

    async def pour(self, take: Callable[[bytes], bool]) -> bool:
        """Gives `take` what comes of the body, the moment it comes, and wakes nobody for it. Returns whether that was
        the end; False: `take` said so, for it wants no more now. Raises Broke, and what `take` raises."""
        while True:
            if self._pieces:
                if not take(await self.read()):
                    return False
            elif self._error is not None:
                raise self._error
            elif self._over:
                return True
            else:
                self._take = take
                try:
                    if not await self._something():
                        return False
                finally:
                    self._take = None

    async def _something(self) -> bool:
        """Waits for it. False: who takes what comes wants no more."""
        if self._begun and self.idle is not None:
            self._until = self._connection.now() + self.idle
        self._waiter = self._connection.waiter(self._until)
        try:
            return await self._waiter
        finally:
            self._waiter = None

    @property
    def over(self) -> bool:
        """Whether all has come that will come, read or not."""
        return self._over

    def close(self, *, ended: bool) -> None:
        """Lets go of it: unless it is over, its connection is cut; at once, or where it has `ended` for its reader, if
        it does not end by itself now."""
        if self._over:
            return
        self.end()
        if ended:
            self._connection.linger()
        else:
            self._connection.cut()

    @property
    def waits(self) -> bool:
        return self._waiter is not None

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)

    def add(self, pieces: list[bytes]) -> bool:
        """Whether that is enough for now."""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if self._take is not None and self._waiter is not None and not self._waiter.done():
            self._pour(self._take, data, self._waiter)
            return False
        self._pieces.append(data)
        self._size += len(data)
        self.wake()
        return self._size > READ_SIZE

    def _pour(self, take: Callable[[bytes], bool], data: bytes, waiter: "asyncio.Future[bool]") -> None:
        self._begun = True
        try:
            wants_more = take(data)
        except Exception as error:  # who waits shall have it
            waiter.set_exception(error)
            return
        if not wants_more:
            waiter.set_result(False)
        elif self.idle is not None:
            self._connection.ring_by(self._connection.now() + self.idle)

    def end(self, error: Broke | None = None) -> None:
        if not self._over:
            self._over = True
            self._error = error
            self.wake()


class Connection(asyncio.BufferedProtocol):
    __slots__ = (
        "_bare", "_body", "_buffer", "_came", "_done", "_free", "_keep", "_loop", "_lost", "_parser", "_paused",
        "_reply", "_rings", "_sent", "_timer", "_transport", "_until", "_until_close", "_used", "on_body",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        buffer: memoryview,
        free: Callable[["Connection"], None],
        lost: Callable[["Connection"], None],
    ) -> None:
        """`buffer`: where a piece lies while it is parsed; the loop's connections share it. `free` is told when another
        request may be sent, `lost` that none may ever be."""
        self._loop = loop
        self._buffer = buffer
        self._free = free
        self._lost = lost
        self._body: list[bytes] = []
        self.on_body = self._body.append
        """What the parser tells most often."""
        self._parser = httptools.HttpResponseParser(self)
        # As lenient as browsers are, where that cannot move the end of an answer.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True)
        self._transport: asyncio.Transport
        self._reply: Reply | None = None
        self._used = False
        self._came = False
        self._bare = 0
        self._done = False
        self._keep = False
        self._until_close = False
        self._paused = False
        self._sent = 0.0
        self._until = 0.0
        self._rings = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        return not self._transport.is_closing()

    def ask(self, head: bytes, body: bytes, until: float) -> Reply:
        """Sends a request, of which the answer must come up to then; the connection is free."""
        self._used, self._came = self._done, False  # an earlier answer is done
        self._done = self._keep = self._until_close = False
        self._bare = 0
        self._sent = self._loop.time()
        self._reply = reply = Reply(self, until)
        self._transport.writelines((head, body))
        return reply

    def close(self) -> None:
        """Of one that is free: it says goodbye."""
        self._transport.close()

    def cut(self) -> None:
        self._reply = None
        self._transport.abort()

    def linger(self) -> None:
        """Nobody reads any more of what comes."""
        self.go_on()
        self.ring_by(self._loop.time() + _LINGER)

    def now(self) -> float:
        return self._loop.time()

    def waiter(self, until: float) -> "asyncio.Future[bool]":
        """To be done when something comes; at `until` the reply ends as silent."""
        self.ring_by(until)
        return self._loop.create_future()

    def ring_by(self, until: float) -> None:
        self._until = until
        if self._timer is None or self._rings > until:
            if self._timer is not None:
                self._timer.cancel()
            self._ring_at(until)

    def go_on(self) -> None:
        """There is room again for what comes, or nobody who would lack it."""
        if self._paused:
            self._paused = False
            if self.usable:
                self._transport.resume_reading()

    def _ring_at(self, until: float) -> None:
        self._rings = until
        self._timer = self._loop.call_at(until, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._reply is None or not (self._reply.waits or self._reply.over):
            return
        if self._loop.time() < self._until:
            self._ring_at(self._until)
        else:
            self._fail(Silent("it was silent"))

    def _fail(self, error: Broke) -> None:
        if self._reply is not None:
            self._reply.end(error)
        self.cut()

    # what the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        reply = self._reply
        if reply is None:
            self.cut()  # nobody asked for it
            return
        self._came = True
        self._bare += nbytes
        bad = False
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except httptools.HttpParserError:
            bad = True
            self._keep = False
            self._done = self._done or reply.status == 101
        if self._done:
            self._finish(reply)
            return
        if self._body:
            self._take(reply)
        if bad or self._bare > MOST_BARE:
            self._fail(NoHttp("it did not answer with HTTP"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        del self._parser  # each has the other
        reply, self._reply = self._reply, None
        if reply is None:
            self._lost(self)
        elif self._until_close and exc is None:
            reply.end()
        elif self._used and not self._came and self._loop.time() - self._sent < _STALE:
            reply.end(Stale("it closed the connection"))
        else:
            reply.end(Broke("it closed the connection" if exc is None else "the connection broke"))

    def _take(self, reply: Reply) -> None:
        """What the parser has found of the body goes to who reads, if anybody does."""
        if not reply.over:
            self._bare = 0
            if reply.add(self._body) and not self._paused:
                self._paused = True
                self._transport.pause_reading()
        self._body.clear()

    def _finish(self, reply: Reply) -> None:
        """The answer is whole."""
        self._reply = None
        self._body.clear()  # of what came behind it
        reply.end()
        if self._keep and self.usable and not self._transport.get_write_buffer_size():
            self.go_on()
            self._free(self)
        elif self._transport.get_write_buffer_size():
            self._transport.abort()  # it has not taken the whole request, and never will
        else:
            self._transport.close()

    # what the parser tells

    def on_message_begin(self) -> None:
        if self._done:
            self._keep = False  # something behind the answer

    def on_header(self, name: bytes, value: bytes) -> None:
        reply = self._reply
        if reply is not None and not reply.status:  # else a trailer
            reply.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        reply = self._reply
        if reply is None or reply.status or self._done:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            reply.headers.clear()  # more is to come
            return
        reply.status = status
        framed = "content-length" in reply.headers or "chunked" in reply.headers.get("transfer-encoding", "").lower()
        self._until_close = not framed and status not in (204, 304)
        self._keep = self._parser.should_keep_alive()
        reply.wake()

    def on_message_complete(self) -> None:
        reply = self._reply
        if reply is not None and reply.status and not self._done:
            self._done = True
            if self._body:
                self._take(reply)
