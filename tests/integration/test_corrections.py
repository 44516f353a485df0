"""Moving, splitting, merging: what goes on from a call goes with it, and all that is kept by session follows."""

import random
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary import ids
from sessionary.errors import NotFound
from sessionary.store import corrections, lists, reads, schema, tree
from sessionary.store.corrections import Corrected
from sessionary.store.edits import delete_session
from sessionary.store.rollups import recompute
from sessionary.store.terms import plain
from sessionary.store.walk import Page
from sessionary.store.writes import transaction
from tests.support.recorded import SYSTEM, Log, assistant, user

Row = sa.Row[Any]
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


def session(log: Log, name: str) -> Row | None:
    return reads.session(log.engine, log.project(), name, log.project())


def the(log: Log, name: str) -> Row:
    row = session(log, name)
    assert row is not None
    return row


def call(log: Log, call_id: str) -> Row:
    row = reads.call(log.engine, log.project(), call_id)
    assert row is not None
    return row


def members(log: Log, name: str) -> list[str]:
    with log.engine.connect() as connection:
        return [row.id for row in reads.session_calls(connection, log.project(), the(log, name).id)]


def move(log: Log, call_id: str, name: str) -> Corrected:
    return corrections.move(log.engine, log.project(), call_id, the(log, name).id)


def split(log: Log, name: str, call_id: str) -> Corrected:
    return corrections.split(log.engine, log.project(), the(log, name).id, call_id)


def merge(log: Log, *names: str, into: str | None = None) -> Corrected:
    target = the(log, into).id if into else None
    return corrections.merge(log.engine, log.project(), [the(log, name).id for name in names], target)


def chain(log: Log, name: str, *said: str, **more: Any) -> list[str]:
    """Calls that go on from one another."""
    messages: list[Any] = []
    made = []
    for words in said:
        messages.append(user(words))
        made.append(log.chat(name, [SYSTEM, *messages], f"To {words}.", **more))
        messages.append(assistant(f"To {words}."))
    return made


def setting(log: Log, call_id: str, **columns: Any) -> None:
    with log.engine.begin() as connection:
        connection.execute(sa.update(schema.calls).where(schema.calls.c.id == call_id).values(**columns))


def stored(log: Log) -> dict[str, list[Any]]:
    """Everything, but for when it was written."""
    with log.engine.connect() as connection:
        tables = (schema.sessions, schema.calls, schema.facets, schema.session_bodies, schema.merged)
        rows = {t.name: connection.execute(sa.select(t)).mappings().all() for t in tables}
    return {name: sorted(str({**row, "updated_at": 0}) for row in found) for name, found in rows.items()}


def consistent(log: Log) -> None:
    """Sessions are what their calls add up to, and turns are 1, 2, … without a gap."""
    before = stored(log)
    with transaction(log.engine) as connection:
        rows = connection.execute(sa.select(schema.sessions)).all()
        for row in rows:
            assert recompute(connection, row.project, row.id, 1)
    assert stored(log) == before
    with log.engine.connect() as connection:
        calls = connection.execute(sa.select(schema.calls)).all()
    turns: dict[str, set[int]] = {}
    for row in calls:
        turns.setdefault(row.session, set()).add(row.turn)
    assert turns.keys() == {row.id for row in rows}
    assert all(found - {0} == set(range(1, len(found - {0}) + 1)) for found in turns.values())


def test_a_call_moves_with_all_that_goes_on_from_it(log: Log) -> None:
    one, two, three = chain(log, "a", "one", "two", "three", body={"tools": TOOLS}, user="ann")
    agent = log.chat("a", [user("an agent's")], agent="x")
    setting(log, agent, origin=two, origin_kind="spawn", origin_tool="t1")
    (other,) = chain(log, "b", "other")
    updated = the(log, "b").updated_at
    assert move(log, two, "b") == (the(log, "b").id, [two, three, agent], [])
    assert members(log, "a") == [one]
    assert members(log, "b") == [two, three, agent, other]
    assert [call(log, c).turn for c in (one, two, three, agent, other)] == [1, 1, 2, 2, 3]
    assert call(log, two).parent == one
    row = the(log, "b")
    assert (row.calls, row.users, row.keys, row.agents, row.title) == (4, ["ann"], ["master"], 1, "other")
    assert (row.updated_at > updated, the(log, "a").calls) == (True, 1)
    consistent(log)
    before = stored(log)
    assert move(log, two, "b") == (row.id, [], [])
    assert stored(log) == before


