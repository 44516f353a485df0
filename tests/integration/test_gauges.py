"""How the gateway itself is doing: of a running one, and what the two databases say."""

import time
from pathlib import Path

import prometheus_client  # noqa: F401  (chooses when it is imported whether processes share what they count)
import pytest
import sqlalchemy as sa

from sessionary.api import Accounts, gauge
from sessionary.drain.drain import Drain
from sessionary.limits import counters
from sessionary.metrics import Metrics
from sessionary.record.exchange import Part, encode
from sessionary.spool.writer import Writer
from sessionary.store import health, schema
from sessionary.store.writes import insert, transaction
from tests.support.recorded import Log, user
from tests.support.server import Server, wait_for


def test_a_running_gateway(demo_server: Server) -> None:
    demo_server.chat("hello", metadata={"litellm_session_id": "gauges"})
    demo_server.session("gauges", calls=1)
    wait_for(lambda: demo_server.get("/api/health")["gauges"]["spool_records"] == 0, what="an empty spool")
    found = demo_server.get("/api/health")["gauges"]
    assert (found["workers"], found["writing"], found["spool_bytes"], found["oldest_ms"]) == (1, 1, 0, None)
    assert 0 < found["lag_ms"] < 60_000
    assert 0 < found["uptime_ms"] < 600_000
    assert 0 < found["disk_free_bytes"] < found["disk_total_bytes"]
    assert found["database"] == "sqlite"
    assert found["database_bytes"] > 100_000
    assert (found["losses"], found["set_aside"]) == ({}, {})
    assert {c["name"]: c["level"] for c in found["checks"]}["workers"] == "fine"
    exposed = demo_server.request("GET", "/metrics").body.decode()
    assert "sessionary_store_lag_seconds" in exposed


def test_a_first_loss_is_an_increase(demo_server: Server) -> None:
    """Prometheus sees one only of what was there before."""
    told = demo_server.request("GET", "/metrics").body.decode()
    for name in ("sessionary_calls_dropped_total", "sessionary_records_dropped_total"):
        for reason in ("quota", "ENOSPC", "EIO", "too large"):
            assert f'{name}{{reason="{reason}"}} 0.0' in told
    assert demo_server.get("/api/health")["ledger"]["dropped"] == {}


def test_gauges_are_for_the_master(demo_server: Server) -> None:
    made = demo_server.post("/api/keys", {"project": "gauges"}).json
    found = demo_server.get("/api/health", key=made["key"])
    assert (found["gauges"], found["ledger"]) == (None, None)


def test_what_waits_and_for_how_long(engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "metrics"))
    (tmp_path / "metrics").mkdir()
    writer = Writer(tmp_path / "spool")
    log = Log(engine, at=time.time_ns() // 1000 - 70_000_000)
    begin = log.begin("s", {"model": "m", "messages": [user("hi")]})  # a minute on: ten seconds ago
    metrics = Metrics()
    counters.prepare(engine)
    accounts = Accounts(engine, metrics, tmp_path / "spool", "gw_test")
    read = gauge(engine, metrics, accounts, tmp_path / "spool", workers=2)
    assert (read().spool_records, read().oldest_ms, read().lag_ms, read().started_at) == (0, None, None, None)
    writer.append(encode(Part(begin.call_id, 0, b"a piece, which does not say when")))
    writer.append(b"no record at all")
    writer.append(encode(begin))
    found = read()
    assert (found.spool_records, found.spool_exact, found.writing) == (3, True, 1)
    assert found.spool_bytes > 300
    assert found.oldest_ms is not None
    assert 9_900 < found.oldest_ms < 60_000
    assert {c.name: c.level for c in found.checks if c.level != "fine"} == {"workers": "act", "waiting": "watch"}
    assert found.database == engine.dialect.name
    writer.close()


def test_a_database_says_how_large_it_is(engine: sa.Engine) -> None:
    rows = [{"id": f"w/1/{n}", "at": n, "reason": "odd" if n else "damage", "payload": b"x"} for n in range(3)]
    with transaction(engine) as connection:
        insert(connection, schema.set_aside, rows)
    with engine.connect() as connection:
        size = health.database_bytes(connection)
        assert size is not None
        assert size > 100_000
        assert list(health.set_aside_reasons(connection).items()) == [("odd", 2), ("damage", 1)]


def test_a_piece_of_a_stream_alone_does_not_make_the_store_late(engine: sa.Engine, tmp_path: Path) -> None:
    """It says no time: how long it has waited is not known."""
    metrics, writer = Metrics(), Writer(tmp_path / "spool")
    drain, log = Drain(tmp_path / "spool", engine, metrics), Log(engine, at=time.time_ns() // 1000 - 70_000_000)
    begin = log.begin("s", {"model": "m", "messages": [user("hi")], "stream": True})
    for record in (begin, Part(begin.call_id, 0, b"a piece")):
        writer.append(encode(record))
        assert drain.round() == 1
        (sample,) = (s for m in metrics.lag.collect() for s in m.samples)
        assert 10 <= sample.value < 60
    writer.close()
