"""Two gateways on one PostgreSQL, which a streaming replica follows: one gateway is killed with calls in flight and
comes back, the replica goes away and comes back. Nothing is lost, no session is split or merged, pages go on.

Clients ask both gateways in turn, within the same sessions, in each way that a session is told by. In the end three
histories are one, the clients', the provider's and the store's, and so is the ledger of both gateways.
"""

import contextlib
import json
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary.auth import MASTER
from sessionary.limits.counters import LEASE
from sessionary.store import keys, verify
from sessionary.store.engine import open_engine
from tests.faults.traffic import MODEL, config, every_call
from tests.integration.test_replica import name_of, reading, state
from tests.support.postgres import Postgres, Replica, running_postgres, running_replica
from tests.support.server import Answer, Server, running_server, wait_for
from tests.support.talk import Talk, drain, texts
from tests.support.upstream import FakeUpstream, Received, Reply, answer_to, chat_events, default_reply, last_text

Wire = dict[str, Any]
TURNS = 4
"""Before anything goes wrong."""
CUT = "You said:"
"""What an answer has said that never ends."""


class Provider:
    """Answers as usual; what is `held` it begins to answer, once."""

    def __init__(self) -> None:
        self.held: set[str] = set()

    def __call__(self, request: Received) -> Reply:
        text = last_text(request.json) if request.method == "POST" else ""
        if text not in self.held:
            return default_reply(request)
        self.held.remove(text)
        events = chat_events(request.json)[: 1 + len(CUT.split())]
        return Reply(pieces=events, headers={"content-type": "text/event-stream"}, hang=True)


@dataclass
class Asked:
    """A call as its client knows it."""

    id: str
    sent: list[str]
    """All that the provider is to be sent, in turn."""
    after: str
    """The call that it goes on from."""
    status: str = "ok"
    answer: str = ""
    unstored: bool = False
    """Whether its gateway died before the store had it: only the disk did."""


@dataclass
class Chat:
    """One person's. `kind`: what tells its session, an id of the client's (`named`), the history that is sent again and
    nothing else (`content`), the answer before (`chain`) or a conversation, whose id is `named`."""

    kind: str
    named: str
    fate: str
    """Of its call when a gateway dies: the store has some of its answer (`streaming`), only the disk has that it began
    (`begun`) or all of it (`answered`); `steady`: it has none there, and goes on at the other."""
    said: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    last: str = ""
    """The last call that was answered whole."""
    questions: int = 0

    @property
    def path(self) -> str:
        return "/v1/responses" if self.kind in ("chain", "conversation") else "/v1/chat/completions"

    @property
    def headers(self) -> dict[str, str]:
        return {"x-session-id": self.named} if self.kind == "named" else {}

    def question(self, number: int) -> str:
        return f"{self.kind} {self.fate}, question {number}"

    def next(self, *, again: bool = False) -> str:
        self.questions += not again
        return self.question(self.questions)

    def body(self, text: str, *, stream: bool) -> Wire:
        body: Wire = {"model": MODEL, "stream": stream}
        if self.kind == "chain":
            return body | {"input": text} | ({"previous_response_id": f"resp_{self.last[5:]}"} if self.last else {})
        if self.kind == "conversation":
            return body | {"input": text, "conversation": self.named}
        roles = ("user", "assistant")
        return body | {"messages": [{"role": roles[n % 2], "content": t} for n, t in enumerate([*self.said, text])]}

    def ask(self, server: Server, *, stream: bool = False, again: bool = False) -> None:
        """A turn that is answered. `again`: what was asked last."""
        text = self.next(again=again)
        answer = server.post(self.path, self.body(text, stream=stream), self.headers)
        assert answer.status == 200, (text, answer.status, answer.body)
        assert heard(answer, stream=stream) == answer_to(text)
        self.note(answer.headers["x-call-id"], text).answer = answer_to(text)
        self.said += [text, answer_to(text)]
        self.last = self.asked[-1].id

    def refused(self, server: Server) -> str:
        """A turn that is none: why."""
        text = self.next()
        answer = server.post(self.path, self.body(text, stream=False), self.headers)
        self.note(answer.headers["x-call-id"], text).status = "rejected"
        return str(answer.json["error"]["code"])

    def begin(self, server: Server, connections: contextlib.ExitStack) -> None:
        """A turn whose answer begins, and never ends."""
        text = self.next()
        talk = connections.enter_context(Talk(server.port))
        talk.ask(self.path, self.body(text, stream=True), self.headers)
        talk.until(CUT.rsplit(maxsplit=1)[-1].encode())
        asked = self.note(talk.head()[1]["x-call-id"], text)
        asked.status, asked.answer = "interrupted", CUT

    def note(self, call_id: str, text: str) -> Asked:
        self.asked.append(Asked(call_id, [*self.said, text], self.last))
        return self.asked[-1]


