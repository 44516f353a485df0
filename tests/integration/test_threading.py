"""Calls that name no session: content decides, and a wrong merge is worse than a missed link."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary import ids
from sessionary.drain.known import QUESTIONS
from sessionary.store import schema
from tests.support.recorded import SECOND, SYSTEM, Log, assistant, user

Row = sa.Row[Any]
LONG = "Pour the water slowly, in circles, and wait for half a minute before you pour the rest."


def nameless(log: Log, messages: list[Any], answer: Any = "Yes.", **more: Any) -> Row:
    """A call that says nothing of its session; its row."""
    log_at = log.at + 60 * SECOND
    call_id = _next_id(log_at)
    own = ids.session_id(log.project(more.get("project", "default")), call_id)
    given = {"source": "none", "rule": "none", "session_id": own, "session_text": own, "call_id": call_id}
    log.chat("", messages, answer, **{**given, **more})
    return row(log, call_id)


def _next_id(at: int) -> str:
    from tests.support.recorded import _call_id

    return _call_id(at)


def row(log: Log, call_id: str) -> Row:
    with log.engine.connect() as connection:
        return connection.execute(sa.select(schema.calls).where(schema.calls.c.id == call_id)).one()


def session(log: Log, call: Row) -> Row:
    s = schema.sessions.c
    with log.engine.connect() as connection:
        return connection.execute(sa.select(schema.sessions).where(s.id == call.session)).one()


def test_a_history_that_is_sent_back_is_one_session(log: Log) -> None:
    first = nameless(log, [SYSTEM, user("hi")], "Hello")
    second = nameless(log, [SYSTEM, user("hi"), assistant("Hello"), user("and?")], "Well")
    assert (second.session, second.parent, second.source, second.rule) == (
        first.session,
        first.id,
        "content",
        "content",
    )
    assert (first.turn, second.turn, second.base_depth) == (1, 2, 2)
    found = session(log, first)
    assert (found.calls, found.turns, found.source, found.branches) == (2, 2, "content", 0)


def test_two_conversations_that_begin_alike_stay_apart(log: Log) -> None:
    one = nameless(log, [user("hi")], "Hello")
    other = nameless(log, [user("hi")], "Good day")
    assert one.session != other.session
    assert nameless(log, [user("hi"), assistant("Hello"), user("x")]).session == one.session
    assert nameless(log, [user("hi"), assistant("Good day"), user("x")]).session == other.session


def test_other_keys_users_and_projects_are_strangers(log: Log) -> None:
    one = nameless(log, [user("hi")], "Hello", key_id="key_a", user="ann")
    more = [user("hi"), assistant("Hello"), user("x")]
    assert nameless(log, more, key_id="key_b", user="ann").session != one.session
    assert nameless(log, more, key_id="key_a", user="bob").session != one.session
    assert nameless(log, more, key_id="key_a").session != one.session
    assert nameless(log, more, key_id="key_a", user="ann", project="other").session != one.session
    assert nameless(log, more, key_id="key_a", user="ann").session == one.session


def test_what_was_said_long_ago_is_not_remembered(log: Log) -> None:
    one = nameless(log, [user("hi")], "Hello")
    log.at += 8 * 86_400 * SECOND
    late = nameless(log, [user("hi"), assistant("Hello"), user("x")])
    assert (late.session != one.session, late.source, late.rule) == (True, "none", "none")


def test_of_two_that_were_the_same_so_far_the_likelier_goes_on(log: Log) -> None:
    ann, bob = ({"role": "system", "content": f"You help {name}."} for name in ("Ann", "Bob"))
    one = nameless(log, [ann, user("hi")], "Hello")
    other = nameless(log, [bob, user("hi")], "Hello")
    third = nameless(log, [ann, user("hi"), assistant("Hello"), user("x")])
    assert (third.session, third.ambiguous) == (one.session, False)
    assert {c[0] for c in third.evidence["candidates"]} == {one.id, other.id}
    fourth = nameless(log, [bob, user("hi"), assistant("Hello"), user("x")])
    assert fourth.session == other.session


def test_the_day_passes_within_a_conversation(log: Log) -> None:
    def told(name: str, day: int) -> dict[str, str]:
        return {"role": "system", "content": f"You help {name}.\nToday is 2026-12-0{day}."}

    ann = nameless(log, [told("Ann", 1), user("hi")], "Hello")
    nameless(log, [told("Bob", 1), user("hi")], "Hello")
    third = nameless(log, [told("Ann", 2), user("hi"), assistant("Hello"), user("x")])
    assert (third.session, third.ambiguous) == (ann.session, False)


def test_a_harness_counts_in_its_prompt(log: Log) -> None:
    def asked(name: str, n: int, messages: list[Any]) -> Row:
        count = f"x-anthropic-billing-header: cc_version=2.1.37.{n}; cc_entrypoint=cli; cch={n}{n};"
        system = [{"type": "text", "text": count}, {"type": "text", "text": f"You help {name}."}]
        body = {"model": "gpt-4o", "max_tokens": 100, "system": system, "messages": messages}
        call_id = _next_id(log.at + 60 * SECOND)
        own = ids.session_id(log.project(), call_id)
        given = {"source": "none", "rule": "none", "session_id": own, "session_text": own, "call_id": call_id}
        begin = log.begin("", body, endpoint="messages", **given)
        answer = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hello"}]}
        log.store(begin, log.finish(begin, json.dumps(answer).encode()))
        return row(log, call_id)

    ann = asked("Ann", 1, [user("hi")])
    asked("Bob", 2, [user("hi")])
    third = asked("Ann", 3, [user("hi"), assistant("Hello"), user("x")])
    assert (third.session, third.ambiguous) == (ann.session, False)


@pytest.mark.parametrize(
    "said", [[assistant("Hel")], [assistant("> Hello")], [assistant("Another")], [assistant("")], []]
)
def test_in_a_named_session_the_question_is_enough(log: Log, said: list[dict[str, Any]]) -> None:
    """Clients trim answers, write something in front of them, or leave them out."""
    history: list[dict[str, Any]] = [SYSTEM]
    calls: list[Row] = []
    for n in range(4):
        history.append(user(f"question {n}"))
        calls.append(row(log, log.chat("named", list(history), f"Hello {n}, here is what you asked for.")))
        history += said
    assert [call.parent for call in calls] == [None, *(call.id for call in calls[:-1])]
    assert [call.turn for call in calls] == [1, 2, 3, 4]
    assert [call.base_depth for call in calls[:2]] == [0, 1]
    assert session(log, calls[0]).branches == 0
    again = row(log, log.chat("named", [SYSTEM, user("question 0"), *said, user("another")], "x"))
    assert (again.parent, again.turn) == (calls[0].id, 5)
    assert session(log, calls[0]).branches == 1


def test_a_question_is_not_enough_elsewhere(log: Log) -> None:
    first = row(log, log.chat("one", [SYSTEM, user("hi")], "Hello"))
    more = [SYSTEM, user("hi"), assistant("Another"), user("and?")]
    assert row(log, log.chat("two", more)).parent is None
    assert nameless(log, more).session not in (first.session, row(log, log.chat("two", [user("x")])).session)
    parallel = [row(log, log.chat("three", [SYSTEM, user(f"task {n}")])) for n in range(3)]
    assert [call.parent for call in parallel] == [None, None, None]
    log.chat("four", [SYSTEM])
    assert row(log, log.chat("four", [SYSTEM, user("hi")])).parent is None


def test_a_call_for_a_title_is_nobodys_question(log: Log) -> None:
    """Neither what it is told is gone on from, nor does it go on from anything."""
    first = row(log, log.chat("named", [user("hi")], "Hello"))
    wanted = user("Generate a title for the conversation so far.")
    title = row(log, log.chat("named", [user("hi"), wanted], "Greetings"))
    title_too = row(log, log.chat("named", [{"role": "system", "content": wanted["content"]}, user("hi")], "Greeted"))
    second = row(log, log.chat("named", [user("hi"), assistant("Hel"), user("and?")]))
    assert [call.side for call in (first, title, title_too, second)] == [False, True, True, False]
    assert [call.parent for call in (title, title_too, second)] == [None, None, first.id]


def test_an_agents_question_is_its_own(log: Log) -> None:
    """Two that a harness names may be told the same at first."""
    log.chat("named", [user("Read this.")], agent="a-1")
    other = row(log, log.chat("named", [user("Read this."), user("Then write.")], agent="a-2"))
    assert other.parent is None
    own = row(log, log.chat("named", [user("Read this."), user("Then go.")], agent="a-1"))
    assert own.parent is not None


def test_nothing_tells_two_apart(log: Log) -> None:
    one = nameless(log, [user("hi")], "Hello")
    other = nameless(log, [user("hi")], "Hello")
    more = [user("hi"), assistant("Hello")]
    third, fourth = nameless(log, [*more, user("x")]), nameless(log, [*more, user("y")])
    assert (third.session, third.ambiguous) == (other.session, True)
    assert (fourth.session, fourth.ambiguous) == (one.session, False)  # the other has gone on already


def test_editing_and_regenerating_branch_within_the_session(log: Log) -> None:
    first = nameless(log, [user("hi")], "Hello")
    asked = [user("hi"), assistant("Hello"), user("x")]
    second, again = nameless(log, asked, "One"), nameless(log, asked, "Another")
    assert (again.parent, again.turn, again.session) == (first.id, second.turn, first.session)
    edited = nameless(log, [user("hi"), assistant("Hello"), user("other")], "Two")
    assert (edited.session, edited.parent, edited.turn) == (first.session, first.id, 3)
    assert session(log, first).branches == 1


def test_a_failed_first_request_that_is_sent_again_is_one_session(log: Log) -> None:
    body = {"model": "gpt-4o", "messages": [user("hi")]}
    own = ids.session_id(log.project(), "call_x")
    failed = log.begin("", body, source="none", rule="none", session_id=own, session_text=own)
    log.store(failed, log.finish(failed, b'{"error": {"message": "busy"}}', "upstream_error", http_status=503))
    log.at -= 55 * SECOND
    again = nameless(log, [user("hi")], "Hello")
    assert (again.session, again.rule, again.origin, again.turn) == (own, "content.retry", failed.call_id, 1)
    assert nameless(log, [user("hi")], "Hello").session != own


@pytest.mark.parametrize("kept", [2, 3, 4, 5])
def test_a_trimmed_window_is_found_by_its_newest_answer(log: Log, kept: int) -> None:
    told = [user("How do I make coffee?"), assistant(LONG)]
    first = nameless(log, told[:1], LONG)
    more = [*told, user("And tea?")]
    second = nameless(log, more, "Tea wants less: two minutes, and water that does not boil any more.")
    whole = [*more, assistant("Tea wants less: two minutes, and water that does not boil any more."), user("Thanks!")]
    third = nameless(log, [SYSTEM, *whole[-kept:]])
    assert first.session == second.session
    if kept > 2:
        assert (third.session, third.parent) == (first.session, second.id)
    assert third.rule == ("content" if kept == 5 else "content.edited" if kept > 2 else "none")


def test_an_old_result_that_was_cleared(log: Log) -> None:
    called = {"id": "call_8fj3kd9sk2l1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    called = {"role": "assistant", "content": None, "tool_calls": [called]}
    result = {"role": "tool", "tool_call_id": "call_8fj3kd9sk2l1", "content": "a very long result " * 20}
    first = nameless(log, [user("go")], called)
    second = nameless(log, [user("go"), called, result], "It is done now, and everything went very well.")
    cleared = result | {"content": "[Old tool result content cleared]"}
    answer = assistant("It is done now, and everything went very well.")
    third = nameless(log, [user("go"), called, cleared, answer, user("more")])
    assert (third.session, third.parent, third.rule, third.turn) == (first.session, second.id, "content.edited", 2)
    assert second.turn == 1


def test_a_pasted_answer_is_no_history(log: Log) -> None:
    first = nameless(log, [user("How do I make coffee?")], LONG)
    assert nameless(log, [user(f"Translate this: {LONG}")]).session != first.session
    assert nameless(log, [user("What?"), assistant("That."), user(f"Summarize: {LONG}")]).source == "none"


def test_an_agent_is_found_by_what_it_was_told(log: Log) -> None:
    given = {"prompt": "Find every place where the colour of the button is set.", "subagent_type": "Explore"}
    task = {"id": "toolu_1", "type": "function", "function": {"name": "Task", "arguments": json.dumps(given)}}
    called = {"role": "assistant", "content": None, "tool_calls": [task]}
    main = nameless(log, [user("Make the button red")], called)
    noted = f"<system-reminder>\nToday is Monday.\n</system-reminder>\n{given['prompt']}"
    agent = nameless(log, [SYSTEM, user(noted)], "In button.css, in line twelve, and nowhere else at all.")
    assert (agent.session, agent.origin, agent.origin_kind, agent.origin_tool) == (
        main.session,
        main.id,
        "spawn",
        "toolu_1",
    )
    assert (agent.agent, agent.agent_name, agent.rule, agent.turn) == ("toolu_1", "Explore", "content.spawn", 1)
    answer = assistant("In button.css, in line twelve, and nowhere else at all.")
    more = nameless(log, [SYSTEM, user(noted), answer, user("Sure?")])
    assert (more.agent, more.session, more.parent) == ("toolu_1", main.session, agent.id)
    result = {"role": "tool", "tool_call_id": "toolu_1", "content": "In button.css"}
    back = nameless(log, [user("Make the button red"), called, result])
    assert (back.agent, back.parent, back.session, back.turn) == ("", main.id, main.session, 1)
    assert session(log, main).agents == 1
    stranger = nameless(log, [user(given["prompt"])])
    assert stranger.session != main.session


SUMMARY = """<analysis>
The user wants a parser, and has said so several times in the conversation, in many ways.
</analysis>
<summary>
1. The user asked for a parser of dates in ISO 8601, with time zones, that fails loudly.
2. The parser is in dates.py, its tests in test_dates.py; all of them pass by now.
3. What is left to do: documentation of the time zones, and a changelog entry for it.
</summary>"""


def test_a_compacted_conversation_goes_on_in_its_session(log: Log) -> None:
    first = nameless(log, [user("Write a parser")], "I wrote it, here it is.")
    so_far = [user("Write a parser"), assistant("I wrote it, here it is.")]
    asked = "Your task is to create a detailed summary of the conversation so far."
    summed = nameless(log, [*so_far, user(asked)], SUMMARY)
    inner = SUMMARY.partition("<summary>")[2].partition("</summary>")[0]
    carried = f"This session is being continued from a previous conversation.\n\nSummary:\n{inner}\nPlease continue."
    after = nameless(log, [user(carried)], "Now for the documentation.")
    assert (after.session, after.rule, after.origin) == (first.session, "content.compaction", summed.id)
    assert nameless(log, [user(f"Translate this, please:\n{inner}")]).session != first.session


def test_an_answers_beginning_that_the_request_gave(log: Log) -> None:
    first = nameless(log, [user("One word as JSON"), assistant('{"word":')], ' "tea"}')
    whole = [user("One word as JSON"), assistant('{"word": "tea"}'), user("Another")]
    second = nameless(log, whole)
    assert (second.parent, second.session, second.base_depth) == (first.id, first.session, 2)


def test_an_id_that_is_sent_wins_and_tells_what_it_continues(log: Log) -> None:
    first = nameless(log, [user("hi")], "Hello")
    log.chat("named", [user("hi"), assistant("Hello"), user("x")])
    with log.engine.connect() as connection:
        named = connection.execute(sa.select(schema.sessions).where(schema.sessions.c.session_id == "named")).one()
    assert (named.continues, named.calls) == (first.id, 1)


def test_within_a_session_that_is_named_everything_may_change(log: Log) -> None:
    first = log.chat("named", [SYSTEM, user("hi")], "Hello", client="one")
    other = [{"role": "system", "content": "You are another."}, user("hi"), assistant("Hello"), user("x")]
    second = log.chat("named", other, client="two", model="other-model")
    assert (row(log, second).parent, row(log, second).turn) == (first, 2)
    own = nameless(log, [SYSTEM, user("ho")], "Hello", client="one")
    other[1] = user("ho")
    assert nameless(log, other, client="two", model="other-model").session != own.session


def test_threading_that_is_off(log: Log) -> None:
    first = nameless(log, [user("hi")], "Hello")
    more = [user("hi"), assistant("Hello"), user("x")]
    assert nameless(log, more, threading=False).session != first.session


def test_a_call_for_a_title_is_no_turn(log: Log) -> None:
    title = {"role": "system", "content": "You are a title generator. You output ONLY a thread title."}
    log.chat("s", [title, user("Generate a title for this conversation: hi")], "Greeting")
    log.chat("s", [user("hi")], "Hello")
    with log.engine.connect() as connection:
        found = connection.execute(sa.select(schema.sessions)).one()
        sides = connection.scalars(sa.select(schema.calls.c.side).order_by(schema.calls.c.created_at)).all()
    assert (found.turns, found.title, list(sides)) == (1, "hi", [True, False])


@pytest.mark.parametrize("first", [True, False])
def test_a_call_for_a_title_that_is_told_the_same_is_no_attempt(log: Log, first: bool) -> None:
    """Some harnesses send the person's words as they are; the prompt says that a title is wanted."""
    title = {"role": "system", "content": "Write a short title for the conversation."}
    asked = [[title, user("hi")], [SYSTEM, user("hi")]]
    for messages in asked if first else reversed(asked):
        log.chat("s", messages, "Hello")
    log.chat("s", [SYSTEM, user("hi"), assistant("Hello"), user("and?")], "Well")
    with log.engine.connect() as connection:
        found = connection.execute(sa.select(schema.sessions)).one()
        turns = connection.scalars(sa.select(schema.calls.c.turn).order_by(schema.calls.c.created_at)).all()
    assert list(turns) == ([0, 1, 2] if first else [1, 0, 2])
    assert (found.turns, found.branches) == (2, 0)


