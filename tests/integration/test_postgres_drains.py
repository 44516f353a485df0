"""Several drains on one PostgreSQL, as of several gateways: they write the same sessions, messages and counts, and go
on from the same answers, in sessions that calls name and in those that are found by what they send back."""

import contextlib
import json
import multiprocessing
import random
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
import sqlalchemy as sa

from sessionary.drain.drain import Drain
from sessionary.ids import new_call_id, session_id
from sessionary.metrics import Metrics
from sessionary.record.exchange import Begin
from sessionary.record.recorder import Recorder, now_us
from sessionary.record.spooling import Spooling
from sessionary.spool.quota import Quota
from sessionary.spool.reader import Reader
from sessionary.spool.writer import Writer
from sessionary.store import keys, refusals, schema, verify, writes
from sessionary.store.engine import open_engine
from tests.support.upstream import answer_to, chat_json

DRAINS = 4
ROUNDS, CALLS = 15, 4
"""Of a drain, and of a round."""
SESSIONS = 3
QUESTIONS = 4
"""That all of them ask, so that bodies and messages are the same."""
OPENINGS = 3


Said = list[dict[str, str]]


def openings() -> list[Said]:
    """With which conversations begin that all of them go on with."""
    return [answered([{"role": "user", "content": f"opening {n}"}]) for n in range(OPENINGS)]


def answered(said: Said) -> Said:
    return [*said, {"role": "assistant", "content": answer_to(said[-1]["content"])}]


def record(recorder: Recorder, project: int, said: Said, name: str = "") -> None:
    """A call that is asked all but the last of it, and told that."""
    call_id = new_call_id()
    body = {"model": "gpt-4o", "messages": said[:-1]}
    how = ("id", "x-session-id") if name else ("none", "none")
    begin = Begin(
        call_id, now_us(), project, "master", session_id(project, name or call_id), name or call_id, *how,
        "chat.completions", "gpt-4o", False, "tests", "", {"user-agent": "tests"}, json.dumps(body).encode(),
    )  # fmt: skip
    headers = {"content-type": "application/json"}
    recorder.begin(begin).finish("ok", http_status=200, headers=headers, body=chat_json(body))


def a_recorder(spool: Path, metrics: Metrics) -> Recorder:
    return Recorder(Spooling(Writer(spool), metrics, Quota(Reader(spool), None)), metrics)


def drain(url: str, spool: Path, project: int, number: int, ready: Barrier) -> None:
    """A gateway's, in a process of its own: round after round of a few calls, all at once with the others."""
    rng, metrics, engine = random.Random(number), Metrics(), open_engine(url)
    recorder, conversations = a_recorder(spool, metrics), openings()
    draining = Drain(spool, engine, metrics, gateway=f"gw_{number}")
    ready.wait(60)
    for turn in range(ROUNDS):
        for call in range(CALLS):
            question = f"question {rng.randrange(QUESTIONS)}"
            if rng.random() < 0.5:
                record(recorder, project, answered([{"role": "user", "content": question}]), f"s-{turn % SESSIONS}")
                continue
            question += f" {number} {turn} {call}"
            said = answered([*rng.choice(conversations), {"role": "user", "content": question}])
            record(recorder, project, said)
            conversations.append(said)
        draining.round()
    recorder.close()
    while draining.round():
        pass
    engine.dispose()


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_they_add_up_and_never_wait_for_each_other_in_a_circle(url: str, engine: sa.Engine, tmp_path: Path) -> None:
    project = keys.ensure_project(engine, "default")
    spool = tmp_path / "before"
    spool.mkdir()
    with contextlib.closing(a_recorder(spool, Metrics())) as recorder:
        for said in openings():
            record(recorder, project, said)
    before = Drain(spool, engine, Metrics(), gateway="gw_before")
    while before.round():
        pass
    context = multiprocessing.get_context("spawn")
    ready, draining = context.Barrier(DRAINS), []
    for number in range(DRAINS):
        spool = tmp_path / f"gateway-{number}"
        spool.mkdir()
        draining.append(context.Process(target=drain, args=(url, spool, project, number, ready)))
    for process in draining:
        process.start()
    for process in draining:
        process.join(90)
    assert [process.exitcode for process in draining] == [0] * DRAINS
    total = OPENINGS + DRAINS * ROUNDS * CALLS
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.calls)) == total
        assert connection.scalar(sa.select(sa.func.sum(schema.sessions.c.calls))) == total
        named = sa.select(sa.func.count()).where(schema.sessions.c.source == "id")
        assert connection.scalar(named) == SESSIONS
        found = sa.select(sa.func.count()).where(schema.sessions.c.source == "content")
        assert connection.scalar(found) == OPENINGS
        assert connection.scalar(sa.select(sa.func.sum(schema.rates.c.calls))) == total
        days = sa.select(sa.func.sum(schema.traffic.c.calls)).where(schema.traffic.c.step == 86400)
        assert connection.scalar(days) == total
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.set_aside)) == 0
        circles = sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert connection.scalar(circles) == 0
    report = verify.verify(engine, lambda looked_at: None, 20)
    assert report.differences == []
    assert report.looked_at > total


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_one_whose_host_is_gone_keeps_nobody_waiting(
    url: str, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a round, and without a word: its connection stays open, as if it would go on. If it does after
    all, that is no record's fault."""
    gone = open_engine(url)
    monkeypatch.setattr("sessionary.store.engine._LET_GO", "300ms")

    def round_of_its() -> None:
        with writes.transaction(gone) as connection:
            assert keys.ensure_project(engine, "new") > 0
            connection.execute(sa.text("SELECT 1"))

    with pytest.raises(sa.exc.DBAPIError) as raised:
        round_of_its()
    assert refusals.reason(raised.value) is None
    keys.ensure_project(gone, "another")
    gone.dispose()
