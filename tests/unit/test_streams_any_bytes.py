"""F12: a stream in any pieces, in any state: to a client of the same format the bytes are the same for any chunking,
and so is what is recorded. Nothing that reads streams fails on any bytes, holds more than it may, or is superlinear.
"""

import itertools
import re
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.providers.catalog import CATALOG
from sessionary.providers.routing import Router, Target
from sessionary.record import exchange
from sessionary.record.exchange import Begin, Finish, Part
from sessionary.record.recorder import Recording
from sessionary.relay.crossing import crossing
from sessionary.relay.ends import Course
from sessionary.relay.relay import Relay, Request
from sessionary.relay.upstream import Take, read_to
from sessionary.settings import Deployment, Settings
from sessionary.wire.assemble import assemble
from sessionary.wire.formats import FORMATS
from sessionary.wire.sse import Cutter, Parser
from sessionary.wire.unfolding import Unfolding
from tests.support import scripted

ENDPOINTS = {"chat.completions": "openai", "responses": "openai", "messages": "anthropic"}
BODY = b'{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}],"input":"hi"}'


class Pieces:
    """A provider whose answer comes in these pieces."""

    status = 200

    def __init__(self, pieces: list[bytes]) -> None:
        self.headers = {"content-type": "text/event-stream"}
        self._pieces = [piece for piece in pieces if piece]

    async def open(self, *args: Any, **named: Any) -> "Pieces":
        return self

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def pour(self, take: Take) -> bool:
        return await read_to(take, self)

    def close(self, *, ended: bool = False) -> None: ...


class Client:
    def __init__(self) -> None:
        self.got: list[bytes] = []

    async def start(self, status: int, headers: dict[str, str], last_words: object = None) -> None: ...

    async def send(self, data: bytes) -> None:
        assert data
        self.got.append(data)

    def put(self, data: bytes) -> bool:
        """A third of what comes has to wait."""
        assert data
        if len(self.got) % 3 == 2:
            return False
        self.got.append(data)
        return True

    async def end(self, data: bytes = b"") -> None:
        self.got.append(data)


def relayed(endpoint: str, pieces: list[bytes]) -> tuple[bytes, bytes, str]:
    """What the client gets, what is recorded, and as what."""
    written: list[exchange.Record] = []

    def write(record: exchange.Record) -> bool:
        written.append(record)
        return True

    begin = Begin("call_1", 0, 1, "k", "s", "s", "id", "r", endpoint, "m", True, "", "", {}, BODY)
    recording = Recording(begin, write, lambda b, s: None)
    given, client, upstream = Settings(data_dir=Path()), Client(), Pieces(pieces)
    fields = msgspec.json.decode(BODY, type=dict[str, msgspec.Raw])
    request = Request(True, {}, crossing(endpoint, BODY, fields, [], "call_1", 0, stream=True))
    target = Target(Deployment(ENDPOINTS[endpoint], "m", formats=(FORMAT[endpoint],)), CATALOG[ENDPOINTS[endpoint]])
    run = Relay(given, Router(given, {}), lambda t: upstream).run(request, [target], recording, client)
    with pytest.raises(StopIteration):  # it never has to wait
        run.send(None)
    finish = next(record for record in written if isinstance(record, Finish))
    parts = [record.data for record in written if isinstance(record, Part)]
    return b"".join(client.got), b"".join([*parts, finish.body]), f"{finish.status} {finish.error_type}"


FORMAT: dict[str, Any] = {"chat.completions": "chat", "responses": "responses", "messages": "messages"}


def bytewise(data: bytes) -> list[bytes]:
    return [data[n : n + 1] for n in range(len(data))]


def cut(data: bytes, at: list[int]) -> list[bytes]:
    bounds = sorted({0, len(data), *(n % (len(data) + 1) for n in at)})
    return [data[a:b] for a, b in itertools.pairwise(bounds)]


