"""Gateways that are not heard of: who says so, and what it means for what they had in flight."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from sessionary.app.upkeep import run_gateways, run_lost
from sessionary.cli import app
from sessionary.doctor import kept
from sessionary.errors import GatewayError
from sessionary.limits import counters, presence
from sessionary.limits.before import Stored
from sessionary.limits.counters import LEASE, Counters
from sessionary.limits.presence import Away
from sessionary.record.exchange import Part
from sessionary.settings import Settings
from sessionary.spool.reader import Reader
from sessionary.state.context import Contexts
from sessionary.state.spooled import Spooled
from sessionary.state.walk import State
from sessionary.store import audit, conversations, ledger, schema
from sessionary.store.ledger import Counts
from sessionary.store.writes import transaction
from tests.integration.test_chains import CONVERSATION, Chain, events
from tests.support.recorded import Log, user

WRITER = Log.writer
SHORT = LEASE // 2


@pytest.fixture
def now() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def beating(engine: sa.Engine, now: int) -> Counters:
    """Three gateways: one serves with two workers, of which one has ended; one does nothing but live; one is new, and
    has not said anything yet."""
    counters.prepare(engine)
    with transaction(engine) as connection:
        for gateway, writers in {"gw_1": (WRITER, "w2"), "gw_2": ("w3",), "gw_3": ("w4",)}.items():
            ledger.save(connection, gateway, {writer: ((1, 8), Counts()) for writer in writers})
    beats = Counters(engine, Stored(engine), lambda writer: None)
    for writer, at in {WRITER: now - 3 * LEASE, "w2": now, "w3": now}.items():
        beats.seen(writer, at)
    return beats


only_postgresql = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


@only_postgresql
def test_who_is_not_heard_of(beating: Counters, now: int, engine: sa.Engine, log: Log) -> None:
    for name in ("one", "two"):
        log.store(log.begin(name, {"model": "m", "messages": []}))
    log.chat("one", [user("this one ends")])
    assert presence.away(engine, "gw_2", now + SHORT) == []
    assert not presence.is_away(engine, WRITER, now + SHORT)  # another worker of its gateway lives: so does its drain
    beating.seen("w3", now + LEASE)
    assert presence.away(engine, "gw_2", now + LEASE + SHORT) == [Away("gw_1", now, 2)]
    assert presence.away(engine, "gw_1", now + LEASE + SHORT) == []
    assert presence.away(engine, "", now + 3 * LEASE) == [Away("gw_1", now, 2), Away("gw_2", now + LEASE, 0)]
    assert presence.is_away(engine, WRITER, now + LEASE + SHORT)
    assert not presence.is_away(engine, "w4", now + 9 * LEASE)
    assert not presence.is_away(engine, "nobody's", now + 9 * LEASE)


@only_postgresql
def test_a_gateway_of_the_same_id_elsewhere_shows_by_going_on(
    beating: Counters, now: int, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What died is silent, however lately it was heard of; what is in the folder is nobody else's."""
    looks: list[str] = []

    def elsewhere(gateway: str, *here: str, at: int = now, beats: str = "", looks_most: int = 1000) -> bool:
        looks.clear()

        def stopped() -> bool:
            looks.append(gateway)
            if beats and len(looks) == 2:
                beating.seen(beats, now + len(looks))
            return len(looks) > looks_most

        return presence.is_elsewhere(engine, gateway, here, at, stopped)

    monkeypatch.setattr(presence, "_LOOK", 0.01)
    assert elsewhere("gw_1", WRITER, beats="w2")
    assert not elsewhere("gw_1", WRITER, beats="w2", looks_most=1)  # a signal ends it
    monkeypatch.setattr(presence, "_BEATS", 0.5)
    assert not elsewhere("gw_1", WRITER)
    assert looks
    for gateway, here, at in (("gw_1", "w2", now), ("gw_2", "w3", now), ("gw_2", "", now + 2 * LEASE), ("gw", "", now)):
        assert not elsewhere(gateway, here, at=at)
        assert not looks  # nothing is waited for


@only_postgresql
def test_a_copied_data_folder_is_not_served_beside_its_original(
    beating: Counters, url: str, engine: sa.Engine, tmp_path: Path
) -> None:
    data, ended = tmp_path / "data", threading.Event()
    data.mkdir()
    (data / "gateway.id").write_text("gw_2\n")

    def live() -> None:
        while not ended.wait(0.1):
            beating.seen("w3", time.time_ns() // 1000)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        line = [sys.executable, "-m", "sessionary", "serve", "--port", "0", "--data-dir", str(data)]
        env = {"PATH": os.environ["PATH"], "SESSIONARY_DATABASE": url}
        done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=60, check=False)
    finally:
        ended.set()
        thread.join()
    assert done.returncode == 2
    assert "a gateway of its id, gw_2, serves elsewhere" in done.stderr
    with engine.connect() as connection:
        assert "w3" in connection.scalars(sa.select(schema.cursors.c.writer)).all()


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_nobody_else_writes_to_sqlite(engine: sa.Engine, now: int) -> None:
    assert presence.away(engine, "", now) == []
    assert not presence.is_away(engine, WRITER, now)
    assert not presence.is_elsewhere(engine, "gw_1", [], now, lambda: False)


