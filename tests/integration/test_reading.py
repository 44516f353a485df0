"""What was recorded is read back: bodies exactly, lists in order and complete, nothing of other projects."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary.store import lists, reads, schema, tree
from sessionary.store.terms import plain
from sessionary.store.walk import Page, Position
from tests.support.recorded import SECOND, START, SYSTEM, Log, assistant, user

NEWEST = Page("last_at", descending=True, limit=50)
FIRST_CALLS = Page("created_at", descending=False, limit=200)


def call(log: Log, call_id: str) -> sa.Row[Any]:
    row = reads.call(log.engine, None, call_id)
    assert row is not None
    return row


def request_of(log: Log, call_id: str) -> bytes:
    with log.engine.connect() as connection:
        return tree.request_body(connection, call(log, call_id))


def listed(log: Log, project: int | None = None, page: Page = NEWEST, **filters: Any) -> list[str]:
    found = lists.sessions(log.engine, project, plain("sessions", **filters), page)
    return [row.session_id for row in found.rows]


def called(log: Log, project: int | None = None, **filters: Any) -> list[str]:
    return [row.id for row in lists.calls(log.engine, project, plain("calls", **filters), FIRST_CALLS).rows]


# Bodies


def test_a_request_is_read_back_as_it_was_sent(log: Log) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"n": 1.50, "x": None}}}]
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body = {
        "tools": tools,
        "zeta": {"deep": [1, 2.0, "ü\u0000"]},
        "messages": [SYSTEM, user("one"), assistant("two"), SYSTEM, {"role": "user", "content": [image]}],
        "model": "gpt-4o",
        "system_like": "x" * 2000,
    }
    begin = log.begin("s", body)
    log.store(begin)
    read = request_of(log, begin.call_id)
    assert json.loads(read) == body
    assert list(json.loads(read)) == list(body)


@pytest.mark.parametrize("body", [b"not json", b'{"a": 1, "a": 2}', b"", b'{"model": "m", "messages": []}'])
def test_what_is_no_chat_is_kept_whole(log: Log, body: bytes) -> None:
    begin = log.begin("s", body)
    log.store(begin)
    assert request_of(log, begin.call_id) == body or json.loads(request_of(log, begin.call_id)) == json.loads(body)


def test_a_streams_events_and_the_answer_they_added_up_to(log: Log) -> None:
    call_id, events = log.stream("s", "hello")
    with log.engine.connect() as connection:
        row = call(log, call_id)
        assert tree.raw_events(connection, row) == events
        answer = json.loads(tree.response_body(connection, row) or b"")
    assert answer["choices"][0]["message"]["content"] == "You said: hello"
    assert row.status == "ok"


def test_a_call_in_flight_is_read_too(log: Log) -> None:
    begin = log.begin("s", {"model": "m", "messages": [user("still going")]})
    log.store(begin)
    assert json.loads(request_of(log, begin.call_id))["messages"] == [user("still going")]
    with log.engine.connect() as connection:
        assert tree.response_body(connection, call(log, begin.call_id)) is None
    assert [r.status for r in lists.sessions(log.engine, None, (), NEWEST).rows] == ["live"]


def test_each_message_is_stored_once(log: Log) -> None:
    history = [SYSTEM]
    for n in range(8):
        history.append(user(f"question {n}"))
        call_id = log.chat("s", history, f"answer {n}")
        history.append(assistant(f"answer {n}"))
    with log.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.messages)) == 16
        added = tree.added(connection, log.project(), reads.session(log.engine, None, "s", 1).id)  # type: ignore[union-attr]
    assert [json.loads(m.raw) for m in added[call_id]] == [user("question 7")]


# Lists


def test_pages_follow_each_other_without_gap_or_repeat(log: Log) -> None:
    for n in range(23):
        begin = log.begin(f"s{n}", {"model": "m", "messages": [user("hi")]}, at=START + n // 4 * SECOND)
        log.store(begin)  # four at a time have the same time
    for sort in lists.SESSION_SORTS:
        for descending in (True, False):
            found: list[str] = []
            after: Position | None = None
            while not found or after is not None:
                page = lists.sessions(log.engine, log.project(), (), Page(sort, descending, 5, after))
                found += [row.session_id for row in page.rows]
                after = page.after
            assert sorted(found) == sorted(f"s{n}" for n in range(23)), (sort, descending)


def test_the_newest_session_comes_first(log: Log) -> None:
    for name in ("a", "b", "c"):
        log.chat(name, [user("hi")])
    log.chat("a", [user("hi"), assistant("Yes."), user("again")])
    assert listed(log) == ["a", "c", "b"]
    assert listed(log, page=Page("first_at", descending=False, limit=50)) == ["a", "b", "c"]


def test_a_time_filter_takes_what_overlaps_it(log: Log) -> None:
    log.chat("early", [user("hi")])
    log.chat("long", [user("hi")])
    middle = log.at
    log.chat("late", [user("hi")])
    log.chat("long", [user("hi again")])
    assert set(listed(log, since=middle + 2 * SECOND, until=middle + 3 * SECOND)) == {"long"}
    assert set(listed(log, until=START + 61 * SECOND)) == {"early"}
    inside = called(log, since=middle + SECOND // 2, until=middle + SECOND // 2)
    assert len(inside) == 1  # it began before, and ended after


def test_every_filter_narrows(log: Log) -> None:
    log.chat("one", [user("apples")], model="gpt-4o", user="ann", client="curl")
    log.chat("two", [user("pears")], body={"model": "claude-x"}, user="bob", client="litellm")
    failed = log.begin("three", {"model": "gpt-4o-mini", "messages": [user("plums")]}, source="none")
    log.store(failed, log.finish(failed, b'{"error": {"message": "no"}}', "upstream_error", http_status=500))
    expected: dict[str, list[tuple[str, list[str]]]] = {
        "session_id": [("two", ["two"]), ("unknown", [])],
        "model": [("gpt-4o", ["one"]), ("gpt*", ["one", "three"]), ("GPT*MINI", ["three"]), ("gpt_4o*", [])],
        "user": [("ann", ["one"])],
        "client": [("litellm", ["two"])],
        "key": [("master", ["one", "three", "two"]), ("other", [])],
        "source": [("none", ["three"])],
        "q": [("pears", ["two"]), ("pea", ["two"]), ("pears apples", []), ("100%", [])],
    }
    for name, cases in expected.items():
        for value, sessions in cases:
            for project in (None, log.project()):
                assert sorted(listed(log, project, **{name: value})) == sessions, (name, value)
                calls = {call(log, c).session_text for c in called(log, project, **{name: value})}
                assert sorted(calls) == sessions, (name, value)
    assert listed(log, status="errors") == ["three"]
    assert [call(log, c).session_text for c in called(log, status="upstream_error")] == ["three"]
    ours = reads.session(log.engine, None, "one", log.project())
    assert ours is not None
    assert listed(log, session_id=ours.id) == ["one"]


def test_a_title_is_found_by_its_words_alone(log: Log) -> None:
    from sessionary.store.edits import patch_session

    log.chat("s", [user("hi")])
    row = reads.session(log.engine, None, "s", log.project())
    assert row is not None
    patch_session(log.engine, row.project, row.id, "Rückfragen: 100% of_it", None)
    for q in ("of_it", "100%", "RÜCKFRAGEN" if log.engine.dialect.name == "postgresql" else "Rückfragen", "it 100"):
        assert listed(log, q=q) == ["s"], q
    for q in ("ofxit", "Rück%gen", "1000"):
        assert listed(log, q=q) == [], q


def test_nothing_of_another_project_is_listed(log: Log) -> None:
    mine, theirs = log.project("mine"), log.project("theirs")
    log.chat("same", [user("a secret")], project="mine")
    log.chat("same", [user("another")], project="theirs")
    assert listed(log, mine) == listed(log, theirs) == ["same"]
    assert len(listed(log)) == 2
    assert listed(log, theirs, q="secret") == []
    assert listed(log, mine, q="secret") == listed(log, q="secret") == ["same"]
    assert called(log, theirs, q="secret") == []
    call_id = called(log, mine)[0]
    assert reads.call(log.engine, theirs, call_id) is None
    found = reads.session(log.engine, theirs, "same", theirs)
    assert found is not None
    assert found.project == theirs
    ours = reads.session(log.engine, mine, "same", mine)
    assert ours is not None
    assert reads.session(log.engine, theirs, ours.id, theirs) is None
    for own in (mine, theirs):  # the master's own project comes first
        named = reads.session(log.engine, None, "same", own)
        assert named is not None
        assert named.project == own


# How they are found


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_one_row_is_never_searched_for(log: Log) -> None:
    statements: list[str] = []
    sa.event.listen(log.engine, "before_cursor_execute", lambda c, cur, s, p, *_: statements.append((s, p)))  # type: ignore[arg-type]
    for scope in (None, log.project()):
        reads.call(log.engine, scope, "call_x")
        reads.session(log.engine, scope, "x", 1)
    with log.engine.connect() as connection:
        reads.related(connection, [(1, "call_x"), (1, "call_y"), (2, "call_x")])
    selects = [(s, p) for s, p in statements if s.lstrip().startswith("SELECT")]
    assert len(selects) >= 6
    with log.engine.connect() as connection:
        for statement, values in selects:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            steps = [str(row[-1]) for row in rows]
            assert not any(step.startswith(("SCAN calls", "SCAN sessions", "SCAN merged")) for step in steps), (
                statement,
                steps,
            )
