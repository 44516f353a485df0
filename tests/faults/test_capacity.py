"""What is too much is told to come again, before it costs anything, and what was taken on is given back: F15, F16."""

import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.server import MASTER_KEY, Server, running_server, wait_for
from tests.support.talk import Talk, request, resident, workers
from tests.support.upstream import FakeUpstream, Received, Reply, default_reply

CALLS = 6
MOST_BODY = 100_000
MEMORY = 250_000
EVENTS = {"content-type": "text/event-stream"}
HALF = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half an answer"}}]}\n\n'
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream) -> Iterator[Server]:
    env = {
        "OPENAI_API_KEY": "sk-upstream",
        "OPENAI_BASE_URL": shared_upstream.base_url,
        "SESSIONARY_STREAMS": str(CALLS),
        "SESSIONARY_MEMORY": str(MEMORY),
        "SESSIONARY_MAX_BODY": str(MOST_BODY),
    }
    with running_server(tmp_path_factory.mktemp("small"), env=env) as started:
        yield started


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], "max_tokens": 10, **more}


def held(server: Server) -> tuple[int, int]:
    """Calls in flight and bytes of bodies, as the metrics have them."""
    exposition = server.request("GET", "/metrics").body.decode()
    values = [re.search(rf"^{name} (\S+)$", exposition, re.M) for name in METRICS]
    calls, body_bytes = (int(float(found.group(1))) if found else -1 for found in values)
    return calls, body_bytes


METRICS = ("sessionary_calls_in_flight", "sessionary_body_bytes")


def test_calls_at_a_time(small: Server, shared_upstream: FakeUpstream) -> None:
    """F15: each kind of call takes a place, and every way to end gives it back. Who comes when none is left gets a 503
    in its format before its body is read, and never reaches the provider."""
    forever = Reply(pieces=[HALF], headers=EVENTS, hang=True)
    before = len(shared_upstream.requests)
    with contextlib.ExitStack() as stack:
        shared_upstream.script(*[forever] * 3, Reply(silent=True), Reply(silent=True))
        streams = [stack.enter_context(Talk(small.port)) for _ in range(3)]
        for talk in streams:
            talk.ask(CHAT, chat("for ever", stream=True))
            talk.until(b"half an answer")
        asked = {"model": "gpt-4o", "input": "in the background", "background": True}
        background = small.post("/v1/responses", asked).json["id"]
        waiting = stack.enter_context(Talk(small.port))
        waiting.ask(CHAT, chat("no answer yet"))
        web = stack.enter_context(websocket(small))
        wait_for(lambda: held(small)[0] == CALLS, 5, "all places taken")
        wait_for(lambda: len(shared_upstream.requests) == before + 5, 5, "the calls at the provider")

        for path in (CHAT, "/v1/messages", "/v1/responses", "/v1/responses/input_tokens"):
            with Talk(small.port) as talk:
                talk.send(request(path, b"", {"content-length": "50000"}))  # and never sends it
                status, headers = talk.head()
                error = json.loads(talk.rest())["error"]
                assert (status, headers["retry-after"], error["type"]) == (503, "2", "overloaded_error"), path
        with pytest.raises(InvalidStatus) as refusal:
            websocket(small)
        assert refusal.value.response.status_code == 503
        assert refusal.value.response.headers["retry-after"] == "2"
        assert small.request("GET", "/v1/models").status == 200, "what is no call is answered"

        # Every way to end: the client leaves, also before an answer; cancelled; a socket closed.
        streams[0].socket.close()
        waiting.socket.close()
        assert small.post(f"/v1/responses/{background}/cancel", {}).status == 200
        web.close()
        wait_for(lambda: held(small)[0] == 2, 5, "four places given back")
        # An answer, an error of the provider, a request that is no JSON, a model that is not there.
        shared_upstream.script(default_reply, Reply(status=500, body=b"{}"))
        assert small.post(CHAT, chat("hello")).status == 200
        assert small.post(CHAT, chat("fails")).status == 500
        assert small.request("POST", CHAT, b"nonsense").status == 400
        assert small.post("/v1/embeddings", {"model": "no-such"}).status in (400, 404)
        assert small.request("POST", CHAT, b"{}", key="sk-wrong").status == 401
        assert small.post("/v1/responses", asked | {"store": False}).status == 400
    wait_for(lambda: held(small) == (0, 0), 5, "everything given back")
    assert len(shared_upstream.requests) == before + 7


