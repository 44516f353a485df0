"""Where a call's processor time goes, by step: in the worker, and then in the drain.

A gateway in this process, its clients and its provider in another one, on loopback. The functions of each step are
timed around, without what steps within them take; what the timing itself takes is measured first and left out. Steps of
the worker are too short for the clock of processor time, so they are timed by the other one, and the longest hundredth,
in which something else had the processor, is left out; on a busy machine they come out too long. The sum is processor
time. Code that belongs to no step is in the last line but one: the loop and the sockets.

usage: bench/steps.py [--calls 5000] [--history KB] [--stream]
"""

import argparse
import asyncio
import functools
import inspect
import logging
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Coroutine, Generator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
import uvloop

from sessionary import calls, direct, edge, incoming, metrics, server
from sessionary.app.drain import build_drain
from sessionary.app.worker import Worker
from sessionary.auth import Auth
from sessionary.drain import answers, batch, begins, drain, ends, picture, requests, threads
from sessionary.handover import handovers
from sessionary.heads import Heads
from sessionary.providers.routing import Router
from sessionary.record.recorder import Recorder, Recording
from sessionary.relay.relay import Relay
from sessionary.serving.connection import Protocol
from sessionary.serving.server import Server, config
from sessionary.settings import Settings
from sessionary.spool.writer import Writer
from sessionary.store import schema, search
from sessionary.wire import prices
from sessionary.wire.message import Usage

KEY = "sk-of-the-benchmark"
CONNECTIONS = 16
CHUNKS = 100
PAUSE = 0.001
"""Seconds between two of them: they come one by one, as from a model."""
WARM = 500
"""Calls before anything is timed."""
SAID = b"An answer of some length. " * 16
WORDS = ("river", "museum", "winter", "train", "garden", "bridge", "market", "island", "letter", "mountain", "harbour")

# What is timed: (step, whose attribute, its name).
Places = list[tuple[str, Any, str]]
WORKER: Places = [
    ("read head and body", Protocol, "data_received"),
    ("read head and body", Heads, "of"),
    ("read head and body", direct.Exchange, "body"),
    ("authenticate", Auth, "principal"),
    ("read the body's fields", incoming, "read"),
    ("find session", incoming, "begin"),
    ("begin record", Recorder, "begin"),
    ("spool append", Writer, "append"),
    ("choose deployment", Router, "resolve"),
    ("cross formats", calls, "crossing"),
    ("relay", Relay, "run"),
    ("answer", direct.Exchange, "head"),
    ("answer", direct.Exchange, "put"),
    ("answer", direct.Exchange, "end"),
    ("record answer", Recording, "chunk"),
    ("finish record", Recording, "finish"),
    ("the call as a whole", edge.Edge, "_serve"),
]
DRAIN: Places = [
    ("read spool, decode", drain, "take"),
    ("take apart, hash", requests, "parse"),
    ("meaning, nodes", requests, "give_meaning"),
    ("thread: look up", threads.Threads, "expect"),
    ("thread: decide", threads.Threads, "place"),
    ("thread: remember", threads.Threads, "answered"),
    ("read answer, price", answers, "answered"),
    ("look up what is stored", picture.Picture, "load_calls"),
    ("look up what is stored", picture.Picture, "load_sessions"),
    ("rows of begins", begins.Begins, "take_apart"),
    ("rows of begins", begins.Begins, "begin"),
    ("rows of ends", ends.Ends, "finish"),
    ("write", batch.Batch, "write"),
    ("index", search, "add"),
    ("commit and the rest", drain.Drain, "round"),
]


class Steps:
    """Times, one within the other. For one thread."""

    def __init__(self, clock: Callable[[], int], left_out: float = 0.0) -> None:
        """`clock`: nanoseconds. `left_out`: which part of a step's times, the longest."""
        self._clock = clock
        self._left_out = left_out
        self._took: dict[str, list[int]] = {}
        self._within: list[tuple[str, int]] = []
        self._began: list[int] = []
        self._inner = 0
        """Nanoseconds that ended steps took within the one that runs."""

    def clear(self) -> None:
        self._took.clear()

    def times(self, step: str) -> int:
        return len(self._took.get(step, ()))

    def took(self, step: str) -> float:
        """Nanoseconds, over all times."""
        found = sorted(self._took.get(step, ()))
        kept = found[: len(found) - int(len(found) * self._left_out)]
        return sum(kept) * len(found) / len(kept) if kept else 0.0

    def enter(self, step: str) -> None:
        self._within.append((step, self._inner))
        self._inner = 0
        self._began.append(self._clock())

    def leave(self) -> None:
        took = self._clock() - self._began.pop()
        step, before = self._within.pop()
        self._took.setdefault(step, []).append(took - self._inner)
        self._inner = before + took

    def around(self, places: Places) -> None:
        """From now on they are timed. What is renamed or gone is an AttributeError."""
        for step, owner, name in places:
            setattr(owner, name, self._timed(step, getattr(owner, name)))

    def _timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def waiting(*args: Any, **named: Any) -> Any:
                return await _Timed(self, step, function(*args, **named))

            return waiting

        @functools.wraps(function)
        def at_once(*args: Any, **named: Any) -> Any:
            self.enter(step)
            try:
                return function(*args, **named)
            finally:
                self.leave()

        return at_once


