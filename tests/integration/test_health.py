"""Health over both engines: what the drain counted, scoped as everything is."""

import time
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from sessionary.api import routes
from sessionary.api.ledger import Ledger
from sessionary.store import health, keys
from tests.integration.test_api import Get, client, get, refused
from tests.integration.test_threading import nameless
from tests.support.recorded import SECOND, Log, assistant, user

__all__ = ["client", "get"]
DAY = 86_400 * SECOND


@pytest.fixture
def now(log: Log) -> Log:
    log.at = (int(time.time()) // 86_400 - 1) * DAY + DAY // 2  # yesterday at noon: all within a day
    return log


def test_what_the_drain_counted(now: Log, get: Get) -> None:
    now.at -= 2 * DAY
    now.chat("s", [user("hi")], client="curl 8")
    now.at += 2 * DAY
    nameless(now, [user("hi")], "Hello", client="new 1")
    nameless(now, [user("hi"), assistant("Hello"), user("more")], client="new 1")
    nameless(now, [user("hi"), assistant("never said"), user("more")], client="new 1")
    found = get("/api/health")
    assert found["total"]["groups"] == {
        "id": 1, "harness": 0, "response": 0, "conversation": 0, "content": 1, "replay": 0, "new": 1,
        "missed": 1,
    }  # fmt: skip
    assert (found["total"]["histories"], found["total"]["missed_share"]) == (2, 0.5)
    counted = [d["rates"]["calls"] for d in found["days"]]
    assert counted[counted.index(1) :][:3] == [1, 0, 3]
    assert {r["rule"]: r["calls"] for r in found["rules"]} == {"x-session-id": 1, "content": 1, "none": 1, "missed": 1}
    assert [(c["client"], c["rates"]["calls"]) for c in found["clients"]] == [("new", 3), ("curl", 1)]
    (attention,) = found["attention"]
    assert (attention["client"], attention["missed"], attention["histories"], attention["new"]) == ("new 1", 1, 2, True)
    assert found["ledger"] is None  # no gateway around this API


def test_two_weeks_are_shown_and_older_days_still_say_who_is_new(now: Log, get: Get) -> None:
    now.at -= 20 * DAY
    nameless(now, [user("hi"), assistant("lost"), user("x")], client="old 1")
    now.at += 20 * DAY
    nameless(now, [user("hi"), assistant("lost"), user("y")], client="old 1")
    found = get("/api/health")
    assert (found["total"]["calls"], found["total"]["groups"]["missed"], found["attention"]) == (1, 1, [])
    (old,) = found["clients"]
    assert old["first_day"] < found["since"] <= old["last_day"]


def test_a_key_sees_its_project(now: Log, get: Get, engine: sa.Engine) -> None:
    mine, _ = keys.create(engine, "mine", "m", None, None)
    now.chat("s", [user("hi")], project="mine", client="ours")
    now.chat("s", [user("hi")], project="theirs", client="theirs")
    assert [c["client"] for c in get("/api/health", mine)["clients"]] == ["ours"]
    assert [c["client"] for c in get("/api/health", mine, project="theirs")["clients"]] == ["ours"]
    assert get("/api/health")["total"]["calls"] == 2
    assert get("/api/health", project="theirs")["clients"][0]["client"] == "theirs"
    assert get("/api/health", project="nobody")["total"]["calls"] == 0


def test_parameters_that_are_not_there(client: TestClient) -> None:
    assert refused(client.get("/api/health?days=3"), 400)["param"] == "days"


def test_any_number_of_clients(now: Log, engine: sa.Engine, get: Get) -> None:
    begins = [now.begin("s", {"messages": [user(str(i))]}, client=f"made-up-{i} 1.0") for i in range(250)]
    now.at = int(time.time()) * SECOND
    now.store(*begins)
    nameless(now, [user("hi"), assistant("lost"), user("x")], client="zz is rare and misses")
    found = get("/api/health")
    assert (found["client_count"], len(found["clients"])) == (251, 201)
    assert [a["client"] for a in found["attention"]] == ["zz is rare and misses"]
    with engine.connect() as connection:
        assert len(health.busiest(connection, None, 0, 10)) == 10
        assert health.missing(connection, None, 0, 10, "program") == ["zz is rare and misses"]


def test_versions_are_one_program_and_the_one_that_is_not_found_is_named(now: Log, get: Get) -> None:
    now.at -= 10 * DAY
    now.chat("s", [user("hi")], client="Claude Code 2.0.55")
    now.at += 9 * DAY
    now.chat("s", [user("hi")], client="Claude Code 2.0.58")
    now.chat("s", [user("hi")], client="Claude Codex 1.0")
    now.at += DAY
    nameless(now, [user("hi"), assistant("lost"), user("x")], client="Claude Code 2.1.0")
    found = get("/api/health")
    programs = [(c["client"], c["rates"]["calls"]) for c in found["clients"]]
    assert (programs, found["client_count"]) == ([("Claude Code", 3), ("Claude Codex", 1)], 2)
    assert len(found["clients"][0]["days"]) == 3
    assert found["clients"][0]["first_day"] == found["clients"][0]["days"][0]["day"]
    assert [(a["client"], a["new"]) for a in found["attention"]] == [("Claude Code 2.1.0", True)]


def test_only_the_master_sees_the_ledger(now: Log, engine: sa.Engine, client: TestClient, get: Get) -> None:
    mine, _ = keys.create(engine, "mine", "m", None, None)
    books = Ledger(3, 2, 1, 0, {}, 0, {}, waiting_bytes=70, waiting_records=2, exact=True, finished=2, refused=1)
    app: Any = client.app
    app.router.routes[:] = routes(engine, books=lambda: books)
    assert get("/api/health")["ledger"]["waiting_bytes"] == 70
    assert get("/api/health", mine)["ledger"] is None
