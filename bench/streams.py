"""What a stream costs: many at once that say a word now and then, or whose readers have stopped, and large bodies.

    python bench/streams.py                  10,000 streams, each a byte every 20 s
    python bench/streams.py --stopped        500 whose readers have stopped, while providers send all they can
    python bench/streams.py --bodies 200     200 bodies of 10 MB at once, against the memory that may hold them

Provider and clients are processes of their own. Prints the worker's memory a stream, how late its loop was meanwhile,
and whether all of them ended well and were recorded.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.server import MASTER_KEY, Server, running_server  # noqa: E402
from tests.support.talk import resident, workers  # noqa: E402

FILES = 65_536
AT_A_TIME = 200
"""Clients that connect in one go."""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
FLOOD = 65_536


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(content: str) -> bytes:
    delta = {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}]}
    return chunk(b"data: " + json.dumps(delta).encode() + b"\n\n")


class Provider(asyncio.Protocol):
    """Begins a stream for each request, and goes on with all of them when it is told to."""

    def __init__(self, streams: "set[Provider]", flood: bool) -> None:
        self._streams = streams
        self._flood = event("x" * FLOOD) if flood else b""
        self._held = b""
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._streams.discard(self)

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, found, body = self._held.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]):
            return
        self._held = b""
        self._streams.add(self)
        self.transport.write(HEAD + event("a word"))
        self._pour()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pour()

    def _pour(self) -> None:
        while self._flood and not self._paused:
            self.transport.write(self._flood)

    def end(self) -> None:
        self._flood = b""
        self.transport.write(event("bye") + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")


async def provide(every: float, flood: bool) -> None:
    """A line on standard input ends the streams; its end ends the process."""
    streams: set[Provider] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Provider(streams, flood), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    told = loop.run_in_executor(None, sys.stdin.readline)
    while not told.done():
        began = loop.time()
        for n, stream in enumerate(list(streams)):
            if not flood:
                stream.transport.write(event("."))
            if n % 100 == 0:  # evenly over the time
                await asyncio.sleep(max(0.0, began + every * n / len(streams) - loop.time()))
        await asyncio.wait({told}, timeout=max(0.05, began + every - loop.time()))
    for stream in list(streams):
        stream.end()
    await loop.run_in_executor(None, sys.stdin.readline)


class Reader(asyncio.Protocol):
    """Reads a stream to its end, or not at all until it is told to."""

    def __init__(self, request: bytes, stopped: bool) -> None:
        self._request = request
        self._stopped = stopped
        self._last = b""
        self.begun = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.begun.done():
            self.begun.set_result(data.startswith(b"HTTP/1.1 200"))
            if not self.begun.result():
                print(data[:500], file=sys.stderr)
            if self._stopped:
                self.transport.pause_reading()
        self._last = (self._last + data)[-100:]
        if b"[DONE]" in self._last and self._last.endswith(b"0\r\n\r\n") and not self.ended.done():
            self.ended.set_result(True)

    def connection_lost(self, exc: Exception | None) -> None:
        for each in (self.begun, self.ended):
            if not each.done():
                each.set_result(False)


async def read(port: int, count: int, stopped: bool) -> None:
    """Says when all have begun; a line lets them go on to their ends, and says how many came there."""
    loop = asyncio.get_running_loop()
    readers: list[Reader] = []
    while len(readers) < count:
        some = range(len(readers), min(count, len(readers) + AT_A_TIME))
        made = await asyncio.gather(
            *(loop.create_connection(lambda n=n: Reader(asking(n), stopped), "127.0.0.1", port) for n in some)
        )
        readers += [reader for _, reader in made]
        await asyncio.gather(*(reader.begun for _, reader in made))
    print(sum(reader.begun.result() for reader in readers), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    for reader in readers:
        reader.transport.resume_reading()
    _, late = await asyncio.wait([reader.ended for reader in readers], timeout=120)
    print(sum(reader.ended.result() for reader in readers if reader.ended.done()), len(late), flush=True)


def asking(n: int) -> bytes:
    messages = [{"role": "user", "content": f"Stream {n}. " + "Which capital would you start in? " * 25}]
    body = json.dumps({"model": "gpt-4o-mini", "messages": messages, "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {MASTER_KEY}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@contextlib.contextmanager
def other(*args: object) -> Iterator[subprocess.Popen[str]]:
    """This file as a process of its own."""
    command = [sys.executable, __file__, *map(str, args)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout is not None
    return [int(word) for word in process.stdout.readline().split()]


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@contextlib.contextmanager
def gateway(folder: str, port: int) -> Iterator[Server]:
    given = {"SESSIONARY_GRACE": "5", "OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}
    with running_server(Path(folder), env=given) as server:
        yield server


def late(server: Server, seconds: float) -> list[float]:
    """How long the worker's loop let a request wait that costs it nothing."""
    found, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        server.request("GET", "/health/live", key=None)
        found.append(time.perf_counter() - began)
        time.sleep(0.02)
    return sorted(found)


