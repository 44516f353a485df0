"""P7: what belongs to another project answers as what does not exist: the same bytes, on every route with an id."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from sessionary.api.table import TABLE, Entry
from tests.security.two import SECRET, Two, ask
from tests.support.server import Server

ABSENT = {"sessions": "ses_00000000000000000000000000", "calls": "call_00000000000000000000000000"}
ABSENT |= {"keys": "key_0000000000000000", "views": "view_0000000000000000"}


def pairs(two: Two) -> Iterator[tuple[Entry, str, str, str, str]]:
    """Route, a path with their id, with an id that is nobody's; and a body likewise."""
    theirs, mine = two.theirs, two.mine
    ids = {"sessions": theirs.sessions[0], "calls": theirs.calls[0], "keys": theirs.row.id, "views": theirs.view}
    for entry in TABLE:
        kind = entry.path.split("/")[2]
        if "{id}" in entry.path:
            other, none = ids[kind], ABSENT[kind]
            yield entry, entry.path.replace("{id}", other), entry.path.replace("{id}", none), other, none
        if entry.name == "split":  # my session, their call
            path = entry.path.replace("{id}", mine.sessions[0])
            yield entry, path, path, theirs.calls[0], ABSENT["calls"]
        if entry.name == "move":
            path = entry.path.replace("{id}", mine.calls[0])
            yield entry, path, path, theirs.sessions[0], ABSENT["sessions"]
        if entry.name == "merge":
            yield entry, entry.path, entry.path, theirs.sessions[0], ABSENT["sessions"]


def body(entry: Entry, id: str, two: Two) -> Any:
    return {
        "patch_session": {"title": "t"},
        "patch_key": {"name": "n"},
        "split": {"call": id},
        "move": {"session": id},
        "merge": {"sessions": [two.mine.sessions[0], id]},
    }.get(entry.name)


def test_another_projects_id_is_no_id(client: TestClient, two: Two) -> None:
    """P7: status and body are the same, but for the id that was asked for and the request's own."""
    compared = 0
    for entry, path, absent, other, none in pairs(two):
        given = ask(client, two.mine, entry.method, path, body(entry, other, two))
        unknown = ask(client, two.mine, entry.method, absent, body(entry, none, two))
        assert given[0] in (403, 404), (entry, given)
        assert (given[0], given[1].replace(other, none)) == unknown, entry
        compared += 1
    print(f"{compared} routes compared")
    for side in (two.mine, two.theirs):  # and nothing has happened
        assert len(client.get("/api/calls", headers=side.headers).json()["data"]) == 3
        assert len(client.get("/api/views", headers=side.headers).json()["data"]) == 1


def test_no_parameter_leads_to_another_project(client: TestClient, two: Two) -> None:
    """P7: lists, search, summaries, suggestions, exports and the audit log, by every id and name of the other one."""
    theirs = two.theirs
    names = [*theirs.sessions, *theirs.calls, theirs.row.id, theirs.view, theirs.key, SECRET, "theirs", "theirs-0", "*"]
    names += [f"{SECRET} asks", f"key:{SECRET}*", f"project:theirs {SECRET}", "project:*", f"-project:mine {SECRET}"]
    asked = 0
    for entry in TABLE:
        if entry.method != "GET" or "{id}" in entry.path or entry.name in ("events", "document"):
            continue
        for parameter in (*entry.query, "project"):
            for name in names:
                answer = client.get(entry.path, params={"q": "x", parameter: name}, headers=two.mine.headers)
                assert answer.status_code in (200, 400, 404), (entry, parameter, name, answer.text)
                asked += 1
                if answer.status_code == 200:
                    assert SECRET not in answer.text.replace(name, ""), (entry, parameter, name)
                    assert "theirs" not in answer.text.replace(name, ""), (entry, parameter, name)
    print(f"{asked} requests")


@pytest.fixture(scope="module")
def keys(demo_server: Server) -> tuple[str, str]:
    return tuple(demo_server.post("/api/keys", {"project": name}).json["key"] for name in ("mine", "theirs"))  # type: ignore[return-value]


