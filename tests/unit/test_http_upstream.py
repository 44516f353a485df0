"""The client towards providers, on both kinds of loop, against a server that says what it likes, byte by byte."""

import asyncio
import re
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sessionary.errors import UpstreamError, UpstreamTimeout
from sessionary.providers.catalog import CATALOG
from sessionary.providers.routing import Target
from sessionary.relay.address import address, with_length
from sessionary.relay.connection import MOST_BARE, READ_SIZE, Reply
from sessionary.relay.http import HttpUpstream
from sessionary.relay.pool import Found, Origin, Pool, look_up
from sessionary.relay.upstream import Answer, whole
from sessionary.settings import Deployment, Settings

KEY = "sk-of-the-provider"
SAID = b'{"said":"hello"}'
GOOD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(SAID), SAID)
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Provider:
    """Answers each request with the next of `says`: bytes, or a function that does what it likes. A connection on which
    nothing is said any more is closed."""

    def __init__(self, *says: bytes | Callable[["Provider", asyncio.StreamWriter], Awaitable[None]]) -> None:
        self.says = list(says)
        self.connections = 0
        self.left = 0
        self.requests: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = re.search(rb"content-length: (\d+)", head)
                self.requests.append(head + await reader.readexactly(int(size[1]) if size else 0))
                said = self.says.pop(0)
                if callable(said):
                    await said(self, writer)
                else:
                    writer.write(said)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, IndexError):
            self.left += 1
        finally:
            writer.close()

    async def listen(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> asyncio.Server:
        server = await asyncio.start_server(self.serve, host, 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def target(self, url: str = "http://127.0.0.1:{port}/v1", **more: Any) -> Target:
        given = Deployment("openai", "m", base_url=url.format(port=self.port), api_key=KEY, **more)
        return Target(given, CATALOG["openai"])


def closing(data: bytes = b"") -> Callable[[Provider, asyncio.StreamWriter], Awaitable[None]]:
    async def close(provider: Provider, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    return close


Opening = Callable[..., Awaitable[HttpUpstream]]


@pytest_asyncio.fixture
async def opening() -> AsyncIterator[Opening]:
    """Makes upstreams, and closes them."""
    made: list[HttpUpstream] = []

    async def make(look_up: Any = look_up, **settings: Any) -> HttpUpstream:
        given = {"timeout": 5.0, "idle_timeout": 5.0, "connect_timeout": 5.0} | settings
        made.append(HttpUpstream(Settings(data_dir=Path(), **given), look_up))
        return await made[-1].__aenter__()

    yield make
    for upstream in made:
        await upstream.__aexit__(None, None, None)


async def ask(upstream: HttpUpstream, target: Target, *, stream: bool = False, body: bytes = b"{}") -> Answer:
    return await upstream.open(target, "chat/completions", body, {"accept": "*/*"}, stream=stream)


async def came(upstream: HttpUpstream, target: Target) -> bytes:
    answer = await ask(upstream, target)
    try:
        return await whole(answer)
    finally:
        answer.close()


async def soon(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not what():  # noqa: ASYNC110 (many different things)
            await asyncio.sleep(0.005)


async def test_one_connection_serves_one_call_after_another(opening: Opening) -> None:
    upstream, provider = await opening(), Provider(GOOD, GOOD, GOOD)
    async with await provider.listen():
        for _ in range(3):
            assert await came(upstream, provider.target()) == SAID
        assert provider.connections == 1
        head, _, body = provider.requests[0].partition(b"\r\n\r\n")
        assert head.split(b"\r\n") == [
            b"POST /v1/chat/completions HTTP/1.1",
            b"host: 127.0.0.1:%d" % provider.port,
            b"content-type: application/json",
            b"authorization: Bearer " + KEY.encode(),
            b"accept: */*",
            b"content-length: 2",
        ]
        assert body == b"{}"


async def test_calls_at_a_time_have_connections_of_their_own(opening: Opening) -> None:
    upstream, provider = await opening(), Provider(*[GOOD] * 20)
    async with await provider.listen():
        assert await asyncio.gather(*(came(upstream, provider.target()) for _ in range(10))) == [SAID] * 10
        assert provider.connections == 10
        await asyncio.gather(*(came(upstream, provider.target()) for _ in range(10)))
        assert provider.connections == 10


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + GOOD, SAID),
        (CHUNKED + b"4;ext=1\r\nhell\r\n1 \r\no\r\n0;last\r\nx-trailer: 1\r\n\r\n", b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 20\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length:5\r\nX-Twice: a\r\nX-Twice: b\r\n\r\nhello", b"hello"),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello", b"hello"),
    ],
)
async def test_ways_to_frame_an_answer(opening: Opening, said: bytes, expected: bytes) -> None:
    """The connection is good for the next request after each of them."""
    upstream, provider = await opening(), Provider(said, GOOD)
    async with await provider.listen():
        answer = await ask(upstream, provider.target())
        assert await whole(answer) == expected
        assert "x-trailer" not in answer.headers
        assert await came(upstream, provider.target()) == SAID
        assert provider.connections == 1


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and more",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello" + GOOD,
    ],
)
async def test_what_cannot_be_used_again(opening: Opening, said: bytes) -> None:
    """Answers that end with their connection, and those with something behind them."""
    upstream, provider = await opening(), Provider(closing(said), GOOD)
    async with await provider.listen():
        assert await came(upstream, provider.target()) == b"hello"
        assert await came(upstream, provider.target()) == SAID
        assert provider.connections == 2


