"""State under what clients should not send, calls that cross, and a store that is away: clear answers, nothing lost."""

import contextlib
import http.client
import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.support.postgres import running_postgres
from tests.support.server import Answer, Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Reply, answer_to

MODEL = "gpt-4o"
DEEP = b"[" * 150 + b"]" * 150
UNKNOWN = "0" * 26
T = TypeVar("T")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("refusals"), env={"SESSIONARY_WORKERS": "2"}) as server:
        yield server
        assert "Traceback" not in server.log


def sent(server: Server, body: dict[str, Any] | bytes, path: str = "/v1/responses", method: str = "POST") -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.request(method, path, data)


def at_once(ask: Callable[[], T], count: int = 24) -> list[T]:
    """What many ask at the same moment: one worker alone would serve what comes one by one."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: ask(), range(count)))


def text_of(response: dict[str, Any]) -> str:
    return "".join(p["text"] for i in response["output"] if i["type"] == "message" for p in i["content"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("previous_response_id", 5),
        ("previous_response_id", ["resp_x"]),
        ("previous_response_id", "x" * 20_000),
        ("conversation", 5),
        ("conversation", {}),
        ("conversation", {"id": None}),
        ("conversation", ["conv_x"]),
    ],
)
def test_what_is_gone_on_from_is_an_id(gateway: Server, field: str, value: Any) -> None:
    answer = sent(gateway, {"model": MODEL, "input": "x", field: value})
    assert (answer.status, answer.json["error"]["param"]) == (400, field)
    allowed = sent(gateway, {"model": MODEL, "input": "x", field: None})
    assert allowed.status == 200


@pytest.mark.parametrize("rest", ["", "\0", "/../x", UNKNOWN, UNKNOWN + "0", "\u00fc" * 26, UNKNOWN.upper()[:-1] + "A"])
def test_ids_of_any_shape_are_unknown(gateway: Server, rest: str) -> None:
    for body, code in (
        ({"previous_response_id": "resp_" + rest}, "previous_response_not_found"),
        ({"conversation": "conv_" + rest}, "not_found"),
    ):
        answer = sent(gateway, {"model": MODEL, "input": "x", **body})
        assert (answer.status, answer.json["error"]["code"]) == (404, code)


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/compact", "/v1/responses/input_tokens"])
@pytest.mark.parametrize(
    "more", [b'"input":[' + DEEP + b"]", b'"input":"x","n":1' + b"0" * 5000, b'"background":true,"x":' + DEEP]
)
def test_what_is_nested_too_deeply_is_refused(gateway: Server, path: str, more: bytes) -> None:
    answer = sent(gateway, b'{"model":"gpt-4o",' + more + b"}", path)
    assert answer.status == 400, answer.body
    assert answer.json["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("body", [b"no JSON", b'{"model":"gpt-4o","input":[{"content":' + DEEP + b"}]}"])
def test_a_refused_call_can_be_asked_for(gateway: Server, body: bytes) -> None:
    id = "resp_" + sent(gateway, body).headers["x-call-id"][5:]
    assert {a.status for a in at_once(lambda: gateway.request("GET", f"/v1/responses/{id}"))} == {404}
    assert gateway.get(f"/v1/responses/{id}/input_items")["data"] == []
    assert sent(gateway, b"", f"/v1/responses/{id}/cancel").status == 400
    assert sent(gateway, {"model": MODEL, "input": "x", "previous_response_id": id}).status in (200, 400)


ITEMS = [5, "x", {"a": 1}, [5], [None], [[]], [{"type": 5}], [{"type": ["message"]}], [{"type": None, "id": {}}]]


@pytest.mark.parametrize("items", ITEMS, ids=map(json.dumps, ITEMS))
def test_items_are_items(gateway: Server, items: Any) -> None:
    conversation = sent(gateway, {}, "/v1/conversations").json["id"]
    for path in ("/v1/conversations", f"/v1/conversations/{conversation}/items"):
        answer = sent(gateway, {"items": items}, path)
        assert (answer.status, answer.json["error"]["param"]) == (400, "items")
    assert gateway.get(f"/v1/conversations/{conversation}/items")["data"] == []


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"type": "message", "role": "user", "content": 5},
        {"type": "message", "role": "user", "content": [{"type": ["a"]}, 5]},
        {"type": "function_call_output", "call_id": "x", "output": [5]},
        {"type": "message", "role": "user", "content": "\ud800\0", "id": 5, "n": 10**30},
        {"type": "nobody knows"},
    ],
)
def test_odd_items_are_kept_and_listed(gateway: Server, item: dict[str, Any]) -> None:
    made = sent(gateway, {"items": [item]}, "/v1/conversations")
    assert made.status == 200
    path = f"/v1/conversations/{made.json['id']}/items"
    (listed,) = gateway.get(path)["data"]
    assert gateway.get(f"{path}/{listed['id']}")["id"] == listed["id"]
    answer = sent(gateway, {"model": MODEL, "input": "x", "conversation": made.json["id"]})
    assert answer.status in (200, 400)


def test_a_reference_put_into_a_conversation_is_the_item(gateway: Server) -> None:
    first = sent(gateway, {"model": MODEL, "input": "remember"}).json
    (asked,) = gateway.get(f"/v1/responses/{first['id']}/input_items")["data"]
    reference = {"type": "item_reference", "id": asked["id"]}
    made = sent(gateway, {"items": [reference]}, "/v1/conversations").json
    (held,) = gateway.get(f"/v1/conversations/{made['id']}/items")["data"]
    assert held["content"] == asked["content"]
    assert held["id"] != asked["id"]
    unknown = {"type": "item_reference", "id": f"msg_{UNKNOWN}0"}
    assert sent(gateway, {"items": [unknown]}, "/v1/conversations").status == 404


def test_items_of_a_conversation_are_known_in_it(gateway: Server) -> None:
    items = [{"type": "message", "role": "user", "content": "first"}]
    conversation = sent(gateway, {"items": items}, "/v1/conversations").json["id"]
    (item,) = gateway.get(f"/v1/conversations/{conversation}/items")["data"]
    reference = {"type": "item_reference", "id": item["id"]}
    for n in range(2):  # as an item put in since the last call, and as one that a call was asked with
        body = {"model": MODEL, "conversation": conversation, "input": [reference, {"role": "user", "content": str(n)}]}
        assert sent(gateway, body).status == 200


def test_items_of_what_is_not_stored_are_known_on_their_socket(gateway: Server) -> None:
    url = f"ws://127.0.0.1:{gateway.port}/v1/responses"
    with connect(url, additional_headers={"authorization": f"Bearer {gateway.key}"}) as socket:

        def turn(input: Any) -> dict[str, Any]:
            socket.send(json.dumps({"type": "response.create", "model": MODEL, "store": False, "input": input}))
            while True:
                event: dict[str, Any] = json.loads(socket.recv(timeout=10))
                if event["type"] in ("response.completed", "error"):
                    return event

        item = turn("one")["response"]["output"][0]["id"]
        reference = {"type": "item_reference", "id": item}
        assert "turn 1 of" in text_of(turn([reference, {"role": "user", "content": "two"}])["response"])
        answer = sent(gateway, {"model": MODEL, "input": [reference]})
        assert (answer.status, answer.json["error"]["param"]) == (404, "input")


def test_many_references_are_found_at_once(gateway: Server) -> None:
    asked = [{"role": "user", "content": f"item {n}"} for n in range(300)]
    first = sent(gateway, {"model": MODEL, "input": asked}).json
    listed = gateway.get(f"/v1/responses/{first['id']}/input_items?order=asc&limit=100")["data"]
    named = [{"type": "item_reference", "id": item["id"]} for item in listed] * 20
    answer = sent(gateway, {"model": MODEL, "input": [*named, {"role": "user", "content": "x"}]})
    assert answer.status == 200


def test_few_bytes_do_not_stand_for_very_many(gateway: Server) -> None:
    first = sent(gateway, {"model": MODEL, "input": "long " * 200_000}).json
    (item,) = gateway.get(f"/v1/responses/{first['id']}/input_items")["data"]
    reference = {"type": "item_reference", "id": item["id"]}
    answer = sent(gateway, {"model": MODEL, "input": [reference] * 10_000})
    assert (answer.status, answer.json["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "order=up", "after=%00", "after=%ff"])
def test_lists_refuse_nonsense(gateway: Server, query: str) -> None:
    id = sent(gateway, {"model": MODEL, "input": "x"}).json["id"]
    conversation = sent(gateway, {}, "/v1/conversations").json["id"]
    for path in (f"/v1/responses/{id}/input_items", f"/v1/conversations/{conversation}/items"):
        assert gateway.request("GET", f"{path}?{query}").status == 400


@pytest.mark.parametrize(("after", "status"), [("-5", 200), ("9" * 100, 200), ("x", 400), ("9" * 5000, 400)])
def test_a_stream_is_taken_up_after_any_number(gateway: Server, after: str, status: int) -> None:
    made = sent(gateway, {"model": MODEL, "input": "x", "background": True, "stream": True})
    id = json.loads(made.body.split(b"data: ")[1].split(b"\n")[0])["response"]["id"]
    again = gateway.request("GET", f"/v1/responses/{id}?stream=true&starting_after={after}")
    assert again.status == status
    if after == "-5":
        assert again.body == made.body


def test_a_deleted_session_is_gone_at_once(gateway: Server) -> None:
    conversation = sent(gateway, {}, "/v1/conversations").json["id"]
    one = sent(gateway, {"model": MODEL, "input": "one", "conversation": conversation}).json
    two = sent(gateway, {"model": MODEL, "input": "two", "conversation": conversation}).json
    session = gateway.session(conversation, calls=2)
    assert gateway.request("DELETE", f"/api/sessions/{session['id']}").status < 300
    unknown = f"resp_{UNKNOWN}"
    never = _plain(gateway.request("GET", f"/v1/responses/{unknown}"), unknown)
    item = {"type": "item_reference", "id": two["output"][0]["id"]}

    def refused() -> None:
        for id in (one["id"], two["id"]):
            gone = gateway.request("GET", f"/v1/responses/{id}")
            assert (gone.status, _plain(gone, id)) == (404, never)
            answer = sent(gateway, {"model": MODEL, "input": "x", "previous_response_id": id})
            assert (answer.status, answer.json["error"]["code"]) == (404, "previous_response_not_found")
        assert sent(gateway, {"model": MODEL, "input": [item]}).status == 404
        assert gateway.get(f"/v1/conversations/{conversation}/items")["data"] == []

    at_once(refused)
    anew = sent(gateway, {"model": MODEL, "input": "anew", "conversation": conversation}).json
    assert "turn 1 of" in text_of(anew)


def _plain(answer: Answer, id: str) -> str:
    return answer.body.decode().replace(id, "ID").replace(answer.headers["x-request-id"], "REQUEST")


def test_a_deleted_response_leaves_its_conversation_whole(gateway: Server) -> None:
    conversation = sent(gateway, {}, "/v1/conversations").json["id"]
    one = sent(gateway, {"model": MODEL, "input": "one", "conversation": conversation}).json
    gateway.session(conversation, calls=1)
    assert gateway.request("DELETE", f"/v1/responses/{one['id']}").status == 200
    for n in (2, 3):
        answer = sent(gateway, {"model": MODEL, "input": "more", "conversation": conversation}).json
        assert f"turn {n} of" in text_of(answer)


def test_calls_that_begin_at_the_same_moment_lose_no_turn(tmp_path: Path) -> None:
    """Whoever was answered is part of the conversation; the others are told to try again."""
    with FakeUpstream() as upstream:
        env = {"SESSIONARY_WORKERS": "2", "OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": upstream.base_url}
        config = f"""