def websocket(server: Server) -> Any:
    url = server.base_url.replace("http", "ws") + "/v1/responses"
    return connect(url, additional_headers={"authorization": f"Bearer {MASTER_KEY}"})


def test_a_socket_holds_what_is_not_answered(small: Server) -> None:
    """F16: turns, one after another, that are larger together than what there is for all; some of them fail."""
    with websocket(small) as web:
        for n in range(6):
            turn = {"type": "response.create" if n % 2 else "nothing", "model": "gpt-4o", "input": "x" * 60_000}
            web.send(json.dumps(turn))
            last: dict[str, Any] = {}
            while last.get("type") not in ("response.completed", "error"):
                last = json.loads(web.recv(timeout=10))
            assert (last["type"], last.get("status")) == (("response.completed", None) if n % 2 else ("error", 400)), (
                last
            )
        wait_for(lambda: held(small) == (1, 0), 5, "nothing but the socket's place")
    wait_for(lambda: held(small) == (0, 0), 5, "everything given back")


def test_bytes_at_a_time(small: Server, shared_upstream: FakeUpstream) -> None:
    """F16: bodies are held up to a sum, told by their length or counted while they come. What is over it gets a 503,
    one that alone is too large a 413, without being read; also a client that sends on gets to see it."""
    asked_before = len(shared_upstream.requests)
    with contextlib.ExitStack() as stack:
        declared = [stack.enter_context(Talk(small.port)) for _ in range(2)]
        for talk in declared:
            talk.send(request(CHAT, b"{", {"content-length": str(MOST_BODY)}))
        wait_for(lambda: held(small)[1] == 2 * MOST_BODY, 5, "the room that was told")
        chunked = {"content-length": "", "transfer-encoding": "chunked"}
        counted = stack.enter_context(Talk(small.port))
        counted.send(request(CHAT, chunk(40_000), chunked))
        wait_for(lambda: held(small)[1] == 2 * MOST_BODY + 40_000, 5, "the room that was counted")
        for body, headers in ((b"", {"content-length": str(MOST_BODY)}), (chunk(20_000), chunked)):
            with Talk(small.port) as talk:
                talk.send(request(CHAT, body, headers))
                assert answered(talk) == (503, "overloaded_error")
                assert talk.head()[1]["retry-after"] == "2"
        counted.send(chunk(11_000))  # over the sum: what it held is free
        assert answered(counted) == (503, "overloaded_error")
        wait_for(lambda: held(small)[1] == 2 * MOST_BODY, 5, "the room of the refused")

        large = str(50 * MOST_BODY)
        for body, headers in ((b"", {"content-length": large}), (chunk(40_000) * 3, chunked)):
            with Talk(small.port) as talk:
                talk.send(request(CHAT, body, headers))
                assert answered(talk) == (413, "invalid_request_error")
        with Talk(small.port) as talk:  # is told not to send
            talk.send(request(CHAT, b"", {"content-length": large, "expect": "100-continue"}))
            assert answered(talk) == (413, "invalid_request_error")
            assert talk.head()[1]["connection"] == "close"
            assert talk.take() == b""
        with Talk(small.port) as talk:  # sends all the same
            sent = sending(talk.socket, request(CHAT, b" " * 50 * MOST_BODY))
            assert answered(talk) == (413, "invalid_request_error")
            sent.join(10)
            assert not sent.is_alive()
        with Talk(small.port) as talk:  # and is heard to its end, where that is not far: the next call is answered
            talk.send(request(CHAT, b" " * 3 * MOST_BODY))
            assert answered(talk) == (413, "invalid_request_error")
            assert "connection" not in talk.head()[1]
            talk.raw.clear()
            talk.send(request(CHAT, b"{"))
            assert answered(talk) == (400, "invalid_request_error")
        with Talk(small.port) as talk:  # further away, it is told that there will be no next one
            talk.send(request(CHAT, b" ", {"content-length": large}))
            assert answered(talk) == (413, "invalid_request_error")
            assert talk.head()[1]["connection"] == "close"
        declared[0].send(b" " * (MOST_BODY - 1))
        assert declared[0].head()[0] == 400
    wait_for(lambda: held(small) == (0, 0), 5, "everything given back")
    assert len(shared_upstream.requests) == asked_before


