"""`sessionary migrate`: everything that SQLite has is the same in PostgreSQL, wherever the copy was stopped."""

import contextlib
import hashlib
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from sessionary.app import upkeep
from sessionary.app.migrating import run_migrate
from sessionary.cli import app
from sessionary.doctor import kept
from sessionary.drain.drain import Drain
from sessionary.drain.loop import drain_all
from sessionary.errors import SettingsError
from sessionary.ids import new_call_id
from sessionary.limits import opened
from sessionary.limits import schema as limits_schema
from sessionary.metrics import Metrics
from sessionary.migrating import Refused, source
from sessionary.migrating.target import tables
from sessionary.record.exchange import encode
from sessionary.settings import Settings
from sessionary.spool.writer import Writer
from sessionary.store import audit, edits, keys, migrate, partitions, saved, schema, search, verify
from sessionary.store.audit import Actor
from sessionary.store.engine import open_engine, truncate_log
from tests.integration.test_verify import fill, id_of
from tests.support import preloaded
from tests.support.postgres import Postgres
from tests.support.recorded import Log, user
from tests.support.served import served

NUL = "a\0b"
KEY = "key.txt"
RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few rows are several batches."""
    monkeypatch.setattr(source, "_ROWS", 30)


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    url = postgres.new_database()
    yield url
    postgres.drop(url)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a little of everything, of a gateway that was stopped."""
    folder = tmp_path_factory.mktemp("filled") / "data"
    folder.mkdir()
    settings = Settings(data_dir=folder)
    migrate.upgrade(settings.database_url)
    upkeep.run_demo(settings, 4, lambda *_: None)
    engine = open_engine(settings.database_url)
    log = Log(engine)
    fill(log)
    limits = {"calls_per_minute": 3}
    (folder / KEY).write_text(keys.create(engine, "default", "ci", ["gpt-4o"], None, limits=limits)[0])
    keys.revoke(engine, keys.create(engine, "other", "old", None, None)[1].id)
    saved.save(engine, log.project(), "mine", "sessions", "q=x")
    edits.patch_session(engine, log.project(), id_of(log, "broken"), "A title", ["one", "two"])
    edits.delete_session(engine, log.project(), id_of(log, "failed"))
    with engine.begin() as connection:
        mine = sa.update(schema.sessions).where(schema.sessions.c.session_id == "main")
        connection.execute(mine.values(title=NUL))
    engine.dispose()
    counters = opened.open_database(settings)
    with counters.begin() as connection:
        row = {"key_id": "key_x", "begins": 1, "ends": 1 << 60, "cost": 77}
        connection.execute(sa.insert(limits_schema.spent), row)
    assert truncate_log(counters)
    counters.dispose()
    engine = open_engine(settings.database_url)
    assert truncate_log(engine)  # copies of the folder have all in one file
    engine.dispose()
    return folder


@pytest.fixture
def data(filled: Path, tmp_path: Path) -> Path:
    """The same, of this test alone."""
    return Path(shutil.copytree(filled, tmp_path / "data"))


def run(data: Path, to: str, *, code: int = 0) -> str:
    """What the command tells, and what it tells beside that."""
    env = {name: None for name in os.environ if name.startswith("SESSIONARY")}
    done = RUNNER.invoke(app, ["migrate", "--to", to, "--data-dir", str(data)], env=env)
    assert done.exit_code == code, (done.output, done.exception)
    return " ".join(done.output.split())


def contents(engine: sa.Engine, counters: sa.Engine | None = None) -> dict[str, list[Any]]:
    """Every row of every table, as the gateway reads it."""
    found: dict[str, list[Any]] = {}
    for table in tables():
        of = counters if counters is not None and table.metadata is limits_schema.metadata else engine
        with of.connect() as connection:
            rows = connection.execute(sa.select(table)).all()
        found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    return found


def same(data: Path, to: str) -> None:
    """The target has what the folder has, and an entry in its audit log beside that."""
    settings = Settings(data_dir=data)
    before, counters, after = open_engine(settings.database_url), opened.open_database(settings), open_engine(to)
    try:
        was, now = contents(before, counters), contents(after)
        now["audit"] = [row for row in now["audit"] if "database.migrate" not in row]
        was["sessions"] = [tuple("a\ufffdb" if value == NUL else value for value in row) for row in was["sessions"]]
        was["sessions"].sort(key=repr)
        for name in was:
            assert now[name] == was[name], name
        assert migrate.version(after) == migrate.HEAD
        with after.connect() as connection:
            indexed = connection.scalar(sa.text("SELECT count(*) FROM search_text"))
            indexes = connection.scalar(sa.text("SELECT count(*) FROM pg_indexes WHERE tablename = 'calls'"))
        assert indexed == len(was["search_docs"]) > 20
        assert indexes is not None
        assert indexes > len(schema.calls.indexes)
    finally:
        for engine in (before, counters, after):
            engine.dispose()


