"""Pages from a streaming replica: what is read there and what never is, also where it is late, away, or back."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary.auth import MASTER
from sessionary.doctor import kept
from sessionary.errors import SettingsError
from sessionary.settings import Settings
from sessionary.settings.load import load
from sessionary.store import keys, verify
from sessionary.store import replica as following
from sessionary.store.engine import open_engine
from sessionary.store.migrate import upgrade
from sessionary.store.replica import MOST_LAG, PATIENCE, Replica
from tests.faults.traffic import compare, config, traffic
from tests.support import postgres as clusters
from tests.support.postgres import Postgres, running_postgres, running_replica
from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream

WHERE = sa.text("SELECT pg_is_in_recovery()")
PAGES = ("/api/sessions?limit=20", "/api/calls?limit=20", "/api/search?q=client", "/ui/", "/ui/calls")
READ = "SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'sessions'"
"""How often the sessions' table was."""


@pytest.fixture(scope="module")
def primary() -> Iterator[Postgres]:
    with running_postgres(ours=True, synchronous_commit="on") as started:
        yield started


@pytest.fixture
def url(primary: Postgres) -> str:
    url = primary.new_database()
    upgrade(url)
    return url


@pytest.fixture(scope="module")
def one(primary: Postgres) -> Iterator[clusters.Replica]:
    with running_replica(primary) as started:
        yield started


@pytest.fixture
def standby(one: clusters.Replica, url: str) -> Iterator[clusters.Replica]:
    """One that follows, with the database at `url`; a test may leave it stopped, paused or late."""
    one.caught_up()
    yield one
    if not one.running:
        one.start()
    one.resume()
    one.delay("0")


@pytest.fixture
def replica(url: str, standby: clusters.Replica) -> Iterator[Replica]:
    """One that is followed, and read."""
    opened = Replica(standby.url(name_of(url)), url)
    looked(opened, "read")
    yield opened
    opened.close()


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def looked(replica: Replica, state: str) -> None:
    def found() -> bool:
        replica.look()
        return replica.state == state

    wait_for(found, 20, f"the replica being {state}")


def is_read(replica: Replica) -> bool:
    """Whether it is the replica that answers."""
    with replica.engine.connect() as connection:
        return bool(connection.scalar(WHERE))


def waits_until_it_goes_on(standby: clusters.Replica, replica: Replica) -> None:
    """Who has changed something while the replica is paused."""
    waiting = threading.Thread(target=replica.caught_up)
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    standby.resume()
    waiting.join(PATIENCE)
    assert not waiting.is_alive()
    assert replica.fit


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_it_is_read_once_it_is_known_to_follow(url: str, standby: clusters.Replica, replica: Replica) -> None:
    assert is_read(replica)
    assert replica.lag is not None
    assert replica.lag <= MOST_LAG
    unknown = Replica(standby.url(name_of(url)), url)
    assert not is_read(unknown)
    unknown.close()


