"""Two gateways on one PostgreSQL, each in a round of its own at the same time: the one has read, and has not written
yet, when the other's round is stored. What comes of it is what one round after the other would have made."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary.drain.batch import Batch
from sessionary.drain.drain import Drain
from sessionary.drain.intake import Intake
from sessionary.drain.round import Round
from sessionary.ids import new_call_id, session_id
from sessionary.limits import counters
from sessionary.metrics import Metrics
from sessionary.record.exchange import Begin, Context
from sessionary.record.recorder import Recorder, now_us
from sessionary.record.spooling import Spooling
from sessionary.spool.quota import Quota
from sessionary.spool.reader import Reader
from sessionary.spool.writer import Writer
from sessionary.state.spooled import Spooled
from sessionary.state.walk import State
from sessionary.store import keys, schema, verify
from sessionary.store.engine import open_engine
from sessionary.store.others import HELD_BACK

pytestmark = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
Said = list[dict[str, Any]]


class Gateway:
    """Its spool and its drain."""

    def __init__(self, url: str, folder: Path, name: str) -> None:
        self.spool = spool = folder / name
        spool.mkdir()
        self.metrics = Metrics()
        self.engine = open_engine(url)
        counters.prepare(self.engine)  # as a start does
        self.project = keys.ensure_project(self.engine, "default")
        self._recorder = Recorder(Spooling(Writer(spool), self.metrics, Quota(Reader(spool), None)), self.metrics)
        self.drain = Drain(spool, self.engine, self.metrics, gateway=f"gw_{name}")
        self.drain.round()

    def call(self, messages: Said, answer: Any = "Yes.", session: str = "", parent: str = "") -> str:
        """One that has ended; its id. An `answer` that is no text is the message."""
        call_id, end = self.begin(messages, answer, session, parent)
        end()
        return call_id

    def begin(
        self, messages: Said, answer: Any = "Yes.", session: str = "", parent: str = ""
    ) -> tuple[str, Callable[[], None]]:
        """With what ends it."""
        call_id = new_call_id()
        own = session_id(self.project, session or call_id)
        body = {"model": "gpt-4o", "messages": messages}
        named = ("id", "x-session-id") if session else ("none", "none")
        context = Context(parent=parent) if parent else Context()
        begin = Begin(
            call_id, now_us(), self.project, "master", own, session or own, *named, "chat.completions", "gpt-4o", False,
            "tests", "", {"user-agent": "tests"}, json.dumps(body).encode(), context=context,
        )  # fmt: skip
        told = answer if isinstance(answer, dict) else {"role": "assistant", "content": answer}
        choice = {"index": 0, "message": told, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
        done = json.dumps({"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
        headers = {"content-type": "application/json"}
        recording = self._recorder.begin(begin)
        return call_id, lambda: recording.finish("ok", http_status=200, headers=headers, body=done)

    def store(self) -> None:
        while self.drain.round():
            pass

    def close(self) -> None:
        self._recorder.close()
        self.drain.close()

    @property
    def overtaken(self) -> int:
        return int(self.metrics.overtaken._value.get())


@pytest.fixture
def two(url: str, tmp_path: Path) -> Iterator[tuple[Gateway, Gateway]]:
    gateways = Gateway(url, tmp_path, "one"), Gateway(url, tmp_path, "other")
    yield gateways
    for gateway in gateways:
        gateway.close()


@pytest.fixture
def interleave(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the one store while before each of its first writes the other does something."""

    def run(one: Gateway, *others: Callable[[], object]) -> None:
        write, waiting = Batch.write, [*others]

        def written(batch: Batch, *args: Any) -> None:
            if waiting and batch.sessions and not nested:
                nested.append(True)
                waiting.pop(0)()
                nested.clear()
            write(batch, *args)

        nested: list[bool] = []
        with monkeypatch.context() as patched:
            patched.setattr(Batch, "write", written)
            one.store()
        assert not waiting

    return run


def rows(engine: sa.Engine, *columns: sa.Column[Any]) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns))]


def sound(engine: sa.Engine) -> bool:
    """All that is stored twice agrees, and nobody waited in a circle."""
    with engine.connect() as connection:
        circles = sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert connection.scalar(circles) == 0
    print(verify.verify(engine, lambda looked_at: None, 20).differences)
    return verify.verify(engine, lambda looked_at: None, 20).differences == []


def asked(*texts: str) -> Said:
    """Questions and answers in turn."""
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]


S, C = schema.sessions.c, schema.calls.c


def test_rounds_of_different_sessions_do_not_meet(
    two: tuple[Gateway, Gateway], interleave: Callable[..., None]
) -> None:
    one, other = two
    one.call(asked("a question"), session="mine")
    other.call(asked("a question"), session="yours")
    interleave(one, other.store)  # it comes to an end: nobody waits for the one, whose transaction is open
    assert (one.overtaken, other.overtaken) == (0, 0)
    assert sorted(rows(one.engine, S.session_id, S.calls)) == [("mine", 1), ("yours", 1)]
    assert sound(one.engine)