async def test_what_comes_while_nobody_asks_is_nobodys(opening: Opening) -> None:
    async def late(provider: Provider, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD)
        await first
        writer.write(GOOD.replace(b"hello", b"other"))

    upstream, provider = await opening(), Provider(late, GOOD)
    async with await provider.listen():
        first = asyncio.get_running_loop().create_future()
        assert await came(upstream, provider.target()) == SAID
        first.set_result(None)
        await soon(lambda: provider.left == 1)
        assert await came(upstream, provider.target()) == SAID
        assert provider.connections == 2


async def test_a_kept_connection_that_the_provider_closes_is_forgotten(opening: Opening) -> None:
    async def later(provider: Provider, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD)
        await first
        writer.close()

    upstream, provider = await opening(), Provider(later, GOOD)
    async with await provider.listen():
        first = asyncio.get_running_loop().create_future()
        assert await came(upstream, provider.target()) == SAID
        first.set_result(None)
        await soon(lambda: provider.left == 1)
        assert await came(upstream, provider.target()) == SAID
        assert len(provider.requests) == 2


async def test_a_request_that_meets_a_closing_connection_is_sent_again(opening: Opening) -> None:
    """The provider lets go of it just as the request comes."""
    upstream, provider = await opening(), Provider(GOOD, closing(), GOOD)
    async with await provider.listen():
        assert await came(upstream, provider.target()) == SAID
        assert await came(upstream, provider.target()) == SAID
        assert (provider.connections, len(provider.requests)) == (2, 3)


@pytest.mark.parametrize(
    ("says", "why", "requests"),
    [
        ([closing()], "it closed the connection", 1),  # fresh: it is the provider's answer
        ([GOOD, closing(b"HT")], "it closed the connection", 2),  # an answer had begun
        ([GOOD, closing(), closing(), GOOD], "it closed the connection", 3),  # once is enough
    ],
)
async def test_a_request_that_may_have_been_read_is_not(
    opening: Opening, says: list[Any], why: str, requests: int
) -> None:
    upstream, provider = await opening(), Provider(*says)
    async with await provider.listen():
        if len(says) > 1:
            await came(upstream, provider.target())
        with pytest.raises(UpstreamError, match=why):
            await came(upstream, provider.target())
        assert len(provider.requests) == requests


async def test_nor_is_one_that_the_provider_had_for_a_while(opening: Opening) -> None:
    async def works(provider: Provider, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.2)
        writer.close()

    upstream, provider = await opening(), Provider(GOOD, works, GOOD)
    async with await provider.listen():
        await came(upstream, provider.target())
        with pytest.raises(UpstreamError, match="it closed the connection"):
            await came(upstream, provider.target())
        assert len(provider.requests) == 2