def test_while_it_is_away_the_database_is_read_and_it_is_said_once(
    standby: clusters.Replica, replica: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    assert is_read(replica)
    standby.stop()
    for _ in range(3):
        assert not is_read(replica)
    looked(replica, "away")
    looked(replica, "away")
    assert not is_read(replica)
    assert len(warnings(caplog)) == 1
    standby.start()
    looked(replica, "read")
    assert is_read(replica)
    assert len(warnings(caplog)) == 1


def test_a_statement_in_flight_is_asked_again(standby: clusters.Replica, replica: Replica) -> None:
    asked: list[bool] = []

    def read() -> bool:
        with replica.engine.connect() as connection:
            asked.append(bool(connection.scalar(WHERE)))
            if len(asked) == 1:
                standby.stop()
            return bool(connection.scalar(WHERE))

    assert following.once_more(read) is False
    assert asked == [True, False]


def test_one_that_is_too_far_behind_is_not_read(
    primary: Postgres, url: str, standby: clusters.Replica, replica: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    standby.pause()
    primary.run("CREATE TABLE something ()")
    looked(replica, "late")
    assert not is_read(replica)
    assert replica.lag is not None
    assert replica.lag > MOST_LAG
    newcomer = Replica(standby.url(name_of(url)), url)  # has seen none of that
    primary.run("DROP TABLE something")
    looked(newcomer, "late")
    assert not is_read(newcomer)
    standby.resume()
    looked(replica, "read")
    assert is_read(replica)
    assert len(warnings(caplog)) == 2
    newcomer.close()


def test_a_database_that_follows_nobody_is_not_read(primary: Postgres, url: str) -> None:
    other = Replica(primary.new_database(), url)
    looked(other, "none")
    assert not is_read(other)
    other.close()


def test_who_changes_something_waits_until_the_replica_has_it(
    primary: Postgres, standby: clusters.Replica, replica: Replica
) -> None:
    standby.pause()
    primary.run("CREATE TABLE something ()")
    replica.look()
    waits_until_it_goes_on(standby, replica)
    primary.run("DROP TABLE something")


def test_who_knew_it_to_be_late_looks_before_it_does_not_wait(
    primary: Postgres, standby: clusters.Replica, replica: Replica
) -> None:
    """Others may have seen already that it is late no more, and read it."""
    standby.pause()
    primary.run("CREATE TABLE something ()")
    looked(replica, "late")
    standby.resume()
    standby.caught_up()
    standby.pause()
    primary.run("DROP TABLE something")
    waits_until_it_goes_on(standby, replica)


def test_nobody_reads_one_that_had_not_what_was_changed_in_time(
    primary: Postgres, standby: clusters.Replica, replica: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    """Also who looked just before the change, and has not heard of it."""
    standby.pause()
    other = threading.Event()

    def looking() -> None:
        while not other.wait(following.LOOK):
            replica.look()

    thread = threading.Thread(target=looking, daemon=True)
    thread.start()
    try:
        primary.run("CREATE TABLE something ()")
        replica.caught_up()
        assert not is_read(replica)
    finally:
        other.set()
        thread.join()
    assert warnings(caplog) == [following._WORDS["late"]]
    primary.run("DROP TABLE something")


# The whole gateway


def served(tmp_path: Path, url: str, standby: clusters.Replica, upstream: FakeUpstream) -> Any:
    replica = standby.url(name_of(url))
    env = {"SESSIONARY_WORKERS": "2", "SESSIONARY_DATABASE": url, "SESSIONARY_DATABASE_REPLICA": replica}
    return running_server(tmp_path, config=config(upstream), env=env)


def reading(server: Server, standby: clusters.Replica, url: str) -> None:
    """Returns when a worker has read the replica."""
    before = standby.ask(READ, name_of(url))

    def found() -> bool:
        server.get("/api/sessions")
        return bool(standby.ask(READ, name_of(url)) > before)

    wait_for(found, what="the replica being read")


def state(server: Server) -> str:
    gauges: dict[str, Any] = server.get("/api/health")["gauges"]
    return str(gauges["replica"])


@pytest.mark.timeout(240)  # a server of PostgreSQL goes and comes, under load
def test_pages_go_on_while_it_goes_and_comes_back(
    tmp_path: Path, url: str, standby: clusters.Replica, upstream: FakeUpstream
) -> None:
    with served(tmp_path, url, standby, upstream) as server:
        engine = open_engine(url)
        with traffic(server, clients=2, pause=0.15, seed=5) as seen, ThreadPoolExecutor(len(PAGES)) as pool:
            reading(server, standby, url)

            cookie = {"cookie": f"sessionary={keys.new_cookie(engine, MASTER)}"}

            def pages() -> set[int | str]:
                asked = [(p, None if p.startswith("/ui") else server.key) for p in PAGES]
                answers = pool.map(lambda a: server.request("GET", a[0], headers=cookie, key=a[1]), 4 * asked)
                return {200 if a.status == 200 else f"{a.status}: {server.log[-2000:]}" for a in answers}

            assert pages() == {200}
            standby.stop()
            for _ in range(4):
                assert pages() == {200}
            wait_for(lambda: state(server) == "away", what="its being missed")
            standby.start()
            reading(server, standby, url)
            assert pages() == {200}
        assert seen.errors == []
        compare(server, upstream, seen)
        assert server.log.count("the replica cannot be read") <= 3  # each of two workers, and the reader
        report = verify.verify(engine, lambda looked_at: None, 20)
        assert report.differences == []
        assert report.looked_at > len(seen.turns)
    engine.dispose()


def test_what_was_changed_shows_and_calls_never_wait(
    tmp_path: Path, url: str, standby: clusters.Replica, upstream: FakeUpstream
) -> None:
    """Whatever worker is asked next. Chains go on at once: what was said is read from the database."""
    standby.delay("500ms")
    with served(tmp_path, url, standby, upstream) as server, ThreadPoolExecutor(8) as pool:
        server.chat("hello", model="through-chat", session_id="mine")
        session = server.session("mine", calls=1)["id"]
        reading(server, standby, url)
        for n in range(4):
            began = time.monotonic()
            renamed = server.request("PATCH", f"/api/sessions/{session}", json.dumps({"title": f"title {n}"}).encode())
            assert (renamed.status, renamed.json["title"]) == (200, f"title {n}")
            assert time.monotonic() - began > 0.3, "the replica had it at once: nothing is shown by this"
            titles = pool.map(lambda _: server.get("/api/sessions")["data"][0]["title"], range(8))
            assert set(titles) == {f"title {n}"}
        assert server.request("DELETE", f"/api/sessions/{session}").status == 200
        assert set(pool.map(lambda _: len(server.get("/api/sessions")["data"]), range(8))) == {0}
        answered = server.post("/v1/responses", {"model": "through-chat", "input": "first"}).json["id"]
        took: list[float] = []
        for n in range(3):
            began = time.monotonic()
            body = {"model": "through-chat", "input": f"then {n}", "previous_response_id": answered}
            answer = server.post("/v1/responses", body)
            assert answer.status == 200
            took.append(time.monotonic() - began)
            answered = answer.json["id"]
        assert min(took) < 0.5, "each waited for the replica"
        assert state(server) == "read"


# Around it


def settings(url: str, replica: str) -> Settings:
    return Settings(database=url, database_replica=replica)


def test_doctor(primary: Postgres, url: str, standby: clusters.Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(replica: str) -> tuple[str, str]:
        (finding,) = kept.replica(settings(url, replica))
        return finding.level, finding.said

    own = standby.url(name_of(url))
    assert list(kept.replica(Settings(database=url))) == []
    level, said = found(own)
    assert level == "ok"
    assert "follows" in said
    assert found(primary.new_database())[0] == "fail"
    assert found("nonsense")[0] == "fail"
    standby.pause()
    primary.run("CREATE TABLE something ()")
    assert found(own)[0] == "warn"
    standby.stop()
    level, said = found(own)
    assert level == "warn"
    assert "cannot be reached" in said
    primary.run("DROP TABLE something")


def test_it_is_for_postgresql() -> None:
    given = {"SESSIONARY_DATABASE_REPLICA": "postgresql://x/y"}
    with pytest.raises(SettingsError, match="database_replica"):
        load(None, given)
    assert load(None, given | {"SESSIONARY_DATABASE": "postgresql://x/z"}).database_replica == "postgresql://x/y"