def recorded(server: Server, count: int) -> int:
    """Calls in the store that ended well, as soon as there are as many, or after a minute and a half."""
    until = time.monotonic() + 90
    with contextlib.closing(sqlite3.connect(f"file:{server.data_dir / 'sessionary.db'}?mode=ro", uri=True)) as store:
        while True:
            found = int(store.execute("SELECT count(*) FROM calls WHERE status = 'ok'").fetchone()[0])
            if found >= count or time.monotonic() > until:
                return found
            time.sleep(0.5)


def streams(count: int, every: float, seconds: float, stopped: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, other("--provide", every, *(["--stopped"] if stopped else [])) as up:
        [port] = said(up)
        with gateway(folder, port) as server:
            [worker] = workers(server.pid)
            at_rest = late(server, 2)
            before = resident(worker)
            with other("--read", server.port, count, *(["--stopped"] if stopped else [])) as clients:
                began = time.monotonic()
                [open_now] = said(clients)
                print(f"{open_now} of {count} streams began within {time.monotonic() - began:.1f} s")
                waits = late(server, seconds)
                grown = resident(worker) - before
                print(f"memory: {before / 1e6:.0f} MB at rest, {grown / count / 1024:.1f} KiB a stream")
                for name, found in (("at rest", at_rest), ("with streams", waits)):
                    quantiles = (found[int(len(found) * q)] * 1000 for q in (0.5, 0.99))
                    print(f"loop's answer {name}: p50 {next(quantiles):.1f}, p99 {next(quantiles):.1f} ms")
                tell(up)
                tell(clients)
                ended, unended = said(clients)
                print(f"ended well: {ended}, not ended: {unended}; recorded: {recorded(server, count)}")


def bodies(count: int) -> None:
    """Each is sent again after a 503, as its `retry-after` says."""
    size, memory = 10 * 1024 * 1024 - 1024, 1 << 30
    with tempfile.TemporaryDirectory() as folder, other("--provide", 1) as up:
        [port] = said(up)
        with gateway(folder, port) as server:
            [worker] = workers(server.pid)
            before = resident(worker)
            told = uvloop.run(_send(server, count, size, up))
            peak = resident(worker, "VmHWM") - before
            print(f"{count} bodies of 10 MB, memory {memory >> 20} MiB: {told}")
            print(f"the worker grew by {peak / 2**20:.0f} MiB, {peak / memory:.2f} times the memory of bodies")


async def _send(server: Server, count: int, size: int, up: subprocess.Popen[str]) -> dict[int, int]:
    body = json.dumps({"model": "gpt-4o-mini", "messages": [], "stream": True, "padding": "x" * size}).encode()
    told: dict[int, int] = {}
    begun = 0

    async def send(n: int) -> None:
        nonlocal begun
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {MASTER_KEY}\r\n"
            with contextlib.suppress(ConnectionError):
                writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                status = int((await reader.readline()).split()[1])
                told[status] = told.get(status, 0) + 1
                if status == 200:
                    begun += 1
                    await reader.readuntil(b"[DONE]")
                    writer.close()
                    return
            writer.close()
            await asyncio.sleep(2)

    sending = asyncio.gather(*(send(n) for n in range(count)))
    held = -1
    while held != begun or not begun:  # as many as there is room for
        held = begun
        await asyncio.sleep(15)
    print(f"{held} held at a time")
    sending.cancel()
    tell(up)
    with contextlib.suppress(asyncio.CancelledError):
        await sending
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--streams", type=int)
    parser.add_argument("--every", type=float, default=20.0, help="seconds between two words of a stream")
    parser.add_argument("--seconds", type=float, default=20.0, help="for which they are held")
    parser.add_argument(
        "--stopped", action="store_true", help="readers take nothing, and their provider sends all it can"
    )
    parser.add_argument("--bodies", type=int, help="large bodies instead of streams")
    parser.add_argument("--provide", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--read", type=int, nargs=2, help=argparse.SUPPRESS)
    given: Any = parser.parse_args()
    if given.provide is not None:
        return uvloop.run(provide(given.provide, given.stopped))
    if given.read is not None:
        return uvloop.run(read(*given.read, given.stopped))
    with contextlib.suppress(ValueError, OSError):  # only a privileged one may
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    print(f"open files: {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}, processors: {os.cpu_count()}")
    if given.bodies:
        return bodies(given.bodies)
    streams(given.streams or (500 if given.stopped else 10_000), given.every, given.seconds, given.stopped)
    return None


if __name__ == "__main__":
    main()