@pytest.mark.parametrize("there", [True, False], ids=["there", "new"])
def test_one_session_has_the_calls_of_both(
    two: tuple[Gateway, Gateway], interleave: Callable[..., None], there: bool
) -> None:
    one, other = two
    if there:
        one.call(asked("the first"), session="shared")
        one.store()
    one.call(asked("a question"), session="shared")
    other.call(asked("another"), session="shared")
    other.call(asked("one more"), session="shared")
    interleave(one, other.store)
    assert one.overtaken == 1
    assert rows(one.engine, S.calls, S.live, S.turns) == [(3 + there, 0, 3 + there)]
    assert sound(one.engine)


def test_who_goes_on_second_branches(two: tuple[Gateway, Gateway], interleave: Callable[..., None]) -> None:
    """By content alone, and both from the same answer."""
    one, other = two
    one.call(asked("Name a river."), "The Elbe.")
    one.store()
    one.call(asked("Name a river.", "The Elbe.", "Another?"), "The Rhine.")
    other.call(asked("Name a river.", "The Elbe.", "How long is it?"), "1,094 km.")
    interleave(one, other.store)
    assert one.overtaken == 1
    assert rows(one.engine, S.calls, S.turns, S.branches) == [(3, 3, 1)]
    assert sound(one.engine)


def test_who_goes_on_second_branches_in_another_session_too(
    two: tuple[Gateway, Gateway], interleave: Callable[..., None]
) -> None:
    """Both name the answer that they go on from, and the session that goes on from there."""
    one, other = two
    first = one.call(asked("Name a river."), "The Elbe.", session="first")
    one.store()
    one.call(asked("Another?"), session="second", parent=first)
    other.call(asked("How long is it?"), session="second", parent=first)
    interleave(one, other.store)
    assert one.overtaken == 1
    assert sorted(rows(one.engine, S.session_id, S.branches)) == [("first", 0), ("second", 1)]
    assert sound(one.engine)


def test_an_agent_is_started_once(two: tuple[Gateway, Gateway], interleave: Callable[..., None]) -> None:
    one, other = two
    given = json.dumps({"prompt": "Find all the bridges of the town."})
    call = {"id": "call_1", "type": "function", "function": {"name": "start_agent", "arguments": given}}
    one.call(asked("Which bridges are there?"), {"role": "assistant", "content": None, "tool_calls": [call]})
    one.store()
    for gateway in two:
        gateway.call(asked("Find all the bridges of the town."))
    interleave(one, other.store)
    assert one.overtaken == 1
    assert sorted(kind or "" for (kind,) in rows(one.engine, C.origin_kind)) == ["", "", "spawn"]
    assert sound(one.engine)


def test_a_message_means_what_was_stored_of_it(two: tuple[Gateway, Gateway], interleave: Callable[..., None]) -> None:
    """One has an answer, the other what a client makes of it, which is the same bytes and means another thing."""
    one, other = two
    empty = {"role": "assistant", "content": ""}
    one.call(asked("Say nothing."), empty, session="mine")
    other.call([*asked("Say nothing."), {**empty, "role": "user"}], session="yours")
    interleave(one, other.store)
    assert sound(one.engine)
    nodes = dict(rows(one.engine, schema.messages.c.id, schema.messages.c.node))
    ends = [*rows(one.engine, C.leaf, C.leaf_node), *rows(one.engine, C.output, C.output_node)]
    assert all(nodes[id] == node for id, node in ends)


def test_who_was_overtaken_is_not_overtaken_again(
    two: tuple[Gateway, Gateway], interleave: Callable[..., None]
) -> None:
    one, other = two
    one.call(asked("a question"), session="shared")
    other.call(asked("another"), session="shared")
    third = threading.Thread(target=other.store)

    def begun() -> None:
        other.call(asked("one more"), session="shared")
        third.start()
        third.join(1)
        assert third.is_alive(), "it came in between"

    interleave(one, other.store, begun)
    third.join(20)
    assert (one.overtaken, other.overtaken) == (1, 0)
    assert rows(one.engine, S.calls, S.turns) == [(3, 3)]
    assert sound(one.engine)


def test_what_is_held_back_is_waited_for_at_the_other(two: tuple[Gateway, Gateway]) -> None:
    """By who goes on from it there: the end of a call came after a history with an answer that nobody gave."""
    one, other = two
    call, end = one.begin(asked("a question"))
    one.store()
    one.call(asked("an example", "made up by the client", "another question"))
    began = time.monotonic()
    end()

    def late() -> None:
        while time.monotonic() < began + HELD_BACK - 0.5:
            one.drain.round()
        time.sleep(began + HELD_BACK + 0.5 - time.monotonic())  # a round that takes long, or begins late
        one.store()

    storing = threading.Thread(target=late)
    storing.start()
    state = State(other.engine, Spooled(Reader(other.spool)))
    link = asyncio.run(state.find(other.project, call, ended=True))
    storing.join()
    assert link is not None
    assert link.status == "ok"