def heard(answer: Answer, *, stream: bool) -> str:
    if not stream:
        return told(answer.json)
    events = [json.loads(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
    return told(events[-1]["response"]) if "response" in events[-1] else texts(answer.body)


def told(answer: Wire) -> str:
    """What an answer in either format says."""
    if "choices" in answer:
        return str(answer["choices"][0]["message"]["content"] or "")
    return "".join(part["text"] for item in answer["output"] for part in item.get("content", ()))


@dataclass
class Hosts:
    a: Server
    b: Server
    primary: Postgres
    url: str
    engine: sa.Engine
    standby: Replica
    upstream: FakeUpstream
    provider: Provider
    threads: ThreadPoolExecutor

    @property
    def both(self) -> tuple[Server, Server]:
        return self.a, self.b

    def turn(self, number: int, chats: list[Chat]) -> None:
        """Each chat at the other gateway than the turn before; a third of them streams."""
        asking = [
            self.threads.submit(chat.ask, self.both[(number + n) % 2], stream=(number + n) % 3 == 0)
            for n, chat in enumerate(chats)
        ]
        for done in asking:
            done.result()

    def settled(self, chats: list[Chat]) -> None:
        """Returns when the pages have all calls, and their ends."""
        asked = {one.id for chat in chats for one in chat.asked}

        def ended() -> bool:
            return {call["id"] for call in every_call(self.b) if call["status"] != "live"} == asked

        wait_for(ended, what="the end of all calls")

    def replica_is_read(self) -> None:
        reading(self.b, self.standby, self.url)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(running_postgres(ours=True, synchronous_commit="on"))
        url = primary.new_database()
        standby = stack.enter_context(running_replica(primary))
        upstream = stack.enter_context(FakeUpstream())
        upstream.default = provider = Provider()
        given = config(upstream, database=url, database_replica=standby.url(name_of(url)))
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
        a, b = (stack.enter_context(running_server(tmp_path / name, config=given)) for name in ("a", "b"))
        threads = stack.enter_context(ThreadPoolExecutor(12))
        engine = open_engine(url)
        stack.callback(engine.dispose)
        yield Hosts(a, b, primary, url, engine, standby, upstream, provider, threads)


@pytest.mark.timeout(240)  # two servers of PostgreSQL and two of ours go and come, under load
def test_a_gateway_and_the_replica_go_and_come_back(hosts: Hosts) -> None:
    a, b = hosts.both
    cookie = f"sessionary={keys.new_cookie(hosts.engine, MASTER)}"
    conversation = a.post("/v1/conversations", {}).json["id"]
    chats = [
        Chat("named", "mine", "streaming"), Chat("named", "yours", "answered"), Chat("named", "theirs", "begun"),
        Chat("content", "", "streaming"), Chat("content", "", "answered"), Chat("content", "", "steady"),
        Chat("chain", "", "streaming"), Chat("chain", "", "answered"), Chat("chain", "", "steady"),
        Chat("conversation", conversation, "streaming"),
    ]  # fmt: skip
    for number in range(TURNS):
        hosts.turn(number, chats)
    hosts.settled(chats)
    hosts.replica_is_read()

    left = killed(hosts, chats)
    wait_for(lambda: live(b) == left, what="what it had in flight, as if that went on")
    going_on_at_the_other(hosts, chats)
    wait_for(lambda: live(b) == left, what="the end of the others")
    nothing_is_heard_of_it(hosts, len(left))
    next(chat for chat in chats if chat.kind == "conversation").ask(b)  # without the turn that was cut off
    a.start()
    wait_for(lambda: b.get("/api/health")["gauges"]["away"] == [], what="its being heard of")
    hosts.settled(chats)
    for number in range(2):
        hosts.turn(number, chats)

    hosts.settled(chats)
    hosts.replica_is_read()
    before = shown(b, cookie)
    hosts.standby.stop()
    assert shown(b, cookie) == before
    wait_for(lambda: state(b) == "away", what="its being missed")
    hosts.turn(2, chats)
    hosts.settled(chats)
    before = shown(b, cookie)
    hosts.standby.start()
    hosts.standby.caught_up()
    hosts.replica_is_read()
    assert shown(b, cookie) == before == shown(a, cookie)

    compare(hosts, chats)
    assert verify.verify(hosts.engine).differences == []


def killed(hosts: Hosts, chats: list[Chat]) -> set[str]:
    """One gateway with all of its processes, while the other is at work: the calls that it leaves in the store in
    flight."""
    streaming, begun, answered, steady = (
        [chat for chat in chats if chat.fate == fate] for fate in ("streaming", "begun", "answered", "steady")
    )
    hosts.provider.held |= {chat.question(TURNS + 1) for chat in (*streaming, *begun)}
    with contextlib.ExitStack() as connections:
        for chat in streaming:
            chat.begin(hosts.a, connections)
        stored = "SELECT count(DISTINCT call_id) FROM partials WHERE seq >= 0"
        database = name_of(hosts.url)
        wait_for(lambda: hosts.standby.ask(stored, database) == len(streaming), what="answers, as far as they are")
        stop_drain(hosts.a)
        for chat in begun:
            chat.begin(hosts.a, connections)
        for chat in answered:
            chat.ask(hosts.a)
        for chat in (*begun, *answered):
            chat.asked[-1].unstored = True
        going_on = [hosts.threads.submit(chat.ask, hosts.b) for chat in steady]
        tree = [hosts.a.pid, *hosts.a.processes()]
        hosts.a.kill9()
        wait_for(lambda: {process_state(pid) for pid in tree} <= {"Z", ""}, what="the end of all its processes")
    for done in going_on:
        done.result()
    return {chat.asked[-1].id for chat in streaming}


def going_on_at_the_other(hosts: Hosts, chats: list[Chat]) -> None:
    """What was cut off is asked again. Nobody but the dead gateway's disk has what the one chain goes on from; and it
    looks as if the conversation were being answered there."""
    refused = {
        "previous_response_not_found": next(c for c in chats if (c.kind, c.fate) == ("chain", "answered")),
        "conversation_locked": next(c for c in chats if c.kind == "conversation"),
    }
    others = [chat for chat in chats if chat not in refused.values()]
    codes = [hosts.threads.submit(chat.refused, hosts.b) for chat in refused.values()]
    list(hosts.threads.map(lambda chat: chat.ask(hosts.b, again=chat.fate in ("streaming", "begun")), others))
    list(hosts.threads.map(lambda chat: chat.ask(hosts.b, stream=True), others))
    assert [code.result() for code in codes] == list(refused)


def nothing_is_heard_of_it(hosts: Hosts, live: int) -> None:
    """As if a minute had passed, after which it is said, and nobody waits for the ends of its calls."""
    gateway = (hosts.a.data_dir / "gateway.id").read_text().strip()
    assert hosts.b.get("/api/health")["gauges"]["away"] == []
    its = f"SELECT writer FROM cursors WHERE gateway = '{gateway}'"  # noqa: S608
    changed = f"UPDATE limits_writers SET seen_at = seen_at - {LEASE} WHERE writer IN ({its}) RETURNING 1"  # noqa: S608
    assert hosts.primary.ask(changed, name_of(hosts.url)) == 1
    gauges = hosts.b.get("/api/health")["gauges"]
    assert [(gone["gateway"], gone["live"]) for gone in gauges["away"]] == [(gateway, live)]
    assert [check["level"] for check in gauges["checks"] if check["name"] == "gateways"] == ["watch"]


def stop_drain(server: Server) -> None:
    """From now on what it records is on its disk and nowhere else."""
    pid = wait_for(lambda: drain(server.pid), what="a drain")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: process_state(pid) == "T", what="its being stopped")


def process_state(pid: int) -> str:
    """A letter; "" where it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def live(server: Server) -> set[str]:
    return {call["id"] for call in every_call(server) if call["status"] == "live"}


_AGO = re.compile(r"(<time [^>]*>)[^<]*")
"""How long ago something was changes while one looks; when it was is beside it."""


def shown(server: Server, cookie: str) -> Wire:
    """What the pages say."""
    sessions = server.get("/api/sessions?limit=200")["data"]
    transcripts = [server.get(f"/api/sessions/{session['id']}/transcript") for session in sessions]
    found = [server.get(f"/api/search?q={kind}") for kind in ("named", "content", "chain", "conversation")]
    lists = ("/ui/", "/ui/calls", *(f"/ui/sessions/{session['id']}" for session in sessions))
    pages = [server.request("GET", path, headers={"cookie": cookie}, key=None) for path in lists]
    assert {page.status for page in pages} == {200}
    api = {"sessions": sessions, "transcripts": transcripts, "found": found, "calls": every_call(server)}
    return api | {"pages": [_AGO.sub(r"\1", page.body.decode()) for page in pages]}


def compare(hosts: Hosts, chats: list[Chat]) -> None:
    """Three histories are one, the ledgers say the same, and sessions are what clients take them for."""
    ledgers = [server.balance() for server in hosts.both]
    calls = every_call(hosts.b)
    by_id = {call["id"]: call for call in calls}
    asked = {one.id: one for chat in chats for one in chat.asked}
    print(len(asked), "calls", Counter(call["status"] for call in calls))
    assert len(calls) == len(by_id), "a call is there twice"
    assert by_id.keys() == asked.keys()
    assert [ledger["begun"] for ledger in ledgers] == [ledger["stored"] for ledger in ledgers]
    assert sum(ledger["stored"] for ledger in ledgers) == len(calls)
    posted = [request.json for request in hosts.upstream.requests if request.method == "POST"]
    sent = Counter(tuple(message["content"] for message in body["messages"]) for body in posted)
    assert sent == Counter(tuple(one.sent) for one in asked.values() if one.status != "rejected")
    for one in asked.values():
        assert by_id[one.id]["status"] == one.status, one
        found = hosts.b.request("GET", f"/api/calls/{one.id}/response")
        said = told(found.json) if found.status == 200 else ""
        begun = one.unstored and one.status == "interrupted"  # the last second of its answer may be lost
        assert said == one.answer or (begun and one.answer.startswith(said)), one
    sessions = [{by_id[one.id]["session"] for one in chat.asked if one.status != "rejected"} for chat in chats]
    assert [len(found) for found in sessions] == [1] * len(chats), "a session is split"
    assert len(set.union(*sessions)) == len(chats), "sessions are merged"
    for chat, (session,) in zip(chats, sessions, strict=True):
        is_whole(hosts.b.get(f"/api/sessions/{session}"), by_id, chat)


def is_whole(session: Wire, calls: dict[str, Wire], chat: Chat) -> None:
    """Every call is in it, attempts at a question are one turn, and each goes on from what its client went on from."""
    mine = {one.id: one for one in chat.asked if one.status != "rejected"}
    turns: dict[str, set[int]] = {}
    for one in mine.values():
        turns.setdefault(one.sent[-1], set()).add(calls[one.id]["turn"])
        before = mine.get(one.after)
        known = [one.after, before.after] if before is not None and before.unstored else [one.after]
        assert (calls[one.id]["parent_id"] or "") in known, one
    assert session["call_count"] == len(mine)
    assert sorted(turn for of in turns.values() for turn in of) == list(range(1, session["turns"] + 1))
