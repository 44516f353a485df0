"""Hashing anew what older rules hashed: the result is what this version's drain would have stored."""

import json
import os
from typing import Any

import sqlalchemy as sa

from sessionary.record.exchange import Context
from sessionary.store import schema
from sessionary.store.rehash import note_version, rehash, version
from sessionary.store.writes import transaction
from sessionary.wire.meaning import VERSION
from tests.support.recorded import SYSTEM, Log, assistant, user

REFERRED = {"type": "message", "role": "assistant", "id": "msg_1", "content": [{"type": "output_text", "text": "One."}]}


def nothing(project: int, item: str) -> bytes | None:
    return None


def hashes(log: Log) -> tuple[list[Any], list[Any]]:
    m, c = schema.messages.c, schema.calls.c
    with log.engine.connect() as connection:
        messages = connection.execute(sa.select(m.project, m.id, m.node).order_by(m.project, m.id)).all()
        names = (c.id, c.leaf_node, c.output_node, c.answer_key)
        return [tuple(r) for r in messages], [tuple(r) for r in connection.execute(sa.select(*names).order_by(c.id))]


def scramble(log: Log) -> None:
    m = schema.messages.c
    with transaction(log.engine) as connection:
        for row in connection.execute(sa.select(m.project, m.id)).all():
            mine = sa.and_(m.project == row.project, m.id == row.id)
            connection.execute(sa.update(schema.messages).where(mine).values(node=os.urandom(16)))
        c = schema.calls.c  # a call that ends at no message keeps what it had: that message may be deleted
        lost = {"leaf_node": os.urandom(16), "answer_key": None}
        connection.execute(sa.update(schema.calls).where(c.leaf.is_not(None)).values(lost))
        connection.execute(sa.update(schema.calls).where(c.output.is_not(None)).values(output_node=None))
        connection.execute(sa.delete(schema.versions))


def conversations(log: Log) -> None:
    for project in ("default", "other"):
        said: list[dict[str, Any]] = [SYSTEM]
        for n in range(12):
            said.append(user(f"question {n}"))
            log.chat(f"s{n % 3}", said, f"answer {n}", project=project)
            log.chat(f"s{n % 3}", [*said[:-1], user(f"another {n}")], f"answer {n}", project=project)
            said.append(assistant(f"answer {n}"))
    log.chat("prefilled", [user("One word as JSON"), assistant('{"word":')], ' "tea"}')
    log.chat("silent", [user("say nothing")], "")
    log.stream("s", "streamed")
    log.store(log.begin("s", b"no json"))


def referring(log: Log) -> None:
    body = {"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}, {"role": "user", "content": "and?"}]}
    known = {"msg_1": json.dumps(REFERRED).encode()}
    begin = log.begin("s", body, endpoint="responses", context=Context(references=known))
    log.store(begin, log.finish(begin, json.dumps({"output": [REFERRED], "status": "completed"}).encode()))


def test_what_is_hashed_anew_is_as_if_stored_anew(log: Log) -> None:
    conversations(log)
    referring(log)
    before = hashes(log)
    scramble(log)
    assert hashes(log) != before
    heard: list[int] = []
    counts = rehash(log.engine, lambda project, item: {"msg_1": json.dumps(REFERRED).encode()}.get(item), heard.append)
    assert hashes(log) == before
    assert counts.messages == len(before[0])
    assert counts.calls == len(before[1])
    assert heard[-1] > 0
    assert rehash(log.engine, lambda project, item: json.dumps(REFERRED).encode()).changed == 0


def test_the_rules_by_which_it_was_hashed_are_known(log: Log) -> None:
    with transaction(log.engine) as connection:
        assert version(connection) is None
    log.chat("s", [user("hi")])
    with transaction(log.engine) as connection:
        assert version(connection) == 1  # by a version that noted nothing
    rehash(log.engine, nothing)
    with transaction(log.engine) as connection:
        assert version(connection) == VERSION
        note_version(connection)
        assert version(connection) == VERSION


def test_a_wide_tree_is_walked_page_by_page(log: Log) -> None:
    for n in range(40):
        log.chat("s", [user(f"q{n}")], f"a{n}")
        log.chat("s", [user("same"), assistant("x"), user(f"q{n}")], f"a{n}")
    before = hashes(log)
    scramble(log)
    rehash(log.engine, nothing, page=7)
    assert hashes(log) == before
