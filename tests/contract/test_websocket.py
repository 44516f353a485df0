"""The Responses API over a WebSocket: turns on one socket, and the OpenAI library's own connection."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.server import Server, running_server, wait_for

MODEL = "gpt-4o"


@pytest.fixture(params=["/responses", "/v1/responses"])
def connection(demo_server: Server, request: pytest.FixtureRequest) -> Iterator[ClientConnection]:
    with opened(demo_server, str(request.param)) as connection:
        yield connection


def opened(server: Server, path: str = "/v1/responses", **headers: str) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{server.port}{path}",
        additional_headers={"authorization": f"Bearer {server.key}", **headers},
    )


def turn(connection: ClientConnection, **fields: Any) -> list[dict[str, Any]]:
    """The events of one turn."""
    connection.send(json.dumps({"type": "response.create", "model": MODEL, **fields}))
    events: list[dict[str, Any]] = []
    while not events or events[-1]["type"] not in ("response.completed", "response.failed", "error"):
        events.append(json.loads(connection.recv(timeout=10)))
    return events


def text_of(response: dict[str, Any]) -> str:
    return "".join(p["text"] for i in response["output"] if i["type"] == "message" for p in i["content"])


def test_many_turns_on_one_socket(connection: ClientConnection, demo_server: Server) -> None:
    previous: dict[str, Any] = {}
    ids = []
    for n in range(1, 4):
        events = turn(connection, input=f"number {n}", **previous)
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert events[0]["type"] == "response.created"
        response = events[-1]["response"]
        assert f"turn {n} of" in text_of(response)
        ids.append(response["id"])
        previous = {"previous_response_id": response["id"]}
    answer = demo_server.post("/v1/responses", {"model": MODEL, "input": "by HTTP", **previous})
    assert "turn 4 of" in text_of(answer.json)
    call = wait_for(lambda: stored(demo_server, ids[0]))
    session = demo_server.session(call["session_id"], calls=4)
    assert session["turns"] == 4


def stored(server: Server, response_id: str) -> dict[str, Any] | None:
    answer = server.request("GET", f"/api/calls/call_{response_id[5:]}")
    return dict(answer.json) if answer.status == 200 and answer.json["status"] == "ok" else None


def test_what_is_not_stored_lives_as_long_as_its_socket(demo_server: Server) -> None:
    with opened(demo_server) as mine, opened(demo_server) as another:
        first = turn(mine, input="one", store=False)[-1]["response"]
        second = turn(mine, input="two", store=False, previous_response_id=first["id"])[-1]["response"]
        assert "turn 2 of" in text_of(second)
        third = turn(mine, input="three", store=False, previous_response_id=second["id"])[-1]["response"]
        assert "turn 3 of" in text_of(third)
        refused = turn(another, input="two", previous_response_id=first["id"])[-1]
        assert (refused["type"], refused["status"]) == ("error", 404)
        assert refused["error"]["code"] == "previous_response_not_found"
    answer = demo_server.post("/v1/responses", {"model": MODEL, "input": "x", "previous_response_id": first["id"]})
    assert answer.status == 404
    assert wait_for(lambda: stored(demo_server, first["id"]))["status"] == "ok"  # type: ignore[index]
    assert demo_server.get(f"/api/calls/call_{first['id'][5:]}/request") == {
        "model": MODEL, "stream": True, "store": False,
    }  # fmt: skip


def test_the_library_that_speaks_it(demo_server: Server) -> None:
    client = openai.OpenAI(api_key=demo_server.key, base_url=f"{demo_server.base_url}/v1")
    with client, client.responses.connect() as connection:
        previous: dict[str, str] = {}
        for n in range(1, 4):
            connection.response.create(model=MODEL, input=f"number {n}", **previous)  # type: ignore[arg-type]
            for event in connection:
                if event.type == "response.completed":
                    break
            assert f"turn {n} of" in event.response.output_text  # type: ignore[union-attr]
            previous = {"previous_response_id": event.response.id}  # type: ignore[union-attr]


def test_errors_are_told_and_the_socket_goes_on(connection: ClientConnection) -> None:
    for frame in ("no JSON", "[]", "{}", '{"type": "session.update"}'):
        connection.send(frame)
        told = json.loads(connection.recv(timeout=10))
        assert told["type"] == "error"
        assert told["status"] == 400
        assert told["error"]["message"]
    unknown = turn(connection, input="x", previous_response_id="resp_unknown")[-1]
    assert unknown["status"] == 404
    assert unknown["error"]["code"] == "previous_response_not_found"
    connection.send(json.dumps({"type": "response.create", "input": "no model"}))
    assert json.loads(connection.recv(timeout=10))["error"]["code"] == "missing_model"
    assert turn(connection, input="still there")[-1]["type"] == "response.completed"


def test_a_client_that_leaves_cancels_its_turn(demo_server: Server) -> None:
    with opened(demo_server) as connection:
        connection.send(json.dumps({"type": "response.create", "model": MODEL, "input": "leaving"}))
        id = json.loads(connection.recv(timeout=10))["response"]["id"]
    call = wait_for(lambda: ended(demo_server, id))
    assert call["status"] == "client_closed"


def ended(server: Server, response_id: str) -> dict[str, Any] | None:
    answer = server.request("GET", f"/api/calls/call_{response_id[5:]}")
    return dict(answer.json) if answer.status == 200 and answer.json["status"] != "live" else None


def test_its_session_is_that_of_the_handshake(demo_server: Server) -> None:
    with opened(demo_server, **{"x-session-id": "on a socket"}) as connection:
        turn(connection, input="one")
        turn(connection, input="two")
    assert demo_server.session("on a socket", calls=2)["source"] == "id"


@pytest.mark.parametrize(("path", "key", "status"), [("/v1/responses", "sk-wrong", 401), ("/v1/other", None, 404)])
def test_a_handshake_is_refused_as_a_call_is(demo_server: Server, path: str, key: str | None, status: int) -> None:
    headers = {"authorization": f"Bearer {key or demo_server.key}"}
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{demo_server.port}{path}", additional_headers=headers)
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["error"]["message"]


HEAD = b"GET /v1/responses HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
HEAD += b"Sec-WebSocket-Version: 13\r\n"
NONCE = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
HANDSHAKES = {
    "without a key": (HEAD + NONCE, 401),
    "elsewhere": (HEAD.replace(b"/v1/responses", b"/nowhere") + NONCE, 404),
    "without a nonce": (HEAD, 400),
    "a header that is no text": (HEAD + NONCE + b"X-Name: \xc3\xb6\r\n", 401),
    "a protocol that is no text": (HEAD + NONCE + b"Sec-WebSocket-Protocol: \xc3\xb6\r\n", 400),
    "a line that is too long": (HEAD + NONCE + b"X-Long: " + b"a" * 20_000 + b"\r\n", 400),
    "a body": (HEAD + NONCE + b"Content-Length: 3\r\n", 400),
}


def test_nobody_fills_the_log_with_handshakes(tmp_path: Path) -> None:
    """Nor holds connections with what is none."""
    with running_server(tmp_path) as server:
        for what, (head, status) in HANDSHAKES.items():
            for waits in (True, False):
                with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
                    client.sendall(head + b"\r\n")
                    said = b"".join(iter(lambda: client.recv(65536), b"")) if waits else b""
                assert not waits or said.startswith(b"HTTP/1.1 %d " % status), (what, said)
        server.stop()
        assert "ERROR" not in server.log
        assert "Traceback" not in server.log