def outage() -> None:
    """Nobody can store what is recorded, for longer than calls wait otherwise."""
    time.sleep(HELD_BACK + 0.2)


def test_what_has_waited_long_enough_is_stored_together(two: tuple[Gateway, Gateway]) -> None:
    """Or they would be ever later, who come in quick succession."""
    one, _ = two
    began = time.monotonic()
    calls = [one.call(EXAMPLE) for _ in range(5)]
    while time.monotonic() < began + HELD_BACK - 0.5:
        one.drain.round()
    assert rows(one.engine, C.id) == []
    time.sleep(began + HELD_BACK + 0.5 - time.monotonic())
    one.drain.round()
    assert {id for (id,) in rows(one.engine, C.id)} == {*calls}


EXAMPLE = asked("an example", "made up by the client", "a question")


def test_after_an_outage_backlogs_are_waited_for(two: tuple[Gateway, Gateway]) -> None:
    """Conversations whose turns went to the one and the other meanwhile, by content and by a name; and histories at
    both that nobody's answers are in. Whoever begins to store has not what the other has."""
    chats: dict[str, list[str]] = {"": [], "named": []}
    for n in range(6):
        for name, calls in chats.items():
            said = [text for turn in range(n) for text in (f"{name} question {turn}", f"{name} answer {turn}")]
            calls.append(two[n % 2].call(asked(*said, f"{name} question {n}"), f"{name} answer {n}", session=name))
        two[n % 2].call(EXAMPLE)
    outage()
    two[0].drain.round()
    storing = [threading.Thread(target=gateway.store) for gateway in two]
    for thread in storing:
        thread.start()
    for thread in storing:
        thread.join(20)
        assert not thread.is_alive()
    parents = dict(rows(two[0].engine, C.id, C.parent))
    for calls in chats.values():
        assert [parents[call] for call in calls] == [None, *calls[:-1]]
    assert sorted(rows(two[0].engine, S.calls, S.turns, S.branches))[-2:] == [(6, 6, 0)] * 2
    assert sound(two[0].engine)


def test_after_an_outage_what_is_stored_meanwhile_is_looked_for_again(
    two: tuple[Gateway, Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other has come past a call when that has been read, and had not when its history was looked for."""
    one, other = two
    first = other.call(asked("Name a river."), "The Elbe.")
    second = one.call(asked("Name a river.", "The Elbe.", "Another?"))
    other.call(asked("a question"))
    outage()
    read, waiting = Round.read, [other]

    def then_the_other(work: Round, intake: Intake) -> None:
        read(work, intake)
        if waiting and intake.items:
            waiting.pop().store()

    monkeypatch.setattr(Round, "read", then_the_other)
    one.store()
    assert dict(rows(one.engine, C.id, C.parent))[second] == first
    assert sound(one.engine)


def test_after_an_outage_one_that_has_nothing_to_store_says_so(two: tuple[Gateway, Gateway]) -> None:
    one, other = two
    call = one.call(EXAMPLE)
    outage()
    one.drain.round()
    assert rows(one.engine, C.id) == []
    other.drain.round()
    one.drain.round()
    assert (call,) in rows(one.engine, C.id)


def test_after_an_outage_one_that_never_comes_back_is_waited_for_once(
    two: tuple[Gateway, Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for each call of a backlog."""
    monkeypatch.setattr("sessionary.drain.waiting._CATCHING_UP", 0.5)
    one, _ = two
    calls = [one.call(EXAMPLE) for _ in range(5)]
    outage()
    one.drain.round()
    assert rows(one.engine, C.id) == []
    time.sleep(0.5)
    for _ in range(2):  # the first, and all that came after it
        one.drain.round()
    assert {id for (id,) in rows(one.engine, C.id)} == {*calls}


def test_after_an_outage_what_others_have_come_past_does_not_wait(two: tuple[Gateway, Gateway]) -> None:
    """Nor does it take along what came later."""
    one, other = two
    old = one.call(EXAMPLE)
    theirs = other.call(asked("a question"))
    other.store()
    one.call(EXAMPLE)
    outage()
    one.drain.round()
    assert {id for (id,) in rows(one.engine, C.id)} == {old, theirs}


def test_one_alone_is_never_overtaken(two: tuple[Gateway, Gateway]) -> None:
    """By itself: what it stores a second time, or in another order, is nobody else's."""
    one, _ = two
    said: list[str] = []
    for n in range(6):
        said.append(f"question {n}")
        one.call(asked(*said), f"answer {n}")
        one.call(asked(*said), f"answer {n}", session="named")
        one.call(asked("the same"), "the same", session=f"session-{n % 2}")
        said.append(f"answer {n}")
        if n % 2:
            one.store()
    one.store()
    assert one.overtaken == 0
    assert sound(one.engine)
