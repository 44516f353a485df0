"""F8: a record that the database or the drain cannot do with is set aside with its reason, and the others are stored.

Poison goes through a real spool, drain and database, between two ordinary calls.
"""

import contextlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from sessionary.drain import answers
from sessionary.drain.drain import Drain
from sessionary.metrics import Metrics
from sessionary.record.exchange import Begin, Finish, Part, Record, encode
from sessionary.spool.writer import Writer
from sessionary.store import ledger, schema
from sessionary.store.ledger import Counts
from tests.integration.conftest import empty_url, engine, kind, log, migrated_postgres, migrated_sqlite, postgres, url
from tests.support.recorded import Log, assistant, user

__all__ = ["empty_url", "engine", "kind", "log", "migrated_postgres", "migrated_sqlite", "postgres", "url"]
SEED = 8
GATEWAY = "gw_test"


def noise(length: int) -> str:
    """Text that nothing makes shorter: an index takes only so much of it."""
    rng = random.Random(SEED)
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))


class Spool:
    """One writer, whose calls are numbered as a recorder does it."""

    def __init__(self, log: Log, folder: Path) -> None:
        self.log, self.folder, self.writer = log, folder, Writer(folder)
        self.drain = Drain(folder, log.engine, Metrics(), gateway=GATEWAY)
        self.begun = 0

    def write(self, *records: Record | bytes) -> None:
        for record in records:
            if isinstance(record, Begin):
                self.begun += 1
                record = msgspec.structs.replace(record, number=self.begun)  # noqa: PLW2901
            self.writer.append(record if isinstance(record, bytes) else encode(record))

    def call(self, text: str, **changed: Any) -> tuple[Begin, Finish]:
        begin = self.log.begin("s", {"model": "m", "messages": [user(text)]})
        choice = {"index": 0, "message": assistant(f"to {text}"), "finish_reason": "stop"}
        return msgspec.structs.replace(begin, **changed), self.log.finish(
            begin, json.dumps({"choices": [choice], "usage": {}}).encode()
        )

    def store(self) -> dict[str, str]:
        """All there is; then the status of every call."""
        while self.drain.round():
            pass
        c = schema.calls.c
        with self.log.engine.connect() as connection:
            return {row.id: row.status for row in connection.execute(sa.select(c.id, c.status))}

    def counts(self) -> Counts:
        with self.log.engine.connect() as connection:
            return sum(ledger.by_writer(connection, GATEWAY).values(), ledger.of_the_gone(connection, GATEWAY))

    def set_aside(self) -> list[tuple[str, str | None]]:
        """Reason and call."""
        c = schema.set_aside.c
        with self.log.engine.connect() as connection:
            return [(r.reason, r.call_id) for r in connection.execute(sa.select(c.reason, c.call_id).order_by(c.id))]


@pytest.fixture
def spool(log: Log, tmp_path: Path) -> Iterator[Spool]:
    made = Spool(log, tmp_path / "spool")
    yield made
    with contextlib.suppress(OSError):  # it is closed
        made.writer.close()


def body(text: str) -> dict[str, Any]:
    return {"body": text.encode()}


def content(text: str) -> dict[str, Any]:
    """JSON text of a message's content."""
    return body('{"model": "m", "messages": [{"role": "user", "content": ' + text + "}]}")


