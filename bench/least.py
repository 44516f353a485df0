"""The least that a gateway in Python can cost, beside nginx and Sessionary.

A request is parsed, the fields that matter are decoded, and it goes on over a kept connection; each piece of its answer
goes back as it comes. No key is known, nothing is checked, timed, recorded or stored.

uvloop and httptools, as in Sessionary; the same provider and load as `bench/table.py`.

usage: bench/least.py [--seconds 3.5]
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import httptools
import msgspec
import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

_HEAD = b"POST %b HTTP/1.1\r\nhost: provider\r\nauthorization: Bearer sk-up\r\ncontent-length: %d\r\n\r\n"


class Fields(msgspec.Struct):
    model: str
    stream: bool = False
    metadata: dict[str, Any] | None = None
    messages: msgspec.Raw = msgspec.Raw(b"null")


_fields = msgspec.json.Decoder(Fields)


class Provider(asyncio.Protocol):
    """A kept connection to it; one request at a time."""

    client: "Client"

    def __init__(self, free: list["Provider"]) -> None:
        self._free = free
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.client.give(body)

    def on_message_complete(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._free.append(self)
        self.client.end()


class Client(asyncio.Protocol):
    def __init__(self, port: int, free: list[Provider]) -> None:
        self._port = port
        self._free = free
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []
        self._answer: list[bytes] = []
        self._stream = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body, self._body = b"".join(self._body), []
        self._stream = _fields.decode(body).stream
        if self._stream:
            head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            self._transport.write(head)
        request = _HEAD % (self._url, len(body)) + body
        if self._free:
            self._ask(self._free.pop(), request)
        else:
            self._connecting = asyncio.ensure_future(self._connect(request))

    async def _connect(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        _, provider = await loop.create_connection(lambda: Provider(self._free), "127.0.0.1", self._port)
        self._ask(provider, request)

    def _ask(self, provider: Provider, request: bytes) -> None:
        provider.client = self
        provider.transport.write(request)

    def give(self, data: bytes) -> None:
        if self._stream:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._answer.append(data)

    def end(self) -> None:
        if self._stream:
            self._transport.write(b"0\r\n\r\n")
            return
        body, self._answer = b"".join(self._answer), []
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


async def serve(port: int, provider: int) -> None:
    free: list[Provider] = []
    server = await asyncio.get_running_loop().create_server(lambda: Client(provider, free), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    from bench import gateways
    from bench.measuring import Mock, Work, measure, mock, table
    from tests.support.server import free_port

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.5, help="of each kind of work")
    seconds = parser.parse_args().seconds

    def least(provider: Mock, folder: Path) -> gateways.Started:
        port = free_port()
        return gateways.command([sys.executable, __file__, "serve", str(port), str(provider.port)], port, folder)

    works = Work("1 KB chat"), Work("streamed, a chunk", stream=True)
    rows = []
    for name, start in (("nginx", gateways.nginx), ("the least", least), ("Sessionary", gateways.sessionary)):
        with mock() as provider, tempfile.TemporaryDirectory() as folder, start(provider, Path(folder)) as running:
            found = [measure(running, work, seconds, provider) for work in works]
            rows.append([name, *(f"{one.us:.1f}" for one in found), f"{found[0].us - found[0].drain_us:.1f}"])
    print(table(["microseconds", *(work.name for work in works), "1 KB chat, without the drain"], rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        uvloop.run(serve(*map(int, sys.argv[2:4])))
    else:
        main()
