"""Several drains on one PostgreSQL, as of several gateways: they write the same sessions, messages and counts."""

import json
import multiprocessing
import random
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
import sqlalchemy as sa

from sessionary.drain.loop import Drain
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
from tests.support.upstream import chat_json

DRAINS = 4
ROUNDS, CALLS = 15, 4
"""Of a drain, and of a round."""
SESSIONS = 3
QUESTIONS = 8
"""That all of them ask, so that bodies and messages are the same."""


def record(recorder: Recorder, project: int, rng: random.Random) -> None:
    name, question = f"shared-{rng.randrange(SESSIONS)}", f"question {rng.randrange(QUESTIONS)}"
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": question}]}
    begin = Begin(
        new_call_id(), now_us(), project, "master", session_id(project, name), name, "id", "x-session-id",
        "chat.completions", "gpt-4o", False, "tests", "", {"user-agent": "tests"}, json.dumps(body).encode(),
    )  # fmt: skip
    headers = {"content-type": "application/json"}
    recorder.begin(begin).finish("ok", http_status=200, headers=headers, body=chat_json(body))


def drain(url: str, spool: Path, project: int, number: int, ready: Barrier) -> None:
    """A gateway's, in a process of its own: round after round of a few calls, all at once with the others."""
    rng, metrics, engine = random.Random(number), Metrics(), open_engine(url)
    recorder = Recorder(Spooling(Writer(spool), metrics, Quota(Reader(spool), None)), metrics)
    draining = Drain(spool, engine, metrics, gateway=f"gw_{number}")
    ready.wait(60)
    for _ in range(ROUNDS):
        for _ in range(CALLS):
            record(recorder, project, rng)
        draining.round()
    recorder.close()
    while draining.round():
        pass
    engine.dispose()


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_they_add_up_and_never_wait_for_each_other_in_a_circle(url: str, engine: sa.Engine, tmp_path: Path) -> None:
    project = keys.ensure_project(engine, "default")
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
    total = DRAINS * ROUNDS * CALLS
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.calls)) == total
        assert connection.scalar(sa.select(sa.func.sum(schema.sessions.c.calls))) == total
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.sessions)) == SESSIONS
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
