"""The tree, the evidence and the corrections over HTTP."""

from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from sessionary.store import keys, schema
from tests.integration.test_api import Get, client, get, refused
from tests.support.recorded import Log, assistant, user

__all__ = ["client", "get"]


def post(client: TestClient, path: str, body: Any, status: int = 200) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def talk(log: Log, name: str) -> list[str]:
    """A question, two goes at the next, and another in its place."""
    start = [user("hi")]
    first = log.chat(name, start, "hello")
    said = [*start, assistant("hello")]
    second = [log.chat(name, [*said, user("more")], answer) for answer in ("sure", "certainly")]
    edited = log.chat(name, [*said, user("less")], "of course")
    return [first, *second, edited]


def test_the_tree_of_a_session(log: Log, get: Get) -> None:
    first, one, two, edited = talk(log, "my/id")
    tree = get("/api/sessions/my%2Fid/tree")
    assert tree == get(f"/api/sessions/{tree['session']['id']}/tree")
    assert tree["session"]["branches"] == 1
    assert [(n["id"], n["call_id"], n["attempts"], n["parent"]) for n in tree["nodes"]] == [
        (first, first, [first], None),
        (one, two, [one, two], first),
        (edited, edited, [edited], first),
    ]
    assert [(b["fork"], b["fork_call"], b["nodes"], b["current"]) for b in tree["branches"]] == [
        (None, None, [first, one], False),
        (first, first, [edited], True),
    ]
    sums = tree["nodes"][1]["sums"]
    assert (sums["calls"], sums["input_tokens"], sums["output_tokens"], sums["active_ms"]) == (2, 20, 10, 2000)
    assert tree["total"]["calls"] == tree["main"]["calls"] == 4
    assert tree["total"]["cost"] == pytest.approx(tree["session"]["cost"])
    assert (tree["agents"], tree["compactions"]) == ([], [])


def test_a_session_whose_id_ends_like_a_route(log: Log, get: Get, client: TestClient) -> None:
    for name in ("x/tree", "x/split", "merge"):
        log.chat(name, [user("hi")])
    log.chat("x", [user("hi")])
    assert get("/api/sessions/x%2Ftree")["session_id"] == "x/tree"
    assert get("/api/sessions/x%2Ftree/tree")["session"]["session_id"] == "x/tree"
    assert get("/api/sessions/x/tree")["session"]["session_id"] == "x"
    assert get("/api/sessions/merge")["session_id"] == "merge"
    refused(client.post("/api/sessions/x%2Fsplit", json={"call": "call_0"}), 404)


def test_what_a_session_goes_on_from_under_another_id(log: Log, get: Get, engine: sa.Engine) -> None:
    first = log.chat("old", [user("hi")])
    log.chat("new", [user("and")])
    old, new = get("/api/sessions/old"), get("/api/sessions/new")
    with engine.begin() as connection:
        mine = sa.update(schema.sessions).where(schema.sessions.c.id == new["id"])
        connection.execute(mine.values(continues=first))
    linked = {"session": old["id"], "session_id": "old", "call_id": first}
    assert get("/api/sessions/new")["continues"] == linked
    assert [s["continues"] for s in get("/api/sessions")["data"]] == [linked, None]
    assert get("/api/sessions/new/transcript")["session"]["continues"] == linked


def test_the_evidence_of_a_call(log: Log, get: Get, engine: sa.Engine) -> None:
    first, one, *_ = talk(log, "s")
    (other,) = (log.chat("else", [user("hi")], "hello"),)
    with engine.begin() as connection:
        mine = sa.update(schema.calls).where(schema.calls.c.id == one)
        shown = {"candidates": [[first, "ses_a", 2], [other, "ses_b", 2], ["call_0", "ses_gone", 1]]}
        said = {"source": "content", "rule": "content", "ambiguous": True, "agent_name": "Ann", "agent": "a"}
        origin = {"origin": other, "origin_kind": "spawn", "origin_tool": "t1"}
        connection.execute(mine.values(evidence=shown, **said, **origin))
    found = get(f"/api/calls/{one}/evidence")
    session, there = get("/api/sessions/s")["id"], get("/api/sessions/else")["id"]
    assert found["candidates"] == [
        {"call_id": first, "session": session, "session_id": "s", "depth": 2, "taken": True},
        {"call_id": other, "session": there, "session_id": "else", "depth": 2, "taken": False},
        {"call_id": "call_0", "session": "ses_gone", "session_id": "ses_gone", "depth": 1, "taken": False},
    ]
    assert found["parent"] == {"call_id": first, "session": session, "session_id": "s"}
    assert found["origin"] == {"kind": "spawn", "call_id": other, "tool_call_id": "t1"}
    assert (found["depth"], found["of"], found["ambiguous"], found["corrected"]) == (2, 3, True, None)
    assert found["explanation"] == (
        "It names no session; 2 of its 3 messages are what was said up to the answer in turn 1; "
        "2 other calls would have done as well, and the newest was taken."
    )
    call = get(f"/api/calls/{one}")
    assert (call["origin"], call["ambiguous"], call["agent_name"]) == (found["origin"], True, "Ann")


