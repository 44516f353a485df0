"""Replaying as a person does it: over HTTP, through the gateway, to a provider that may fail or be slow."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sessionary import ids
from tests.support.server import MASTER_KEY, Answer, Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply, answer_to, chat_events, chat_json, default_reply

Event = dict[str, Any]
CONFIG = """
models:
  - name: gpt-4o
    model: openai/gpt-4o
    base_url: {base}
    api_key: sk-up
  - name: other
    model: openai/gpt-4o-mini
    base_url: {base}
    api_key: sk-up
    price: {{input: 1, output: 10}}
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeUpstream]:
    with FakeUpstream() as started:
        yield started


@pytest.fixture(scope="module")
def started(provider: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = CONFIG.format(base=provider.base_url)
    with running_server(tmp_path_factory.mktemp("replays"), config=config) as server:
        yield server


@pytest.fixture
def server(started: Server, provider: FakeUpstream) -> Iterator[Server]:
    provider.reset()
    yield started
    provider.reset()
    provider.default = default_reply


def replayed(server: Server, session: str, key: str = MASTER_KEY) -> list[Event]:
    answer = server.post(f"/api/sessions/{session}/replay", {"model": "other"}, key=key)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].startswith("text/event-stream")
    return told(answer.body)


def told(body: bytes) -> list[Event]:
    return [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: ")]


def ask(server: Server, path: str, body: Any, headers: dict[str, str] | None = None) -> Answer:
    answer = server.post(path, body, headers)
    assert answer.status == 200, answer.body
    return answer


def chats(server: Server, name: str, turns: int, **more: Any) -> list[str]:
    """A conversation of so many turns; its calls."""
    said: list[Any] = []
    calls = []
    for n in range(turns):
        said.append({"role": "user", "content": f"{name}, question {n}"})
        body = {"model": "gpt-4o", "messages": said, "metadata": {"litellm_session_id": name}, **more}
        calls.append(ask(server, "/v1/chat/completions", body).headers["x-call-id"])
        said.append({"role": "assistant", "content": answer_to(f"{name}, question {n}")})
    server.session(name, calls=turns)
    return calls


def shown(server: Server, session: str, calls: int) -> list[Any]:
    """The calls of a replay, when all are stored, as its page shows them."""
    server.session(session, calls=calls)
    return list(server.get(f"/api/sessions/{session}/transcript")["calls"])


@pytest.mark.parametrize("stream", [False, True])
def test_each_call_is_asked_again_with_the_history_that_it_had(
    server: Server, provider: FakeUpstream, stream: bool
) -> None:
    calls = chats(server, f"a-{stream}", 3, stream=stream, temperature=0.5)
    sent = provider.bodies

    def other(request: Received) -> Reply:
        body = request.json
        answered = {**body, "messages": [{"role": "user", "content": f"{len(body['messages'])} messages"}]}
        if body.get("stream"):
            return Reply(pieces=chat_events(answered), headers={"content-type": "text/event-stream"})
        return Reply(chat_json(answered))

    provider.default = other
    provider.requests.clear()
    began, *answered, ended = replayed(server, f"a-{stream}")
    assert (began["event"], began["calls"], ended) == ("began", 3, {"event": "ended"})
    assert {(event["replays"], event["status"], event["error"]) for event in answered} == {
        (c, "ok", None) for c in calls
    }
    again = sorted(provider.bodies, key=lambda body: len(body["messages"]))
    assert again == [{**body, "model": "gpt-4o-mini"} for body in sent]
    added = shown(server, began["session_id"], 3)
    assert [a["call"]["origin"]["call_id"] for a in added] == calls
    assert [a["call"]["turn"] for a in added] == [1, 2, 3]
    assert [a["output"]["pieces"][0]["text"] for a in added] == [answer_to(f"{n} messages") for n in (1, 3, 5)]
    assert [len(a["messages"]) for a in added] == [1, 1, 1]
    session = server.get(f"/api/sessions/{began['session']}")
    assert (session["session_id"], session["source"]) == (began["session_id"], "replay")
    assert session["title"] == f"a-{stream}, question 0 · other"
    assert session["continues"]["call_id"] == calls[0]
    assert session["cost"] > 0


def test_a_plan_says_what_would_be_asked_and_what_it_would_cost(server: Server, provider: FakeUpstream) -> None:
    calls = chats(server, "plan", 2)
    provider.requests.clear()
    found = server.get("/api/sessions/plan/replay?model=other")
    stored = [server.call(call) for call in calls]
    tokens = [sum(call[name] for call in stored) for name in ("input_tokens", "output_tokens")]
    assert (found["calls"], found["left_out"], found["until"]) == (calls, [], calls[-1])
    assert [found["input_tokens"], found["output_tokens"]] == tokens
    assert found["estimate"] == pytest.approx((tokens[0] + 10 * tokens[1]) / 1e6)
    assert found["cost"] is not None
    assert provider.requests == []


def test_a_chain_is_asked_again_with_its_state(server: Server, provider: FakeUpstream) -> None:
    first = ask(server, "/v1/responses", {"model": "gpt-4o", "input": "one?"}, {"x-session-id": "chain"})
    second = {"model": "gpt-4o", "input": "two?", "previous_response_id": first.json["id"]}
    ask(server, "/v1/responses", second, {"x-session-id": "chain"})
    server.session("chain", calls=2)
    before = provider.bodies
    provider.requests.clear()
    began, *_ = replayed(server, "chain")
    again = sorted(provider.bodies, key=lambda body: len(body["messages"]))
    assert [body["messages"] for body in again] == [body["messages"] for body in before]
    assert [a["call"]["turn"] for a in shown(server, began["session_id"], 2)] == [1, 2]


def test_a_chat_that_goes_on_from_a_response_is_asked_again(server: Server, provider: FakeUpstream) -> None:
    first = ask(server, "/v1/responses", {"model": "gpt-4o", "input": "one?"}, {"x-session-id": "crossed"})
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "two?"}]}
    ask(server, "/v1/chat/completions", body, {"x-session-id": "crossed", "x-previous-response-id": first.json["id"]})
    server.session("crossed", calls=2)
    before = provider.bodies
    provider.requests.clear()
    began, *_ = replayed(server, "crossed")
    again = sorted(provider.bodies, key=lambda body: len(body["messages"]))
    assert [len(body["messages"]) for body in before] == [1, 3]
    assert [body["messages"] for body in again] == [body["messages"] for body in before]
    assert [len(a["messages"]) for a in shown(server, began["session_id"], 2)] == [1, 1]