def test_how_calls_found_their_sessions_is_counted(log: Log) -> None:
    nameless(log, [user("hi")], "Hello")
    nameless(log, [user("hi"), assistant("Hello"), user("x")])
    nameless(log, [user("a"), assistant("never said"), user("x")])
    with log.engine.connect() as connection:
        rates = {r.rule: r.calls for r in connection.execute(sa.select(schema.rates))}
    assert rates == {"none": 1, "content": 1, "missed": 1}


def test_every_question_to_the_store_has_an_index(log: Log) -> None:
    """However many calls there are, only those that were told the same are read, or a session's newest."""
    if log.engine.dialect.name != "sqlite":
        explain, wrong = "EXPLAIN (COSTS OFF) ", ("Seq Scan on calls",)
    else:
        explain, wrong = "EXPLAIN QUERY PLAN ", ("SCAN calls", "USING INDEX calls_created")
    values: dict[str, Any] = {
        "project": 1,
        "value": b"x" * 16,
        "key": "k",
        "user": "",
        "scope": 1,
        "since": 0,
        "prompt": None,
    }
    values |= {"session": "s", "home": "s", "agent": "", "before": 1, "call": "c"}
    with log.engine.connect() as connection:
        if log.engine.dialect.name != "sqlite":
            connection.exec_driver_sql("SET enable_seqscan = off")
        for question in QUESTIONS:
            statement, several = (question.one, False) if explain.startswith("EXPLAIN Q") else (question.many, True)
            compiled = statement.compile(dialect=log.engine.dialect)
            order = compiled.positiontup
            given = {n: [value] * 2 if several else value for n, value in values.items()}
            bound = {n: given.get(n, p.value) for n, p in compiled.binds.items()}
            parameters = tuple(bound[n] for n in order) if order else bound
            plan = connection.exec_driver_sql(explain + str(compiled), parameters).all()
            assert not any(each in str(row) for row in plan for each in wrong), (str(statement), plan)
            if not several:  # of many at once SQLite is asked whether there is any
                text, names = question._driven_any(8)
                asked_for = tuple(values[name] for _ in range(8) for name in names)
                plan = connection.exec_driver_sql(explain + text, asked_for).all()
                assert not any(each in str(row) for row in plan for each in wrong), (text, plan)
