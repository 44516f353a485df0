"""What lists have beside their rows: fields, suggestions, summaries, saved views; each project for itself."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from sessionary import ids
from sessionary.store import edits, keys, schema, traffic
from sessionary.store.sweep import Sweep
from sessionary.store.writes import transaction
from tests.support.recorded import SECOND, START, Log, user
from tests.support.served import MASTER, served

Ask = Callable[..., Any]


@pytest.fixture
def client(engine: sa.Engine) -> Iterator[TestClient]:
    with served(engine, key="") as started:
        yield started


@pytest.fixture
def ask(client: TestClient) -> Ask:
    def asked(method: str, path: str, as_key: str = MASTER, status: int = 200, **more: Any) -> Any:
        answer = client.request(method, path, headers={"authorization": f"Bearer {as_key}"}, **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    return asked


def test_views_are_a_projects_own(ask: Ask, engine: sa.Engine) -> None:
    mine, theirs = (keys.create(engine, name, "k", None, None)[0] for name in ("mine", "theirs"))
    wanted = {"name": " Dear ", "page": "sessions", "query": "filter=cost%3E1"}
    made = ask("POST", "/api/views", mine, 201, json=wanted)
    assert made == {"id": made["id"], **wanted, "name": "Dear"}
    assert ask("GET", "/api/views", mine)["data"] == [made]
    assert ask("GET", "/api/views", theirs)["data"] == []
    assert ask("GET", "/api/views")["data"] == []
    assert ask("GET", "/api/views?project=mine")["data"] == [made]
    ask("DELETE", f"/api/views/{made['id']}", theirs, 404)
    ask("DELETE", f"/api/views/{made['id']}", MASTER, 404)
    ask("DELETE", f"/api/views/{made['id']}", mine)
    ask("DELETE", f"/api/views/{made['id']}", mine, 404)
    for bad in ({"name": " "}, {"name": "x" * 101}, {"query": "x" * 8001}, {"page": "other"}):
        ask("POST", "/api/views", mine, 400, json=wanted | bad)


def test_a_mistake_in_a_filter_is_named(ask: Ask) -> None:
    for path in ("/api/sessions", "/api/calls", "/api/summary"):
        error = ask("GET", path, MASTER, 400, params={"filter": "cost>1 modle:x"})["error"]
        assert error["param"] == "filter"
        assert "did you mean 'model'?" in error["message"]


def test_fields_and_suggestions(ask: Ask, log: Log, engine: sa.Engine) -> None:
    theirs = keys.create(engine, "theirs", "k", None, None)[0]
    log.chat("a", [user("hi")], model="Claude-x", tags=["eu"])
    log.chat("b", [user("hi")], model="gpt-5")
    names = [f["name"] for f in ask("GET", "/api/fields?of=calls")["data"]]
    assert "duration" in names
    for of in ("sessions", "calls"):
        assert ask("GET", f"/api/suggest?of={of}&field=model&prefix=cl")["data"] == ["Claude-x"]
        assert ask("GET", f"/api/suggest?of={of}&field=model", theirs)["data"] == []
    assert ask("GET", "/api/suggest?field=tag")["data"] == ["eu"]
    assert ask("GET", "/api/suggest?of=calls&field=provider")["data"] == ["openai"]
    assert ask("GET", "/api/suggest?field=status&prefix=er")["data"] == ["errors"]
    assert "theirs" in ask("GET", "/api/suggest?field=project")["data"]
    ask("GET", "/api/suggest?field=absent", MASTER, 400)


def test_programs_are_counted_and_suggested_whole(ask: Ask, log: Log) -> None:
    for session, client in (("a", "Acme 1.0"), ("a", "Acme 2.0"), ("b", "Acme 2.0"), ("c", "Acme Tool 1")):
        log.chat(session, [user(f"{session} {client}")], client=client)
    span = {"since": str(START // 10**6), "until": str(log.at // 10**6 + 60)}
    long = {**span, "filter": "turns>0"}

    def counted(of: str, **asked: str) -> dict[str, int]:
        facets = ask("GET", "/api/summary", params={"of": of, **asked})["facets"]
        return {v["value"]: v["count"] for f in facets if f["field"] == "client" for v in f["values"]}

    assert counted("sessions", **span) == counted("sessions", **long) == {"Acme": 2, "Acme Tool": 1}
    passed, newest = {**span, "filter": "-model:none"}, {**span, "filter": "-user:none"}  # by traffic, and by calls
    assert counted("calls", **passed) == counted("calls", **newest) == {"Acme": 3, "Acme Tool": 1}
    one = {**span, "filter": "client:Acme"}
    assert (counted("sessions", **one), counted("calls", **one)) == ({"Acme": 2}, {"Acme": 3})
    whole = ask("GET", "/api/summary", params={"of": "calls", **one})
    assert (whole["matched"], whole["exact"], sum(bar["calls"] for bar in whole["bars"])) == (3, True, 3)
    version = {**span, "filter": 'client:"Acme 2.0"'}
    assert ask("GET", "/api/summary", params={"of": "calls", **version})["matched"] == 2
    for of in ("sessions", "calls"):
        offered = ask("GET", f"/api/suggest?of={of}&field=client&prefix=acm")["data"]
        assert offered[:2] == ["Acme", "Acme Tool"]
        assert sorted(offered[2:]) == ["Acme 1.0", "Acme 2.0", "Acme Tool 1"]


def test_a_summary_counts_what_passed_and_what_matches(ask: Ask, log: Log, engine: sa.Engine) -> None:
    theirs = keys.create(engine, "theirs", "k", None, None)[0]
    log.chat("a", [user("walrus")], model="m1")
    begin = log.begin("b", {"model": "m2", "messages": [user("seal")]}, model="m2")
    log.store(begin, log.finish(begin, b"", "timeout"))
    span = {"since": str(START // 10**6), "until": str(log.at // 10**6 + 60)}
    whole = ask("GET", "/api/summary", params={"of": "calls", **span})
    assert (whole["matched"], whole["exact"], whole["more"]) == (2, True, False)
    assert sum(bar["calls"] for bar in whole["bars"]) == 2
    assert sum(bar["errors"] for bar in whole["bars"]) == 1
    one = ask("GET", "/api/summary", params={"of": "calls", "filter": "model:m1", **span})
    assert (one["matched"], sum(bar["calls"] for bar in one["bars"])) == (1, 1)
    assert {"field": "model", "values": [{"value": "m1", "count": 1}], "exact": True} in one["facets"]
    said = ask("GET", "/api/summary", params={"of": "sessions", "filter": "walrus", **span})
    assert (said["matched"], said["counted"], sum(bar["calls"] for bar in said["bars"])) == (1, 1, 1)
    assert ask("GET", "/api/summary", theirs, params={"of": "calls", **span})["matched"] == 0


def test_the_first_calls_are_not_far_right_in_the_plot_of_a_day_and_do_not_fill_it(ask: Ask, log: Log) -> None:
    log.at = time.time_ns() // 1000 - 3 * 60 * SECOND
    log.chat("a", [user("walrus")])
    for of in ("calls", "sessions"):
        found = ask("GET", "/api/summary", params={"of": of, "bars": "60"})
        assert found["step_ms"] == 60_000
        assert 15 <= len(found["bars"]) <= 17
        assert [bar["calls"] for bar in found["bars"][-4:]].count(1) == 1


def test_traffic_counts_once_what_ended_and_keeps_it(log: Log) -> None:
    log.chat("a", [user("hi")])
    log.chat("a", [user("hi"), user("more")])
    log.store(log.begin("a", {"model": "gpt-4o", "messages": [user("runs")]}))
    edits.delete_session(log.engine, log.project(), ids.session_id(log.project(), "a"))
    with log.engine.connect() as connection:
        for step in traffic.STEPS:
            (row,) = traffic.sums(connection, log.project(), step, 0, 1 << 60)
            assert (row.calls, row.input_tokens, row.output_tokens, row.duration) == (2, 20, 10, 2_000_000)


def test_minutes_are_forgotten_and_hours_are_not(log: Log) -> None:
    log.chat("a", [user("hi")])
    work = Sweep(log.engine, clock=lambda: log.at + traffic.MINUTES_KEPT + 120 * traffic.SECOND)
    while work.step():
        pass
    t = schema.traffic.c
    with transaction(log.engine) as connection:
        assert set(connection.scalars(sa.select(t.step))) == {3600, 86400}