models:
  - {{name: slow, model: openai-compatible/slow, base_url: {upstream.base_url}, api_key: none}}
"""
        with running_server(tmp_path, env=env, config=config) as server:
            for _ in range(5):
                conversation = sent(server, {}, "/v1/conversations").json["id"]

                def ask(n: int, conversation: str = conversation) -> tuple[int, str]:
                    upstream.script(lambda asked: Reply(delay=0.1, body=_completion(asked.json)))
                    answer = sent(server, {"model": "slow", "input": f"turn {n}", "conversation": conversation})
                    if answer.status != 200:
                        assert answer.status == 400
                        assert answer.json["error"]["code"] == "conversation_locked"
                    return answer.status, f"turn {n}"

                with ThreadPoolExecutor(6) as pool:
                    answered = {text for status, text in pool.map(ask, range(6)) if status == 200}
                listed = server.get(f"/v1/conversations/{conversation}/items?limit=100&order=asc")["data"]
                said = {item["content"][0]["text"] for item in listed if item["role"] == "user"}
                assert said == answered
                upstream.script(lambda asked: Reply(body=_completion(asked.json)))
                last = sent(server, {"model": "slow", "input": "last", "conversation": conversation})
                assert last.status == 200
                told = upstream.requests[-1].json["messages"]
                assert len(told) == 2 * len(answered) + 1


def _completion(asked: dict[str, Any]) -> bytes:
    message = {"role": "assistant", "content": answer_to(str(asked["messages"][-1]["content"]))}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    return json.dumps({**body, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()


def test_a_revoked_key_ends_what_an_open_socket_may(gateway: Server) -> None:
    made = json.loads(gateway.cli("keys", "create", "--project", "sockets", "--json"))
    url = f"ws://127.0.0.1:{gateway.port}/v1/responses"
    with connect(url, additional_headers={"authorization": f"Bearer {made['key']}"}) as socket:

        def turn() -> dict[str, Any]:
            socket.send(json.dumps({"type": "response.create", "model": MODEL, "input": "x"}))
            while True:
                event: dict[str, Any] = json.loads(socket.recv(timeout=10))
                if event["type"] in ("response.completed", "error"):
                    return event

        assert turn()["type"] == "response.completed"
        gateway.cli("keys", "revoke", made["id"])
        refused = wait_for(lambda: event if (event := turn())["type"] == "error" else None, what="the refusal")
        assert refused is not None
        assert refused["status"] == 401


def _events(socket: Connection, count: int) -> list[dict[str, Any]]:
    return [json.loads(socket.recv(timeout=10)) for _ in range(count)]


def test_what_waits_on_a_socket_goes_with_its_client(gateway: Server) -> None:
    url = f"ws://127.0.0.1:{gateway.port}/v1/responses"
    headers = {"authorization": f"Bearer {gateway.key}", "x-session-id": "left"}
    with connect(url, additional_headers=headers) as socket:
        for n in range(5):
            socket.send(json.dumps({"type": "response.create", "model": MODEL, "input": f"turn {n}"}))
        _events(socket, 1)
    session = gateway.session("left", calls=1)
    sent(gateway, {"model": MODEL, "input": "after", "session_id": "left"})
    assert gateway.session("left", calls=2)["calls"] == 2, "nothing was begun for nobody"
    assert session["status"] != "ok"


def test_a_socket_takes_only_so_many_turns_at_once(gateway: Server) -> None:
    url = f"ws://127.0.0.1:{gateway.port}/v1/responses"
    headers = {"authorization": f"Bearer {gateway.key}"}
    with connect(url, additional_headers=headers, close_timeout=0.2) as socket:
        for n in range(60):
            socket.send(json.dumps({"type": "response.create", "model": MODEL, "input": f"turn {n}"}))
        refused = next(event for event in iter(lambda: _events(socket, 1)[0], None) if event["type"] == "error")
        assert (refused["status"], refused["error"]["code"]) == (503, "overloaded")


def _pids(server: Server) -> set[int]:
    """Of the workers that answer; those that are being killed may not."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        return {a["pid"] for a in at_once(lambda: server.get("/health/ready"))}
    return set()