def test_what_named_its_session_keeps_that_as_its_home(log: Log) -> None:
    (named,) = chain(log, "a", "named")
    (followed,) = chain(log, "a", "followed")
    setting(log, followed, source="content")
    for name in ("b", "c"):
        chain(log, name, f"of {name}")
    home = the(log, "a").id
    for name in ("b", "c"):
        move(log, named, name)
        move(log, followed, name)
        assert (call(log, named).home, call(log, followed).home) == (home, None)
    assert session(log, "a") is None
    chain(log, "a", "again")
    move(log, named, "a")
    assert (call(log, named).home, call(log, named).session) == (None, home)


def test_later_calls_follow_what_was_moved(log: Log) -> None:
    _, two = chain(log, "a", "one", "two")
    chain(log, "b", "other")
    move(log, two, "b")
    said = [SYSTEM, user("one"), assistant("To one."), user("two"), assistant("To two."), user("three")]
    assert call(log, log.chat("a", said)).session == the(log, "b").id
    assert call(log, log.chat("a", [*said[:3], user("else")])).session == the(log, "a").id
    consistent(log)


def test_a_session_that_lost_its_calls_is_gone(log: Log) -> None:
    (only,) = chain(log, "a", "only")
    chain(log, "b", "other")
    gone = the(log, "a").id
    assert move(log, only, "b").gone == [gone]
    assert session(log, "a") is None
    with log.engine.connect() as connection:
        for table in (schema.facets, schema.session_bodies):
            assert connection.execute(sa.select(table).where(table.c.session == gone)).all() == []
    consistent(log)


def test_a_call_in_flight_ends_where_it_was_moved(log: Log) -> None:
    live = log.begin("a", {"model": "gpt-4o", "messages": [user("hi")]})
    log.store(live)
    chain(log, "b", "other")
    move(log, live.call_id, "b")
    assert (the(log, "b").status, the(log, "b").live) == ("live", 1)
    log.store(log.finish(live, b"", "timeout"))
    assert (the(log, "b").status, the(log, "b").live, the(log, "b").errors) == ("errors", 0, 1)
    consistent(log)


def test_a_call_becomes_a_session_of_its_own(log: Log) -> None:
    one, two, three = chain(log, "a", "one", "two", "three", tags=["eu"])
    done = split(log, "a", two)
    new = the(log, done.session)
    assert (new.id, new.session_id) == (ids.session_id(log.project(), two), new.id)
    assert done == (new.id, [two, three], [])
    assert (new.title, new.tags, new.continues, new.calls, new.turns) == ("two", ["eu"], one, 2, 2)
    assert (the(log, "a").calls, the(log, "a").turns) == (1, 1)
    assert call(log, three).home == the(log, "a").id
    consistent(log)
    before = stored(log)
    assert split(log, "a", two) == (new.id, [], [])
    assert split(log, new.id, two) == (new.id, [], [])
    assert split(log, "a", one) == (the(log, "a").id, [], [])
    assert stored(log) == before


def test_a_split_session_whose_id_is_taken_gets_another(log: Log) -> None:
    _, two, three = chain(log, "a", "one", "two", "three")
    first = split(log, "a", two).session
    chain(log, "b", "other")
    merge(log, "b", first, into=first)
    second = split(log, first, two)
    assert second.session not in (first, the(log, "a").id)
    assert second.moved == [two, three]
    merge(log, "a", second.session, into="a")
    third = split(log, "a", two).session
    assert third not in (first, second.session)
    assert the(log, second.session).id == the(log, "a").id
    consistent(log)


