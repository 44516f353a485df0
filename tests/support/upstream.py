"""A provider on loopback whose answers and faults are scripted: the tests' stand-in for the network.

A real HTTP/1.1 server on raw asyncio streams, in a thread of its own, so that synchronous client libraries
can be tested and every byte that leaves it is the script's. It logs what it was asked, before it answers.

    with FakeUpstream() as upstream:
        upstream.script(Reply(status=429, headers={"retry-after": "7"}, body=b"{}"))   # the next request only
        ...
        assert upstream.requests[0].json["model"] == "gpt-4o"

Without a script it answers like a chat model: `answer_to(the last message)`, with usage, streamed when asked.
"""

import asyncio
import contextlib
import json
import socket
import struct
import threading
import zlib
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

CACHED_TOKENS = 3


@dataclass(frozen=True)
class Received:
    """One request as it arrived. Header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What one request is answered with. `pieces` are written one by one, each after `pause` seconds."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    delay: float = 0.0
    """Before the status line."""
    pieces: list[bytes] | None = None
    """The body in these pieces (chunked transfer) instead of whole."""
    pause: float = 0.0
    reset: bool = False
    """Cut the connection (RST) where the body would end."""
    silent: bool = False
    """Never answer; holds the connection until the client leaves or the server stops."""
    hang: bool = False
    """Send everything but the end of the body, then keep the connection open."""


Script = Reply | Callable[[Received], Reply]


def answer_to(text: str) -> str:
    return f"You said: {text}"


def last_text(body: dict[str, Any]) -> str:
    """The text of the last message, or the prompt."""
    content = body["messages"][-1].get("content") if "messages" in body else body.get("prompt", "")
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return str(content)


def usage_of(body: dict[str, Any]) -> dict[str, Any]:
    """Deterministic, one token a word; so tests can compute what a session must add up to."""
    words = sum(len(str(m.get("content", "")).split()) for m in body.get("messages", []))
    prompt, completion = 10 + words, len(answer_to(last_text(body)).split())
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }


def chat_json(body: dict[str, Any], *, extra: dict[str, Any] | None = None) -> bytes:
    """A whole chat completion."""
    return json.dumps(
        {
            "id": f"chatcmpl-{zlib.crc32(last_text(body).encode())}",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": answer_to(last_text(body)), "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": usage_of(body),
            **(extra or {}),
        }
    ).encode()


def chat_events(body: dict[str, Any]) -> list[bytes]:
    """The same as server-sent events, one an element, `[DONE]` last; usage where it was asked for."""
    include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    words = answer_to(last_text(body)).split(" ")
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word if n == 0 else " " + word} for n, word in enumerate(words)]

    def event(choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> bytes:
        chunk = {
            "id": f"chatcmpl-{zlib.crc32(last_text(body).encode())}",
            "object": "chat.completion.chunk",
            "created": 1_790_000_000,
            "model": body["model"],
            "choices": choices,
        }
        if include_usage:
            chunk["usage"] = usage
        return b"data: " + json.dumps(chunk).encode() + b"\n\n"

    events = [event([{"index": 0, "delta": d, "logprobs": None, "finish_reason": None}], None) for d in deltas]
    events.append(event([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}], None))
    if include_usage:
        events.append(event([], usage_of(body)))
    return [*events, b"data: [DONE]\n\n"]


def embedding_json(body: dict[str, Any]) -> bytes:
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [{"object": "embedding", "index": n, "embedding": [0.25, -0.5]} for n in range(len(inputs))]
    return json.dumps(
        {
            "object": "list",
            "model": body["model"],
            "data": data,
            "usage": {"prompt_tokens": 4, "total_tokens": 4},
        }
    ).encode()


def completion_json(body: dict[str, Any]) -> bytes:
    return json.dumps(
        {
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 1_790_000_000,
            "model": body["model"],
            "choices": [{"index": 0, "text": answer_to(last_text(body)), "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9},
        }
    ).encode()


def default_reply(request: Received) -> Reply:
    if request.method != "POST":
        return Reply(b'{"object": "list", "data": []}')
    body = request.json
    if request.path.endswith("/embeddings"):
        return Reply(embedding_json(body))
    if request.path.endswith("/chat/completions"):
        if body.get("stream"):
            return Reply(pieces=chat_events(body), headers={"content-type": "text/event-stream; charset=utf-8"})
        return Reply(chat_json(body))
    if request.path.endswith("/completions"):
        return Reply(completion_json(body))
    return Reply(b'{"error": {"message": "no such path", "type": "invalid_request_error"}}', status=404)


class FakeUpstream:
    """See the module. `requests` grows in order of arrival; `script` queues replies for requests to come."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.default: Script = default_reply
        self.aborted = 0
        """Connections that the client left before the reply was whole."""
        self._scripts: deque[Script] = deque()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-upstream", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self.port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def script(self, *replies: Script) -> None:
        self._scripts.extend(replies)

    def reset(self) -> None:
        """For another test: what one before it scripted may not have been asked for."""
        self.requests.clear()
        self._scripts.clear()

    @property
    def bodies(self) -> list[Any]:
        """The requests' bodies, decoded."""
        return [r.json for r in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=32 * 1024 * 1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        writer.transport.set_write_buffer_limits(0)  # what a script has written has left the process
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await _read(reader):
            self.requests.append(request)
            script = self._scripts.popleft() if self._scripts else self.default
            reply = script if isinstance(script, Reply) else script(request)
            left = asyncio.ensure_future(reader.read(1)) if reply.silent or reply.hang else None
            try:
                await _write(writer, reply)
            except ConnectionError:
                self.aborted += 1
                raise
            if left is not None:
                await left
                self.aborted += 1
                return
            if reply.reset:
                await asyncio.sleep(0.05)  # let the other side read what was sent before the RST discards it
                _reset(writer)
                return


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> None:
    await asyncio.sleep(reply.delay)
    if reply.silent:
        return
    chunked = reply.pieces is not None
    headers = {**reply.headers, "connection": "keep-alive"}
    headers |= {"transfer-encoding": "chunked"} if chunked else {"content-length": str(len(reply.body))}
    lines = [f"HTTP/1.1 {reply.status} Scripted", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
    if not chunked:
        writer.write(reply.body)
    for piece in reply.pieces or []:
        await asyncio.sleep(reply.pause)
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await writer.drain()
    if chunked and not (reply.reset or reply.hang):
        writer.write(b"0\r\n\r\n")
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: SO_LINGER of zero throws away what was not sent and tells the other side so."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
