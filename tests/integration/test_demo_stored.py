"""The demo's sessions, as the drain makes them of what is spooled: as they were meant, on both engines."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from starlette.datastructures import QueryParams

from sessionary.api.ledger import Ledger
from sessionary.api.views import Views
from sessionary.auth import Principal
from sessionary.demo import filling, schedule
from sessionary.drain.drain import Drain
from sessionary.metrics import Metrics
from sessionary.store import edits, keys, schema
from tests.support.recorded import Log, user

KINDS = len(schedule.SCENES)


class Meant(NamedTuple):
    """A session, by the beginning of its title."""

    title: str
    calls: int
    turns: int
    branches: int = 0
    agents: int = 0
    errors: int = 0
    source: str = "id"
    status: str = "ok"


MEANT = (
    Meant("We want to round taxes", 11, 2, agents=2, source="harness"),
    Meant("test_free_shipping_threshold", 8, 2, source="harness"),
    Meant("port the map renderer", 25, 3, source="harness"),
    Meant("the product page is slow", 6, 4, source="harness"),
    Meant("nightly: make the integration", 61, 1, source="harness"),
    Meant("rename Viewport", 5, 1, errors=3, source="harness", status="errors"),
    Meant("write a migration", 3, 2, source="harness"),
    Meant("the retry helper sleeps", 6, 2, source="harness"),
    Meant("Review pull request #1180", 4, 2, agents=1, source="harness"),
    Meant("why is the docker image", 2, 1, source="harness"),
    Meant("Hi, the secateurs", 5, 3),
    Meant("We are a nursery", 5, 2),
    Meant("Plan four days from Vienna", 5, 5, branches=2, source="content"),
    Meant("Names for a bakery", 4, 2),
    Meant("كيف أحضّر", 2, 2, source="content"),
    Meant("京都から", 2, 2),
    Meant("Show me a token bucket", 4, 4, source="response"),
    Meant("I write about night trains", 4, 3, source="response"),
    Meant("How much do the four big", 4, 1),
    Meant("A line for a folding kayak", 7, 2, agents=2),
    Meant("Spanish with Nora", 300, 300),
    Meant("The Salt Road", 4, 4),
    Meant("Two lines for a cedar", 1, 1),
    Meant("Summarise the attached", 3, 1, errors=2, source="content", status="errors"),
    Meant("A short history of the lighthouse", 1, 1, source="none", status="cut"),
    Meant("Explain the French Revolution", 1, 1, status="cut"),
    Meant("hello?", 1, 1, errors=1, source="none", status="errors"),
    Meant("Here is the whole contract", 2, 1, errors=1, status="errors"),
    Meant("What is wrong with this leaf", 2, 2),
    Meant("Ticket triage, batch 1", 4, 4, branches=3),
    Meant("Reindex the help pages", 3, 3, branches=2),
    Meant("Shop texts into French", 5, 5),
)
FREE = ("hello?", "Keep this between us", "Write the digest")
"""Unpriced: never answered, or by a model of one's own."""


@contextmanager
def draining(engine: sa.Engine, folder: Path) -> Iterator[Metrics]:
    """A drain at work, as the server has one."""
    (folder / "spool").mkdir(exist_ok=True)
    lock = os.open(folder / "spool" / "drain.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    metrics, stop = Metrics(), threading.Event()
    drain = Drain(folder / "spool", engine, metrics)

    def work() -> None:
        while drain.round() or not stop.wait(0.01):
            pass

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield metrics
    finally:
        stop.set()
        thread.join()
        os.close(lock)


def sessions(engine: sa.Engine) -> list[sa.Row[Any]]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(schema.sessions)))


def count(metrics: Metrics, name: str) -> int:
    counter = getattr(metrics, name)
    return int(sum(s.value for m in counter.collect() for s in m.samples if s.name.endswith("_total")))


def test_every_kind_comes_out_as_it_was_meant(engine: sa.Engine, tmp_path: Path) -> None:
    project = keys.ensure_project(engine, "demo")
    with draining(engine, tmp_path) as metrics:
        filled = filling.fill(engine, tmp_path, project, KINDS, metrics)
    rows = sessions(engine)
    assert (len(rows), sum(row.calls for row in rows)) == (filled.sessions, filled.calls)
    assert filled.stored
    assert {row.id for row in rows} >= {shown.session for shown in filled.shown}
    assert len(filled.shown) == len(schedule.WORTH)
    for meant in MEANT:
        (row,) = [row for row in rows if row.title.startswith(meant.title)]
        got = Meant(meant.title, row.calls, row.turns, row.branches, row.agents, row.errors, row.source, row.status)
        assert got == meant
    assert all(row.cost > 0 for row in rows if not row.title.startswith(FREE))
    assert all("demo" in row.tags and row.title for row in rows)
    assert len({model for row in rows for model in row.models}) >= 15
    assert len({client for row in rows for client in row.clients}) >= 9
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.set_aside)) == 0
        origins = connection.execute(sa.select(schema.calls.c.origin_kind, sa.func.count()).group_by("origin_kind"))
        assert {kind: n for kind, n in origins if kind} == {"spawn": 5, "compaction": 1, "retry": 2}
        assert connection.scalar(sa.select(sa.func.count()).where(schema.calls.c.ambiguous)) == 0
    books = [count(metrics, name) for name in ("begun", "finished", "stored")]
    assert books == [filled.calls] * 3  # no alarm: what is stored was begun
    _read(engine, rows)


