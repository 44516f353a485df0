"""Conversations in the store: edits exclude each other, heads only move on, what is deleted is gone."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa

from sessionary.store import conversations, edits, schema
from sessionary.store.conversations import Conversation, Head
from sessionary.store.writes import transaction

ID = "conv_" + "0" * 26
OTHER = "conv_" + "1" * 26


def made(engine: sa.Engine, *items: bytes, project: int = 1, id: str = ID) -> Conversation:
    conversations.create(engine, project, id, {"topic": "x"}, items)
    return got(engine, project, id)


def got(engine: sa.Engine, project: int = 1, id: str = ID) -> Conversation:
    found = conversations.get(engine, project, id)
    assert found is not None
    return found


def move(engine: sa.Engine, *heads: Head) -> None:
    with transaction(engine) as connection:
        conversations.move_heads(connection, heads)


def test_it_is_what_was_put_in(engine: sa.Engine) -> None:
    found = made(engine, b'{"n":1}', b'{"n":2,"text":"\\u0000"}')
    assert (found.id, found.metadata, found.edit, found.base, found.head) == (ID, {"topic": "x"}, 0, "", "")
    assert found.items == [b'{"n":1}', b'{"n":2,"text":"\\u0000"}']
    assert found.created_at > 1_700_000_000_000_000
    conversations.describe(engine, 1, ID, {"a": "\0", "b": "ü"})
    assert got(engine).metadata == {"a": "\0", "b": "ü"}
    assert got(engine).items == found.items


def test_another_project_has_none_of_it(engine: sa.Engine) -> None:
    made(engine, b"{}")
    assert conversations.get(engine, 2, ID) is None
    made(engine, project=2)
    conversations.describe(engine, 2, ID, {})
    conversations.delete(engine, 2, ID)
    move(engine, Head(2, ID, 0, "call_b"))
    assert got(engine) == conversations.get(engine, 1, ID)
    assert got(engine).items == [b"{}"]
    assert got(engine).metadata == {"topic": "x"}
    assert got(engine).head == ""


def test_an_edit_takes_the_place_of_the_one_before(engine: sa.Engine) -> None:
    old = made(engine, b"1", b"2")
    move(engine, Head(1, ID, 0, "call_a"))
    conversations.edit(engine, 1, old, "call_a", [b"3"])
    new = got(engine)
    assert (new.edit, new.base, new.head, new.items) == (1, "call_a", "", [b"3"])
    with pytest.raises(conversations.Outdated):
        conversations.edit(engine, 1, old, "", [b"lost"])
    assert got(engine) == new
    conversations.delete(engine, 1, ID)
    with pytest.raises(conversations.Outdated):
        conversations.edit(engine, 1, new, "", [b"lost"])
    assert conversations.get(engine, 1, ID) is None


def test_of_edits_at_the_same_moment_one_succeeds(engine: sa.Engine) -> None:
    old = made(engine)
    together = Barrier(6)

    def edit(n: int) -> bool:
        together.wait(10)
        try:
            conversations.edit(engine, 1, old, "", [str(n).encode()])
        except conversations.Outdated:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        won = [n for n, ok in enumerate(pool.map(edit, range(6))) if ok]
    assert len(won) == 1
    assert got(engine).items == [str(won[0]).encode()]
    assert got(engine).edit == 1


def test_a_head_moves_on_and_never_back(engine: sa.Engine) -> None:
    old = made(engine)
    move(engine, Head(1, ID, 0, "call_b"), Head(1, ID, 0, "call_a"), Head(1, OTHER, 0, "call_z"))
    assert got(engine).head == "call_b"
    move(engine, Head(1, ID, 0, "call_c"))
    assert got(engine).head == "call_c"
    conversations.edit(engine, 1, old, "call_c", [])
    move(engine, Head(1, ID, 0, "call_d"), Head(1, ID, 2, "call_e"))
    assert got(engine).head == "", "a call of another edit changes nothing"
    move(engine, Head(1, ID, 1, "call_d"))
    assert got(engine).head == "call_d"


def test_a_head_moves_on_to_what_went_on_from_it_though_the_clock_was_set_back(engine: sa.Engine) -> None:
    made(engine)
    move(engine, Head(1, ID, 0, "call_y"), Head(1, ID, 0, "call_b", "call_y"), Head(1, ID, 0, "call_c", "call_b"))
    assert got(engine).head == "call_c"
    move(engine, Head(1, ID, 0, "call_a", "call_y"))
    assert got(engine).head == "call_c"


def test_nothing_of_a_deleted_one_is_left(engine: sa.Engine) -> None:
    made(engine, b"1", b"2")
    made(engine, b"3", id=OTHER)
    conversations.delete(engine, 1, ID)
    assert conversations.get(engine, 1, ID) is None
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.conversation_items)) == 1
    made(engine)
    assert got(engine).items == []


def test_those_that_stood_on_a_deleted_session_start_anew(engine: sa.Engine) -> None:
    def call(session: str, conversation: str) -> str:
        columns = {"session": session, "project": 1, "turn": 1, "created_at": 1, "stream": False, "status": "ok"}
        columns |= dict.fromkeys(["source", "rule", "key_id", "endpoint", "client", "user", "model", "writer"], "x")
        id = f"call_{session}_{conversation}"
        with transaction(engine) as connection:
            connection.execute(sa.insert(schema.calls).values(id=id, conversation=conversation, **columns))
        return id

    ids = [f"conv_{n}" + "0" * 25 for n in range(5)]
    headed, based, moved_on, kept, empty = [made(engine, b"1", id=id) for id in ids]
    move(engine, Head(1, headed.id, 0, call("ses_gone", headed.id)), Head(1, kept.id, 0, call("ses_kept", kept.id)))
    conversations.edit(engine, 1, based, call("ses_gone", based.id), [b"after"])
    conversations.edit(engine, 1, moved_on, call("ses_gone", moved_on.id), [b"between"])
    move(engine, Head(1, moved_on.id, 1, call("ses_kept", moved_on.id)))
    before = {id: got(engine, id=id) for id in ids}
    edits.delete_session(engine, 1, "ses_gone")
    after = {id: got(engine, id=id) for id in ids}
    assert [after[id] == before[id] for id in ids] == [False, False, True, True, True]
    assert (after[headed.id].edit, after[headed.id].head, after[headed.id].items) == (1, "", [])
    assert (after[based.id].edit, after[based.id].base, after[based.id].items) == (2, "", [b"after"])
    assert after[empty.id].items == [b"1"]
