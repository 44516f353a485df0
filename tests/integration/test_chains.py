"""Calls that go on from each other without sending again what was said: stored by the drain, read by `state`."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from sessionary import ids
from sessionary.limits import counters
from sessionary.record import exchange
from sessionary.record.exchange import Begin, Context, Part, Record
from sessionary.spool.reader import Reader
from sessionary.spool.writer import Writer
from sessionary.state.context import Contexts, Named
from sessionary.state.links import Link
from sessionary.state.spooled import Spooled
from sessionary.state.walk import State
from sessionary.store import conversations, edits, reads, tree
from sessionary.store.engine import snapshot
from sessionary.wire.responses import item_ids
from tests.support.recorded import Log

CONVERSATION = "conv_" + "0" * 26


class Chain:
    """Stores calls of `/responses`, each with one text asked and one answered."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.project = log.project()

    def begin(self, asked: Any, parent: str = "", *, session: str = "s", stream: bool = False, **context: Any) -> Begin:
        body = {"model": "m", "input": asked, "stream": stream}
        return self.log.begin(session, body, endpoint="responses", context=Context(parent=parent, **context))

    def call(self, asked: Any, parent: str = "", answer: str = "", **more: Any) -> str:
        begin = self.begin(asked, parent, **more)
        self.log.store(begin, self.log.finish(begin, whole(begin.call_id, answer or f"answer to {asked}")))
        return begin.call_id