def _read(engine: sa.Engine, rows: list[sa.Row[Any]]) -> None:
    """What the pages are told."""
    views = Views(engine, lambda: Ledger(0, 0, 0, 0, {}, 0, {}, 0, 0, True, 0, 0))
    master = Principal(None, "default", 1, "master", "master")
    taxes = next(row.id for row in rows if row.title.startswith("We want"))
    told = views.transcript(master, taxes)
    assert [added.retry for added in told.calls] == [False] * 11
    assert [added.call.side for added in told.calls] == [True] + [False] * 10
    slow = next(row.id for row in rows if row.title.startswith("the product page"))
    broke = [added.broke.what for added in views.transcript(master, slow).calls if added.broke]
    assert broke == ["tools", "model"]
    page = views.sessions(master, QueryParams({"limit": "5"}))
    assert [row.title[:8] for row in page.data] == ["We want ", "Hi, the ", "Plan fou", "the retr", "Two line"]


def test_what_is_not_the_demos_stays(engine: sa.Engine, tmp_path: Path, log: Log) -> None:
    project = keys.ensure_project(engine, "demo")
    log.chat("mine", [user("a real one, by chance with the tag")], project="demo", tags=["demo"])
    log.chat("other", [user("a real one")])
    with draining(engine, tmp_path):
        filling.fill(engine, tmp_path, project, 8)
        filling.fill(engine, tmp_path, project, 6)  # in place of the first
    rows = sessions(engine)
    assert len(rows) == 6 + 2
    kept = next(row for row in rows if row.title.startswith("We want"))
    joined = next(row for row in rows if row.title.startswith("Hi, the secateurs"))
    edits.patch_session(engine, project, kept.id, None, ["mine now"])
    log.chat(joined.session_id, [user("a real call in a demo session")], project="demo")
    assert filling.clear(engine, log.project("default")) == 0
    assert filling.clear_all(engine, tmp_path) == 4
    left = {row.id for row in sessions(engine)}
    assert left >= {kept.id, joined.id}
    assert len(left) == 4
    assert filling.clear_all(engine, tmp_path) == 0


def counted(engine: sa.Engine) -> tuple[dict[str, int], dict[str, int]]:
    """Calls by key, and by what told their session."""
    t, r = schema.traffic.c, schema.rates.c
    with engine.connect() as connection:
        keyed = connection.execute(sa.select(t.key_id, sa.func.sum(t.calls)).where(t.step == 86400).group_by(t.key_id))
        told = connection.execute(sa.select(r.rule, sa.func.sum(r.calls)).group_by(r.rule))
        return {row[0]: int(row[1]) for row in keyed}, {row[0]: int(row[1]) for row in told}


def test_what_was_counted_of_them_goes_with_them(log: Log, engine: sa.Engine, tmp_path: Path) -> None:
    log.chat("mine", [user("a real call")], project="demo")
    mine = counted(engine)
    assert mine == ({"master": 1}, {"x-session-id": 1})
    with draining(engine, tmp_path):
        filling.fill(engine, tmp_path, log.project("demo"), KINDS)
    keyed, told = counted(engine)
    assert sum(keyed.values()) == sum(told.values()) > 200
    assert filling.clear_all(engine, tmp_path) == KINDS
    assert counted(engine) == mine
    with draining(engine, tmp_path):
        filling.fill(engine, tmp_path, log.project("demo"), KINDS)
    kept = sessions(engine)[0]
    edits.patch_session(engine, log.project("demo"), kept.id, None, ["mine now"])
    filling.clear_all(engine, tmp_path)
    assert sum(counted(engine)[1].values()) == sum(row.calls for row in sessions(engine))


def test_what_was_played_and_is_on_its_way_leaves_nothing(log: Log, engine: sa.Engine) -> None:
    played: dict[str, Any] = {"key_id": "live-demo", "tags": ["demo"]}
    log.chat("night", [user("Where is the Ring Nebula?")], **played)
    late = log.begin("night", {"model": "gpt-5.1", "messages": [user("And now?")]}, **played)
    assert filling.clear(engine) == 1
    log.store(late, log.finish(late, b"{}"))
    assert sessions(engine) == []
    assert counted(engine) == ({}, {})


def test_one_filling_at_a_time(engine: sa.Engine, tmp_path: Path) -> None:
    with filling.alone(tmp_path), pytest.raises(filling.Busy):
        filling.fill(engine, tmp_path, 1, 5)
    assert list(tmp_path.glob("spool/*")) == []


def test_it_stops_when_it_is_told_to(engine: sa.Engine, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with draining(engine, tmp_path):
        assert not filling.fill(engine, tmp_path, keys.ensure_project(engine, "demo"), 30, stop=stop).stored
    assert sessions(engine) == []