def endless(begin: bytes, more: bytes) -> Callable[[Provider, asyncio.StreamWriter], Awaitable[None]]:
    """Goes on until the other side has had enough."""

    async def say(provider: Provider, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        for _ in range(4 * MOST_BARE // len(more) + 1000):
            writer.write(more)
            await writer.drain()

    return say


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x-many: y\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\nx-long: ", b"y" * 1000),
        (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 20),
        (b"", b"\r\n" * 500),
    ],
)
async def test_a_head_without_end(opening: Opening, begin: bytes, more: bytes) -> None:
    upstream, provider = await opening(), Provider(endless(begin, more))
    async with await provider.listen():
        with pytest.raises(UpstreamError, match="it did not answer with HTTP"):
            await ask(upstream, provider.target())
        await soon(lambda: provider.left == 1)


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"5\r\nhello\r\n0\r\n", b"x-many: y\r\n" * 100),
        (b"5\r\nhello\r\n0\r\nx-long: ", b"y" * 1000),
        (b"5\r\nhello\r\n5;ext=", b"y" * 1000),
    ],
)
async def test_other_things_without_end(opening: Opening, begin: bytes, more: bytes) -> None:
    """Trailers, and extensions of chunks. What came of the body is read."""
    upstream, provider = await opening(), Provider(endless(CHUNKED + begin, more))
    async with await provider.listen():
        answer = await ask(upstream, provider.target())
        assert await answer.read() == b"hello"
        with pytest.raises(UpstreamError, match="broke off"):
            await answer.read()
        await soon(lambda: provider.left == 1)


async def test_what_came_before_it_broke_is_read(opening: Opening) -> None:
    upstream, provider = await opening(), Provider(closing(CHUNKED + b"5\r\nhello\r\n5\r\nhe"))
    async with await provider.listen():
        answer = await ask(upstream, provider.target())
        await soon(lambda: provider.left == 1)
        assert await answer.read() == b"hellohe"
        with pytest.raises(UpstreamError, match="broke off"):
            await answer.read()


async def test_silence_is_measured_while_somebody_waits(opening: Opening) -> None:
    """A reader that is slow makes no silent provider; a first byte has a time of its own."""

    async def slowly(provider: Provider, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"1\r\na\r\n")
        await asyncio.sleep(0.3)
        writer.write(b"1\r\nb\r\n")
        await provider_waits

    upstream, provider = await opening(idle_timeout=0.6, timeout=5), Provider(slowly)
    async with await provider.listen():
        provider_waits = asyncio.get_running_loop().create_future()
        answer = await ask(upstream, provider.target(), stream=True)
        assert await answer.read() == b"a"
        await asyncio.sleep(0.8)
        assert await answer.read() == b"b"
        with pytest.raises(UpstreamTimeout, match="fell silent"):
            await answer.read()
        provider_waits.set_result(None)


async def test_a_first_byte_that_does_not_come(opening: Opening) -> None:
    async def nothing(provider: Provider, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)

    upstream, provider = await opening(), Provider(GOOD, nothing)
    async with await provider.listen():
        await came(upstream, provider.target())  # its timer rings later than this one's
        with pytest.raises(UpstreamTimeout, match=r"did not answer within 0.2 s"):
            await ask(upstream, provider.target(timeout=0.2))


class Flood:
    """An answer of 200 MB, sent as its reader takes it."""

    def __init__(self) -> None:
        self.sent = 0
        """Megabytes that were taken."""

    async def __call__(self, provider: Provider, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(0)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (200 << 20))
        for _ in range(200):
            writer.write(b"x" * (1 << 20))
            await writer.drain()
            self.sent += 1

    async def stops(self) -> int:
        """Where it does."""
        before = -1
        while self.sent != before:
            before = self.sent
            await asyncio.sleep(0.2)
        return before


