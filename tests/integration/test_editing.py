"""Renaming, tagging, deleting: deleting takes what only the session needs, and nothing that another call does."""

import json
import random
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary.store import reads, schema, search, tree, words
from sessionary.store.edits import delete_session, patch_session
from sessionary.store.sweep import Sweep
from sessionary.store.writes import transaction
from tests.support.recorded import SYSTEM, Log, assistant, user

TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
KEPT = {"projects", "alembic_version", "versions", "rates", "traffic", "forgotten", "deleted", "audit"}
"""What outlives sessions; a forgotten call is known by its id alone."""


def row_of(log: Log, name: str) -> sa.Row[Any]:
    row = reads.session(log.engine, None, name, log.project())
    assert row is not None
    return row


def delete(log: Log, name: str) -> None:
    row = row_of(log, name)
    delete_session(log.engine, row.project, row.id, at=log.at)
    sweep(log)


def sweep(log: Log) -> None:
    """Until nothing is left to do."""
    work = Sweep(log.engine)
    while work.step():
        pass


def counts(log: Log) -> dict[str, int]:
    """Rows of each table that has any."""
    with log.engine.connect() as connection:
        tables = {t.name: t for t in schema.metadata.sorted_tables if t.name not in KEPT}
        found = {n: connection.scalar(sa.select(sa.func.count()).select_from(t)) or 0 for n, t in tables.items()}
    return {name: count for name, count in found.items() if count}


def indexed(log: Log) -> int:
    """Words, or texts, that the search index knows of."""
    with log.engine.connect() as connection:
        if log.engine.dialect.name == "postgresql":
            return int(connection.exec_driver_sql("SELECT count(*) FROM search_text").scalar_one())
        connection.exec_driver_sql("CREATE VIRTUAL TABLE temp.known USING fts5vocab(main, search_text, row)")
        count = int(connection.exec_driver_sql("SELECT count(*) FROM temp.known").scalar_one())
        connection.exec_driver_sql("DROP TABLE temp.known")
        return count


def everything(log: Log) -> dict[str, tuple[bytes, bytes | None]]:
    """Each call's request and answer, by its id."""
    with log.engine.connect() as connection:
        rows = connection.execute(sa.select(schema.calls)).all()
        return {r.id: (tree.request_body(connection, r), tree.response_body(connection, r)) for r in rows}


def test_a_title_that_a_person_gave_stays(log: Log) -> None:
    log.chat("s", [user("hi")])
    row = row_of(log, "s")
    assert row.title == "hi"
    patch_session(log.engine, row.project, row.id, "A name \0 of mine", ["a", "b"])
    log.chat("s", [user("hi"), assistant("Yes."), user("again")])
    row = row_of(log, "s")
    assert row.title == "A name \ufffd of mine"
    assert row.tags == ["a", "b"]
    assert row.title_set
    assert row.calls == 2


def test_a_name_that_a_client_gave_and_a_person_changed(log: Log) -> None:
    log.chat("s", [user("hi")], tags=["eu"])
    log.chat("s", [user("hi")], name="Refund \u2028 4711", tags=["b,c", "eu"])
    log.chat("s", [user("hi")], name="Another")
    row = row_of(log, "s")
    assert (row.title, row.title_set, row.tags) == ("Refund \u2028 4711", True, ["eu", "b,c"])
    patch_session(log.engine, row.project, row.id, "By hand", None)
    log.chat("s", [user("hi")], name="Another", tags=["d"])
    row = row_of(log, "s")
    assert (row.title, row.tags) == ("By hand", ["eu", "b,c", "d"])


def test_an_index_of_older_words_forgets_them_all(log: Log) -> None:
    """A document that an older version has indexed, with the words of its rules; what comes now has others."""
    tool = {"id": "t1", "type": "function", "function": {"name": "write", "arguments": '{"code": "a\\nbcd\\tefg"}'}}
    asked = {"role": "assistant", "content": None, "tool_calls": [tool]}
    log.chat("old", [user("go")], asked)
    with transaction(log.engine) as connection:
        docs = connection.execute(sa.select(schema.search_docs)).all()
        if log.engine.dialect.name == "sqlite":
            forget = sa.text("INSERT INTO search_text(search_text, rowid, text) VALUES ('delete', :id, :text)")
            for doc in docs:
                row = connection.execute(sa.select(schema.calls)).mappings().one()
                new, old = (words.of_calls(connection, doc.project, [row["id"]], answer=doc.answer, escaped=escaped)
                            for escaped in (False, True))  # fmt: skip
                connection.execute(forget, {"id": doc.id, "text": new[row["id"]]})
                search.index(connection, [(doc.project, doc.id, old[row["id"]])])
            last = max(doc.id for doc in docs)
            connection.execute(sa.insert(schema.versions).values(name="words", version=last))
    found = {word: len(search.find(log.engine, None, f'"{word}"', 10).hits) for word in ("bcd", "nbcd")}
    assert found == ({"bcd": 0, "nbcd": 1} if log.engine.dialect.name == "sqlite" else {"bcd": 1, "nbcd": 0})
    log.chat("new", [user("go")], asked)
    assert search.find(log.engine, None, '"bcd"', 10).hits[0].session_id == "new"
    delete(log, "old")
    assert len(search.find(log.engine, None, '"nbcd"', 10).hits) == 0
    delete(log, "new")
    assert indexed(log) == 0
    log.chat("newer", [user("go")], asked)  # whose documents are not taken for older ones
    delete(log, "newer")
    assert indexed(log) == 0