def answer(endpoint: str, said: str) -> bytes:
    """As a provider would stream it, with text of more than one byte a character."""
    path = "/" + endpoint.replace(".", "/")
    whole = b"".join(scripted.stream(path, said))
    return whole.replace(b"Hello, you.", "Héllo 😀.".encode())


DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"overloaded","type":"server_error","code":null}}\n\n'
ODD: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda s: s,
    "carriage returns": lambda s: s.replace(b"\n", b"\r"),
    "both": lambda s: s.replace(b"\n", b"\r\n"),
    "a byte order mark": lambda s: b"\xef\xbb\xbf" + s,
    "comments": lambda s: b": hello\n\n" + s.replace(b"\n\n", b"\n: so\n\n:\n\n"),
    "no blank line at the end": lambda s: s.rstrip(b"\n"),
    "one line end at the end": lambda s: s[:-1],
    "no end": lambda s: s.removesuffix(DONE)[:-40],
    "half of it": lambda s: s[: len(s) // 2],
    "no mark": lambda s: s.removesuffix(DONE),
    "two marks": lambda s: s.removesuffix(DONE) + DONE + DONE,
    "more behind it": lambda s: s + b"data: {}\n\n: and so on\n\n" + s,
    "an error": lambda s: s[: s.index(b"\n\n", len(s) // 3) + 2] + ERROR,
    "an error and a mark": lambda s: s[: s.index(b"\n\n", len(s) // 3) + 2] + ERROR + DONE,
    "an error of JSON": lambda s: b'{"error":{"message":"overloaded"}}',
    "nothing": lambda s: b"",
    "a text that speaks of marks": lambda s: s.replace(b"Let ", b"data: [DONE] event: message_stop "),
}
streams = st.builds(
    lambda endpoint, said, odd: (endpoint, ODD[odd](answer(endpoint, said))),
    st.sampled_from(sorted(ENDPOINTS)),
    st.sampled_from(["text", "calls", "reasoning"]),
    st.sampled_from(sorted(ODD)),
)


@settings(max_examples=60, deadline=None)
@given(streams, st.lists(st.integers(0, 5000), max_size=12))
def test_bytes_and_records_are_the_same_for_any_chunking(stream: tuple[str, bytes], at: list[int]) -> None:
    endpoint, data = stream
    once = relayed(endpoint, [data] if data else [])
    assert relayed(endpoint, cut(data, at)) == once
    assert relayed(endpoint, bytewise(data)) == once


@pytest.mark.parametrize("odd", ["as it is", "both", "comments", "two marks", "a byte order mark"])
@pytest.mark.parametrize("endpoint", ["chat.completions", "messages"])
def test_up_to_its_end_a_stream_passes_as_it_is(endpoint: str, odd: str) -> None:
    """But for the usage that only the gateway asked for."""
    data = ODD[odd](answer(endpoint, "text"))
    got, recorded, status = relayed(endpoint, bytewise(data))
    end = re.search(rb"(data: \[DONE\]|event: message_stop)(?s:.)*?(\n\n|\r\n\r\n)", data)
    assert end is not None
    assert recorded == data[: end.end()]
    assert status == "ok "
    if endpoint == "messages":
        assert got == recorded
    else:
        assert got.count(b"[DONE]") == 1
        assert b'"usage": null' not in got


@pytest.mark.parametrize("endpoint", sorted(ENDPOINTS))
def test_a_cut_event_never_reaches_a_client(endpoint: str) -> None:
    """What tells of the failure is an event of its own, that any client can read."""
    data = answer(endpoint, "calls")
    data = data[: data.index(b"\n\n", len(data) // 2) - 20]
    got, recorded, status = relayed(endpoint, [data])
    assert status == "upstream_error stream_incomplete"
    parser = Parser()
    events = [*parser.feed(got)]
    assert parser.close() == []
    for event in events:
        if event.data != "[DONE]":
            msgspec.json.decode(event.data)
    assert "broke off" in events[-2 if endpoint == "responses" else -1].data
    assert endpoint == "responses" or recorded == data


FRAGMENTS = [
    b"data: ",
    b"data:[DONE]",
    DONE,
    b"event: ",
    b"message_stop",
    b"response.completed",
    b"event: error\n",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\r\n\r\n",
    b"\xef\xbb\xbf",
    b'{"type":"response.completed","response":{}}',
    b'"usage":null',
    b"\0",
    b'{"choices":[],"usage":{"prompt_tokens":1}}',
    b'{"error":',
    b'{"type":"message_start","message":{}}',
    b"\xf0\x9f",
    b'{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"usage":null}',
    b": comment",
    b'"finish_reason":"',
    b'data: {"usage": "\xff"}\n\n',
]
any_bytes = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=12), max_size=25).map(b"".join)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(ENDPOINTS)), any_bytes, st.lists(st.integers(0, 300), max_size=6))
def test_any_bytes_are_relayed_the_same_for_any_chunking(endpoint: str, data: bytes, at: list[int]) -> None:
    once = relayed(endpoint, [data] if data else [])
    assert relayed(endpoint, cut(data, at)) == once
    assert relayed(endpoint, bytewise(data)) == once


@settings(max_examples=100, deadline=None)
@given(any_bytes, st.integers(1, 40), st.lists(st.integers(0, 300), max_size=6))
def test_nothing_that_reads_streams_fails_on_any_bytes(data: bytes, longest: int, at: list[int]) -> None:
    cutter = Cutter(longest)
    events = [event for piece in cut(data, at) for event in cutter.feed(piece)]
    once = Cutter(longest)
    assert events == once.feed(data)
    assert b"".join([*events, once.close()]) == data
    assert all(0 < len(event) <= longest for event in events)
    for endpoint in ENDPOINTS:
        assert assemble(data, endpoint) == assemble(data, endpoint)
        Unfolding(endpoint).feed(data)
        for apart in (True, False):
            course = Course(endpoint, apart=apart)
            course.feed(data)
            course.close()
    for format in FORMATS.values():
        parser, reader, writer = Parser(), format.Reader(), format.Writer({"model": "m"}, "id", 0)
        for event in [*parser.feed(data), *parser.close()]:
            for told in reader.feed(event):
                writer.feed(told)
        for told in reader.close():
            writer.feed(told)
        writer.close()


def in_pieces(size: int, piece: int = 65536) -> Iterator[bytes]:
    yield b'data: {"choices":[{"index":0,"delta":{"content":"'
    for _ in range(size // piece):
        yield b"x" * piece
    yield b'"},"finish_reason":"stop"}],"usage":null}\n\n'
    yield DONE


@pytest.mark.parametrize("apart", [True, False])
def test_a_line_of_100_megabytes_is_never_held(apart: bool) -> None:
    """It passes in parts of 16 MB, and nothing else of it is in memory: the log gets it each second."""
    course, passed = Course("chat/completions", apart=apart), 0
    tracemalloc.start()
    try:
        for data in in_pieces(100 << 20):
            passed += sum(map(len, course.feed(data).events))
        assert tracemalloc.get_traced_memory()[1] < 60 << 20
    finally:
        tracemalloc.stop()
    assert course.over
    assert passed == sum(map(len, in_pieces(100 << 20)))


@pytest.mark.parametrize("reading", ["cutter", "parser", "course", "together"])
def test_time_is_linear(reading: str) -> None:
    """Four times the bytes, in pieces of a few: well under sixteen times the time."""

    def taken(pieces: int) -> float:
        feed: Callable[[bytes], object] = {
            "cutter": Cutter().feed, "parser": Parser().feed, "course": Course("messages", apart=True).feed,
            "together": Course("messages", apart=False).feed,
        }[reading]  # fmt: skip
        began = time.process_time()
        feed(b"data: ")
        for _ in range(pieces):
            feed(b"0123456\r")
        feed(b"\n\n")
        return time.process_time() - began

    assert min(taken(80_000) for _ in range(2)) < 10 * max(taken(20_000), 0.005)