async def test_a_reader_that_takes_nothing_stops_the_provider(opening: Opening) -> None:
    flood = Flood()
    upstream, provider = await opening(), Provider(flood)
    async with await provider.listen():
        answer = await ask(upstream, provider.target(), stream=True)
        before = await flood.stops()
        assert before < 20  # what the system holds
        sizes = [len(await answer.read()) for _ in range(50)]
        assert max(sizes) <= 2 * READ_SIZE
        await soon(lambda: flood.sent > before)
        answer.close()
        await soon(lambda: provider.left == 1)


async def test_what_is_poured_comes_at_once_and_in_order(opening: Opening) -> None:
    """Nobody is woken for a piece: it is there before anything else has had its turn."""

    async def pieces(provider: Provider, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        for n, piece in enumerate((b"a", b"b", b"c", b"d", b"e")):
            writer.write(b"1\r\n%b\r\n" % piece)
            await soon(lambda: len(got) > n)  # noqa: B023
        await closing(b"1\r\nf\r\n")(provider, writer)

    def take(data: bytes) -> bool:
        got.append(data)
        assert asyncio.current_task() in (None, asking)
        return data != b"c"

    upstream, provider, got = await opening(), Provider(pieces), list[bytes]()
    async with await provider.listen():
        asking = asyncio.current_task()
        answer = await ask(upstream, provider.target(), stream=True)
        assert not await answer.pour(take)
        assert got == [b"a", b"b", b"c"]
        with pytest.raises(UpstreamError, match="broke off"):
            await answer.pour(take)
        assert got == [b"a", b"b", b"c", b"d", b"e", b"f"]


@pytest.mark.parametrize("at", [b"a", b"b"])
async def test_who_takes_may_fail(opening: Opening, at: bytes) -> None:
    async def two(provider: Provider, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"1\r\na\r\n")
        await asyncio.sleep(0.1)
        writer.write(b"1\r\nb\r\n")
        await asyncio.sleep(5)

    def take(data: bytes) -> bool:
        if data == at:
            raise ValueError(data)
        return True

    upstream, provider = await opening(), Provider(two)
    async with await provider.listen():
        answer = await ask(upstream, provider.target(), stream=True)
        with pytest.raises(ValueError, match=at.decode()):
            await answer.pour(take)
        answer.close()


async def test_what_is_poured_to_its_end(opening: Opening) -> None:
    upstream, provider, got = await opening(), Provider(GOOD, GOOD), list[bytes]()
    async with await provider.listen():
        for _ in range(2):
            answer = await ask(upstream, provider.target(), stream=True)
            assert await answer.pour(lambda data: got.append(data) is None)
            answer.close()
        assert b"".join(got) == 2 * SAID
        assert provider.connections == 1


async def test_silence_while_pouring(opening: Opening) -> None:
    """Each piece begins it anew."""

    async def slowly(provider: Provider, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        for _ in range(5):
            writer.write(b"1\r\na\r\n")
            await asyncio.sleep(0.25)
        await asyncio.sleep(5)

    upstream, provider, got = await opening(idle_timeout=0.6, timeout=5), Provider(slowly), list[bytes]()
    async with await provider.listen():
        answer = await ask(upstream, provider.target(), stream=True)
        with pytest.raises(UpstreamTimeout, match="fell silent"):
            await answer.pour(lambda data: got.append(data) is None)
        assert b"".join(got) == b"aaaaa"


async def test_who_takes_no_more_stops_the_provider(opening: Opening) -> None:
    flood = Flood()
    upstream, provider, sizes = await opening(), Provider(flood), list[int]()

    def take(data: bytes) -> bool:
        sizes.append(len(data))
        return len(sizes) % 10 != 0

    async with await provider.listen():
        answer = await ask(upstream, provider.target(), stream=True)
        assert not await answer.pour(take)
        before = await flood.stops()
        assert before < 20  # what the system holds
        for _ in range(20):
            assert not await answer.pour(take)
        assert max(sizes) <= 2 * READ_SIZE
        await soon(lambda: flood.sent > before)
        answer.close()
        await soon(lambda: provider.left == 1)


async def test_who_no_longer_waits_lets_go(opening: Opening) -> None:
    async def nothing(provider: Provider, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0)

    upstream, provider = await opening(), Provider(nothing, nothing)
    async with await provider.listen():
        asking = asyncio.ensure_future(ask(upstream, provider.target()))
        await soon(lambda: len(provider.requests) == 1)
        asking.cancel()
        await soon(lambda: provider.left == 1)


@pytest.mark.parametrize(
    ("rest", "connections"),
    [(b"0\r\n\r\n", 1), (b"3\r\n: x\r\n0\r\n\r\n", 1), (b"", 2), (b"1\r\nx\r\n" * MOST_BARE, 2), (b"zz\r\n", 2)],
)
async def test_what_has_ended_for_its_reader_may_end_by_itself(opening: Opening, rest: bytes, connections: int) -> None:
    """A stream's last event comes a little before the end of its answer. If that comes too late, or is something else,
    the connection is cut."""

    async def a_little_later(provider: Provider, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"5\r\nhello\r\n")
        await ended
        writer.write(rest)

    upstream, provider = await opening(), Provider(a_little_later, GOOD, GOOD)
    async with await provider.listen():
        ended = asyncio.get_running_loop().create_future()
        answer = await ask(upstream, provider.target(), stream=True)
        assert await answer.read() == b"hello"
        answer.close(ended=True)
        assert await answer.read() == b""
        ended.set_result(None)
        await soon(lambda: provider.left == 1 or upstream.kept == 1)
        assert await came(upstream, provider.target()) == SAID
        assert provider.connections == connections


async def test_a_large_request_is_whole(opening: Opening) -> None:
    upstream, provider = await opening(), Provider(GOOD, GOOD)
    body = bytes(range(256)) * (20 << 12)
    async with await provider.listen():
        answer = await ask(upstream, provider.target(), body=body)
        assert await whole(answer) == SAID
        assert provider.requests[0].endswith(body)


# addresses


async def test_every_address_is_tried(opening: Opening) -> None:
    upstream_at: list[Found] = []
    asked = 0

    async def found(host: str, port: int) -> list[Found]:
        nonlocal asked
        asked += 1
        assert host == "provider.test"
        return upstream_at

    upstream, provider = await opening(found), Provider(GOOD, GOOD, GOOD)
    async with await provider.listen():
        with socket.socket() as closed:
            closed.bind(("127.0.0.2", 0))
            dead = closed.getsockname()
        stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        upstream_at += [(*stream, dead), (*stream, dead), (*stream, ("127.0.0.1", provider.port))]
        target = provider.target("http://provider.test:{port}/v1")
        assert await came(upstream, target) == SAID
        await asyncio.gather(came(upstream, target), came(upstream, target))
        assert asked == 1
        del upstream_at[2]
        other = await opening(found)
        for _ in range(2):
            with pytest.raises(UpstreamError, match="the connection failed"):
                await asyncio.gather(*(came(other, target) for _ in range(3)))
        assert asked == 3, "what cannot be reached is looked up anew"


async def test_a_name_that_nobody_knows(opening: Opening) -> None:
    async def nowhere(host: str, port: int) -> list[Found]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    upstream = await opening(nowhere)
    with pytest.raises(UpstreamError, match="its name could not be resolved"):
        await ask(upstream, Provider().target("http://provider.test/v1"))


async def test_ipv6(opening: Opening) -> None:
    upstream, provider = await opening(), Provider(GOOD)
    async with await provider.listen("::1"):
        assert await came(upstream, provider.target("http://[::1]:{port}/v1")) == SAID
        assert b"\r\nhost: [::1]:%d\r\n" % provider.port in provider.requests[0]


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of `provider.test` and 127.0.0.1, signed by itself, with its key."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout key.pem -out cert.pem"
    names = ["-addext", "subjectAltName=DNS:provider.test"]
    subprocess.run([*command.split(), *names], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    ("host", "trusted", "why"),
    [
        ("provider.test", True, None),
        ("provider.test", False, "its certificate is not valid"),
        ("another.test", True, "its certificate is not valid"),
    ],
)
async def test_tls(
    opening: Opening, certificate: Path, monkeypatch: pytest.MonkeyPatch, host: str, trusted: bool, why: str | None
) -> None:
    """The certificate must be known, and of the name that was asked for; that name is told the server."""
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    names: list[str | None] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server.sni_callback = lambda sock, name, context: names.append(name)
    provider = Provider(GOOD, GOOD)

    async def found(host: str, port: int) -> list[Found]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    upstream = await opening(found)
    async with await provider.listen(tls=server):
        target = provider.target(f"https://{host}:{provider.port}/v1")
        if why is None:
            assert [await came(upstream, target) for _ in range(2)] == [SAID, SAID]
        else:
            with pytest.raises(UpstreamError, match=why):
                await came(upstream, target)
            assert provider.requests == []
        assert names == [host]


async def test_a_server_that_speaks_no_tls(opening: Opening) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    upstream = await opening()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UpstreamError, match="the connection failed"):
            await ask(upstream, Provider().target(f"https://127.0.0.1:{port}/v1"))


# the pool


async def used(origin: Origin, count: int) -> None:
    """So many connections, each with an answer that is whole."""
    loop = asyncio.get_running_loop()
    connections = [origin.idle() or await origin.connect() for _ in range(count)]
    replies: list[Reply] = [
        connection.ask(b"GET / HTTP/1.1\r\n\r\n", b"", loop.time() + 5) for connection in connections
    ]
    for reply in replies:
        await reply.begun()
        while await reply.read():
            pass


async def test_the_pool_is_bounded_and_lets_go_of_what_is_idle() -> None:
    pool, provider = Pool(lambda made: None, kept=0.3, most_idle=3), Provider(*[GOOD] * 30)
    async with await provider.listen():
        origin = pool.origin("127.0.0.1", provider.port, tls=False)
        await used(origin, 8)
        await soon(lambda: provider.left == 5)
        await used(origin, 3)
        assert provider.connections == 8
        await soon(lambda: provider.left == 8)
        assert origin.idle() is None
        await used(origin, 1)
        pool.close()
        await soon(lambda: provider.left == 9)


# what is sent


def test_the_target_alone_says_where_and_as_whom() -> None:
    found = address(Provider().target("https://example.com/a b/v1"), "chat/completions")
    assert (found.host, found.port, found.tls) == ("example.com", 443, True)
    said = {"authorization": "Bearer mine", "host": "evil", "accept": "a\r\nx-evil: 1", "user-agent": "me"}
    lines = with_length(found.lines(said), 7).decode().split("\r\n")
    assert lines == [
        "POST /a%20b/v1/chat/completions HTTP/1.1",
        "host: example.com",
        "content-type: application/json",
        f"authorization: Bearer {KEY}",
        "user-agent: me",
        "content-length: 7",
        "",
        "",
    ]


def test_an_address_with_a_user_in_it() -> None:
    given = Deployment("openai-compatible", "m", base_url="http://me:p%40ss@example.com:8080/v1")
    head = address(Target(given, CATALOG["openai-compatible"]), "chat/completions").lines({})
    assert b"\r\nhost: example.com:8080\r\n" in head
    assert b"\r\nauthorization: Basic bWU6cEBzcw==\r\n" in head


def test_anthropic_is_told_a_version_where_the_client_says_none() -> None:
    found = address(Target(Deployment("anthropic", "m", api_key=KEY), CATALOG["anthropic"]), "messages")
    assert b"\r\nanthropic-version: 2023-06-01\r\n" in found.lines({})
    assert b"\r\nanthropic-version: 2030-01-01\r\n" in found.lines({"anthropic-version": "2030-01-01"})


@pytest.mark.parametrize("url", ["http://example.com:99999/v1", f"http://{'x' * 70}.com/v1"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(UpstreamError, match="its base URL is not valid"):
        address(Provider().target(url), "chat/completions")


def test_a_key_that_no_header_can_hold() -> None:
    given = Target(Deployment("openai", "m", api_key="a\nb"), CATALOG["openai"])
    with pytest.raises(UpstreamError, match="no header can hold its key"):
        address(given, "chat/completions")
