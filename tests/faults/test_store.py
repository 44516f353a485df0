"""F6, F7, F20: the store is away, locked, slow, fails over, or is read by many; calls never notice."""

import contextlib
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.faults.traffic import MODEL, compare, config, resident, traffic
from tests.support.postgres import Postgres, running_postgres
from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream

FLAT = 60
"""Megabytes by which a process may grow while the store is away for some seconds: what it keeps anyhow is new, too."""
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IS NOT NULL AND application_name = ''"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with running_postgres(ours=True) as started:
        yield started


def ready(server: Server) -> bool:
    return bool(server.request("GET", "/health/ready", key=None).json["status"] == "ready")


def test_postgresql_goes_and_comes_back(tmp_path: Path, cluster: Postgres, upstream: FakeUpstream) -> None:
    """F6, F7, P8: away and back, a table locked, its patience short, connections killed, failed over; all under load.
    Chains resolve from any worker all the time."""
    url = cluster.new_database()
    name = url.rpartition("/")[2]
    given = config(upstream, database=url)
    with running_server(tmp_path, config=given, env={"SESSIONARY_WORKERS": "2"}) as server:
        with traffic(server, seed=6) as seen:
            wait_for(lambda: len(seen.turns) > 30, what="traffic")
            before = resident(server)
            cluster.stop()
            gone = len(seen.turns)
            for _ in range(8):
                time.sleep(0.2)
                assert ready(server)
            assert len(seen.turns) > gone + 20
            after = resident(server)
            assert b"sessionary_spool_records" in server.request("GET", "/metrics").body
            cluster.start()

            with psycopg.connect(cluster.url(name), application_name="locker") as locker:
                locker.execute("LOCK TABLE calls IN ACCESS EXCLUSIVE MODE")
                cluster.run(f"ALTER DATABASE {name} SET statement_timeout = '200ms'")
                cluster.run(TERMINATE)
                time.sleep(0.8)
            cluster.run(f"ALTER DATABASE {name} RESET statement_timeout")
            for _ in range(10):
                time.sleep(0.05)
                cluster.run(TERMINATE)
            cluster.stop("fast")
            cluster.start()
            assert ready(server)
            time.sleep(0.3)
        assert seen.errors == []
        assert after.keys() == before.keys() == resident(server).keys(), "a process died"
        assert all(after[pid] - before[pid] < FLAT for pid in before), (before, after)
        compare(server, upstream, seen)


def test_what_the_store_refuses_is_not_a_line_a_request(
    tmp_path: Path, cluster: Postgres, upstream: FakeUpstream
) -> None:
    with running_server(tmp_path, config=config(upstream, database=cluster.new_database())) as server:
        key = server.post("/api/keys", {"project": "p", "name": "k", "limits": {"calls_per_minute": 99}}).json["key"]
        assert server.chat("hello", "through-chat", key=key).status == 200
        cluster.stop()
        for n in range(10):
            assert server.request("GET", "/api/sessions").status == 503
            assert server.post("/v1/conversations", {}).status == 503
            assert server.request("GET", "/v1/models", key=f"unknown {n}").status == 401
            assert server.chat("hello", "through-chat", key=key).status == 200
        cluster.start()
        told = Counter(line.rpartition("  ")[2] for line in server.log.splitlines())
        for trouble in ("keys could not be", "the store refused", "the store could not", "limits cannot be counted"):
            times = [count for line, count in told.items() if line.startswith(trouble)]
            assert times, trouble
            assert max(times) <= 2, told  # by a worker, and by the process that reads


def test_what_hops_between_gateways_while_postgresql_is_away_stays_whole(
    tmp_path: Path, cluster: Postgres, upstream: FakeUpstream
) -> None:
    """F6: turn by turn, by the history alone and with a session's id; each has a backlog when the store is back."""
    given = config(upstream, database=cluster.new_database())
    with contextlib.ExitStack() as stack:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
        two = [stack.enter_context(running_server(tmp_path / name, config=given)) for name in ("a", "b")]
        for server in two:
            server.call(server.chat("hello", MODEL).headers["x-call-id"])
        cluster.stop("fast")
        chats: dict[str, list[str]] = {"": [], "named": []}
        said: dict[str, list[dict[str, str]]] = {name: [] for name in chats}
        for turn in range(8):
            for name, calls in chats.items():
                asked = [*said[name], {"role": "user", "content": f"{name} {turn}"}]
                body = {"model": MODEL, "messages": asked} | ({"session_id": name} if name else {})
                answer = two[turn % 2].post("/v1/chat/completions", body)
                calls.append(answer.headers["x-call-id"])
                said[name] = [*asked, answer.json["choices"][0]["message"]]
            time.sleep(0.6)
        cluster.start()
        for calls in chats.values():
            stored = [two[0].call(call, seconds=30) for call in calls]
            assert [call["parent_id"] for call in stored] == [None, *calls[:-1]]
            assert [call["turn"] for call in stored] == list(range(1, 9))
            assert len({call["session"] for call in stored}) == 1


def test_sqlite_is_locked_and_read_by_many(tmp_path: Path, upstream: FakeUpstream) -> None:
    """F6, F20: another process holds the database for longer than the drain waits for it, then the spool cannot be
    read; pages, search and exports are asked for all the time."""
    with running_server(tmp_path, config=config(upstream), env={"SESSIONARY_WORKERS": "2"}) as server:
        with traffic(server, seed=20) as seen:
            wait_for(lambda: len(seen.turns) > 30, what="traffic")
            processes = server.processes()
            with readers(server) as answered:
                other = sqlite3.connect(server.data_dir / "sessionary.db", isolation_level=None)
                other.execute("BEGIN IMMEDIATE")
                wait_for(lambda: "no round can be stored" in server.log, 15, "a refused round")
                assert ready(server)
                other.execute("COMMIT")
                other.close()
                odd = server.data_dir / "spool" / "odd"
                (odd / "00000001.seg").mkdir(parents=True)
                wait_for(lambda: "IsADirectoryError" in server.log, what="a spool that cannot be read")
                shutil.rmtree(odd)
        assert seen.errors == []
        assert set(answered) == {200}
        assert server.processes() == processes, "a process died"
        compare(server, upstream, seen)


PATHS = ("/api/sessions?limit=50", "/api/search?q=client", "/api/calls?filter=status:ok", "/api/health", "/metrics")


@contextlib.contextmanager
def readers(server: Server) -> Iterator[list[int]]:
    """The status of each answer."""
    stopping, answered = threading.Event(), list[int]()

    def read(path: str) -> None:
        while not stopping.wait(0.02):
            answered.append(server.request("GET", path).status)

    threads = [threading.Thread(target=read, args=(path,)) for path in PATHS]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
