"""A whole gateway through pgbouncer in transaction mode: each transaction may get another connection of the server."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from sessionary.store import migrate, verify
from sessionary.store.engine import open_engine, took_too_long
from tests.faults.traffic import compare, config, traffic
from tests.support.postgres import Postgres, running_pgbouncer, running_postgres
from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream

CONNECTIONS = 4
PAGES = ("/api/sessions?limit=50", "/api/search?q=client", "/api/calls?filter=status:ok", "/api/health", "/api/keys")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres(ours=True) as started:
        yield started


@pytest.fixture(scope="module")
def pooled(postgres: Postgres) -> Iterator[Callable[[str], str]]:
    with running_pgbouncer(postgres, CONNECTIONS) as through:
        yield through


@pytest.fixture
def url(postgres: Postgres, pooled: Callable[[str], str]) -> str:
    """An empty database, through the pooler."""
    return pooled(postgres.new_database())


def left_behind(url: str, name: str) -> set[str]:
    """The values of a setting that the server's connections have, between transactions."""
    found = set()
    for _ in range(5 * CONNECTIONS):
        with psycopg.connect(url, prepare_threshold=None) as connection:
            row = connection.execute(f"SHOW {name}".encode()).fetchone()
            assert row is not None
            found.add(row[0])
    return found


def test_calls_pages_limits_and_the_drain(tmp_path: Path, url: str, upstream: FakeUpstream) -> None:
    env = {"SESSIONARY_WORKERS": "2", "SESSIONARY_DATABASE": url}
    with running_server(tmp_path, config=config(upstream), env=env) as server:
        with traffic(server, seed=12) as seen, ThreadPoolExecutor(len(PAGES)) as pool:
            wait_for(lambda: len(seen.turns) > 20, what="traffic")
            for _ in range(12):  # more often than what makes a driver prepare a statement
                assert {a.status for a in pool.map(lambda path: server.request("GET", path), PAGES)} == {200}
        assert seen.errors == []
        compare(server, upstream, seen)
        limits_hold(server)
        engine = open_engine(url)
        report = verify.verify(engine, lambda looked_at: None, 20)
        assert report.differences == []
        assert report.looked_at > len(seen.turns)
        engine.dispose()
        assert "prepared statement" not in server.log
        assert left_behind(url, "statement_timeout") == {"0"}
        assert left_behind(url, "transaction_read_only") == {"off"}


def limits_hold(server: Server) -> None:
    """A key's calls are counted in PostgreSQL, beside the store."""
    made = server.post("/api/keys", {"project": "default", "name": "few", "limits": {"calls_per_minute": 3}}).json
    answers = [server.chat(f"call {n}", model="through-chat", key=made["key"]).status for n in range(5)]
    assert sorted(answers) == [200, 200, 200, 429, 429]


def test_new_sessions_of_a_limited_key_at_once(tmp_path: Path, url: str, upstream: FakeUpstream) -> None:
    """As many threads wait for a key's lock as there are connections: who has it needs no other one."""
    env = {"SESSIONARY_WORKERS": str(CONNECTIONS), "SESSIONARY_DATABASE": url}
    with running_server(tmp_path, config=config(upstream), env=env) as server:
        limits = {"session_calls": 5, "budget": 100}
        key = server.post("/api/keys", {"project": "default", "name": "few", "limits": limits}).json["key"]

        def answered(n: int) -> int:
            return server.chat(f"call {n}", "through-chat", key=key, metadata={"session_id": f"new {n}"}).status

        with ThreadPoolExecutor(4 * CONNECTIONS) as callers:
            assert set(callers.map(answered, range(8 * CONNECTIONS))) == {200}
        figures = server.request("GET", "/metrics").body.decode()
        assert "sessionary_limits_unreached_total 0.0" in figures.splitlines()


def test_a_statement_that_takes_too_long_is_ended_and_no_others(url: str) -> None:
    """Its end is a transaction's, and not of the connection that somebody else gets next."""
    patient, impatient = open_engine(url), open_engine(url, patience=0.3)
    with impatient.connect() as connection, pytest.raises(sa.exc.OperationalError) as refused:
        connection.execute(sa.text("SELECT pg_sleep(5)"))
    assert took_too_long(refused.value)
    for _ in range(2 * CONNECTIONS):
        with patient.connect() as connection:
            assert connection.scalar(sa.text("SHOW statement_timeout")) == "0"
    for engine in (patient, impatient):
        engine.dispose()


@pytest.mark.parametrize("pooler", [True, False])
def test_statements_are_prepared_where_the_connection_is_ours(
    postgres: Postgres, pooled: Callable[[str], str], *, pooler: bool
) -> None:
    address = postgres.new_database()
    engine = open_engine(pooled(address) if pooler else address)
    with engine.connect() as connection:
        for n in range(10):
            connection.execute(sa.text("SELECT CAST(:n AS integer)"), {"n": n})
        prepared = connection.scalar(sa.text("SELECT count(*) FROM pg_prepared_statements"))
    assert bool(prepared) is not pooler
    engine.dispose()
    postgres.drop(address)


def test_more_gateways_than_it_has_connections_start_together(postgres: Postgres, pooled: Callable[[str], str]) -> None:
    """On an empty database: those that wait for the one that makes the tables have no connection meanwhile, which it or
    anyone else may need; and it needs one."""
    address = postgres.new_database()
    url, ended = pooled(address), []

    def start() -> None:
        migrate.upgrade(url)
        ended.append(url)

    threads = [threading.Thread(target=start, daemon=True) for _ in range(2 * CONNECTIONS)]
    with psycopg.connect(address) as another:  # that is at it since before they came
        another.execute("SELECT pg_advisory_xact_lock(%s)", [migrate._LOCK])
        for thread in threads:
            thread.start()
        time.sleep(0.5)  # whoever would take a connection and wait has done so
        with psycopg.connect(url, prepare_threshold=None) as anyone:
            assert anyone.execute("SELECT 1").fetchone() == (1,)
        assert ended == []
    for thread in threads:
        thread.join(60)
    assert len(ended) == len(threads)
    assert postgres.ask("SELECT version_num FROM alembic_version", address.rpartition("/")[2]) == migrate.HEAD