def test_a_split_call_in_which_nobody_speaks_has_the_sessions_title(log: Log) -> None:
    tool = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    asked = [user("look at it")]
    calls = {"role": "assistant", "content": None, "tool_calls": [tool]}
    log.chat("a", asked, calls)
    result = log.chat("a", [*asked, calls, {"role": "tool", "tool_call_id": "t1", "content": "a thing"}])
    assert the(log, split(log, "a", result).session).title == "look at it (split)"


def test_merged_sessions_are_one_and_keep_their_names(log: Log) -> None:
    a = chain(log, "a", "one", "two", tags=["eu"])
    b = chain(log, "b", "three", tags=["us", "eu"])
    c = chain(log, "c", "four")
    own = {name: the(log, name).id for name in "abc"}
    assert merge(log, "c", "b") == (own["b"], c, [own["c"]])
    assert merge(log, "b", "a") == (own["a"], [*b, *c], [own["b"]])
    for name in (*own, *own.values()):
        assert the(log, name).id == own["a"]
        page = Page("last_at", True, 10)
        for project in (None, log.project()):
            sessions = lists.sessions(log.engine, project, plain("sessions", session_id=name), page)
            assert [row.id for row in sessions.rows] == [own["a"]]
        named = plain("calls", session_id=name)
        found = lists.calls(log.engine, log.project(), named, Page("created_at", False, 10)).rows
        assert [row.id for row in found] == [*a, *b, *c]
    assert reads.session(log.engine, None, "c", log.project()) is not None
    assert reads.session(log.engine, log.project("else"), "c", log.project("else")) is None
    assert (the(log, "a").tags, the(log, "a").calls, the(log, "a").turns) == (["eu", "us"], 4, 4)
    assert [call(log, id).home for id in (*a, *b, *c)] == [None, None, own["b"], own["c"]]
    consistent(log)
    before = stored(log)
    assert merge(log, "a", "b", "c") == (own["a"], [], [])
    assert stored(log) == before
    later = chain(log, "c", "anew")[0]
    assert call(log, later).session == own["a"]


def test_deleting_takes_the_names_too(log: Log) -> None:
    chain(log, "a", "one")
    chain(log, "b", "two")
    merge(log, "a", "b")
    delete_session(log.engine, log.project(), the(log, "b").id)
    assert session(log, "a") is None
    assert session(log, "b") is None


def test_turns_stay_what_they_were_and_are_numbered_by_time(log: Log) -> None:
    tool = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    calls = {"role": "assistant", "content": None, "tool_calls": [tool]}
    asked = [user("look")]
    looks = log.chat("a", asked, calls)
    (other,) = chain(log, "b", "other")
    result = log.chat("a", [*asked, calls, {"role": "tool", "tool_call_id": "t1", "content": "a thing"}])
    title = log.chat("b", [user("a title for it")])
    setting(log, title, side=True, turn=0)
    (last,) = chain(log, "b", "last")
    merge(log, "a", "b")
    assert [call(log, c).turn for c in (looks, other, result, title, last)] == [1, 2, 1, 0, 3]


def test_attempts_that_are_together_again_are_of_one_turn(log: Log) -> None:
    (first,) = chain(log, "a", "one")
    said = [SYSTEM, user("one"), assistant("To one."), user("two")]
    attempts = [log.chat("a", said), log.chat("a", said)]
    chain(log, "b", "other")
    for name in ("b", "a"):
        move(log, attempts[0], name)
    assert [call(log, c).turn for c in (first, *attempts)] == [1, 2, 2]
    consistent(log)


def test_nothing_leaves_its_project(log: Log) -> None:
    (mine,) = chain(log, "a", "one")
    (theirs,) = chain(log, "a", "one", project="else")
    own, other = log.project(), log.project("else")
    there = reads.session(log.engine, other, "a", other)
    assert there is not None
    before = stored(log)
    for wrong in (
        lambda: corrections.move(log.engine, own, mine, there.id),
        lambda: corrections.move(log.engine, own, theirs, the(log, "a").id),
        lambda: corrections.move(log.engine, own, mine, "ses_none"),
        lambda: corrections.move(log.engine, own, "call_none", the(log, "a").id),
        lambda: corrections.split(log.engine, own, the(log, "a").id, theirs),
        lambda: corrections.merge(log.engine, own, [the(log, "a").id, there.id]),
        lambda: corrections.merge(log.engine, own, [the(log, "a").id], there.id),
    ):
        with pytest.raises(NotFound):
            wrong()
    assert stored(log) == before


