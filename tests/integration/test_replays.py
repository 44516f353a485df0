"""Replays in the store: what is asked again, and where its calls belong. No client's call comes to be among them."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary import incoming
from sessionary.errors import BadRequest, Emptied
from sessionary.providers.routing import Router, Target
from sessionary.record.exchange import Begin, Context
from sessionary.replays import plan as plans
from sessionary.settings import Deployment, Model, Price, Settings
from sessionary.store import corrections, edits, reads, schema, verify
from sessionary.store.rehash import rehash
from tests.integration.test_threading import nameless, row, session
from tests.support.recorded import SYSTEM, Log, assistant, user

Row = sa.Row[Any]
ONE = [SYSTEM, user("What is a tree?")]
TWO = [*ONE, assistant("A plant."), user("And a bush?")]
THREE = [*TWO, assistant("A smaller one."), user("And a flower?")]
PRICE = Price(input=1.0, output=10.0)


@pytest.fixture
def target() -> Target:
    priced = Model("other", [Deployment("openai", "gpt-4o", api_key="sk-x", price=PRICE)])
    return Router(Settings(models=[priced]), {}).resolve("other")[0]


def asked(log: Log) -> list[Row]:
    """A session of three turns."""
    answers = ("A plant.", "A smaller one.", "The pretty part.")
    said = zip((ONE, TWO, THREE), answers, strict=True)
    return [row(log, log.chat("first", messages, answer)) for messages, answer in said]


def replay(log: Log, call: Row, messages: list[Any], model: str = "other", **more: Any) -> Begin:
    body = {"model": model, "messages": messages}
    given = {"source": "replay", "rule": "replay", "replays": call.id, "name": "first · other"}
    return log.begin("replay_1", body, **given | more)


def ended(log: Log, begin: Begin, answer: Any = "Other.") -> Any:
    message = assistant(answer) if isinstance(answer, str) else answer
    done = {"id": "x", "choices": [{"index": 0, "message": message}], "usage": {"prompt_tokens": 1}}
    return log.finish(begin, json.dumps(done).encode())


@pytest.mark.parametrize("together", [True, False])
def test_replays_stand_to_each_other_as_what_they_replay(log: Log, together: bool) -> None:
    calls = asked(log)
    begins = [replay(log, call, said) for call, said in zip(calls, (ONE, TWO, THREE), strict=True)]
    ends = [ended(log, begin) for begin in begins]
    if together:
        log.store(*begins, *reversed(ends))
    else:
        for record in (*begins, *reversed(ends)):
            log.store(record)
    first, second, third = (row(log, begin.call_id) for begin in begins)
    assert [c.parent for c in (first, second, third)] == [None, first.id, second.id]
    assert [c.turn for c in (first, second, third)] == [1, 2, 3]
    assert [c.base_depth for c in (first, second, third)] == [c.base_depth for c in calls]
    assert [c.leaf for c in (first, second, third)] == [c.leaf for c in calls]
    assert [(c.origin, c.origin_kind) for c in (first, second, third)] == [(c.id, "replay") for c in calls]
    found = session(log, first)
    assert (found.calls, found.turns, found.branches, found.source) == (3, 3, 0, "replay")
    assert (found.title, found.continues) == ("first · other", calls[0].id)
    assert verified(log) == []


def verified(log: Log) -> list[str]:
    return [str(difference) for difference in verify.verify(log.engine, again=0).differences]


@pytest.mark.parametrize("together", [True, False])
def test_what_is_asked_again_in_the_same_replay_is_another_attempt(log: Log, together: bool) -> None:
    calls = asked(log)
    begins = [replay(log, call, said) for call, said in zip(calls, (ONE, TWO, THREE), strict=True)]
    begins.append(replay(log, calls[1], TWO))
    rounds: list[tuple[Any, ...]] = [(begin, ended(log, begin)) for begin in begins]
    if together:
        rounds = [tuple(record for round in rounds for record in round)]
    for records in rounds:
        log.store(*records)
    found = row(log, begins[3].call_id)
    assert (found.parent, found.turn) == (begins[0].call_id, 2)
    assert session(log, found).branches == 0


def test_where_one_is_left_out_the_next_comes_after_the_one_before(log: Log) -> None:
    calls = asked(log)
    begins = [replay(log, calls[0], ONE), replay(log, calls[2], THREE)]
    for begin in begins:
        log.store(begin, ended(log, begin))
    found = row(log, begins[1].call_id)
    assert (found.parent, found.turn, found.base_depth) == (begins[0].call_id, 2, 4)


def test_one_whose_original_is_deleted_is_kept_all_the_same(log: Log) -> None:
    call = asked(log)[0]
    edits.delete_session(log.engine, call.project, call.session)
    begin = replay(log, call, ONE)
    log.store(begin, ended(log, begin))
    found = row(log, begin.call_id)
    assert (found.session, found.source, found.origin) == (begin.session_id, "replay", None)


@pytest.mark.parametrize("together", [True, False])
def test_a_conversation_goes_on_where_it_was(log: Log, together: bool) -> None:
    first = nameless(log, [user("hi")], "Hello")
    records: list[Any] = []
    for _ in range(30):  # more than are ever looked at
        begin = replay(log, first, [user("hi")], first.model, client=first.client)
        records += [begin, ended(log, begin, "Hello")]
    more = [user("hi"), assistant("Hello"), user("and?")]
    body = {"model": "gpt-4o", "messages": more}
    own = {"source": "none", "rule": "none", "session_id": "ses_x", "session_text": "ses_x"}
    if together:
        begin = log.begin("", body, **own)
        log.store(*records, begin, ended(log, begin))
        second = row(log, begin.call_id)
    else:
        log.store(*records)
        second = nameless(log, more)
    assert (second.session, second.parent, second.ambiguous) == (first.session, first.id, False)
    rehash(log.engine, lambda project, id: None)
    assert nameless(log, more).session == first.session
    assert verified(log) == []


def test_an_agent_is_not_started_by_a_replay(log: Log) -> None:
    prompt = "Look through all files for unused imports and list them."
    function = {"name": "Task", "arguments": json.dumps({"prompt": prompt})}
    call = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "t1", "type": "function", "function": function}],
    }
    first = row(log, log.chat("first", [user("Clean up.")], "No."))
    begin = replay(log, first, [user("Clean up.")])
    log.store(begin, ended(log, begin, call))
    agent = nameless(log, [user(prompt)])
    assert (agent.source, agent.origin) == ("none", None)
    log.chat("second", [user("Clean up.")], call)
    assert nameless(log, [user(prompt)]).origin_kind == "spawn"


# -- what is asked


def planned(log: Log, target: Target, branch: str = "", name: str = "first") -> plans.Plan:
    project = log.project()
    found = reads.session(log.engine, project, name, project)
    with log.engine.connect() as connection:
        return plans.plan(connection, found, "other", target, branch)


def test_a_plan_has_the_calls_of_a_branch_in_their_order(log: Log, target: Target) -> None:
    calls = asked(log)
    edited = row(log, log.chat("first", [*ONE, assistant("A plant."), user("And moss?")], "No."))
    retried = row(log, log.chat("first", [*ONE, assistant("A plant."), user("And moss?")], "Not that."))
    assert [c.id for c in planned(log, target).calls] == [calls[0].id, retried.id]
    assert [c.id for c in planned(log, target, calls[2].id).calls] == [c.id for c in calls]
    assert [c.id for c in planned(log, target, edited.id).calls] == [calls[0].id, retried.id]
    with pytest.raises(BadRequest):
        planned(log, target, "call_nobody")


def test_a_plan_tells_what_the_same_tokens_would_cost(log: Log, target: Target) -> None:
    asked(log)
    assert planned(log, target).cost == 3 * (10 * 1_000 + 5 * 10_000)


def test_side_calls_and_agents_are_not_asked_again(log: Log, target: Target) -> None:
    calls = asked(log)
    log.chat("first", [user("Look for moss.")], "None.", agent="finder")
    title = [SYSTEM, user("Write a title for this conversation, of 5 words at most:\n\nWhat is a tree?")]
    log.chat("first", title, "Trees", body={"max_tokens": 20})
    assert [c.id for c in planned(log, target).calls] == [c.id for c in calls]


def test_an_agents_branch_is_the_agents_calls(log: Log, target: Target) -> None:
    asked(log)
    agents = row(log, log.chat("first", [*TWO, assistant("A smaller one."), user("Look.")], "No.", agent="finder"))
    assert agents.parent is not None
    assert [c.id for c in planned(log, target, agents.id).calls] == [agents.id]


def test_what_is_not_there_cannot_be_asked(log: Log, target: Target) -> None:
    calls = asked(log)
    private = row(log, log.chat("first", [*THREE, assistant("The pretty part."), user("x")], private=True))
    with log.engine.begin() as connection:
        connection.execute(sa.delete(schema.exchanges).where(schema.exchanges.c.call_id == calls[1].id))
    log.store(log.begin("first", {"model": "gpt-4o", "messages": ONE}))
    found = planned(log, target, calls[2].id)
    assert [c.id for c in found.calls] == [calls[0].id, calls[2].id]
    deleted, unkept = "What was said in it has been deleted.", "What was said in it was not kept."
    assert found.left_out == {calls[1].id: deleted, private.id: unkept}
    with log.engine.connect() as connection, pytest.raises(Emptied):
        plans.request(connection, calls[1], incoming.Replay(calls[1].id, "r", "t"), "other")


def test_what_goes_on_from_a_response_that_is_deleted_is_not_asked(log: Log, target: Target) -> None:
    begin = log.begin("first", {"model": "m", "input": "one?"}, endpoint="responses")
    log.store(begin, log.finish(begin, json.dumps(said("one")).encode()))
    body = {"model": "m", "input": "two?", "previous_response_id": "resp_x"}
    after = log.begin("first", body, endpoint="responses", context=Context(begin.call_id))
    log.store(after, log.finish(after, json.dumps(said("two")).encode()))
    assert [c.id for c in planned(log, target).calls] == [begin.call_id, after.call_id]
    edits.forget_answer(log.engine, log.project(), begin.call_id)
    found = planned(log, target)
    assert found.left_out == {after.call_id: "The response that it goes on from has been deleted."}


def said(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
    return {"id": "resp_1", "object": "response", "status": "completed", "output": [message]}


SERVERS = [{"type": "url", "url": "https://x.example", "name": "x", "authorization_token": "secret"}]


@pytest.mark.parametrize(
    ("more", "asked_again"),
    [
        ({"mcp_servers": SERVERS}, False),
        ({"tools": [{"type": "mcp", "server_label": "x", "authorization": "secret"}]}, False),
        ({"tools": [{"type": "function", "name": "f", "description": 'speaks of {"type": "mcp"}'}]}, True),
        ({"system": 'Never say "mcp_servers": it is {"type":"mcp"}'}, True),
    ],
)
def test_what_acts_elsewhere_for_a_user_is_not_asked(
    log: Log, target: Target, more: dict[str, Any], asked_again: bool
) -> None:
    log.chat("first", [user("What is a tree?")], "A plant.", body=more)
    found = planned(log, target)
    assert (len(found.calls), len(found.left_out)) == ((1, 0) if asked_again else (0, 1))


def test_a_plan_that_is_followed_is_what_it_was(log: Log, target: Target) -> None:
    calls = asked(log)
    later = row(log, log.chat("first", [*THREE, assistant("The pretty part."), user("And moss?")]))
    project = log.project()
    found = reads.session(log.engine, project, "first", project)
    with log.engine.connect() as connection:
        until = plans.plan(connection, found, "other", target, until=calls[2].id)
        assert ([c.id for c in until.calls], until.last) == ([c.id for c in calls], calls[2].id)
        with pytest.raises(BadRequest):
            plans.plan(connection, found, "other", target, until="call_nobody")
    assert planned(log, target).last == later.id


def test_failed_calls_are_no_reason_for_a_low_estimate(log: Log, target: Target) -> None:
    begin = log.begin("first", {"model": "gpt-4o", "messages": ONE})
    log.store(begin, log.finish(begin, b'{"error": {"message": "busy"}}', "upstream_error", http_status=503))
    found = planned(log, target)
    assert ([c.id for c in found.calls], found.cost) == ([begin.call_id], None)


def test_half_of_a_replay_is_a_replay_of_what_it_asks_again(log: Log) -> None:
    calls = asked(log)
    begins = [replay(log, call, said) for call, said in zip(calls, (ONE, TWO, THREE), strict=True)]
    for begin in begins:
        log.store(begin, ended(log, begin))
    first = row(log, begins[0].call_id)
    done = corrections.split(log.engine, first.project, first.session, begins[1].call_id)
    half = session(log, row(log, begins[1].call_id))
    assert (half.id, half.source, half.continues) == (done.session, "replay", calls[1].id)
    assert verified(log) == []


def test_what_has_no_messages_is_not_asked(log: Log, target: Target) -> None:
    begin = log.begin("first", {"model": "m", "input": "words"}, endpoint="embeddings")
    log.store(begin, log.finish(begin, b'{"data": []}'))
    found = planned(log, target)
    assert (found.calls, [*found.left_out]) == ([], [begin.call_id])


def test_a_session_in_which_only_agents_spoke(log: Log, target: Target) -> None:
    log.chat("first", [user("Look for moss.")], "None.", agent="finder")
    with pytest.raises(BadRequest) as refused:
        planned(log, target)
    assert refused.value.code == "nothing_to_replay"


def test_a_request_that_could_not_be_read_is_refused_again(log: Log, target: Target) -> None:
    body = b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "a \\ud800 b"}]}'
    begin = log.begin("first", body)
    refusal = b'{"error": {"message": "no JSON"}}'
    log.store(begin, log.finish(begin, refusal, "rejected", http_status=400))
    (call,) = planned(log, target).calls
    with log.engine.connect() as connection:
        found = plans.request(connection, call, incoming.Replay(call.id, "replay_1", "t"), "other")
    assert found.problem is not None
    assert (found.problem.code, json.loads(found.body), found.replay is not None) == (
        "invalid_json", json.loads(body), True
    )  # fmt: skip


def test_a_request_is_the_same_but_for_its_model(log: Log) -> None:
    body = {"model": "gpt-4o", "messages": ONE, "temperature": 0.7, "stream": True, "metadata": {"session_id": "first"}}
    headers = {"anthropic-beta": "x", "user-agent": "curl/8", "x-stainless-lang": "python"}
    begin = log.begin("first", body, headers=headers)
    log.store(begin, log.finish(begin, b"data: [DONE]\n\n"))
    with log.engine.connect() as connection:
        call = row(log, begin.call_id)
        found = plans.request(connection, call, incoming.Replay(call.id, "replay_1", "t"), "other")
    assert json.loads(found.body) == body | {"model": "other"}
    assert (found.model, found.replay) == ("other", incoming.Replay(call.id, "replay_1", "t"))
    assert found.head.headers == {
        "anthropic-beta": "x", "content-type": "application/json", "user-agent": "sessionary-replay/1"
    }  # fmt: skip
