"""Requests, byte by byte, that ask to speak something else, and bodies that are none."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.support.server import MASTER_KEY, Server

UPGRADES = ("h2c", "TLS/1.0", "websocket", "WebSocket")
WORDS = {
    "chat/completions": {"messages": [{"role": "user", "content": "Hello"}]},
    "messages": {"max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]},
    "responses": {"input": "Hello"},
}


def request(path: str, *headers: str, body: bytes | None = None) -> bytes:
    said = json.dumps({"model": "demo", **WORDS[path]}).encode() if body is None else body
    usual = ("host: localhost", f"authorization: Bearer {MASTER_KEY}", "content-type: application/json")
    length = () if any("chunked" in header for header in headers) else (f"content-length: {len(said)}",)
    return "\r\n".join([f"POST /v1/{path} HTTP/1.1", *usual, *headers, *length, "", ""]).encode() + said


def upgrade(to: str) -> tuple[str, str]:
    return "Connection: keep-alive, Upgrade, HTTP2-Settings", f"Upgrade: {to}"


@pytest.fixture
def connection(demo_server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", demo_server.port), timeout=20) as made:
        yield made


class Answers:
    """One after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._came = b""

    def next(self) -> tuple[int, dict[str, object]]:
        while b"\r\n\r\n" not in self._came:
            self._more()
        head, _, self._came = self._came.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(self._came) < size:
            self._more()
        body, self._came = self._came[:size], self._came[size:]
        return int(head.split()[1]), json.loads(body)

    def _more(self) -> None:
        data = self._connection.recv(65536)
        assert data, f"closed after {self._came!r}"
        self._came += data


@pytest.mark.parametrize("to", UPGRADES)
@pytest.mark.parametrize("path", WORDS)
@pytest.mark.parametrize("apart", [False, True])
def test_what_it_asks_for_is_passed_over(connection: socket.socket, to: str, path: str, apart: bool) -> None:
    """Java's client asks for h2c with its first request on each connection."""
    answers = Answers(connection)
    asked = request(path, *upgrade(to))
    head = asked.index(b"\r\n\r\n") + 4
    for part in (asked[: head - 9], asked[head - 9 : head + 5], asked[head + 5 :]) if apart else (asked,):
        connection.sendall(part)
    assert answers.next()[0] == 200
    for _ in range(3):  # the connection is as good as any, for the same and for others
        connection.sendall(asked + request(path))
        assert [answers.next()[0] for _ in range(2)] == [200, 200]


def test_many_at_once(connection: socket.socket) -> None:
    answers = Answers(connection)
    connection.sendall(request("chat/completions", *upgrade("h2c")) * 300)
    assert {answers.next()[0] for _ in range(300)} == {200}


def test_without_a_key(connection: socket.socket) -> None:
    connection.sendall(request("messages", *upgrade("websocket")).replace(MASTER_KEY.encode(), b"sk-nobody"))
    status, body = Answers(connection).next()
    assert (status, body["type"]) == (401, "error")


@pytest.mark.parametrize("path", WORDS)
@pytest.mark.parametrize("before", [b"", b'5\r\n{"mod\r\n'])
def test_a_body_that_is_none(connection: socket.socket, path: str, before: bytes) -> None:
    connection.sendall(request(path, "Transfer-Encoding: chunked", body=before))
    connection.sendall(b"zz\r\n")
    status, body = Answers(connection).next()
    assert (status, body.get("type")) == (400, "error" if path == "messages" else None)
    assert connection.recv(1) == b""


@pytest.mark.parametrize("path", ["messages/", "messages/batches", "messages/batches/x/results"])
def test_what_is_not_there_is_told_as_that_api_tells_it(demo_server: Server, path: str) -> None:
    answer = demo_server.post(f"/v1/{path}", {})
    assert (answer.status, answer.json["type"]) == (404, "error")
    assert answer.json["error"]["type"] == "not_found_error"