def item(call_id: str, text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": item_ids.made("message", call_id[5:], 0), "role": "assistant", "content": content}


def whole(call_id: str, text: str) -> bytes:
    return json.dumps({"object": "response", "status": "completed", "output": [item(call_id, text)]}).encode()


def events(call_id: str, text: str) -> list[bytes]:
    done = item(call_id, text)
    part = {"type": "output_text", "text": ""}
    said: list[dict[str, Any]] = [
        {"type": "response.output_item.added", "output_index": 0, "item": {**done, "content": []}},
        {"type": "response.content_part.added", "output_index": 0, "content_index": 0, "part": part},
        *({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": c} for c in text),
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": json.loads(whole(call_id, text))},
    ]  # fmt: skip
    return [
        f"event: {e['type']}\ndata: {json.dumps({**e, 'sequence_number': n})}\n\n".encode() for n, e in enumerate(said)
    ]


@pytest.fixture
def chain(log: Log) -> Chain:
    return Chain(log)


@pytest.fixture
def state(engine: sa.Engine, tmp_path: Path) -> State:
    counters.prepare(engine)  # as a start does: gateways that share a database say there that they live
    return State(engine, Spooled(Reader(tmp_path / "spool")))


def history(state: State, project: int, call_id: str) -> list[str]:
    async def read() -> list[str]:
        link = await state.find(project, call_id)
        assert link is not None
        return [text(said.raw) for said in await state.history(project, link)]

    return asyncio.run(read())


def found(state: State, project: int, call_id: str) -> Link | None:
    return asyncio.run(state.find(project, call_id))


def text(raw: bytes) -> str:
    value = json.loads(raw)
    if isinstance(value, str):
        return value
    content = value["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def test_forks_see_their_own_path(engine: sa.Engine, chain: Chain, state: State) -> None:
    root = chain.call("root")
    left, right = chain.call("left", root), chain.call("right", root)
    deeper, again = chain.call("deeper", left), chain.call("again", left)
    paths = {
        root: ["root"],
        left: ["root", "left"],
        right: ["root", "right"],
        deeper: ["root", "left", "deeper"],
        again: ["root", "left", "again"],
    }
    with engine.connect() as connection:
        for call, asked in paths.items():
            turns = tree.turns(connection, chain.project, call)
            assert [turn.id for turn in turns][-1] == call
            assert [turn.above for turn in turns] == list(range(0, 2 * len(asked), 2))
            assert history(state, chain.project, call) == [t for a in asked for t in (a, f"answer to {a}")]
        assert tree.turns(connection, chain.project, "call_unknown") == []
        assert tree.turns(connection, chain.project + 1, deeper) == []


def test_another_projects_calls_are_unknown(chain: Chain, state: State) -> None:
    call = chain.call("secret")
    other = chain.log.project("other")
    assert found(state, chain.project, call) is not None
    assert found(state, other, call) is None
    assert asyncio.run(state.items(other, [item_ids.asked(call, 0)])) == {}
    assert list(asyncio.run(state.items(chain.project, [item_ids.asked(call, 0)])).values()) == [b'"secret"']


def test_a_request_is_stored_exactly_and_reads_with_what_was_added_and_referred_to(
    engine: sa.Engine, chain: Chain, state: State
) -> None:
    first = chain.call("one")
    added = [b'{"type": "message", "id": "msg_added", "role": "user", "content": "put in by hand"}']
    named = item_ids.asked(first, 0)
    reference = {"type": "item_reference", "id": named}
    conversations.create(engine, chain.project, CONVERSATION, {}, [])
    begin = chain.begin(
        [reference, {"role": "user", "content": "two"}],
        first,
        session=CONVERSATION,
        conversation=CONVERSATION,
        added=added,
        references={named: b'"one"'},
    )
    chain.log.store(begin, chain.log.finish(begin, whole(begin.call_id, "second answer")))
    row = reads.call(engine, chain.project, begin.call_id)
    assert row is not None
    with engine.connect() as connection:
        assert json.loads(tree.request_body(connection, row)) == json.loads(begin.body)
        brought = tree.added(connection, chain.project, begin.session_id)[begin.call_id]
        (answered,) = tree.answers(connection, chain.project, begin.session_id)[begin.call_id]
    assert [json.loads(message.raw).get("id") for message in brought] == ["msg_added", named, None]
    assert answered.message().pieces[0].text == "second answer"
    assert head_of(engine, chain) == begin.call_id
    expected = ["one", "answer to one", "put in by hand", "one", "two", "second answer"]
    assert history(state, chain.project, begin.call_id) == expected
    third = chain.call("three", begin.call_id)
    assert history(state, chain.project, third) == [*expected, "three", "answer to three"]
    again = asyncio.run(state.items(chain.project, [item_ids.asked(begin.call_id, 0), "msg_added"]))
    assert list(again) == [item_ids.asked(begin.call_id, 0)]


def head_of(engine: sa.Engine, chain: Chain) -> str:
    found = conversations.get(engine, chain.project, CONVERSATION)
    assert found is not None
    return found.head


def test_a_head_moves_only_for_what_was_answered(engine: sa.Engine, chain: Chain) -> None:
    conversations.create(engine, chain.project, CONVERSATION, {}, [])

    def head() -> str:
        return head_of(engine, chain)

    first = chain.call("one", conversation=CONVERSATION)
    assert head() == first
    begin = chain.begin("refused", first, conversation=CONVERSATION)
    chain.log.store(begin)
    assert head() == first
    chain.log.store(chain.log.finish(begin, b'{"error":{"message":"no"}}', "upstream_error"))
    assert head() == first
    cut = chain.begin("cut", first, conversation=CONVERSATION, stream=True)
    chain.log.store(cut, Part(cut.call_id, 0, b"".join(events(cut.call_id, "so far")[:5])))
    chain.log.store(chain.log.finish(cut, b"", "client_closed"))
    assert head() == cut.call_id


def test_a_call_goes_on_from_one_that_is_stored_in_the_same_round(chain: Chain, state: State) -> None:
    one = chain.begin("one")
    two = chain.begin("two", one.call_id)
    three = chain.begin("three", two.call_id)
    chain.log.store(
        one, chain.log.finish(one, whole(one.call_id, "1")),
        two, chain.log.finish(two, whole(two.call_id, "2")),
        three, chain.log.finish(three, whole(three.call_id, "3")),
    )  # fmt: skip
    assert history(state, chain.project, three.call_id) == ["one", "1", "two", "2", "three", "3"]


def test_what_is_left_of_a_path_stays_whole_when_an_earlier_session_is_deleted(
    engine: sa.Engine, chain: Chain, state: State
) -> None:
    first = chain.call("one", session="a")
    second = chain.call("two", first, session="b")
    expected = ["one", "answer to one", "two", "answer to two"]
    edits.delete_session(engine, chain.project, ids.session_id(chain.project, "a"))
    assert found(state, chain.project, first) is None
    assert history(state, chain.project, second) == expected
    assert history(state, chain.project, chain.call("three", second, session="b"))[:4] == expected


def test_a_deleted_response_is_gone_for_clients_and_stays_in_its_conversation(
    engine: sa.Engine, chain: Chain, state: State
) -> None:
    call = chain.call("one")
    edits.forget_answer(engine, chain.project, call)
    assert found(state, chain.project, call) is None
    known = asyncio.run(state.known(chain.project, call))
    assert known is not None
    assert known.call_id == call


def test_a_stream_that_is_partly_stored_is_told_once(
    engine: sa.Engine, chain: Chain, state: State, tmp_path: Path
) -> None:
    """The segment with its begin is gone; one with parts that the store has already is still there."""
    writer = Writer(tmp_path / "spool", max_segment=300)
    begin = chain.begin("x" * 400, stream=True)
    pieces = events(begin.call_id, "Hello")
    parts = [Part(begin.call_id, n, piece) for n, piece in enumerate(pieces[:-2])]
    records: list[Record] = [begin, *parts]
    for record in records:
        writer.append(exchange.encode(record))
    chain.log.store(begin, *parts[:4])
    reader = Reader(tmp_path / "spool")
    reader.discard(writer.name, reader.segments(writer.name)[2])

    async def told() -> tuple[bytes, str, bytes | None]:
        data, status = await state.events(chain.project, begin.call_id)
        return data, status, await state.answered(chain.project, begin.call_id)

    data, status, answer = asyncio.run(told())
    assert (data, status) == (b"".join(pieces[:-2]), "live")
    assert answer is not None
    assert text(json.dumps(json.loads(answer)["output"][0]).encode()) == "Hello"
    assert history(state, chain.project, begin.call_id) == ["x" * 400, "Hello"]
    finish = chain.log.finish(begin, b"".join(pieces[-2:]))
    writer.append(exchange.encode(finish))
    assert asyncio.run(told())[:2] == (b"".join(pieces), "ok")
    chain.log.store(*parts[4:], finish)
    assert asyncio.run(told())[:2] == (b"".join(pieces), "ok")
    assert history(state, chain.project, begin.call_id) == ["x" * 400, "Hello"]
    writer.close()


def test_the_spool_is_enough_while_the_store_is_away(engine: sa.Engine, chain: Chain, tmp_path: Path) -> None:
    writer = Writer(tmp_path / "spool")
    one = chain.begin("one")
    two = chain.begin("two", one.call_id)
    for begin, answer in ((one, "1"), (two, "2")):
        writer.append(exchange.encode(begin))
        writer.append(exchange.encode(chain.log.finish(begin, whole(begin.call_id, answer))))
    away = sa.create_engine("sqlite:////nowhere/at/all.db")
    state = State(away, Spooled(Reader(tmp_path / "spool")))
    assert history(state, chain.project, two.call_id) == ["one", "1", "two", "2"]
    with pytest.raises(sa.exc.SQLAlchemyError):
        found(state, chain.project, "call_" + "0" * 26)
    writer.close()


def test_a_snapshot_tells_of_one_moment(engine: sa.Engine, chain: Chain) -> None:
    first = chain.call("one")
    with snapshot(engine) as connection:
        assert [turn.id for turn in tree.turns(connection, chain.project, first)] == [first]
        second = chain.call("two", first)
        assert tree.turns(connection, chain.project, second) == []
    with snapshot(engine) as connection:
        assert [turn.id for turn in tree.turns(connection, chain.project, second)] == [first, second]
    with engine.connect() as connection:  # what is lent again is as it was
        assert connection.get_isolation_level() == connection.default_isolation_level


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize("stored", range(4))
def test_turns_of_a_conversation_follow_each_other_whatever_the_clock_said(
    engine: sa.Engine, chain: Chain, state: State, tmp_path: Path, order: tuple[int, int, int], stored: int
) -> None:
    conversations.create(engine, chain.project, CONVERSATION, {}, [])
    writer = Writer(tmp_path / "spool")
    calls = [f"call_{n}" + "0" * 25 for n in order]
    for n, call in enumerate(calls):
        before = calls[n - 1] if n else ""
        begin = msgspec.structs.replace(chain.begin(f"turn {n}", before, conversation=CONVERSATION), call_id=call)
        finish = chain.log.finish(begin, whole(call, f"answer {n}"))
        for record in (begin, finish):
            writer.append(exchange.encode(record))
        if n < stored:
            chain.log.store(begin, finish)
    _, link, _ = asyncio.run(Contexts(engine, state).conversation(chain.project, CONVERSATION))
    assert link is not None
    assert link.call_id == calls[-1]
    assert history(state, chain.project, link.call_id) == [t for n in range(3) for t in (f"turn {n}", f"answer {n}")]
    assert head_of(engine, chain) == (calls[stored - 1] if stored else "")
    writer.close()


def test_a_turn_does_not_go_on_in_a_conversation_that_was_changed_when_it_began(
    engine: sa.Engine, chain: Chain, state: State
) -> None:
    """No turn is there before or after: nothing but what was put in by hand is another."""
    conversations.create(engine, chain.project, CONVERSATION, {}, [b'{"n":1}', b'{"n":2}'])
    contexts = Contexts(engine, state)
    context = asyncio.run(contexts.of(chain.project, Named("", "", CONVERSATION, [])))
    begin = chain.begin("hello", session=CONVERSATION, conversation=CONVERSATION)
    chain.log.store(begin)
    assert asyncio.run(contexts.crossed(chain.project, context, begin.call_id)) is None
    assert context.conversation is not None
    conversations.edit(engine, chain.project, context.conversation, "", [b'{"n":2}'])
    problem = asyncio.run(contexts.crossed(chain.project, context, begin.call_id))
    assert problem is not None
    assert problem.code == "conversation_locked"
