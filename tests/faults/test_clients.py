"""F9: clients that leave, at any moment of a call, in every format, straight and translated, streamed and whole.

All leave on their own, many at once. Compared are when each left, when the provider saw its connection end, and what
the log has: within a second the provider is let go of, and what had come by then is kept as `client_closed`.
"""

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.raw import Asked, Behaviour, Connection, RawUpstream
from tests.faults.test_upstreams import EVENTS, OTHER, PATHS, SAID, either, events, good, kind
from tests.support.server import Server, running_server, wait_for

NOTICED = 1.0


def silent(c: Connection, asked: Asked) -> None:
    c.wait()


def begun(c: Connection, asked: Asked) -> None:
    """All but the end, then nothing more."""
    c.head(kind(asked), "content-length: 100000")
    c.send(b"".join(events(asked)[:-3]) if asked.json.get("stream") else either(asked)[:-9])
    c.wait()


def talking(c: Connection, asked: Asked) -> None:
    """Goes on and on."""
    c.head(EVENTS, "connection: close")
    first = events(asked)[:-3]
    c.send(b"".join(first))
    with contextlib.suppress(ConnectionError):
        for _ in range(400):
            time.sleep(0.02)
            c.send(b": still here\n\n")
    c.let_go()
    c.socket.close()


def pausing(c: Connection, asked: Asked) -> None:
    """Waits before the last event."""
    *most, last = events(asked)
    c.head(EVENTS, "connection: close")
    c.send(b"".join(most))
    time.sleep(0.1)
    with contextlib.suppress(ConnectionError):
        c.send(last)
    c.socket.close()


Until = Callable[[bytes], bool]


@dataclass(frozen=True)
class Moment:
    """What the provider does, and what a client has seen when it leaves."""

    does: Behaviour
    seen: Until
    streamed: bool = True
    whole: bool = True
    half: bool = False
    """Whether it only says that it will send no more."""


def nothing(got: bytes) -> bool:
    return True


def some(got: bytes) -> bool:
    return b"Hel" in got


MOMENTS = {
    "before-anything": Moment(silent, nothing),
    "half-closed": Moment(silent, nothing, half=True),
    "silent-within": Moment(begun, some, whole=False),
    "whole-within": Moment(begun, nothing, streamed=False),
    "within": Moment(talking, some, whole=False),
}


ALMOST = (b'"finish_reason": "stop"', b"response.output_text.done", b'"end_turn"')
"""What comes shortly before the end."""


@dataclass(frozen=True)
class Case:
    moment: str
    caller: str
    spoken: str
    stream: bool

    @property
    def name(self) -> str:
        return f"{self.moment}-{self.caller}-{self.spoken}-{'stream' if self.stream else 'whole'}"


CASES = [
    Case(name, caller, spoken, stream)
    for name, moment in MOMENTS.items()
    for caller in OTHER
    for spoken in (caller, OTHER[caller])
    for stream in (False, True)
    if (moment.streamed if stream else moment.whole)
]


@dataclass
class World:
    server: Server
    upstream: RawUpstream


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    behaviours = {name: moment.does for name, moment in MOMENTS.items()} | {"pausing": pausing, "good": good}
    with RawUpstream(behaviours) as upstream:
        models = "\n".join(
            f'  - {{name: "{spoken}/*", deployments: [{{provider: openai-compatible, api_key: x, model: "*", '
            f'base_url: "{upstream.base_url}", formats: [{spoken}]}}]}}'
            for spoken in OTHER
        )
        with running_server(tmp_path_factory.mktemp("clients"), config=f"models:\n{models}") as server:
            yield World(server, upstream)


def request(server: Server, caller: str, model: str, name: str, *, stream: bool) -> bytes:
    value: dict[str, Any] = {"model": model, "stream": stream, "session_id": name}
    said = [{"role": "user", "content": f"I am {name}."}]
    value |= {"input": said} if caller == "responses" else {"messages": said, "max_tokens": 100}
    body = json.dumps(value).encode()
    head = f"POST {PATHS[caller]} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {server.key}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def left(world: World, case: Case) -> float:
    """When the client left."""
    moment = MOMENTS[case.moment]
    with socket.create_connection(("127.0.0.1", world.server.port), timeout=10) as s:
        s.sendall(request(world.server, case.caller, f"{case.spoken}/{case.moment}", case.name, stream=case.stream))
        wait_for(lambda: seen_by(world.upstream, case), what="the provider being asked")
        got = b""
        while not moment.seen(got):
            got += s.recv(65536)
        if not moment.half:
            return time.monotonic()
        s.shutdown(socket.SHUT_WR)
        at = time.monotonic()
        wait_for(lambda: let_go(world.upstream, case), what="the provider being let go of")
        return at


def seen_by(upstream: RawUpstream, case: Case) -> bool:
    return any(f"I am {case.name}." in json.dumps(asked.json) for asked in upstream.asked)


def let_go(upstream: RawUpstream, case: Case) -> float | None:
    return next((at for asked, at in upstream.left if f"I am {case.name}." in json.dumps(asked.json)), None)