def test_a_conversation_is_asked_again_and_stays_what_it_is(server: Server, provider: FakeUpstream) -> None:
    id = ask(server, "/v1/conversations", {}).json["id"]
    for text in ("one?", "two?"):
        ask(server, "/v1/responses", {"model": "gpt-4o", "input": text, "conversation": id})
    item = {"type": "message", "role": "user", "content": "by hand"}
    ask(server, f"/v1/conversations/{id}/items", {"items": [item]})
    ask(server, "/v1/responses", {"model": "gpt-4o", "input": "three?", "conversation": id})
    server.session(id, calls=3)
    items = server.get(f"/v1/conversations/{id}/items")["data"]
    before = provider.bodies[:2]
    provider.requests.clear()
    plan = server.get(f"/api/sessions/{id}/replay?model=other")
    assert [out["why"] for out in plan["left_out"]] == ["Items were put into its conversation by hand."]
    began, *_ = replayed(server, id)
    again = sorted(provider.bodies, key=lambda body: len(body["messages"]))
    assert [body["messages"] for body in again] == [body["messages"] for body in before]
    shown(server, began["session_id"], 2)
    assert server.get(f"/v1/conversations/{id}/items")["data"] == items


def test_a_conversation_that_begins_with_items_is_told_so(server: Server) -> None:
    item = {"type": "message", "role": "user", "content": "before"}
    id = ask(server, "/v1/conversations", {"items": [item]}).json["id"]
    ask(server, "/v1/responses", {"model": "gpt-4o", "input": "one?", "conversation": id})
    server.session(id, calls=1)
    refused = server.post(f"/api/sessions/{id}/replay", {"model": "other"})
    assert (refused.status, refused.json["error"]["code"]) == (400, "nothing_to_replay")


