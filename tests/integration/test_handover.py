"""Who reads is answered by a process of its own, on the connection that a worker accepted; calls never wait for it."""

import contextlib
import http.client
import json
import os
import re
import select
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessionary.handover import handovers
from tests.support.server import MASTER_KEY, Server, running_server, wait_for
from tests.support.talk import Talk, reader, request, workers

KEY = {"authorization": f"Bearer {MASTER_KEY}"}
CHAT = "/v1/chat/completions"
READS = f"GET /api/sessions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {MASTER_KEY}\r\n\r\n".encode()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path) as server:
        yield server


@pytest.fixture
def connection(server: Server) -> Iterator[http.client.HTTPConnection]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        yield connection


def asked(connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None) -> bytes:
    connection.request(method, path, body, KEY)
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 200, said
    return said


def chat(text: str) -> bytes:
    return json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}).encode()


def whose(server: Server, connection: http.client.HTTPConnection) -> list[int]:
    """The processes that hold the server's end."""
    ours = connection.sock.getsockname()[1]
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    inode = next(f[9] for f in lines if f[1].endswith(f":{server.port:04X}") and f[2].endswith(f":{ours:04X}"))
    return [pid for pid in server.processes() if f"socket:[{inode}]" in files(pid)]


def files(pid: int) -> set[str]:
    found = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(file))
    return found


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_one_connection_for_calls_and_for_reading(server: Server, connection: http.client.HTTPConnection) -> None:
    """Each request on it is answered where it belongs, and the client sees nothing of that."""
    [worker], reads = workers(server.pid), reader(server.pid)
    assert reads is not None
    connection.connect()
    local = connection.sock.getsockname()
    for n in range(3):
        asked(connection, "GET", "/api/sessions?limit=1")
        wait_for(lambda: whose(server, connection) == [reads], what="the reader's")
        asked(connection, "POST", CHAT, chat(f"question {n}"))
        wait_for(lambda: whose(server, connection) == [worker], what="the worker's")
        asked(connection, "GET", "/ui/static/look.css")
        asked(connection, "POST", CHAT, chat(f"large {n}" + "x" * 1_000_000))
        assert json.loads(asked(connection, "GET", "/health/ready"))["pid"] == worker
    assert connection.sock.getsockname() == local
    wait_for(lambda: len(server.get("/api/calls?limit=50")["data"]) == 6, what="all calls")


def test_calls_do_not_wait_for_who_reads(server: Server) -> None:
    """Here it does not answer at all: what is asked of it is answered when it goes on."""
    reads = reader(server.pid)
    assert reads is not None
    found: list[int] = []
    asking = threading.Thread(target=lambda: found.append(server.request("GET", "/api/sessions").status))
    with stopped(reads):
        asking.start()
        for n in range(5):
            assert server.chat(f"meanwhile {n}").status == 200
        assert server.request("GET", "/health/live").status == 200
        assert server.request("GET", "/api/models").status == 200  # how providers are doing is a worker's to tell
        assert found == []
    asking.join()
    assert found == [200]


def test_more_than_it_has_room_for_are_answered_where_they_came(server: Server) -> None:
    reads = reader(server.pid)
    assert reads is not None
    with stopped(reads), contextlib.ExitStack() as stack:
        talks = [stack.enter_context(Talk(server.port)) for _ in range(600)]
        for talk in talks:
            talk.send(READS)
        first = select.select([talk.socket for talk in talks], [], [], 20)[0]
        assert first
        assert len(first) < len(talks)
    wait_for(lambda: server.request("GET", "/api/sessions").status == 200, what="the others")


@pytest.mark.parametrize("order", ["read first", "call first"])
def test_two_requests_in_one_piece(server: Server, order: str) -> None:
    """They are answered in their order, by the process of the first."""
    call = request(CHAT, chat("in one piece"))
    both, first, last = READS + call, b'"next_cursor"', b'"choices"'
    if order == "call first":
        both, first, last = call + READS, last, first
    with Talk(server.port) as talk:
        talk.send(both)
        talk.until(last)
    assert talk.raw.count(b"HTTP/1.1 200 OK") == 2
    assert talk.raw.index(first) < talk.raw.index(last)