def recorded(server: Server, name: str) -> dict[str, Any]:
    def over() -> dict[str, Any] | None:
        calls = server.get(f"/api/calls?session_id={name}")["data"]
        assert len(calls) <= 1
        return calls[0] if calls and calls[0]["status"] != "live" else None

    call = wait_for(over, what=f"the end of {name}")
    assert call is not None
    return call


def test_who_leaves_is_noticed_and_what_came_is_kept(world: World) -> None:
    """F9."""
    with ThreadPoolExecutor(len(CASES)) as pool:
        when = dict(zip(CASES, pool.map(lambda case: left(world, case), CASES), strict=True))
    for case, at in when.items():
        seen = wait_for(lambda case=case: let_go(world.upstream, case), what=case.name)
        assert seen is not None
        assert seen - at < NOTICED, (case, seen - at)
        call = recorded(world.server, case.name)
        assert (call["status"], call["http_status"]) == ("client_closed", 499), (case, call)
        assert call["error"]["type"] == "client_closed"
        if MOMENTS[case.moment].seen is some:
            full = world.server.get(f"/api/calls/{call['id']}")
            said = "".join(text for text in texts(world.server.get(f"/api/calls/{call['id']}/response")))
            assert said, (case, full)
            assert SAID.startswith(said), (case, said)
            assert full["output_tokens"] > 0, case
            assert full["input_tokens"] > 0, case
    assert "Traceback" not in world.server.log


def texts(answer: Any) -> Iterator[str]:
    """Of an answer in any of the formats."""
    match answer:
        case {"choices": [{"message": {"content": str(text)}}]}:
            yield text
        case {"output": [{"content": [{"text": str(text)}]}]}:
            yield text
        case {"content": [{"text": str(text)}]}:
            yield text


@pytest.mark.parametrize("caller", sorted(OTHER))
def test_who_has_had_the_last_byte_has_not_left(world: World, caller: str) -> None:
    """F9, P1: whoever saw the whole answer finds it whole in the log; a little earlier it may be either, but is one."""
    server = world.server
    for n in range(10):
        name = f"last-{caller}-{n}"
        whole = n % 2 == 0
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
            s.sendall(request(server, caller, f"{caller}/{'good' if whole else 'pausing'}", name, stream=True))
            got = b""
            while not (got.endswith(b"0\r\n\r\n") if whole else any(mark in got for mark in ALMOST)):
                got += s.recv(65536)
        call = recorded(server, name)
        assert call["status"] in (("ok",) if whole else ("ok", "client_closed")), call
        said = "".join(texts(server.get(f"/api/calls/{call['id']}/response")))
        assert said == SAID, (name, said)


def test_who_leaves_while_sending_its_body_was_never_there(world: World) -> None:
    """F9: no call has begun, nothing is asked of a provider, and nothing is logged as a failure of ours."""
    server = world.server
    before = len(world.upstream.asked)
    whole = request(server, "chat", "chat/good", "leaves-with-its-body", stream=False)
    for cut in (len(whole) - 1, whole.index(b"\r\n\r\n") + 4, whole.index(b"\r\n\r\n") + 9):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
            s.sendall(whole[:cut])
    assert server.chat("Somebody else", "chat/good", session_id="stays").status == 200
    recorded(server, "stays")
    assert server.get("/api/calls?session_id=leaves-with-its-body")["data"] == []
    assert len(world.upstream.asked) == before + 1
    assert "Traceback" not in server.log


ODD = [b'"\xff"', b'{"\xff": 1}', b'{"a": "\xff"}', b'["\xed\xa0\x80"]', b"[" * 300 + b"]" * 300]


@pytest.mark.parametrize("caller", sorted(OTHER))
def test_what_is_no_text_is_no_failure_of_ours(world: World, caller: str) -> None:
    """F8: bytes that are no UTF-8, and lists without end, in any field: relayed or refused, never a fault."""
    server, said = world.server, {"responses": b"input"}.get(caller, b"messages")
    for field in (b"user", b"metadata", b"stream_options", b"session_id", b"tools", b"stream", said):
        for value in ODD:
            body = b'{"model":"%s/good","max_tokens":9,"%s":"hi","%s":%s}' % (caller.encode(), said, field, value)
            answer = server.request("POST", PATHS[caller], body)
            assert answer.status in (200, 400), (field, value, answer.body)
    assert "Traceback" not in server.log


def test_what_is_sent_after_a_call_is_another(world: World) -> None:
    """F9: a client that sends its next request before it has the answer has not left."""
    server = world.server
    both = b"".join(request(server, "chat", "chat/good", f"pipelined-{n}", stream=True) for n in range(2))
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
        s.sendall(both)
        got = b""
        while got.count(b"0\r\n\r\n") < 2:
            got += s.recv(65536)
    assert got.count(b"data: [DONE]") == 2
    assert [recorded(server, f"pipelined-{n}")["status"] for n in range(2)] == ["ok", "ok"]