def test_an_id_works_while_the_store_is_away(tmp_path: Path) -> None:
    with contextlib.ExitStack() as store:
        url = store.enter_context(running_postgres()).new_database()
        env = {"SESSIONARY_WORKERS": "2", "SESSIONARY_DATABASE": url}
        with running_server(tmp_path, env=env) as server:
            conversation = sent(server, {}, "/v1/conversations").json["id"]
            last = sent(server, {"model": MODEL, "input": "turn 1"}).json
            server.call(f"call_{last['id'][5:]}")
            store.close()
            first = _pids(server)
            for pid in first:
                os.kill(pid, signal.SIGKILL)
            wait_for(lambda: (pids := _pids(server)) and not pids & first, 15, what="other workers")
            for n in range(2, 12):
                body = {"model": MODEL, "input": f"turn {n}", "previous_response_id": last["id"]}
                answer = sent(server, body)
                assert answer.status == 200, answer.body
                last = answer.json
                assert f"turn {n} of" in text_of(last)
            follow_up = {"model": MODEL, "input": "turn 12", "previous_response_id": last["id"]}
            for answer in at_once(lambda: sent(server, follow_up)):
                assert answer.status == 200, answer.body
                assert "turn 12 of" in text_of(answer.json)
            assert {a.status for a in at_once(lambda: server.request("GET", f"/v1/responses/{last['id']}"))} == {200}
            for answer in (
                sent(server, {"model": MODEL, "input": "x", "conversation": conversation}),
                sent(server, {"model": MODEL, "input": "x", "previous_response_id": f"resp_{UNKNOWN}"}),
                sent(server, {}, "/v1/conversations"),
                sent(
                    server, {"model": MODEL, "input": "x", "conversation": conversation}, "/v1/responses/input_tokens"
                ),
                server.request("GET", f"/v1/conversations/{conversation}/items"),
                server.request("GET", f"/v1/responses/resp_{UNKNOWN}"),
                server.request("DELETE", f"/v1/responses/{last['id']}"),
            ):
                assert answer.status == 503, answer.body
                assert answer.json["error"]["code"] == "store_unavailable"
                assert b"127.0.0.1" not in answer.body
            assert "Traceback" not in server.log