@only_postgresql
def test_a_conversation_waits_for_a_gateway_until_that_is_not_heard_of(
    beating: Counters, now: int, engine: sa.Engine, log: Log, tmp_path: Path
) -> None:
    """Then it goes on without what that was answering, which has its place again when its end is known."""
    chain = Chain(log)
    conversations.create(engine, chain.project, CONVERSATION, {}, [])
    begun = chain.begin("asked", stream=True, conversation=CONVERSATION)
    log.store(begun, Part(begun.call_id, 0, b"".join(events(begun.call_id, "so far")[:5])))
    contexts = Contexts(engine, State(engine, Spooled(Reader(tmp_path / "spool"))))
    with pytest.raises(GatewayError, match="operating on this conversation"):
        asyncio.run(contexts.conversation(chain.project, CONVERSATION))
    for writer in (WRITER, "w2"):
        beating.seen(writer, now - 2 * LEASE)
    began = time.monotonic()
    found, newest, _ = asyncio.run(contexts.conversation(chain.project, CONVERSATION))
    assert (found.id, newest) == (CONVERSATION, None)
    assert time.monotonic() - began < 2.5, "its end is waited for"
    log.store(log.finish(begun, b"", "interrupted"))
    _, newest, _ = asyncio.run(contexts.conversation(chain.project, CONVERSATION))
    assert newest is not None
    assert newest.call_id == begun.call_id


@only_postgresql
def test_doctor_names_it(beating: Counters, now: int, engine: sa.Engine, url: str, tmp_path: Path) -> None:
    def gateways() -> list[str]:
        return [f.said for f in kept.database(Settings(database=url, data_dir=tmp_path)) if f.check == "gateways"]

    assert gateways() == []
    for writer in (WRITER, "w2"):
        beating.seen(writer, now - 2 * LEASE)
    (said,) = gateways()
    assert "nothing is heard of gw_1 since" in said
    (tmp_path / "gateway.id").write_text("gw_1\n")
    assert gateways() == []


@only_postgresql
def test_one_that_is_lost_is_given_up(
    beating: Counters, now: int, engine: sa.Engine, url: str, log: Log, tmp_path: Path
) -> None:
    """Its calls end with what the store has of them, its counts stay, and nobody names it any more."""
    (tmp_path / "gateway.id").write_text("gw_2\n")
    settings = Settings(database=url, data_dir=tmp_path)
    begun = log.begin("one", {"model": "m", "messages": [user("hi")], "stream": True})
    piece = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half an answer"}}]}\n\n'
    log.store(begun, Part(begun.call_id, 0, piece))
    log.chat("two", [user("this one has ended")])
    with transaction(engine) as connection:
        ledger.save(connection, "gw_1", {WRITER: ((1, 99), Counts(begun=2, stored=2))})

    assert run_lost(settings, "gw_1") is None, "its second worker was heard of just now"
    assert run_lost(settings, "gw_2") is None
    for writer in (WRITER, "w2"):
        beating.seen(writer, now - 2 * LEASE)
    assert [away.live for away in run_gateways(settings)] == [1]
    arguments = ["gateways", "--data-dir", str(tmp_path)]
    environ = {"SESSIONARY_DATABASE": url}
    shown = CliRunner().invoke(app, arguments, env=environ)
    assert "gw_1  not heard of since" in shown.output
    given_up = CliRunner().invoke(app, [*arguments, "--lost", "gw_1"], env=environ)
    assert given_up.output == "1 calls of gw_1 were in flight, and are interrupted.\n"

    with engine.connect() as connection:
        calls, sessions = schema.calls, schema.sessions
        call = connection.execute(sa.select(calls).where(calls.c.id == begun.call_id)).one()
        assert (call.status, call.error_type) == ("interrupted", "interrupted")
        assert call.output is not None, "what it had said so far"
        assert connection.scalars(sa.select(sessions.c.live)).all() == [0, 0]
        assert ledger.by_writer(connection, "gw_1") == {}
        assert ledger.of_the_gone(connection, "gw_1") == Counts(begun=2, stored=2)
    assert presence.away(engine, "gw_2", now + SHORT) == []
    again = CliRunner().invoke(app, [*arguments, "--lost", "gw_1"], env=environ)
    assert again.exit_code == 1
    assert CliRunner().invoke(app, arguments, env=environ).output == "No other gateway is away.\n"
    assert [(e.action, e.target, e.detail) for e in audit.entries(engine, None, audit.Wanted("gateway.lost"), 9)] == [
        ("gateway.lost", "gw_1", {"calls": 1})
    ]