def answered(talk: Talk) -> tuple[int, str]:
    return talk.head()[0], json.loads(talk.rest())["error"]["type"]


def chunk(size: int) -> bytes:
    return f"{size:x}\r\n".encode() + b" " * size + b"\r\n"


def sending(sock: socket.socket, data: bytes) -> threading.Thread:
    def send() -> None:
        with contextlib.suppress(OSError):
            sock.sendall(data)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


class Murmur(list[bytes]):
    """A stream that says nothing to speak of until `enough`."""

    enough = False

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[bytes]:
        yield HALF
        while not self.enough:
            yield b": still here\n\n"
        yield b"data: [DONE]\n\n"


def test_what_a_stream_costs(tmp_path: Path, shared_upstream: FakeUpstream) -> None:
    """F15: three hundred that say little cost the worker 60 KB each at most, and all end well and are recorded."""
    count, murmur = 300, Murmur()
    env = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": shared_upstream.base_url}
    with running_server(tmp_path, env=env) as server, contextlib.ExitStack() as stack:
        [worker] = workers(server.pid)
        assert server.chat("first").status == 200
        before = resident(worker)
        shared_upstream.script(*[Reply(pieces=murmur, headers=EVENTS, pause=0.5)] * count)
        talks = []
        for n in range(count):
            talks.append(talk := stack.enter_context(Talk(server.port)))
            talk.ask(CHAT, chat(f"stream {n} " + "of a few words " * 60, stream=True, session_id="murmurs"))
        for talk in talks:
            talk.until(b"half an answer")
        each = (resident(worker) - before) / count
        print(f"{each / 1000:.1f} KB a stream")
        assert each <= 60_000
        wait_for(lambda: held(server)[0] == count, 5, "all in flight")
        murmur.enough = True
        for talk in talks:
            assert talk.rest().endswith(b"data: [DONE]\n\n")
        assert server.session("murmurs", calls=count, seconds=60)["status"] == "ok"
        wait_for(lambda: held(server) == (0, 0), 5, "everything given back")


def test_many_large_bodies(tmp_path: Path, shared_upstream: FakeUpstream) -> None:
    """F16: eight bodies of 5 MB at once, with memory for three. All are answered in the end if they come again
    when they are told to, and the process has needed only a few times what it may hold."""
    size, memory, calls = 5 << 20, 16 << 20, 8
    env = {
        "OPENAI_API_KEY": "sk-upstream",
        "OPENAI_BASE_URL": shared_upstream.base_url,
        "SESSIONARY_MEMORY": str(memory),
    }

    def reply(asked: Received) -> Reply:
        return Reply(
            default_reply(Received("POST", asked.path, {}, json.dumps(chat("large")).encode())).body, delay=0.2
        )

    shared_upstream.script(*[reply] * calls)
    with running_server(tmp_path, env=env) as server:
        [worker] = workers(server.pid)
        at_rest = resident(worker)
        told: list[int] = []

        def ask(n: int) -> str:
            body = json.dumps(chat(f"large {n}", padding="x" * size)).encode()
            while True:
                answer = server.request("POST", CHAT, body)
                told.append(answer.status)
                if answer.status == 200:
                    return answer.headers["x-call-id"]
                assert (answer.status, answer.headers["retry-after"]) == (503, "2"), answer.body[:300]

        with ThreadPoolExecutor(calls) as pool:
            ids = list(pool.map(ask, range(calls)))
        peak = resident(worker, "VmHWM") - at_rest
        print(f"{told.count(503)} times told to come again; {peak / memory:.1f} times the memory of bodies at the most")
        assert 503 in told
        assert peak < 5 * memory
        for call_id in ids:
            assert server.call(call_id, seconds=30)["status"] == "ok"
        wait_for(lambda: held(server) == (0, 0), 5, "everything given back")