class _Timed:
    """A coroutine whose steps are timed, and not what passes between them."""

    def __init__(self, steps: Steps, step: str, work: Coroutine[Any, Any, Any]) -> None:
        self._steps = steps
        self._step = step
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        resume: Callable[[], Any] = functools.partial(self._work.send, None)
        while True:
            self._steps.enter(self._step)
            try:
                waits_for = resume()
            except StopIteration as end:
                return end.value
            finally:
                self._steps.leave()
            try:
                resume = functools.partial(self._work.send, (yield waits_for))
            except BaseException as error:
                resume = functools.partial(self._work.throw, error)


def overhead() -> float:
    """Nanoseconds that a timed step takes of the step around it."""
    steps, times = Steps(time.perf_counter_ns), 20_000

    def nothing() -> None: ...

    timed = steps._timed("within", nothing)
    steps.enter("around")
    for _ in range(times):
        timed()
    steps.leave()
    return (steps.took("around") + steps.took("within")) / times


# -- clients and provider, in a process of their own


def outside(pipe: "Connection[Any, Any]", history_kb: int, stream: bool) -> None:
    uvloop.run(_outside(pipe, history_kb, stream))


async def _outside(pipe: "Connection[Any, Any]", history_kb: int, stream: bool) -> None:
    running = asyncio.get_running_loop()
    provider = await running.create_server(lambda: _Provider(stream), "127.0.0.1", 0)
    pipe.send(provider.sockets[0].getsockname()[1])
    port = await running.run_in_executor(None, pipe.recv)
    clients = [_Client(n, history_kb, stream) for n in range(CONNECTIONS)]
    for client in clients:
        await client.connect(port)
    while count := await running.run_in_executor(None, pipe.recv):
        share = -(-count // CONNECTIONS)
        await asyncio.gather(*(client.ask(share) for client in clients))
        pipe.send(share * CONNECTIONS)


def _answer(stream: bool) -> list[bytes]:
    """Piece by piece."""
    if not stream:
        body = b'{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"gpt-4o-mini","choices":['
        body += b'{"index":0,"message":{"role":"assistant","content":"%b"},"finish_reason":"stop"}],"usage":' % SAID
        body += b'{"prompt_tokens":200,"completion_tokens":100,"total_tokens":300}}'
        return [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body]
    event = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4o-mini",'
    event += b'"choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    last = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
    return [head, *[b"%x\r\n%b\r\n" % (len(event), event)] * CHUNKS, last]


class _Provider(asyncio.Protocol):
    def __init__(self, stream: bool) -> None:
        self._answer = _answer(stream)
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        while (end := self._came.find(b"\r\n\r\n")) >= 0:
            length = int(self._came[:end].lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            if len(self._came) < end + 4 + length:
                return
            self._came = self._came[end + 4 + length :]
            self._say(0)

    def _say(self, n: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(self._answer[n])
        if n + 1 < len(self._answer):
            asyncio.get_running_loop().call_later(PAUSE, self._say, n + 1)


class _Client(asyncio.Protocol):
    """Asks again when it has its answer. Each question is another, five in a session; with a history, which they go on
    from, 25."""

    def __init__(self, number: int, history_kb: int, stream: bool) -> None:
        self._number = number
        self._stream = b',"stream":true' if stream else b""
        text = " ".join(WORDS * 11).encode()[:960]
        told = (b'{"role":"user","content":"%b"},', b'{"role":"assistant","content":"%b"},')
        self._history = b"".join(told[n % 2] % (b"%d %d " % (number, n) + text) for n in range(history_kb))
        self._said = b""
        """In the session, after its history."""
        self._asked = 0
        self._left = 0
        self._tail = b""
        self._whole: asyncio.Future[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    async def connect(self, port: int) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)

    async def ask(self, count: int) -> None:
        self._left = count
        self._whole = asyncio.get_running_loop().create_future()
        self._next()
        await self._whole

    def _next(self) -> None:
        self._asked += 1
        session, turn = divmod(self._asked, 25 if self._history else 5)
        words = " ".join(WORDS[(self._asked + n) % len(WORDS)] for n in range(50)).encode()
        body = b'{"model":"gpt-4o-mini","messages":[{"role":"system","content":"%b"},' % (" ".join(WORDS * 5).encode())
        question = b'{"role":"user","content":"%d %b"}' % (self._asked, words)
        before = self._history + (self._said if turn else b"")
        if self._history:
            answer = b"word " * CHUNKS if self._stream else SAID
            self._said = before[len(self._history) :] + b'%b,{"role":"assistant","content":"%b"},' % (question, answer)
        body += before + question + b"]%b," % self._stream
        body += b'"metadata":{"litellm_session_id":"steps-%d-%d","team":"search"}}' % (self._number, session)
        self._transport.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer %b\r\n"
            b"user-agent: OpenAI/Python 1.99.0\r\naccept: application/json\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (KEY.encode(), len(body), body)
        )

    def data_received(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-5:]
        if self._tail.endswith(b"0\r\n\r\n" if self._stream else b"}}"):
            self._tail = b""
            self._left -= 1
            if self._left:
                self._next()
            else:
                self._whole.set_result(None)


# -- the gateway


def serve(
    settings: Settings, environ: dict[str, str], pipe: "Connection[Any, Any]", count: int
) -> tuple[Steps, int, float]:
    """What the steps of `count` calls took, how many they were, and the process's seconds meanwhile."""
    key, _, project = server.prepare(settings)
    metrics.prepare(settings.data_dir / "metrics")
    sock = server.bind(settings)
    steps = Steps(time.perf_counter_ns, 0.01)
    steps.around(WORKER)
    worker = Worker(settings, key, project, environ)
    relays, _ = handovers()
    configured = config(worker.app, relays, settings)
    http = Server(configured, relays, 1.0, lambda: worker.capacity.calls > 0, lambda: None)
    told: list[Any] = []

    async def run() -> None:
        running = asyncio.get_running_loop()
        serving_calls = asyncio.create_task(http._serve([sock]))
        pipe.send(sock.getsockname()[1])
        pipe.send(WARM)
        await running.run_in_executor(None, pipe.recv)
        steps.clear()
        before = time.thread_time()
        pipe.send(count)
        asked = await running.run_in_executor(None, pipe.recv)
        told.extend((asked, time.thread_time() - before))
        pipe.send(0)
        http.leave()
        await serving_calls

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    return steps, told[0], told[1]


def drain(settings: Settings) -> tuple[Steps, int, float]:
    """The same of storing all of them."""
    steps = Steps(time.thread_time_ns)
    steps.around(DRAIN)
    work = build_drain(settings)
    prices.cost("openai", "gpt-4o-mini", Usage(1, 1), None, 0)  # the table is read once a process, and is no call's
    steps.clear()
    before = time.thread_time()
    while work.round():
        pass
    took = time.thread_time() - before
    engine = sa.create_engine(f"sqlite:///{settings.data_dir / 'sessionary.db'}")
    with engine.connect() as connection:
        stored = connection.scalar(sa.select(sa.func.count()).select_from(schema.calls)) or 0
    engine.dispose()
    return steps, stored, took


def table(title: str, places: Places, steps: Steps, count: int, took: float, each: float) -> list[str]:
    """Markdown: microseconds a call. `each`: nanoseconds that the timing takes, which are not the call's."""
    rows = [f"| {title} | us a call | times |", "|---|---:|---:|"]
    total, timing = 0.0, 0.0
    for step in dict.fromkeys(step for step, _, _ in places):
        us, times = steps.took(step) / 1000 / count, steps.times(step) / count
        total, timing = total + us, timing + times * each / 1000
        rows.append(f"| {step} | {us:.1f} | {times:.1f} |")
    whole = took * 1e6 / count - timing
    return [*rows, f"| what is no step | {max(0.0, whole - total):.1f} | |", f"| **all** | {whole:.1f} | |", ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--history", type=int, default=0, metavar="KB", help="of resent history")
    parser.add_argument("--stream", action="store_true")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    each = overhead()
    mine, theirs = multiprocessing.Pipe()
    others = multiprocessing.get_context("spawn").Process(target=outside, args=(theirs, asked.history, asked.stream))
    others.start()
    with tempfile.TemporaryDirectory() as folder:
        environ = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": f"http://127.0.0.1:{mine.recv()}/v1"}
        settings = Settings(data_dir=Path(folder), master_key=KEY, port=0)
        served = serve(settings, environ, mine, asked.calls)
        others.join()
        stored = drain(settings)
    print("\n".join([*table("worker", WORKER, *served, each), *table("drain", DRAIN, *stored, each)]))


if __name__ == "__main__":
    main()
