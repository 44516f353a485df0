"""Who is slow costs the gateway little, and who has vanished nothing: F13, F14, and requests that trickle in."""

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, running_server, wait_for
from tests.support.talk import Talk, connections, request, texts
from tests.support.upstream import FakeUpstream, Received, Reply

STREAMS = 2
PAUSE = 2.0
"""Seconds that a request may pause for."""
IDLE = 1.5
"""Seconds that a provider may be silent."""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream) -> Iterator[Server]:
    env = {
        "OPENAI_API_KEY": "sk-upstream",
        "OPENAI_BASE_URL": shared_upstream.base_url,
        "SESSIONARY_REQUEST_TIMEOUT": str(PAUSE),
        "SESSIONARY_IDLE_TIMEOUT": str(IDLE),
        "SESSIONARY_MAX_BODY": "300000",
    }
    with running_server(tmp_path_factory.mktemp("slow"), env=env) as started:
        yield started


class Flood(list[bytes]):
    """An answer of a kilobyte an event that goes on until `enough`; it has what was taken of it."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._rng = random.Random(seed)
        self.enough = False
        self.size = 0

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[bytes]:
        yield self._taken(event({"role": "assistant"}))
        while not self.enough:
            yield self._taken(event({"content": self._rng.randbytes(400).hex()}))
        yield self._taken(b"data: [DONE]\n\n")

    def _taken(self, piece: bytes) -> bytes:
        self.append(piece)
        self.size += len(piece)
        return piece

    @property
    def whole(self) -> bytes:
        return b"".join(super().__iter__())


def event(delta: dict[str, str]) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"


def test_readers_that_stop_stop_their_providers(slow: Server, shared_upstream: FakeUpstream) -> None:
    """F13: of a stream whose reader stops, or takes a byte at a time, the gateway holds 256 KiB at most. That lasts for
    longer than a provider may be silent, and in the end all is there and recorded."""
    floods = {str(seed): Flood(seed) for seed in range(STREAMS)}

    def reply(asked: Received) -> Reply:
        pieces = floods[asked.json["messages"][0]["content"]]
        return Reply(pieces=pieces, headers={"content-type": "text/event-stream"})

    shared_upstream.script(*[reply] * STREAMS)
    talks = []
    for seed in floods:
        talks.append(talk := Talk(slow.port, buffer=4096))
        talk.ask("/v1/chat/completions", asked(seed) | {"session_id": "slow readers"})
        talk.until(b"assistant")

    def quiet() -> bool:
        taken = [flood.size for flood in floods.values()]
        time.sleep(0.2)
        return taken == [flood.size for flood in floods.values()]

    wait_for(quiet, 10, "the providers' standstill")
    until = time.monotonic() + 2 * IDLE
    while time.monotonic() < until:
        talks[0].take(1)
        time.sleep(0.1)
    wait_for(quiet, 10, "the providers' standstill")
    held = held_by_gateway(slow, shared_upstream, floods, talks)
    print(f"held of {STREAMS} streams: {held} bytes, of {[flood.size for flood in floods.values()]} that were written")
    assert held <= STREAMS * 256 * 1024

    for flood in floods.values():
        flood.enough = True
    for seed, talk in zip(floods, talks, strict=True):
        body = talk.rest()
        assert body == floods[seed].whole, f"stream {seed} was changed"
        call = slow.call(talk.head()[1]["x-call-id"], seconds=20)
        assert call["status"] == "ok", call
        recorded = slow.get(f"/api/calls/{call['id']}/response")["choices"][0]["message"]["content"]
        assert recorded == texts(body)
        talk.socket.close()


def asked(text: str) -> dict[str, object]:
    return {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": text}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def held_by_gateway(server: Server, upstream: FakeUpstream, floods: dict[str, Flood], talks: list[Talk]) -> int:
    """What the providers wrote, less what the system has of it and what the readers have."""
    on_the_way = 0
    for end in connections():
        if end.port in (upstream.port, server.port):
            on_the_way += end.unsent
        if end.peer in (upstream.port, server.port):
            on_the_way += end.unread
    written = sum(flood.size for flood in floods.values())
    return written - on_the_way - sum(len(talk.raw) for talk in talks)


def test_requests_that_trickle_in_are_ended(slow: Server, shared_upstream: FakeUpstream) -> None:
    """A head, or a body, that pauses for too long gets a 408 in the caller's format; a connection that says nothing is
    closed. None of it begins a call."""
    asked_before = len(shared_upstream.requests)
    chat, messages = "/v1/chat/completions", "/v1/messages"
    with (
        Talk(slow.port) as silent,
        Talk(slow.port) as head,
        Talk(slow.port) as blank,
        Talk(slow.port) as body,
        Talk(slow.port) as claude,
        Talk(slow.port) as chunked,
    ):
        head.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n")
        blank.send(b"\r\n")
        body.send(request(chat, b'{"model"', {"content-length": "100"}))
        claude.send(request(messages, b'{"model"', {"content-length": "100"}))
        chunked.send(request(chat, b'8\r\n{"model"\r\n', {"content-length": "", "transfer-encoding": "chunked"}))
        for talk in (head, body, claude, chunked):
            status, headers = talk.head()
            error = json.loads(talk.rest())["error"]
            assert (status, headers["content-type"]) == (408, "application/json")
            assert error["type"] == "timeout_error", error
            assert ("code" in error) == (talk is not claude)
            assert talk.take() == b"", "the connection is left open"
        for talk in (silent, blank):
            assert talk.take() == b""
    assert len(shared_upstream.requests) == asked_before


def test_bodies_of_pages_and_api_are_ended_as_well(slow: Server) -> None:
    """Whoever sends them: the sign-in asks nobody who it is."""
    with Talk(slow.port) as form, Talk(slow.port) as api:
        form.send(
            request("/ui/login", b"k", {"content-length": "100", "content-type": "application/x-www-form-urlencoded"})
        )
        api.send(request("/api/keys", b"{", {"content-length": "100"}))
        for talk in (form, api):
            assert talk.head()[0] == 408
            talk.rest()
            assert talk.take() == b"", "the connection is left open"


def test_a_body_may_be_slow_as_long_as_it_comes(slow: Server) -> None:
    """What counts is the pause, not the whole."""
    whole = request("/v1/chat/completions", json.dumps(asked("slowly") | {"stream": False}).encode())
    with Talk(slow.port) as talk:
        step = len(whole) // 6
        for at in range(0, len(whole), step):
            talk.send(whole[at : at + step])
            time.sleep(PAUSE / 4)
        assert talk.head()[0] == 200


def test_heads_are_bounded(slow: Server) -> None:
    """S8: by their size and the number of their headers, also while they are not complete."""
    heads = {
        b"GET /" + b"p" * 20_000 + b" HTTP/1.1\r\n\r\n": 414,
        b"GET / HTTP/1.1\r\n" + b"x-many: 1\r\n" * 300 + b"\r\n": 431,
        b"GET / HTTP/1.1\r\nx-long: " + b"v" * 70_000 + b"\r\n\r\n": 431,
        b"GET / HTTP/1.1\r\nx-endless: " + b"v" * 100_000: 431,
        b"GET / HTTP/1.1\r\n" + b"n" * 100_000: 431,
        b"NONSENSE\r\n\r\n": 400,
    }
    talks = [Talk(slow.port) for _ in heads]
    for talk, head in zip(talks, heads, strict=True):
        talk.send(head)
    for talk, (head, status) in zip(talks, heads.items(), strict=True):
        assert talk.head()[0] == status, head[:40]
        assert json.loads(talk.rest())["error"]["type"] == "invalid_request_error"
        assert talk.take() == b""
        talk.socket.close()


def test_kept_connections_are_watched(slow: Server, shared_upstream: FakeUpstream) -> None:
    """F14: the kernel asks on idle connections whether the other side is there, the client's and the provider's."""
    with Talk(slow.port) as talk:
        talk.ask("/v1/chat/completions", asked("watched") | {"stream": False})
        talk.rest()

        def watched() -> bool:
            ours = [end for end in connections() if end.port == slow.port or end.peer == shared_upstream.port]
            return len({end.port == slow.port for end in ours}) == 2 and all(end.timer == 2 for end in ours)

        wait_for(watched, 5, "keep-alive's timer on both sides")


def isolated() -> list[list[str]]:
    """How to run a command in a network of its own, where that is allowed."""
    ways = (["unshare", "--net"], ["unshare", "--map-root-user", "--net"])
    found = [
        way for way in ways if shutil.which("unshare") and not subprocess.run([*way, "true"], check=False).returncode
    ]
    return found[:1]


@pytest.mark.parametrize("way", isolated(), ids=" ".join)
def test_who_vanishes_is_let_go(tmp_path: Path, way: list[str]) -> None:
    """F14: in a network whose only device goes down under a stream: no packet comes any more, and no goodbye."""
    script = [*way, sys.executable, "-m", "tests.faults.vanishing", str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    print(seen)
    assert seen["noticed"] < 8, seen
    assert (seen["status"], seen["text"]) == ("client_closed", "half an answer"), seen