CONTENT: dict[str, dict[str, Any]] = {
    "NUL": body('{"model": "m\\u0000", "messages": [{"role": "user\\u0000", "content": "a\\u0000b"}]}'),
    "lone surrogate": body('{"model": "m", "messages": [{"role": "user", "content": "\\ud800", "name": "\\udfff"}]}'),
    "huge integer": content("9" * 5000),
    "17 MB": content('"' + "field " * 2_900_000 + '"'),
    "deep": body('{"model": "m", "messages": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    "deep content": content("[" * 9000 + "]" * 9000),
    "not UTF-8": {"body": b'{"model": "m", "messages": [{"role": "user", "content": "\xff\xfe\x80"}]}'},
    "no JSON": {"body": b"\x00\xff" * 1000},
    "many words": content('"' + " ".join(f"w{n}" for n in range(50_000)) + '"'),
    "a long word": content(f'"{noise(9000)}"'),
    "NUL in what is around": {"session_text": "a\0b", "client": "\0", "name": "\0", "tags": ["\0"], "model": "\0"},
    "500 odd letters": {"model": noise(500), "user": noise(500), "client": noise(200), "agent": noise(200)},
}
REFUSED: dict[str, dict[str, Any]] = {
    "a user with NUL": {"user": "\0"},
    "a user too long for an index": {"user": noise(9000)},
    "a model too long for an index": {"model": noise(9000)},
    "a session too long for an index": {"session_text": noise(9000)},
    "a time that is none": {"at": (1 << 64) - 1},
}


def test_poisoned_requests(spool: Spool) -> None:
    poisons: dict[str, tuple[Begin, Finish]] = {}
    for several in (CONTENT, REFUSED):
        poisons |= {name: spool.call(name, **changed) for name, changed in several.items()}
        for name in several:
            spool.write(*spool.call(f"before {name}"), *poisons[name], *spool.call(f"after {name}"))
        calls, aside = spool.store(), spool.set_aside()
    for name, (begin, _) in poisons.items():
        found = calls.get(begin.call_id), [call for _, call in aside].count(begin.call_id)
        assert found in [("ok", 0)] if name in CONTENT else [("ok", 0), (None, 2)], (name, aside)  # with its answer
    refused = len(aside) // 2
    assert set(calls.values()) == {"ok"}
    assert len(calls) == 3 * len(poisons) - refused
    assert spool.counts() == Counts(begun=3 * len(poisons), stored=len(calls), set_aside=refused)


ANSWERS: dict[str, dict[str, Any]] = {
    "a status that is none": {"http_status": 1 << 40},
    "a time that is none": {"at": (1 << 64) - 1},
    "a provider with NUL": {"provider": "\0", "deployment": "\0\ud7ff", "headers": {"\0": "\0"}},
    "usage": {"body": b'{"usage": {"prompt_tokens": 1%s, "completion_tokens": -5}}' % (b"0" * 30)},
    "usage that is none": {"body": b'{"usage": {"prompt_tokens": "x", "completion_tokens": [1], "total_tokens": {}}}'},
    "deep": {"body": b'{"choices": [{"message": {"content": %s1%s}}]}' % (b"[" * 90_000, b"]" * 90_000)},
    "not UTF-8": {"body": b'{"choices": [{"message": {"role": "assistant", "content": "\xff\x00"}}]}'},
    "choices": {"body": b'{"choices": [7, null, {"message": 3, "index": 1e400}, {"message": {"tool_calls": 1}}]}'},
    "an id": {"body": json.dumps({"id": noise(9000), "choices": []}).encode()},
}


def test_poisoned_answers(spool: Spool) -> None:
    """Whatever it is, the call does not stay `live`."""
    poisons = {name: spool.call(name) for name in ANSWERS}
    for name, (begin, finish) in poisons.items():
        spool.write(*spool.call(f"before {name}"), begin, Part(begin.call_id, 0, b" "))
        spool.write(msgspec.structs.replace(finish, **ANSWERS[name]), *spool.call(f"after {name}"))
    calls, aside = spool.store(), spool.set_aside()
    for name, (begin, _) in poisons.items():
        found = calls[begin.call_id], [call for _, call in aside].count(begin.call_id)
        assert found in (("ok", 0), ("interrupted", 1)), (name, aside)
    assert list(calls.values()).count("ok") == 3 * len(poisons) - len(aside)
    assert spool.counts() == Counts(begun=3 * len(poisons), stored=3 * len(poisons))


def test_an_answer_that_cannot_be_read(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the fault is, and wherever the poison: in the end, in a piece of the answer, or in what was stored of
    it. Calls of a writer that died are ended as well."""
    whole = answers.answered

    def faulty(asked: answers.Asked, finish: Finish, data: bytes) -> answers.Answered:
        if b"poison" in data:
            raise ZeroDivisionError("a bug")
        return whole(asked, finish, data)

    monkeypatch.setattr(answers, "answered", faulty)
    ended, cut, pieces, dying = (spool.call(f"call {n}", stream=True)[0] for n in range(4))
    spool.write(ended, cut, pieces, dying, Part(pieces.call_id, 0, b"pois"), Part(dying.call_id, 0, b"poison"))
    spool.write(Part(cut.call_id, 0, b"fine"), spool.log.finish(cut, b"poison"))
    assert spool.store()[pieces.call_id] == "live"
    spool.write(spool.log.finish(pieces, b"on"), spool.log.finish(ended, b""))
    assert spool.store()[pieces.call_id] == "interrupted"
    spool.writer.close()
    calls = spool.store()
    assert calls == {
        c.call_id: status
        for c, status in ((ended, "ok"), (cut, "interrupted"), (pieces, "interrupted"), (dying, "interrupted"))
    }
    assert Counter(call for _, call in spool.set_aside()) == {cut.call_id: 1, pieces.call_id: 1, dying.call_id: 2}
    with spool.log.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.partials)) == 0
    assert spool.counts() == Counts(begun=4, stored=4)


def test_what_is_no_record(spool: Spool) -> None:
    """Of another version, or of none: what kind it is, it may still say."""
    before, after = spool.call("before"), spool.call("after")
    lost, cut = spool.call("of another version"), spool.call("its end of another version")
    begin, finish = (msgspec.msgpack.decode(encode(r)) for r in (lost[0], cut[1]))
    begin[2], finish[2] = "a time in words", None
    spool.write(*before)
    spool.begun += 1
    spool.write(msgspec.msgpack.encode(begin), lost[1], cut[0], msgspec.msgpack.encode(finish))
    spool.write(b"", b"\xc1", b"\x91" * 100_000, *after)
    calls = spool.store()
    assert calls == {before[0].call_id: "ok", cut[0].call_id: "interrupted", after[0].call_id: "ok"}
    aside = Counter(call for _, call in spool.set_aside())
    assert aside == {lost[0].call_id: 2, cut[0].call_id: 1, None: 3}
    assert spool.counts() == Counts(begun=4, stored=3, set_aside=1)


def test_several_poisons_in_one_round(spool: Spool) -> None:
    """And all others of it in order: each goes on from the one before."""
    rng = random.Random(SEED)
    calls = [spool.call(f"call {n}", **rng.choice([{}, {}, {"at": (1 << 64) - 1}])) for n in range(24)]
    spool.write(*(record for call in calls for record in call))
    stored = spool.store()
    good = [begin.call_id for begin, _ in calls if begin.at < 1 << 63]
    assert stored == dict.fromkeys(good, "ok")
    assert spool.counts() == Counts(begun=24, stored=len(good), set_aside=24 - len(good))
    assert len(spool.set_aside()) == 2 * (24 - len(good))
    assert {reason for reason, _ in spool.set_aside()} <= {
        "refused by the database: NotNullViolation", "refused by the database: IntegrityError", "its call is set aside",
    }  # fmt: skip