def told(engine: sa.Engine) -> dict[str, Any]:
    """What the API says of all sessions: lists, whole exports, search."""
    with served(engine) as client:
        listed = client.get("/api/sessions?limit=200").json()["data"]
        found: dict[str, Any] = {"list": listed}
        for one in listed:
            at = f"/api/sessions/{one['id']}"
            found[one["id"]] = client.get(f"{at}/export?format=json").text, client.get(f"{at}/outline").json()
        found["usage"] = client.get("/api/keys").json()
        for words in ("answer", "tea", '"bit by bit"', "refu"):
            hits = client.get("/api/search", params={"q": words}).json()["data"]
            found[words] = sorted((hit["call_id"], hit["snippet"]) for hit in hits)
        return found


def test_everything_is_there_and_the_source_is_as_it_was(
    data: Path, empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "KEPT", 3)
    file = data / "sessionary.db"
    before = hashlib.sha256(file.read_bytes()).digest(), file.stat().st_mtime_ns
    said = run(data, empty)
    assert "copied and checked" in said
    assert "1 texts had NUL" in said
    assert "checking calls" in said  # lines, where there is no terminal
    assert (hashlib.sha256(file.read_bytes()).digest(), file.stat().st_mtime_ns) == before
    same(data, empty)
    assert "All of it is there already" in run(data, empty)

    engine = open_engine(empty)
    report = verify.verify(engine, again=0)
    assert report.differences == []
    (entry,) = audit.entries(engine, None, audit.Wanted(action="database.migrate"), 5)
    assert entry.actor == "command"
    assert entry.target == (data / "gateway.id").read_text().strip()
    assert entry.detail["calls"] > 20
    with engine.connect() as connection:
        elsewhere = connection.scalar(sa.text("SELECT count(*) FROM calls_default")) or 0
    assert elsewhere < entry.detail["calls"] / 4  # each is in the table of its time
    assert keys.create_project(engine, "after")  # its number is free
    with served(engine, (data / KEY).read_text()) as client:
        assert client.get("/api/sessions").status_code == 200
    shutil.copy(file, tmp_path / "copy.db")  # reading leaves marks
    copy = open_engine(f"sqlite:///{tmp_path / 'copy.db'}")
    was, now = told(copy), told(engine)
    copy.dispose()
    engine.dispose()
    titles = [one.pop("title") for there in (was, now) for one in there["list"] if one["session_id"] == "main"]
    assert titles == [NUL, "a\ufffdb"]
    mended = json.loads(json.dumps(was).replace("a\\\\u0000b", "a\ufffdb").replace("a\\u0000b", "a\ufffdb"))
    assert json.loads(json.dumps(now)) == mended


class _Stopped(Exception):
    pass