def test_deleting_the_only_session_leaves_nothing(log: Log) -> None:
    log.chat("s", [SYSTEM, user("hi"), assistant("earlier"), user("and?")], body={"tools": TOOLS, "x": "y" * 900})
    log.stream("s", "a stream")
    log.store(log.begin("s", {"model": "m", "messages": [user("in flight")]}))
    log.store(log.begin("s", b"no json"))
    log.chat("s", [user("nul \0, lone \udc00"), user("many " * 60_000)], "\0 too")
    prompt = log.begin("s", {"model": "m", "prompt": "once"}, endpoint="completions")
    log.store(prompt, log.finish(prompt, b'{"choices": [{"index": 0, "text": "upon"}]}'))
    assert indexed(log) > 0
    delete(log, "s")
    assert counts(log) == {}
    assert indexed(log) == 0
    assert search.find(log.engine, None, "stream", 10).hits == []


def test_what_another_session_needs_stays(log: Log) -> None:
    shared = [SYSTEM, user("same start")]
    log.chat("gone", shared, "same answer", body={"tools": TOOLS})
    log.chat("stays", shared, "same answer", body={"tools": TOOLS})
    longer = [*shared, assistant("same answer"), user("only in one")]
    log.chat("gone", longer, "only there")
    kept = log.chat("stays", [*shared, assistant("same answer"), user("only in the other")], "only here")
    before = everything(log)
    delete(log, "gone")
    after = everything(log)
    assert len(after) == 2
    assert kept in after
    assert all(before[call_id] == bodies for call_id, bodies in after.items())
    with log.engine.connect() as connection:
        texts = [tree.unpack(data) for data in connection.scalars(sa.select(schema.bodies.c.data))]
    assert not any(b"only in one" in t or b"only there" in t for t in texts)
    delete(log, "stays")
    assert counts(log) == {}


def test_another_projects_copy_is_untouched(log: Log) -> None:
    for project in ("a", "b"):
        log.chat("s", [SYSTEM, user("hi")], project=project, body={"tools": TOOLS})
    theirs = reads.session(log.engine, log.project("a"), "s", log.project("a"))
    assert theirs is not None
    delete_session(log.engine, theirs.project, theirs.id)
    sweep(log)
    assert len(everything(log)) == 1
    assert counts(log)["sessions"] == 1


def test_an_answer_without_a_role_is_still_needed(log: Log) -> None:
    """The same bytes as an answer and in a history, where they mean different things."""
    odd = {"content": "who said this?"}
    log.chat("gone", [user("hi"), odd], "what?")
    kept = log.chat("stays", [user("hi")], odd)
    log.chat("gone", [user("hi"), odd], "what?")
    before = everything(log)
    delete(log, "gone")
    assert everything(log) == {kept: before[kept]}
    delete(log, "stays")
    assert counts(log) == {}


def test_a_system_message_at_the_end_is_still_needed(log: Log) -> None:
    log.chat("gone", [user("hi"), SYSTEM], "a")
    kept = log.chat("stays", [user("hi"), SYSTEM], "b")
    before = everything(log)
    delete(log, "gone")
    assert everything(log) == {kept: before[kept]}
    delete(log, "stays")
    assert counts(log) == {}


def test_a_call_that_ends_after_its_session_was_deleted(log: Log) -> None:
    begin = log.begin("s", {"model": "m", "messages": [user("hi")]})
    log.store(begin)
    delete(log, "s")
    log.store(log.finish(begin, json.dumps({"choices": [{"message": assistant("late")}]}).encode()))
    assert counts(log) == {}


@pytest.mark.parametrize("seed", range(3))
def test_deleting_in_any_order_never_hurts_the_others(log: Log, seed: int) -> None:
    """Random chats over few texts, so that histories branch, meet and repeat; then one session after the other goes."""
    rng = random.Random(seed)
    histories: list[list[dict[str, Any]]] = [[]]
    for _ in range(25):
        history = [*rng.choice(histories), user(rng.choice("ab"))]
        if rng.random() < 0.3:
            history.insert(rng.randrange(len(history) + 1), SYSTEM)
        answer = rng.choice(
            ["x", "y", {"content": "z"}, {"role": "assistant", "content": [{"type": "text", "text": "x"}]}]
        )
        body = {"tools": TOOLS} if rng.random() < 0.5 else {}
        log.chat(f"s{rng.randrange(6)}", history, answer, body=body)
        histories.append([*history, assistant(answer) if isinstance(answer, str) else answer])
    with log.engine.connect() as connection:
        names = list(connection.scalars(sa.select(schema.sessions.c.session_id)))
    rng.shuffle(names)
    for name in names:
        before = everything(log)
        delete(log, name)
        after = everything(log)
        assert all(before[call_id] == bodies for call_id, bodies in after.items())
    assert counts(log) == {}
    assert indexed(log) == 0