def test_state_of_the_llm_routes(demo_server: Server, keys: tuple[str, str]) -> None:
    """P7: responses, conversations and items, whether they are read, gone on from, changed, cancelled or counted."""
    mine, theirs = keys

    def post(path: str, value: Any, key: str) -> tuple[int, Any]:
        answer = demo_server.post(path, value, key=key)
        return answer.status, answer

    response = demo_server.post("/v1/responses", {"model": "m", "input": SECRET}, key=theirs).json
    conversation = demo_server.post(
        "/v1/conversations", {"items": [{"type": "message", "role": "user", "content": SECRET}]}, key=theirs
    ).json["id"]
    item = demo_server.get(f"/v1/conversations/{conversation}/items", key=theirs)["data"][0]["id"]
    said = response["output"][0]["id"]
    own = demo_server.post("/v1/conversations", {}, key=mine).json["id"]

    def like(id: str) -> str:
        """Of the same form, and nobody's."""
        rng = random.Random(id)
        head, _, tail = id.rpartition("_")
        return f"{head}_" + "".join(rng.choice("0123456789abcdefghijklmnopqrstuv") for _ in tail[:-6]) + tail[-6:]

    asked = [
        *(("GET", f"/v1/responses/{{}}{end}", None, response["id"]) for end in ("", "?stream=true", "/input_items")),
        ("DELETE", "/v1/responses/{}", None, response["id"]),
        ("POST", "/v1/responses/{}/cancel", {}, response["id"]),
        ("POST", "/v1/responses", {"model": "m", "input": "x", "previous_response_id": "{}"}, response["id"]),
        ("POST", "/v1/responses", {"model": "m", "input": "x", "conversation": "{}"}, conversation),
        ("POST", "/v1/responses", {"model": "m", "input": [{"type": "item_reference", "id": "{}"}]}, said),
        (
            "POST",
            "/v1/responses/input_tokens",
            {"model": "m", "input": "x", "previous_response_id": "{}"},
            response["id"],
        ),
        ("POST", "/v1/responses/compact", {"model": "m", "input": "x", "previous_response_id": "{}"}, response["id"]),
        *((method, "/v1/conversations/{}", {"metadata": {}}, conversation) for method in ("GET", "POST", "DELETE")),
        ("GET", "/v1/conversations/{}/items", None, conversation),
        ("POST", "/v1/conversations/{}/items", {"items": [{"role": "user", "content": "x"}]}, conversation),
        ("GET", f"/v1/conversations/{conversation}/items/{{}}", None, item),
        ("GET", f"/v1/conversations/{own}/items/{{}}", None, item),
        ("DELETE", f"/v1/conversations/{own}/items/{{}}", None, item),
        ("POST", f"/v1/conversations/{own}/items", {"items": [{"type": "item_reference", "id": "{}"}]}, said),
    ]
    for method, path, value, id in asked:
        answers = []
        for name in (id, like(id)):
            sent = None if value is None else json.dumps(value).replace("{}", name).encode()
            answer = demo_server.request(method, path.replace("{}", name), sent, key=mine)
            body = answer.body.replace(name.encode(), b"ID")
            for own_id in {answer.headers.get("x-request-id", "-"), answer.headers.get("x-call-id", "-")}:
                body = body.replace(own_id.encode(), b"REQUEST")
            answers.append((answer.status, body))
        assert answers[0] == answers[1], (method, path, answers)
        assert answers[0][0] in (400, 404), (method, path, answers)
        assert SECRET.encode() not in answers[0][1]
    assert demo_server.request("GET", f"/v1/responses/{response['id']}", key=theirs).status == 200
    assert len(demo_server.get(f"/v1/conversations/{conversation}/items", key=theirs)["data"]) == 1


def test_pages_and_their_events(demo_server: Server, keys: tuple[str, str]) -> None:
    """P7: with the login of one project the pages of the other's sessions and calls are those of no session."""
    mine, theirs = keys
    call = demo_server.chat(SECRET, key=theirs, session_id="pages").headers["x-call-id"]
    session = demo_server.call(call)["session_id"]
    form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    entered = demo_server.request("POST", "/ui/login", f"key={mine}".encode(), form, key=None)
    cookie = {"cookie": entered.headers["set-cookie"].partition(";")[0]}
    for theirs_path, absent in (
        (f"/ui/sessions/{session}", "/ui/sessions/none"),
        (f"/ui/calls/{call}", f"/ui/calls/call_{'0' * 26}"),
        (f"/ui/compare?a={session}&b={call}", f"/ui/compare?a=none&b=call_{'0' * 26}"),
    ):
        given, unknown = (demo_server.request("GET", path, None, cookie, key=None) for path in (theirs_path, absent))
        assert given.status == unknown.status
        texts = [
            answer.body.replace(session.encode(), b"none").replace(call.encode(), b"call_" + b"0" * 26)
            for answer in (given, unknown)
        ]
        assert texts[0] == texts[1]
        assert SECRET.encode() not in given.body