@contextlib.contextmanager
def stopping_after(count: int) -> Iterator[None]:
    """At one of PostgreSQL's statements or commits, before or after it is made, as if the process were killed."""
    left = count

    def step(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise _Stopped

    def statement(connection: sa.Connection, *_: Any) -> None:
        if connection.dialect.name == "postgresql":
            step()

    def commit(connection: sa.Connection) -> None:
        if connection.dialect.name == "postgresql":
            step()

    sa.event.listen(sa.Engine, "before_cursor_execute", statement)
    sa.event.listen(sa.Engine, "after_cursor_execute", statement)
    sa.event.listen(sa.Engine, "commit", commit)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", statement)
        sa.event.remove(sa.Engine, "after_cursor_execute", statement)
        sa.event.remove(sa.Engine, "commit", commit)


@pytest.mark.parametrize("seed", range(2))
def test_stopped_again_and_again_it_goes_on(data: Path, empty: str, seed: int) -> None:
    chance, stops, went_on = random.Random(seed), 0, 0
    while True:
        try:
            with stopping_after(chance.randrange(1, 200 + 100 * stops)):  # what comes after the rows is made again
                report = run_migrate(Settings(data_dir=data), empty, lambda *_: None)
        except _Stopped:
            stops += 1
            continue
        went_on += report.went_on
        break
    assert stops > 2
    assert went_on == 1
    same(data, empty)


def test_killed_again_and_again_it_goes_on(data: Path, empty: str, tmp_path: Path) -> None:
    """A process of its own, kill -9 at any moment."""
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    chance, kills = random.Random(1), 0
    args = ("migrate", "--to", empty, "--data-dir", str(data))
    while True:
        process = preloaded.start(args, env, tmp_path, tmp_path / "log")
        try:
            code = process.wait(chance.uniform(0.05, 0.4) * (1 + kills / 8))
        except subprocess.TimeoutExpired:
            process.send_signal(9)
            process.wait(10)
            kills += 1
            continue
        assert code == 0, (tmp_path / "log").read_text()
        break
    assert kills > 0
    same(data, empty)


def drained(data: Path, engine: sa.Engine) -> None:
    gateway = (data / "gateway.id").read_text().strip()
    drain_all(Drain(data / "spool", engine, Metrics(), gateway=gateway), data / "spool")


def test_what_waits_in_the_spool_is_stored_by_the_gateway_that_starts(data: Path, empty: str) -> None:
    """Its calls are there once: those that were drained before do not come again."""
    engine = open_engine(f"sqlite:///{data / 'sessionary.db'}")
    writer = Writer(data / "spool")
    log = Log(engine, at=time.time_ns() // 1000 - 600_000_000)
    first = log.begin("drained", {"model": "m", "messages": [user("first")]}, call_id=new_call_id())
    second = log.begin("drained", {"model": "m", "messages": [user("zweitens")]}, call_id=new_call_id())
    for record in (first, log.finish(first, b'{"choices": [{"index": 0, "message": {"content": "one"}}]}')):
        writer.append(encode(record))
    drained(data, engine)
    for record in (second, log.finish(second, b'{"choices": [{"index": 0, "message": {"content": "two"}}]}')):
        writer.append(encode(record))
    writer.close()
    engine.dispose()

    run(data, empty)
    after = open_engine(empty)
    drained(data, after)
    with served(after) as client:
        calls = client.get("/api/calls?session_id=drained").json()["data"]
    assert {call["id"] for call in calls} == {first.call_id, second.call_id}
    assert verify.verify(after, again=0).differences == []
    with after.connect() as connection:
        found = search.newest(connection, None, "zweitens", 10)
    after.dispose()
    assert len(found) == 1


def test_a_row_that_postgresql_will_not_have_is_kept_and_told(data: Path, empty: str) -> None:
    engine = open_engine(f"sqlite:///{data / 'sessionary.db'}")
    with engine.begin() as connection:
        row = {"project": 1, "kind": "tag", "value": random.Random(1).randbytes(8000).hex(), "session": "ses_x"}
        connection.execute(sa.insert(schema.facets), row)
    engine.dispose()
    assert "1 rows of facets were refused" in run(data, empty)
    after = open_engine(empty)
    with after.connect() as connection:
        kept = connection.execute(sa.select(schema.set_aside)).all()
    after.dispose()
    assert [row.reason for row in kept] == ["refused by the database: ProgramLimitExceeded, of table facets"]


def test_what_is_refused(data: Path, empty: str, postgres: Postgres, tmp_path: Path) -> None:
    with source.unserved(data / "spool"):
        assert f"A gateway serves {data}: stop it" in run(data, empty, code=2)
    assert "There is no database at" in run(tmp_path / "nothing", empty, code=2)
    assert "--to takes postgresql://" in run(data, "sqlite:///x.db", code=2)

    used = postgres.new_database()
    migrate.upgrade(used)
    engine = open_engine(used)
    keys.ensure_project(engine, "theirs")
    assert "has data of a Sessionary already" in run(data, used, code=2)
    engine.dispose()
    postgres.drop(used)

    narrow = postgres.new_database(more="ENCODING 'LATIN1' LOCALE 'C'")
    assert "The database's encoding is LATIN1, which has not every letter" in run(data, narrow, code=2)
    postgres.drop(narrow)

    foreign = postgres.new_database()
    engine = open_engine(foreign)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE sessions (id integer)"))
    assert "has a table sessions already" in run(data, foreign, code=2)
    engine.dispose()
    postgres.drop(foreign)


def test_a_copy_that_is_not_finished_is_no_database(data: Path, empty: str) -> None:
    """No gateway starts on it, another folder's copy does not go into it; if the source has changed it begins anew."""
    settings = Settings(data_dir=data)
    with pytest.raises(_Stopped), stopping_after(550):
        run_migrate(settings, empty, lambda *_: None)
    with pytest.raises(SettingsError, match="copy that is not finished"):
        migrate.upgrade(empty)
    (found,) = kept.database(Settings(data_dir=data, database=empty))
    assert found.level == "fail"
    assert found.said.endswith(": is a copy that is not finished")
    assert found.do == "run `sessionary migrate` again"
    other = Path(shutil.copytree(data, data.with_name("other")))
    (other / "gateway.id").write_text("gw_other\n")
    with pytest.raises(Refused, match="another data folder"):
        run_migrate(Settings(data_dir=other), empty, lambda *_: None)
    engine = open_engine(settings.database_url)
    log = Log(engine)
    log.chat("meanwhile", [user("somebody served from it again")])
    engine.dispose()
    report = run_migrate(settings, empty, lambda *_: None, Actor("command", "me"))
    assert not report.went_on
    same(data, empty)


def test_an_older_database_is_refused(data: Path, empty: str) -> None:
    engine = open_engine(f"sqlite:///{data / 'sessionary.db'}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0003'"))
    engine.dispose()
    assert "has the schema of another version (0003" in run(data, empty, code=2)