def test_a_failure_is_told_and_the_others_go_on(server: Server, provider: FakeUpstream) -> None:
    calls = chats(server, "fails", 3)

    def failing(request: Received) -> Reply:
        if len(request.json["messages"]) == 3:
            return Reply(b'{"error": {"message": "no", "type": "invalid_request_error"}}', status=400)
        return default_reply(request)

    provider.default = failing
    _, *answered, _ = replayed(server, "fails")
    by_call = {event["replays"]: event for event in answered}
    assert [by_call[call]["status"] for call in calls] == ["ok", "upstream_error", "ok"]
    assert [by_call[call]["error"] for call in calls] == [None, "no", None]


@contextlib.contextmanager
def listening(server: Server, session: str, key: str = MASTER_KEY) -> Iterator[tuple[Event, http.client.HTTPResponse]]:
    """To a replay's events, of which the first has come."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection.request("POST", f"/api/sessions/{session}/replay", b'{"model": "other"}', headers)
    with contextlib.closing(connection), connection.getresponse() as response:
        yield json.loads(response.readline()[6:]), response


def test_who_leaves_stops_it(server: Server, provider: FakeUpstream) -> None:
    chats(server, "long", 8)
    provider.requests.clear()
    provider.default = Reply(silent=True)
    with listening(server, "long") as (began, _):
        wait_for(lambda: len(provider.requests) == 4, what="as many calls as are asked at once")
    shown(server, began["session_id"], 4)
    wait_for(lambda: server.get(f"/api/sessions/{began['session']}")["live"] == 0)
    found = server.get(f"/api/sessions/{began['session']}")["calls"]
    assert {call["status"] for call in found} == {"client_closed"}
    time.sleep(0.5)
    assert len(provider.requests) == 4


def test_only_what_the_key_may_see_and_use(server: Server) -> None:
    chats(server, "mine", 1)
    theirs = server.post("/api/keys", {"project": "theirs"}).json["key"]
    bound = server.post("/api/keys", {"project": "default", "models": ["gpt-4o"]}).json["key"]
    session = server.get("/api/sessions/mine")["id"]
    for name in ("mine", session, "never-heard-of"):
        asked = server.post(f"/api/sessions/{name}/replay", {"model": "other"}, key=theirs)
        plan = server.request("GET", f"/api/sessions/{name}/replay?model=other", key=theirs)
        for answer in (asked, plan):
            assert (answer.status, answer.json["error"]["message"]) == (404, "There is no such session.")
    refused = server.post("/api/sessions/mine/replay", {"model": "other"}, key=bound)
    assert (refused.status, refused.json["error"]["type"]) == (403, "permission_error")
    assert server.post("/api/sessions/mine/replay", {"model": "other"}, key=None).status == 401


def key(server: Server, **more: Any) -> tuple[str, str]:
    """A new one, and its id."""
    made = server.post("/api/keys", {"project": "default", **more}).json
    return made["key"], made["id"]


def test_a_key_that_is_revoked_asks_nothing_more(server: Server, provider: FakeUpstream) -> None:
    chats(server, "revoked", 6)
    mine, id = key(server)
    provider.requests.clear()
    provider.default = Reply(chat_json({"model": "m", "messages": [{"role": "user", "content": "x"}]}), delay=1.5)
    with listening(server, "revoked", mine) as (_, response):
        wait_for(lambda: len(provider.requests) == 4, what="as many calls as are asked at once")
        assert server.request("DELETE", f"/api/keys/{id}").status == 200
        events = told(response.read())
    assert [event["event"] for event in events] == ["answered"] * 4 + ["ended"]
    assert len(provider.requests) == 4


def test_a_keys_limits_hold(server: Server, provider: FakeUpstream) -> None:
    chats(server, "limited", 4)
    one_by_one, _ = key(server, limits={"concurrent": 1})

    def slow_at_first(request: Received) -> Reply:
        return Reply(chat_json(request.json), delay=0.5 if len(request.json["messages"]) == 1 else 0.0)

    provider.default = slow_at_first
    _, *answered, _ = replayed(server, "limited", key=one_by_one)
    assert [event["status"] for event in answered] == ["ok"] * 4
    assert [event["replays"] for event in answered] == [c["id"] for c in server.get("/api/sessions/limited")["calls"]]
    spent, _ = key(server, limits={"session_calls": 2})
    _, *answered, _ = replayed(server, "limited", key=spent)
    assert [event["status"] for event in answered].count("ok") == 2
    assert {event["status"] for event in answered} == {"ok", "rejected"}
    assert len(answered) == 3


def test_who_has_had_its_share_of_the_minute_waits(server: Server) -> None:
    chats(server, "paced", 3)
    paced, _ = key(server, limits={"calls_per_minute": 40})
    for _ in range(38):  # what may come at once
        server.chat("x", key=paced)
    began, *answered, _ = replayed(server, "paced", key=paced)
    assert [event["status"] for event in answered] == ["ok"] * 3
    found = server.session(began["session_id"], calls=4)
    assert (found["turns"], found["branches"]) == (3, 0)


@pytest.mark.parametrize("change", [{"models": ["gpt-4o"]}, {"capture": "metadata"}])
def test_what_is_changed_of_a_key_holds_for_the_calls_that_follow(
    server: Server, provider: FakeUpstream, change: dict[str, Any]
) -> None:
    name = f"changed {[*change]}"
    chats(server, name, 6)
    mine, id = key(server)
    provider.requests.clear()
    provider.default = lambda request: Reply(chat_json(request.json), delay=1.2)
    with listening(server, quote(name), mine) as (_, response):
        wait_for(lambda: len(provider.requests) == 4, what="as many calls as are asked at once")
        assert server.request("PATCH", f"/api/keys/{id}", json.dumps(change).encode()).status == 200
        events = told(response.read())
    assert [event["status"] for event in events if event["event"] == "answered"].count("ok") == 4
    assert len(provider.requests) == 4


def test_only_so_many_are_asked_at_once_by_all(server: Server, provider: FakeUpstream) -> None:
    chats(server, "many", 6)
    provider.requests.clear()
    provider.default = Reply(silent=True)
    with listening(server, "many"), listening(server, "many"), listening(server, "many"):
        wait_for(lambda: len(provider.requests) == 8, what="the calls of two of them")
        time.sleep(0.5)
        assert len(provider.requests) == 8


def test_a_key_of_which_only_metadata_is_kept_cannot_compare(server: Server) -> None:
    chats(server, "unkept", 1)
    mine, _ = key(server, capture="metadata")
    refused = server.post("/api/sessions/unkept/replay", {"model": "other"}, key=mine)
    assert (refused.status, refused.json["error"]["code"]) == (400, "unkept")


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "model"),
        ({"model": ""}, 400, "model"),
        ({"model": "other", "branch": "call_none"}, 400, "branch"),
        ({"model": "nowhere/x"}, 404, None),
        ({"model": "other", "at_once": 100}, 400, "at_once"),
    ],
)
def test_what_cannot_be_done_is_refused(server: Server, body: Any, status: int, param: str | None) -> None:
    if not server.sessions("refused"):
        chats(server, "refused", 1)
    answer = server.post("/api/sessions/refused/replay", body)
    assert (answer.status, answer.json["error"]["param"]) == (status, param), answer.body


def test_it_is_in_the_audit_log(server: Server) -> None:
    chats(server, "audited", 1)
    replayed(server, "audited")
    session = server.get("/api/sessions/audited")["id"]
    entry = server.get("/api/audit?action=session.replay")["data"][0]
    assert (entry["target"], entry["detail"]) == (session, {"model": "other", "calls": 1})


def test_what_a_projects_rules_find_is_not_kept_whoever_replays(tmp_path: Path) -> None:
    rule = "redact:\n  - name: number\n    pattern: 'SECRET-\\d+'\n    projects: [team]\n"
    with (
        FakeUpstream() as provider,
        running_server(tmp_path, config=CONFIG.format(base=provider.base_url) + rule) as server,
    ):
        team = server.post("/api/keys", {"project": "team"}).json["key"]
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}], "session_id": "kept"}
        assert server.post("/v1/chat/completions", body, key=team).status == 200
        server.session("kept", calls=1)
        provider.default = lambda request: Reply(
            chat_json({**request.json, "messages": [{"role": "user", "content": "SECRET-1234"}]})
        )
        began, *_ = replayed(server, "kept")
        (added,) = shown(server, began["session_id"], 1)
        assert added["output"]["pieces"][0]["text"] == answer_to("[redacted number]")


def test_who_can_wait_leaves_room_for_others(tmp_path: Path) -> None:
    config = {"env": {"SESSIONARY_STREAMS": "4"}}
    with (
        FakeUpstream() as provider,
        running_server(tmp_path, config=CONFIG.format(base=provider.base_url), **config) as server,
    ):
        chats(server, "patient", 6)
        provider.requests.clear()
        provider.default = lambda request: Reply(chat_json(request.json), delay=1.0)
        with listening(server, "patient") as (_, response):
            wait_for(lambda: len(provider.requests) == 2, what="half of all places")
            time.sleep(0.3)
            assert len(provider.requests) == 2
            assert server.chat("in between").status == 200
            events = told(response.read())
        assert [event.get("status") for event in events] == ["ok"] * 6 + [None]


def test_who_waits_for_a_limit_is_no_reason_to_wait(tmp_path: Path) -> None:
    with FakeUpstream() as provider, running_server(tmp_path, config=CONFIG.format(base=provider.base_url)) as server:
        chats(server, "waits", 4)
        paced, _ = key(server, limits={"calls_per_minute": 1})
        with listening(server, "waits", paced) as (began, _):
            wait_for(lambda: server.sessions(began["session_id"]), what="the first call")
            server.session(began["session_id"], calls=2)
            start = time.monotonic()
            server.stop()
        assert time.monotonic() - start < 10
        server.start()
        found = server.session(began["session_id"], calls=2)
        assert found["turns"] == 2


def test_a_server_that_stops_leaves_whole_records(tmp_path: Path) -> None:
    with (
        FakeUpstream() as provider,
        running_server(tmp_path, config=CONFIG.format(base=provider.base_url), env={"SESSIONARY_GRACE": "1"}) as server,
    ):
        chats(server, "stopped", 6)
        provider.requests.clear()
        provider.default = Reply(silent=True)
        with listening(server, "stopped") as (began, _):
            wait_for(lambda: len(provider.requests) == 4, what="as many calls as are asked at once")
            server.restart()
        calls = server.get(f"/api/sessions/{began['session']}")["calls"]
        assert [call["status"] for call in calls] == ["interrupted"] * 4


def test_an_id_that_ends_like_the_address_is_a_session(server: Server) -> None:
    name = "odd/replay"
    chats(server, name, 1)
    assert server.get("/api/sessions/odd%2Freplay")["session_id"] == name
    assert server.get("/api/sessions/odd%2Freplay/replay?model=other")["session"] == ids.session_id(1, name)
