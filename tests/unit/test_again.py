"""Requests whose heads came before: exactly those, and nothing else, go past the parser; and what comes of any bytes is
what comes of them by the parser."""

import asyncio
import random
from collections.abc import Iterable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from sessionary.again import Known, known
from sessionary.direct import Exchange
from sessionary.edge import Edge
from sessionary.handover import handovers
from sessionary.heads import Head, Heads
from sessionary.serving.connection import Always, Protocol

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nContent-Length: %b\r\nx-a: b\r\n\r\n"


def request(body: bytes, length: bytes | None = None) -> bytes:
    return HEAD % (b"%d" % len(body) if length is None else length) + body


def learned(data: bytes = request(b"{}"), **headers: str) -> Known | None:
    return known(data, "chat.completions", Head(headers))


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 12345, request(b"{}")])
def test_the_same_head_has_another_body(body: bytes) -> None:
    found = learned()
    assert found is not None
    assert found.body(request(body)) == body


@pytest.mark.parametrize(
    "data",
    [
        request(b"{}") + b"G",
        request(b"{}")[:-1],
        request(b"{}", b"3"),
        request(b"{}", b"1"),
        request(b"{}", b"+2"),
        request(b"{}", b"2 "),
        request(b"{}", b" 2"),
        request(b"{}", b""),
        request(b"{}", b"0x2"),
        request(b"{}", b"\xb2"),
        request(b"{}", b"2\r\ncontent-length: 2"),
        request(b"{}", b"2\r\ntransfer-encoding: chunked"),
        request(b"{}", b"0000000000002"),
        request(b"{}").replace(b"x-a: b", b"x-a: c"),
        request(b"{}").replace(b"x-a: b", b"x-a: b\r\nx-c: d"),
        request(b"{}").replace(b"Content", b"content"),
        request(b"{}").replace(b"/v1/chat/completions", b"/v1/embeddings"),
        b"\r\n" + request(b"{}"),
        request(b"{}").replace(b"\r\n", b"\n"),
        b"",
    ],
)
def test_anything_else_is_for_the_parser(data: bytes) -> None:
    found = learned()
    assert found is not None
    assert found.body(data) is None


@pytest.mark.parametrize(
    "data",
    [
        request(b"{}") + b"G",
        request(b"{}").replace(b"x-a", b"content-length"),
        request(b"{}").replace(b"Content-Length", b"Content-Lengthy"),
        request(b"{}")[:60],
        request(b"{}").replace(b"x-a: b", b"x-a: " + b"b" * 10_000),
    ],
)
def test_not_every_head_is_kept(data: bytes) -> None:
    assert learned(data) is None


def test_nor_one_with_another_framing() -> None:
    assert learned(**{"transfer-encoding": "chunked"}) is None


# -- on a connection


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class Answering:
    """In place of the edge: answers each call, and keeps what it was."""

    hot = Edge.hot

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[tuple[str, str], ...], bytes]] = []

    async def call(self, exchange: Exchange) -> None:
        body = b""
        while exchange.more_body:
            body += (await exchange._receive())["body"]
        body += b"".join(exchange._parts)
        self.calls.append((exchange.endpoint, tuple(exchange.said.headers.items()), body))
        await exchange.head(200, {"content-length": "2"})
        await exchange.end(b"ok")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls.append(("", ((scope["method"], scope["path"]),), b""))
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


async def told(pieces: Iterable[bytes], *, learns: bool) -> tuple[Any, list[bytes], bool, int]:
    """The calls that come of these bytes, what is written, whether the connection is closed; how many went past the
    parser."""
    edge: Any = Answering()
    config = uvicorn.Config(edge, lifespan="off", log_config=None, ws="websockets-sansio")
    config.load()
    relays, reads = handovers()
    protocol = Protocol(
        edge=edge, handover=relays, heads=Heads(), always=Always(), pause=9, most_unread=1 << 20, config=config,
        server_state=ServerState(), app_state={}, _loop=asyncio.get_running_loop(),
    )  # fmt: skip
    wire, past = Wire(), 0
    if not learns:
        protocol._learns = 0
    protocol.connection_made(wire)
    for piece in pieces:
        if wire.closed:
            break
        known_before = protocol._known
        protocol.data_received(piece)
        past += known_before is not None and protocol._known is known_before
        for _ in range(6):
            await asyncio.sleep(0)
    closed = wire.closed
    protocol.connection_lost(None)
    relays.close()
    reads.close()
    for task in list(protocol.tasks):
        task.cancel()
    await asyncio.gather(*protocol.tasks, return_exceptions=True)
    return edge.calls, wire.written, closed, past


OTHERS = (
    b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
    b"POST /v1/embeddings HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST /v1/messages HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\n{}",
    b"POST /v1/chat/completions HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}",
    b"\r\n\r\n",
)
"""Requests, and the like."""


async def test_most_requests_of_a_client_go_past_the_parser() -> None:
    bodies = [b"x" * n for n in (2, 2, 10, 0, 300)]
    calls, written, closed, past = await told(map(request, bodies), learns=True)
    assert [body for _, _, body in calls] == bodies
    assert (len(written), closed, past) == (5, False, 4)


@pytest.mark.parametrize("seed", range(60))
async def test_what_comes_of_any_bytes_is_what_the_parser_says(seed: int) -> None:
    """Requests that are alike or not, cut anywhere, run together or damaged."""
    lots = random.Random(seed)
    pieces: list[bytes] = []
    for _ in range(12):
        data = lots.choice([request(b"x" * lots.randrange(20))] * 4 + [request(b"abc", b"2"), *OTHERS])
        match lots.randrange(8):
            case 0:
                data += request(b"second")
            case 1:
                at = lots.randrange(len(data))
                data = data[:at] + bytes([lots.randrange(256)]) + data[at + 1 :]
            case 2:
                at = lots.randrange(len(data))
                pieces.append(data[:at])
                data = data[at:]
        pieces.append(data)
    calls, written, closed, _ = await told(pieces, learns=True)
    by_parser = await told(pieces, learns=False)
    assert by_parser[3] == 0
    assert (calls, closed) == (by_parser[0], by_parser[2])
    assert [w.partition(b"\r\n\r\n")[0] for w in written] == [w.partition(b"\r\n\r\n")[0] for w in by_parser[1]]