def test_moving_a_call(log: Log, get: Get, client: TestClient) -> None:
    first, one, two, edited = talk(log, "s")
    log.chat("b/c", [user("other")])
    done = post(client, f"/api/calls/{one}/move", {"session": "b/c"})
    assert (done["session"]["session_id"], done["moved"], done["gone"]) == ("b/c", [one], [])
    assert get("/api/sessions/b/c")["call_count"] == 2
    again = post(client, f"/api/calls/{one}/move", {"session": done["session"]["id"]})
    assert (again["session"], again["moved"]) == (done["session"], [])
    evidence = get(f"/api/calls/{one}/evidence")
    assert evidence["corrected"] == {"session": get("/api/sessions/s")["id"], "session_id": "s"}
    assert evidence["explanation"].endswith("; a person moved it here from “s”.")
    home = post(client, f"/api/calls/{one}/move", {"session": "s"})
    assert [n["attempts"] for n in get("/api/sessions/s/tree")["nodes"]] == [[first], [one, two], [edited]]
    assert home["session"]["turns"] == 3


def test_splitting_and_merging(log: Log, get: Get, client: TestClient) -> None:
    *_, edited = talk(log, "s")
    done = post(client, "/api/sessions/s/split", {"call": edited})
    new = done["session"]
    assert (new["title"], new["session_id"], done["moved"]) == ("less", new["id"], [edited])
    assert new["continues"]["session_id"] == "s"
    assert post(client, "/api/sessions/s/split", {"call": edited})["session"] == new
    back = post(client, "/api/sessions/merge", {"sessions": [new["id"], "s"]})
    assert (back["session"]["session_id"], back["gone"], back["moved"]) == ("s", [new["id"]], [edited])
    assert get(f"/api/sessions/{new['id']}")["session_id"] == "s"
    assert post(client, "/api/sessions/merge", {"sessions": [new["id"], "s"]})["moved"] == []
    log.chat("t", [user("hi")])
    into = post(client, "/api/sessions/merge", {"sessions": ["s", "t"], "into": "t"})
    assert (into["session"]["session_id"], into["session"]["calls"]) == ("t", 5)
    for name in ("s", new["id"]):
        assert get(f"/api/sessions/{name}")["id"] == into["session"]["id"]
        assert [s["session_id"] for s in get("/api/sessions", session_id=name)["data"]] == ["t"]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/api/calls/{call}/move", {}, "session"),
        ("/api/calls/{call}/move", {"session": 5}, "session"),
        ("/api/calls/{call}/move", {"session": "s", "to": "t"}, "to"),
        ("/api/calls/{call}/move", [], None),
        ("/api/sessions/s/split", {"call": None}, "call"),
        ("/api/sessions/merge", {"sessions": "s"}, "sessions"),
        ("/api/sessions/merge", {"sessions": ["s", 5]}, "sessions"),
        ("/api/sessions/merge", {"sessions": ["s"]}, "sessions"),
        ("/api/sessions/merge", {"sessions": ["s"] * 101}, "sessions"),
        ("/api/sessions/merge", {"sessions": ["s", "t"], "into": 5}, "into"),
    ],
)
def test_a_wrong_body_names_the_field(log: Log, client: TestClient, path: str, body: Any, param: str | None) -> None:
    call_id = log.chat("s", [user("hi")])
    answer = client.post(path.format(call=call_id), json=body)
    assert refused(answer, 400)["param"] == param


def test_what_is_unknown_or_anothers(log: Log, get: Get, client: TestClient, engine: sa.Engine) -> None:
    mine, _ = keys.create(engine, "mine", "m", None, None)
    one = log.chat("a", [user("hi")], project="mine")
    log.chat("b", [user("hi")], project="mine")
    theirs = log.chat("theirs", [user("hi")], project="else")
    for path, body in (
        (f"/api/calls/{one}/move", {"session": "theirs"}),
        (f"/api/calls/{one}/move", {"session": "nothing"}),
        (f"/api/calls/{one}/move", {"session": "nul\0 and \ud7ff"}),
        (f"/api/calls/{theirs}/move", {"session": "a"}),
        ("/api/calls/call_0/move", {"session": "a"}),
        ("/api/sessions/a/split", {"call": theirs}),
        ("/api/sessions/a/split", {"call": "call_0\0"}),
        ("/api/sessions/nothing/split", {"call": one}),
        ("/api/sessions/merge", {"sessions": ["a", "theirs"]}),
        ("/api/sessions/merge", {"sessions": ["a", "b"], "into": "theirs"}),
        ("/api/sessions/merge", {"sessions": ["a", "nothing"]}),
    ):
        for key in (mine, "sk-master"):
            answer = client.post(path, json=body, headers={"authorization": f"Bearer {key}"})
            assert refused(answer, 404)["code"] == "not_found", (path, body, key)
    assert {s["session_id"]: s["calls"] for s in get("/api/sessions")["data"]} == {"a": 1, "b": 1, "theirs": 1}
