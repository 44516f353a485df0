"""The read API over both engines: shapes, parameters, scopes, refusals."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from sessionary import api
from sessionary.api.table import TABLE
from sessionary.store import keys
from tests.support.recorded import SECOND, SYSTEM, Log, assistant, user
from tests.support.served import MASTER, served

SESSION = """
    id session_id source title project status calls turns errors input_tokens cached_tokens output_tokens
    reasoning_tokens cost models clients tags first_at last_at live unpriced active_ms keys users
    branches agents continues emptied_at
"""
CALL = """
    id session_id source parent_id created_at duration_ms ttft_ms endpoint provider model upstream_model status
    http_status stream finish_reason input_tokens cached_tokens output_tokens reasoning_tokens cost error
    response_id client user attempts project estimated key turn agent rule
    agent_name agent_parent origin side ambiguous
"""
Get = Callable[..., Any]


@pytest.fixture
def client(engine: sa.Engine) -> Iterator[TestClient]:
    """The API as `app` puts it together, without the rest of the gateway."""
    with served(engine) as started:
        yield started


@pytest.fixture
def get(client: TestClient) -> Get:
    """The JSON of a GET that must succeed."""

    def ask(path: str, as_key: str = MASTER, **query: Any) -> Any:
        answer = client.get(path, params=query or None, headers={"authorization": f"Bearer {as_key}"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    return ask


def refused(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error: dict[str, Any] = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code", "request_id"}
    assert error["request_id"] == answer.headers["x-request-id"]
    return error


# Shapes


def test_a_session_and_its_calls(log: Log, get: Get) -> None:
    first = log.chat("my/id", [SYSTEM, user("hi there")], "hello", user="ann")
    second = log.chat("my/id", [SYSTEM, user("hi there"), assistant("hello"), user("more")], "sure")
    (listed,) = get("/api/sessions")["data"]
    assert listed.keys() >= set(SESSION.split())
    assert listed["session_id"] == "my/id"
    assert (listed["title"], listed["calls"], listed["turns"], listed["status"]) == ("hi there", 2, 2, "ok")
    assert (listed["input_tokens"], listed["output_tokens"]) == (20, 10)
    assert listed["first_at"].endswith("Z")
    assert len(listed["first_at"]) == len("2026-11-24T14:03:22.123Z")
    one = get(f"/api/sessions/{listed['id']}")
    assert one == get("/api/sessions/my%2Fid") == get("/api/sessions/my/id")
    assert {k: v for k, v in one.items() if k not in ("calls", "call_count")}.items() <= listed.items()
    assert one["call_count"] == 2
    assert [c["id"] for c in one["calls"]] == [first, second]
    call = get(f"/api/calls/{second}")
    assert call.keys() >= set(CALL.split())
    assert call == one["calls"][1]
    assert (call["parent_id"], call["turn"], call["session_id"], call["duration_ms"]) == (first, 2, "my/id", 1000)
    assert [c["id"] for c in get("/api/calls", session_id="my/id")["data"]] == [second, first]
    assert [c["id"] for c in get("/api/calls", session_id=listed["id"], sort="created_at")["data"]] == [first, second]


def test_a_transcript_shows_what_each_call_added(log: Log, get: Get) -> None:
    tool = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
    calls = {"role": "assistant", "content": None, "tool_calls": [tool]}
    start = [SYSTEM, user("look at it")]
    log.chat("s", start, calls)
    result = [*start, calls, {"role": "tool", "tool_call_id": "t1", "content": "a thing"}]
    log.chat("s", result, "It is a thing.")
    log.chat("s", result, "It is a thing, again.")
    log.chat("s", [{**SYSTEM, "content": "You changed."}, *result[1:], assistant("It is a thing."), user("ok")], "Bye.")
    log.store(log.begin("s", {"model": "m", "messages": [user("in flight")]}))
    found = get("/api/sessions/s/transcript")
    added = found["calls"]
    assert found["session"]["calls"] == 5
    assert [[p["type"] for m in a["messages"] for p in m["pieces"]] for a in added] == [
        ["text"], ["tool_result"], ["tool_result"], ["text"], ["text"]
    ]  # fmt: skip
    assert [a["resent"] for a in added] == [0, 2, 2, 4, 0]
    assert [a["retry"] for a in added] == [False, False, True, False, False]
    assert [[p["text"] for m in a["system"] for p in m["pieces"]] for a in added] == [
        ["You are a test."], [], [], ["You changed."], []
    ]  # fmt: skip
    piece = added[0]["output"]["pieces"][0]
    assert piece == {"type": "tool_call", "id": "t1", "name": "look", "arguments": {"at": 1}}
    assert added[4]["output"] is None
    assert added[1]["messages"][0]["created_at"] == added[1]["call"]["created_at"]
    assert added[2]["messages"][0] == added[1]["messages"][0]  # the same message, first sent then
    assert len(added[0]["messages"][0]["id"]) == 32


def test_completions_and_embeddings_are_read_too(log: Log, get: Get) -> None:
    prompt = log.begin("s", {"model": "m", "prompt": "Once"}, endpoint="completions")
    log.store(prompt, log.finish(prompt, b'{"choices": [{"index": 0, "text": " upon", "finish_reason": "stop"}]}'))
    inputs = log.begin("s", {"model": "m", "input": ["a", "b"]}, endpoint="embeddings")
    log.store(inputs, log.finish(inputs, b'{"data": [], "usage": {"prompt_tokens": 2, "total_tokens": 2}}'))
    text, vectors = get("/api/sessions/s/transcript")["calls"]
    assert text["messages"][0]["pieces"] == [{"type": "text", "text": "Once"}]
    assert text["output"]["pieces"] == [{"type": "text", "text": " upon"}]
    assert vectors["messages"] == []
    assert get(f"/api/calls/{inputs.call_id}/request") == {"model": "m", "input": ["a", "b"]}
    assert get(f"/api/calls/{inputs.call_id}/response")["data"] == []
    assert get(f"/api/calls/{prompt.call_id}/response")["choices"][0]["text"] == " upon"


def test_bodies(log: Log, get: Get, client: TestClient) -> None:
    call_id, events = log.stream("s", "hello")
    assert get(f"/api/calls/{call_id}/request")["messages"] == [user("hello")]
    assert get(f"/api/calls/{call_id}/response")["choices"][0]["message"]["content"] == "You said: hello"
    raw = client.get(f"/api/calls/{call_id}/response?raw=1")
    assert raw.content == events
    assert raw.headers["x-content-type-options"] == "nosniff"
    live = log.begin("s", {"model": "m", "messages": [user("<script>")]})
    log.store(live)
    assert refused(client.get(f"/api/calls/{live.call_id}/response"), 404)["code"] == "not_finished"
    log.store(log.finish(live, b"", "timeout", error_type="timeout_error", error_message="too late"))
    assert refused(client.get(f"/api/calls/{live.call_id}/response"), 404)["code"] == "no_response"
    assert get(f"/api/calls/{live.call_id}")["error"] == {"type": "timeout_error", "message": "too late"}


def test_search(log: Log, get: Get) -> None:
    for n in range(3):
        log.chat(f"s{n}", [user(f"a walrus, number {n}")])
    first = get("/api/search", q="walrus", limit=2)
    rest = get("/api/search", q="walrus", limit=2, cursor=first["next_cursor"])
    hits = [*first["data"], *rest["data"]]
    assert [h["session_id"] for h in hits] == ["s2", "s1", "s0"]
    assert rest["next_cursor"] is None
    assert hits[0]["snippet"] == "a walrus, number 2"
    assert hits[0]["marks"] == [[2, 8]]
    assert get(f"/api/calls/{hits[0]['call_id']}")["session"] == hits[0]["session"]
    assert get("/api/search", q='"')["data"] == []


def test_pages_end_with_no_cursor(log: Log, get: Get) -> None:
    for n in range(4):
        log.chat("same" if n % 2 else f"s{n}", [user(f"{n}")])
    for path, total in (("/api/sessions", 3), ("/api/calls", 4)):
        for limit in (1, 2, 3, 4):
            seen: list[str] = []
            query: dict[str, Any] = {"limit": limit}
            while True:
                page = get(path, **query)
                seen += [row["id"] for row in page["data"]]
                if page["next_cursor"] is None:
                    break
                query["cursor"] = page["next_cursor"]
            assert len(seen) == len(set(seen)) == total
            assert len(page["data"]) > 0


# Ids


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "a b",
        "ü",
        "100%",
        "a%2Fb",
        "x/transcript",
        "/",
        "?q=1#x",
        "transcript",
        "a+b",
        "x" * 300,
        "nul\0",
        "a\\b",
    ],
)
def test_any_client_id_names_its_session(log: Log, get: Get, client: TestClient, name: str) -> None:
    log.chat("decoy", [user("hi")])
    log.chat(name, [user("hi")])
    path = f"/api/sessions/{quote(name, safe='')}"
    ours = get(path)
    assert ours["session_id"] == name.replace("\0", "\ufffd")
    assert ours["call_count"] == 1
    assert get(f"{path}/transcript")["session"]["id"] == ours["id"]
    assert client.patch(path, json={"tags": ["t"]}).json()["tags"] == ["t"]
    assert [s["id"] for s in get("/api/sessions", session_id=name)["data"]] == [ours["id"]]
    assert client.delete(path).json() == {"id": ours["id"], "deleted": True}
    refused(client.get(path), 404)
    assert len(get("/api/sessions")["data"]) == 1


# Changes


def test_renaming_and_tagging(log: Log, get: Get, client: TestClient) -> None:
    log.chat("s", [user("hi")])
    assert client.patch("/api/sessions/s", json={"title": " A name "}).json()["title"] == "A name"
    assert client.patch("/api/sessions/s", json={"tags": ["b", "a", "b"]}).json()["tags"] == ["b", "a"]
    session = get("/api/sessions/s")
    assert (session["title"], session["tags"]) == ("A name", ["b", "a"])
    for body, param in (
        ({"title": ""}, "title"),
        ({"title": "x" * 501}, "title"),
        ({"tags": [""]}, "tags"),
        ({"tags": ["x" * 101]}, "tags"),
        ({"tags": "x"}, None),
        ({"titel": "x"}, None),
        ([], None),
    ):
        assert refused(client.patch("/api/sessions/s", json=body), 400)["param"] == param
    refused(client.patch("/api/sessions/s", content=b"\xff"), 400)
    refused(client.patch("/api/sessions/s", content=b"[" * 10_000), 400)
    refused(client.patch("/api/sessions/s", content=b" " * 70_000), 413)
    refused(client.patch("/api/sessions/unknown", json={"title": "x"}), 404)
    assert get("/api/sessions/s") == session


# Parameters


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"sort": "title"}, "sort"),
        ({"sort": "--last_at"}, "sort"),
        ({"cursor": "???"}, "cursor"),
        ({"cursor": "bm8"}, "cursor"),
        ({"cursor": "ü"}, "cursor"),
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-13-01"}, "until"),
        ({"status": "fine"}, "status"),
        ({"source": "guess"}, "source"),
        ({"sesion_id": "x"}, "sesion_id"),
    ],
)
def test_a_bad_parameter_is_named(client: TestClient, query: dict[str, str], param: str) -> None:
    for path in ("/api/sessions", "/api/calls"):
        error = refused(client.get(path, params=query), 400)
        assert error["param"] == param
        assert error["type"] == "invalid_request_error"
    if param in ("limit", "cursor"):
        assert refused(client.get("/api/search", params={"q": "x", **query}), 400)["param"] == param


def test_cursors_fit_one_list_only(log: Log, get: Get, client: TestClient) -> None:
    for n in range(3):
        log.chat(f"s{n}", [user("hi")])
    cursor = get("/api/sessions", limit=1)["next_cursor"]
    for path, query in (
        ("/api/sessions", {"sort": "last_at"}),
        ("/api/calls", {}),
        ("/api/search", {"q": "hi"}),
    ):
        assert refused(client.get(path, params={"cursor": cursor, **query}), 400)["param"] == "cursor"
    assert refused(client.get("/api/search"), 400)["param"] == "q"
    assert refused(client.get("/api/search?q=x&sort=at"), 400)["param"] == "sort"


def test_odd_values_are_no_errors(log: Log, get: Get) -> None:
    log.chat("s", [user("hi")])
    for name in ("session_id", "q", "model", "key", "user", "client", "project"):
        for value in ("\0", "%", "*", "\\", "'", '"', "\ud7ff", "x" * 3000):
            get("/api/sessions", **{name: value})
            get("/api/calls", **{name: value})
    for value in (
        "9" * 17,
        "0" * 9,
        "20261124",
        "24h",
        "2026-11-24",
        "2026-11-24T10:00:00Z",
        "2026-11-24T10:00:00 02:00",
    ):
        get("/api/sessions", since=value, until=value)


def test_times_are_read_as_they_are_meant(log: Log, get: Get) -> None:
    log.chat("s", [user("hi")])
    at = log.at // SECOND
    session = get("/api/sessions/s")
    for since, until, found in (
        (at - 10, at + 10, True),
        (at + 10, "", False),
        ("", at - 10, False),
        (session["first_at"], session["first_at"], True),
        ("1h", "", at > 4e9),
    ):
        assert bool(get("/api/sessions", since=since, until=until)["data"]) == found, (since, until)
        assert bool(get("/api/calls", since=since, until=until)["data"]) == found, (since, until)


# Scopes


def test_every_route_is_in_the_table_and_guarded(engine: sa.Engine, client: TestClient) -> None:
    routed = {
        (m, r.path.replace("{id:path}", "{id}")) for r in api.routes(engine) for m in (r.methods or ()) if m != "HEAD"
    }
    assert routed == {(e.method, e.path) for e in TABLE}
    assert {e.path for e in TABLE if e.needs == "nothing"} == {"/api/openapi.json"}
    assert all((e.needs == "read") == (e.method == "GET") for e in TABLE if e.needs != "nothing")
    for entry in TABLE:
        answer = client.request(entry.method, entry.path.replace("{id}", "x"), headers={"authorization": "Bearer no"})
        if entry.needs != "nothing":
            assert refused(answer, 401)["code"] == "invalid_api_key"
    del client.headers["authorization"]
    for entry in TABLE:
        answer = client.request(entry.method, entry.path.replace("{id}", "x"))
        assert answer.status_code == (200 if entry.needs == "nothing" else 401), entry


def test_a_key_sees_its_project_and_the_master_all(log: Log, get: Get, client: TestClient, engine: sa.Engine) -> None:
    mine, _ = keys.create(engine, "mine", "m", None, None)
    call_id = log.chat("shared", [user("a secret")], project="mine")
    log.chat("shared", [user("other")], project="theirs")
    theirs, _ = keys.create(engine, "theirs", "t", None, None)
    ours = get("/api/sessions/shared", as_key=mine)
    assert ours["project"] == "mine"
    assert get("/api/sessions/shared", as_key=theirs)["project"] == "theirs"
    assert {s["project"] for s in get("/api/sessions")["data"]} == {"mine", "theirs"}
    assert [s["project"] for s in get("/api/sessions", project="mine")["data"]] == ["mine"]
    assert get("/api/sessions", project="unknown")["data"] == []
    assert [s["project"] for s in get("/api/sessions", as_key=theirs, project="mine")["data"]] == ["theirs"]
    assert get("/api/search", as_key=theirs, q="secret")["data"] == []
    as_them = {"authorization": f"Bearer {theirs}"}
    bodies: dict[str, bytes | None] = {"split": b'{"call": "%s"}' % call_id.encode(), "move": b'{"session": "shared"}'}
    for method, path, unknown in (
        ("GET", f"/api/sessions/{ours['id']}", "/api/sessions/ses_00000000000000000000000000"),
        ("PATCH", f"/api/sessions/{ours['id']}", "/api/sessions/nothing"),
        ("DELETE", f"/api/sessions/{ours['id']}", "/api/sessions/nothing"),
        ("GET", f"/api/sessions/{ours['id']}/transcript", "/api/sessions/nothing/transcript"),
        ("GET", f"/api/sessions/{ours['id']}/tree", "/api/sessions/nothing/tree"),
        ("POST", f"/api/sessions/{ours['id']}/split", "/api/sessions/nothing/split"),
        ("GET", f"/api/calls/{call_id}", "/api/calls/call_0"),
        ("GET", f"/api/calls/{call_id}/evidence", "/api/calls/call_0/evidence"),
        ("POST", f"/api/calls/{call_id}/move", "/api/calls/call_0/move"),
        ("GET", f"/api/calls/{call_id}/request", "/api/calls/call_0/request"),
        ("GET", f"/api/calls/{call_id}/response", "/api/calls/call_0/response"),
    ):
        body = bodies.get(path.rpartition("/")[2], b'{"title": "x"}' if method == "PATCH" else None)
        answers = [client.request(method, p, headers=as_them, content=body) for p in (path, unknown)]
        errors = [refused(answer, 404) for answer in answers]
        texts = [a.text.replace(e["request_id"], "") for a, e in zip(answers, errors, strict=True)]
        assert texts[0] == texts[1], path
    assert get("/api/sessions/shared", as_key=mine) == ours


def test_what_is_not_there(client: TestClient) -> None:
    for path in ("/api/nothing", "/api/sessions/", "/api/calls/x/y", "/api/calls/%00", "/api/sessions/%00"):
        assert refused(client.get(path), 404)["type"] == "invalid_request_error", path
    refused(client.post("/api/sessions"), 405)


def test_a_store_that_is_away_says_so(client: TestClient, engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE facets"))
        connection.execute(sa.text("ALTER TABLE sessions RENAME TO hidden"))
    error = refused(client.get("/api/sessions"), 503)
    assert "hidden" not in json.dumps(error)


# The document


def test_the_document_describes_every_route(get: Get) -> None:
    document = get("/api/openapi.json")
    for entry in TABLE:
        assert entry.method.lower() in document["paths"][entry.path]
    assert "/v1/chat/completions" in document["paths"]
    for path, described in document["paths"].items():
        for operation in described.values():
            given = [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"]
            assert given == re.findall(r"\{(\w+)\}", path), path
    schemas = document["components"]["schemas"]
    assert schemas["Session"]["properties"].keys() >= set(SESSION.split())
    assert schemas["Call"]["properties"].keys() >= set(CALL.split())
    refs = {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]}
    assert refs <= schemas.keys()


def test_answers_fit_the_document(log: Log, get: Get) -> None:
    call_id = log.chat("s", [SYSTEM, user("walrus")])
    document = get("/api/openapi.json")
    for path, asked in (
        ("/api/sessions", "/api/sessions"),
        ("/api/sessions/{id}", "/api/sessions/s"),
        ("/api/sessions/{id}/transcript", "/api/sessions/s/transcript"),
        ("/api/sessions/{id}/tree", "/api/sessions/s/tree"),
        ("/api/calls", "/api/calls"),
        ("/api/calls/{id}", f"/api/calls/{call_id}"),
        ("/api/calls/{id}/evidence", f"/api/calls/{call_id}/evidence"),
        ("/api/search", "/api/search?q=walrus"),
    ):
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        fits(get(asked), schema, document["components"]["schemas"], path)


def fits(value: Any, schema: dict[str, Any], named: dict[str, Any], where: str) -> None:
    """As far as our types go: objects with their fields, lists, scalars, alternatives."""
    if "$ref" in schema:
        return fits(value, named[schema["$ref"].rpartition("/")[2]], named, where)
    if "anyOf" in schema:
        if value is None:
            assert {"type": "null"} in schema["anyOf"], where
            return None
        return fits(value, next(s for s in schema["anyOf"] if s != {"type": "null"}), named, where)
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    if "type" not in schema:
        return None
    assert isinstance(value, kinds[schema["type"]]), (where, value, schema)  # type: ignore[arg-type]
    if schema["type"] == "array":
        for item in value:
            fits(item, schema.get("items") or {}, named, where + "[]")
    elif "properties" in schema:
        assert set(schema.get("required", ())) <= value.keys() <= schema["properties"].keys(), (where, value.keys())
        for name, part in value.items():
            fits(part, schema["properties"][name], named, f"{where}.{name}")
    return None
