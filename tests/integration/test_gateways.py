"""Two gateways, with a data folder each, on one PostgreSQL: what one does the other knows, and nothing is lost."""

import contextlib
import http.client
import itertools
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.test_growing import Tab
from tests.support.postgres import Postgres
from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply, chat_events, chat_json

CONFIG = """
database: {database}
models:
  - {{name: chat, model: openai-compatible/some, base_url: {url}, api_key: sk-1, formats: [chat]}}
"""
MODEL = "chat"
Wire = dict[str, Any]


@dataclass
class Two:
    a: Server
    b: Server
    upstream: FakeUpstream

    @property
    def both(self) -> tuple[Server, Server]:
        return self.a, self.b


@pytest.fixture(scope="module")
def two(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    url = postgres.new_database()
    with FakeUpstream() as upstream, contextlib.ExitStack() as stack:
        config = CONFIG.format(database=url, url=upstream.base_url)
        servers = [
            stack.enter_context(running_server(tmp_path_factory.mktemp(name), config=config)) for name in ("a", "b")
        ]
        yield Two(servers[0], servers[1], upstream)


def asked(server: Server, **body: Any) -> Wire:
    answer = server.post("/v1/responses", {"model": MODEL, **body})
    assert answer.status == 200, answer.body
    return dict(answer.json)


def told(response: Wire) -> str:
    return "".join(part["text"] for item in response["output"] for part in item.get("content", ()))


def last_event(stream: bytes) -> Wire:
    return dict(json.loads(stream.decode().rpartition("data: {")[2].join(("{", "")).partition("\n")[0]))


@contextlib.contextmanager
def hanging(two: Two, server: Server, text: str, session: str, path: str = "/v1/chat/completions") -> Iterator[None]:
    """A call in flight, which has said all and has not ended."""

    def script(request: Received) -> Reply:
        events = chat_events({"model": MODEL, "messages": [{"role": "user", "content": text}]})
        return Reply(pieces=events[:-2], headers={"content-type": "text/event-stream"}, pause=0.05, hang=True)

    two.upstream.script(script)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": text}]}
    headers = {"authorization": f"Bearer {server.key}", "content-type": "application/json", "x-session-id": session}
    try:
        connection.request("POST", path, json.dumps(body).encode(), headers)
        assert connection.getresponse().read(1)
        yield
    finally:
        connection.close()


def test_a_key_that_one_makes_and_revokes_is_so_at_the_other(two: Two) -> None:
    made = two.a.post("/api/keys", {"project": "shared", "name": "k"}).json
    wait_for(lambda: two.b.chat("hello", MODEL, key=made["key"]).status == 200, 5, "the key at the other")
    began = time.monotonic()
    assert two.b.request("DELETE", f"/api/keys/{made['id']}").status in (200, 204)
    wait_for(lambda: two.a.chat("hello", MODEL, key=made["key"]).status == 401, 5, "its end")
    assert time.monotonic() - began < 4


def test_a_response_goes_on_at_the_other_at_once(two: Two) -> None:
    """Turn by turn, with no pause between."""
    previous, said = None, []
    for n, server in zip(range(8), itertools.cycle(two.both), strict=False):
        answer = asked(server, input=f"turn {n}", previous_response_id=previous)
        previous = answer["id"]
        said += [f"turn {n}", told(answer)]
    sent = [message["content"] for message in two.upstream.bodies[-1]["messages"]]
    assert [one if isinstance(one, str) else one[0]["text"] for one in sent] == said[:-1]
    call = two.a.call("call_" + previous.removeprefix("resp_")) if previous else {}
    session = two.b.get(f"/api/sessions/{call['session']}")
    assert session["turns"] == 8
    turns = [added["call"]["turn"] for added in two.a.get(f"/api/sessions/{call['session']}/transcript")["calls"]]
    assert turns == list(range(1, 9))


def test_a_stream_goes_on_at_the_other_with_all_that_was_said(two: Two) -> None:
    """Its end may not be stored yet when it is gone on from: what is stored of it is not taken for all."""
    words = "one two three " * 20

    def slowly(request: Received) -> Reply:
        events = chat_events({"model": MODEL, "messages": [{"role": "user", "content": words}]})
        return Reply(pieces=events, headers={"content-type": "text/event-stream"}, pause=0.03)

    for first, second in (two.both, two.both[::-1]):
        two.upstream.script(slowly)
        answer = first.post("/v1/responses", {"model": MODEL, "input": words, "stream": True})
        last = last_event(answer.body)
        asked(second, input="and now?", previous_response_id=last["response"]["id"])
        sent = two.upstream.bodies[-1]["messages"][1]["content"]
        assert (sent if isinstance(sent, str) else sent[0]["text"]) == told(last["response"])


def test_a_response_is_told_at_the_other_as_its_client_has_it(two: Two) -> None:
    """That it began has been stored for a while when it ends; its end has not, when the client asks."""

    def thinking(request: Received) -> Reply:
        events = chat_events(request.json)
        pieces, kind = (
            (events, "text/event-stream")
            if request.json.get("stream")
            else ([chat_json(request.json)], "application/json")
        )
        return Reply(pieces=pieces, headers={"content-type": kind}, delay=0.4)

    for n, stream in itertools.product(range(4), (False, True)):
        first, second = two.both[:: (-1) ** n]
        two.upstream.script(thinking)
        answer = first.post("/v1/responses", {"model": MODEL, "input": f"slow {n}", "stream": stream})
        given = last_event(answer.body)["response"] if stream else answer.json
        found = second.request("GET", f"/v1/responses/{given['id']}")
        assert found.status == 200, found.body
        assert (found.json["status"], told(found.json)) == ("completed", told(given))


def test_an_unknown_response_is_so_at_once_where_it_would_be_old(two: Two) -> None:
    old = "resp_" + "0" * 26
    began = time.monotonic()
    answer = two.b.post("/v1/responses", {"model": MODEL, "input": "x", "previous_response_id": old})
    assert answer.status == 404
    assert answer.json["error"]["code"] == "previous_response_not_found"
    assert time.monotonic() - began < 1.5


def test_a_conversation_alternates(two: Two) -> None:
    made = two.a.post("/v1/conversations", {}).json
    for n, server in zip(range(6), itertools.cycle(two.both), strict=False):
        asked(server, input=f"said {n}", conversation=made["id"])
    sent = two.upstream.bodies[-1]["messages"]
    assert len(sent) == 11


def test_what_is_made_in_the_background_is_polled_and_cancelled_at_the_other(two: Two) -> None:
    two.upstream.script(Reply(silent=True))
    queued = asked(two.a, input="Take your time", background=True)
    at = f"/v1/responses/{queued['id']}"
    assert two.b.get(at)["status"] in ("queued", "in_progress")
    answer = two.b.request("POST", f"{at}/cancel")
    assert answer.status == 200
    wait_for(lambda: two.b.get(at)["status"] == "cancelled", 10, "the end at the other")
    assert two.a.get(at)["status"] == "cancelled"


def test_an_answer_is_seen_growing_at_the_other(two: Two) -> None:
    with hanging(two, two.a, "what grows", "growing"):
        wait_for(lambda: two.b.sessions("growing"), what="the session at the other")
        tab = Tab(two.b, "growing")
        try:
            wait_for(lambda: tab.texts() and "what grows" in tab.texts()[0][0], 10, "the answer at the other")
        finally:
            tab.close()
        assert two.b.sessions("growing")[0]["status"] == "live"
    two.b.session("growing", calls=1)


def test_one_chat_without_ids_is_one_session(two: Two) -> None:
    """By content alone, as the OpenAI library sends it."""

    def thinking(request: Received) -> Reply:
        return Reply(pieces=[chat_json(request.json)], headers={"content-type": "application/json"}, pause=0.1)

    two.upstream.script(*[thinking] * 8)
    messages: list[Wire] = []
    for n, server in zip(range(8), itertools.cycle(two.both), strict=False):
        messages.append({"role": "user", "content": f"alternating question {n}"})
        answer = server.post("/v1/chat/completions", {"model": MODEL, "messages": messages})
        messages.append(answer.json["choices"][0]["message"])
        last = answer.headers["x-call-id"]
    session = two.a.call(last)["session"]
    wait_for(lambda: two.b.get(f"/api/sessions/{session}")["call_count"] == 8, what="all calls in one session")
    calls = two.b.get(f"/api/sessions/{session}/transcript")["calls"]
    assert [added["call"]["turn"] for added in calls] == list(range(1, 9))


def test_kill_9_loses_nothing_that_the_disk_holds(two: Two) -> None:
    """Three histories are one: the clients', the upstream's, the store's. Calls that were in flight are shown as
    interrupted at the end, and the other gateway goes on."""
    before = len(two.upstream.requests)

    def one(n: int) -> tuple[str, str, str]:
        answer = two.both[n % 2].chat(f"counted {n}", MODEL, session_id="counted")
        return answer.headers["x-call-id"], f"counted {n}", answer.json["choices"][0]["message"]["content"]

    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(one, range(40)))
        with hanging(two, two.a, "in flight when it dies", "dying"):
            wait_for(lambda: two.b.sessions("dying"), what="the call at the other")
            two.a.kill9()
        assert two.b.chat("on I go", MODEL).status == 200
    two.a.start()
    two.b.session("counted", calls=40)
    rows = two.b.get("/api/calls?session_id=dying")["data"]
    wait_for(lambda: two.b.get("/api/calls?session_id=dying")["data"][0]["status"] == "interrupted", 20, "its end")
    assert len(rows) == 1
    asked_upstream = [r.json["messages"][-1]["content"] for r in two.upstream.requests[before:]]
    for call_id, said, answer in seen:
        stored = two.b.get(f"/api/calls/{call_id}/response")
        assert stored["choices"][0]["message"]["content"] == answer
        assert asked_upstream.count(said) == 1
    balances = [server.balance() for server in two.both]
    assert all(ledger["begun"] == ledger["stored"] for ledger in balances)