@pytest.mark.parametrize("cut", [1, 5, 9, 40])
def test_a_head_in_two_pieces(server: Server, connection: http.client.HTTPConnection, cut: int) -> None:
    with Talk(server.port) as talk:
        talk.send(READS[:cut])
        asked(connection, "GET", "/health/live")  # what came is read
        talk.send(READS[cut:])
        assert talk.head()[0] == 200
        talk.until(b'"next_cursor"')


def test_it_is_killed(server: Server, connection: http.client.HTTPConnection) -> None:
    """What it was answering is lost with it, calls are not, and what is asked meanwhile waits for the next one."""
    asked(connection, "GET", "/api/sessions")
    for n in range(3):
        killed = wait_for(lambda: reader(server.pid), what="who reads")
        os.kill(killed, signal.SIGKILL)
        assert server.chat(f"after kill {n}").status == 200
        assert server.request("GET", "/api/sessions").status == 200
        assert reader(server.pid) not in (None, killed)
    with pytest.raises((OSError, http.client.HTTPException)):
        asked(connection, "GET", "/api/sessions")
    assert re.search(r"reader ended with -9; starting it again", server.log)


def test_a_key_that_was_made_just_now_is_known_to_both(server: Server) -> None:
    """Also a browser's, which has signed in with it at a worker, and asks another process for the page."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    for n in range(5):
        made = server.request("POST", "/api/keys", json.dumps({"name": f"k{n}", "project": "default"}).encode())
        key = json.loads(made.body)["key"]
        entered = server.request("POST", "/ui/login", f"key={key}".encode(), form, key=None)
        cookie = entered.headers["set-cookie"].partition(";")[0]
        assert server.request("GET", "/ui/", headers={"cookie": cookie}, key=None).status == 200
        assert server.request("POST", CHAT, chat("hi"), key=key).status == 200
        assert server.request("GET", "/api/sessions", key=key).status == 200


@pytest.mark.parametrize(
    ("line", "reads"),
    [
        (b"GET /ui/ HTTP/1.1", True),
        (b"GET /ui HTTP/1.1", True),
        (b"GET /ui?x=1 HTTP/1.1", True),
        (b"HEAD /api/sessions HTTP/1.1", True),
        (b"POST /api/keys HTTP/1.1", False),
        (b"GET /ui/models-of HTTP/1.1", True),
        (b"GET /ui/models HTTP/1.1", False),
        (b"GET /api/models?project=a HTTP/1.1", False),
        (b"GET /uid HTTP/1.1", False),
        (b"GET /apis HTTP/1.1", False),
        (b"GET / HTTP/1.1", False),
        (b"POST /v1/chat/completions HTTP/1.1", False),
        (b"POST /v1/api/ HTTP/1.1", False),
        (b"GET /u", False),
        (b"\r\nGET /ui/ HTTP/1.1", False),
        (b"\x16\x03\x01", False),
    ],
)
def test_whose_it_is(line: bytes, reads: bool) -> None:
    """Each is handed on by one side and kept by the other, so none goes back and forth."""
    relaying, reading = handovers()
    gives, takes = (relaying, reading) if reads else (reading, relaying)
    ours, theirs = socket.socketpair()
    with ours, contextlib.closing(relaying), contextlib.closing(reading):
        with theirs:
            assert gives.is_theirs(line)
            assert not takes.is_theirs(line)
            assert gives.give(line, theirs.fileno())
        taken = takes.take()
        assert taken is not None
        with taken[1]:
            assert taken[0] == line
            taken[1].send(b"here")
            assert ours.recv(10) == b"here"
        assert takes.take() is None
        assert gives.take() is None


def test_much_at_once_stays() -> None:
    relaying, reading = handovers()
    with contextlib.closing(relaying), contextlib.closing(reading), open(os.devnull, "rb") as file:
        most = b"GET /api/x HTTP/1.1\r\n".ljust(65_536, b"x")
        assert relaying.is_theirs(most)
        assert not relaying.is_theirs(most + b"x")
        assert relaying.give(most, file.fileno())