def test_a_deleted_sessions_calls_are_not_there(log: Log) -> None:
    one, two = chain(log, "a", "one", "two")
    chain(log, "b", "other")
    old = the(log, "a").id
    delete_session(log.engine, log.project(), old)
    with pytest.raises(NotFound):
        move(log, two, "b")
    with pytest.raises(NotFound):
        corrections.split(log.engine, log.project(), the(log, "b").id, one)
    with pytest.raises(NotFound):
        corrections.merge(log.engine, log.project(), [the(log, "b").id, old])


def test_a_call_of_another_session_is_not_split_off(log: Log) -> None:
    chain(log, "a", "one")
    _, two = chain(log, "b", "one", "two")
    with pytest.raises(NotFound):
        split(log, "a", two)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_no_correction_walks_through_a_table(log: Log) -> None:
    _, two, three = chain(log, "a", "one", "two", "three", body={"tools": TOOLS}, agent="x")
    chain(log, "b", "other")
    statements: list[tuple[str, Any]] = []
    sa.event.listen(log.engine, "before_cursor_execute", lambda c, cur, s, p, *_: statements.append((s, p)))
    move(log, three, "b")
    split(log, "a", two)
    merge(log, "a", "b", call(log, two).session)
    asked = [(s, p) for s, p in statements if s.lstrip().startswith(("SELECT", "UPDATE", "DELETE"))]
    assert len(asked) >= 40
    with log.engine.connect() as connection:
        for statement, values in asked:
            given = values[0] if isinstance(values, list) else values
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
            walked = [str(row[-1]) for row in rows if str(row[-1]).startswith("SCAN")]
            assert all(step.startswith(("SCAN keys", "SCAN walk")) for step in walked), (statement, walked)


@pytest.mark.parametrize("seed", range(4))
def test_any_corrections_leave_a_store_that_adds_up(log: Log, seed: int) -> None:
    rng = random.Random(seed)
    names = ["a", "b", "c", "d"]
    for name in names:
        made = chain(log, name, *(f"{name}{n}" for n in range(rng.randint(1, 5))), body={"tools": TOOLS[: seed % 2]})
        if rng.random() < 0.5:
            setting(log, made[-1], source="content")
    log.chat("a", [SYSTEM, user("a0"), assistant("To a0."), user("otherwise")])
    with log.engine.connect() as connection:
        rows = connection.execute(sa.select(schema.calls).order_by(schema.calls.c.id)).all()
        bodies = {row.id: tree.request_body(connection, row) for row in rows}
    called = {row.id: row.session for row in rows}
    consistent(log)
    for _ in range(12):
        picked = call(log, rng.choice(list(called)))
        with log.engine.connect() as connection:
            there = list(connection.scalars(sa.select(schema.sessions.c.id).order_by(schema.sessions.c.id)))
        match rng.choice(["move", "split", "merge"]):
            case "move":
                target = rng.choice(there)
                done = move(log, picked.id, target)
                assert move(log, picked.id, target) == (target, [], [])
            case "split":
                done = split(log, picked.session, picked.id)
                assert call(log, picked.id).session == done.session
                assert split(log, done.session, picked.id) == (done.session, [], [])
            case _:
                some = rng.sample(there, min(2, len(there)))
                done = merge(log, *some)
                assert merge(log, *some) == (done.session, [], [])
        consistent(log)
        with log.engine.connect() as connection:
            gone = set(connection.scalars(sa.select(schema.sessions.c.id))) & set(done.gone)
        assert not gone
        for id, own in called.items():
            row = call(log, id)
            assert row.home == (own if row.source == "id" and row.session != own else None)
    with log.engine.connect() as connection:
        rows = connection.execute(sa.select(schema.calls)).all()
        assert {row.id: tree.request_body(connection, row) for row in rows} == bodies
