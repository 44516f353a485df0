"""A hot request and its answer on a connection: what the server's protocol hands over, and what leaves."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from sessionary.asgi import ClientGone
from sessionary.capacity import Capacity
from sessionary.direct import Exchange
from sessionary.heads import Head
from sessionary.metrics import Metrics
from sessionary.settings import Settings


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.reading = True

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class World:
    def __init__(
        self, does: Callable[[Exchange], Coroutine[Any, Any, None]], *, keep_alive: bool = True, expects: bool = False
    ) -> None:
        self.does = does
        self.wire = Wire()
        self.ended = 0
        self.flow = FlowControl(self.wire)
        headers = [(b"host", b"x"), *([(b"expect", b"100-Continue")] if expects else [])]
        self.exchange = Exchange(
            "chat.completions", Head({}), headers, self.wire, self.flow, self._ends, b"date: now\r\n",
            keep_alive=keep_alive, most_unread=1000,
        )  # fmt: skip

    def _ends(self) -> None:
        self.ended += 1

    def run(self, *, then: Callable[[], None] = lambda: None) -> "World":
        async def running() -> None:
            task = asyncio.create_task(self.does(self.exchange))
            await asyncio.sleep(0)
            then()
            await task

        asyncio.run(running())
        return self


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_whole_answer_is_one_piece() -> None:
    async def answer(out: Exchange) -> None:
        await out.head(200, {"content-length": "5", "x-a": "é"})
        assert world.wire.written == b""
        await out.end(b"hello")

    world = World(answer)
    world.run()
    first = head("HTTP/1.1 200 OK", "date: now", "content-length: 5", "x-a: é").decode().encode("latin-1")
    assert world.wire.written == first + b"hello"
    assert (world.ended, world.wire.closed, world.exchange.response_complete) == (1, False, True)


def test_a_stream_is_chunked_and_its_head_goes_first() -> None:
    async def answer(out: Exchange) -> None:
        await out.head(200, {"content-type": "text/event-stream"})
        first = ("HTTP/1.1 200 OK", "date: now", "content-type: text/event-stream", "transfer-encoding: chunked")
        assert world.wire.written == head(*first, "connection: close")
        world.wire.written = b""
        await out.send(b"one")
        await out.send(b"")
        await out.end(b"two")

    world = World(answer, keep_alive=False)
    world.run()
    assert world.wire.written == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    assert world.wire.closed


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b", "a\nb", "a\rb", "a\0b"])
def test_no_header_ends_its_line(value: str) -> None:
    async def answer(out: Exchange) -> None:
        await out.head(200, {"x-a": value})

    world = World(answer)
    with pytest.raises(RuntimeError):
        world.run()
    assert world.wire.written == b""


def test_there_is_one_answer() -> None:
    async def answer(out: Exchange) -> None:
        await out.head(200, {"content-length": "0"})
        await out.end()
        with pytest.raises(RuntimeError):
            await out.head(503, {"content-length": "0"})

    assert World(answer).run().wire.written.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("body", [b"four", b"sixsix"])
def test_an_answer_is_as_long_as_it_said(body: bytes) -> None:
    async def answer(out: Exchange) -> None:
        await out.head(200, {"content-length": "5"})
        await out.end(body)

    world = World(answer)
    with pytest.raises(RuntimeError):
        world.run()
    assert not world.exchange.response_complete, "nobody reads the next answer as the rest of this one"


def place() -> Any:
    return Capacity(Settings(request_timeout=5), Metrics()).place()


def test_a_body_comes_in_pieces() -> None:
    got: list[bytes] = []

    async def read(out: Exchange) -> None:
        with place() as room:
            got.append(await out.body(room))
            assert room.size == 6
        await out.head(204, {"content-length": "0"})
        await out.end()

    def comes() -> None:
        assert world.wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"
        world.exchange.came(b"abc")
        world.exchange.came(b"def")
        world.exchange.more_body = False
        world.exchange.set()

    world = World(read, expects=True)
    world.run(then=comes)
    assert got == [b"abcdef"]


def test_a_body_that_nobody_asks_for_waits_with_its_sender() -> None:
    async def nothing(out: Exchange) -> None: ...

    world = World(nothing)
    world.exchange.came(b"x" * 60_000)
    assert world.wire.reading
    world.exchange.came(b"x" * 10_000)
    assert not world.wire.reading


def test_who_leaves_while_the_body_comes_is_gone() -> None:
    async def read(out: Exchange) -> None:
        with place() as room, pytest.raises(ClientGone):
            await out.body(room)

    def leaves() -> None:
        world.exchange.disconnected = True
        world.exchange.set()

    world = World(read)
    world.run(then=leaves)
    assert world.exchange.leaving.gone


def test_nothing_is_written_to_who_has_left() -> None:
    async def answer(out: Exchange) -> None:
        out.disconnected = True
        await out.head(200, {"content-length": "2"})
        await out.end(b"{}")

    assert World(answer).run().wire.written == b""


def test_what_is_put_goes_at_once_or_not_at_all() -> None:
    async def answer(out: Exchange) -> None:
        await out.head(200, {"content-type": "text/event-stream"})
        world.wire.written = b""
        assert out.put(b"one")
        world.flow.pause_writing()
        assert not out.put(b"two")
        assert world.wire.written == b"3\r\none\r\n"
        out.disconnected = True
        assert out.put(b"three"), "who has left takes anything"
        assert world.wire.written == b"3\r\none\r\n"

    world = World(answer)
    world.run()
