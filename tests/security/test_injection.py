"""S5: whatever stands in a filter, a search or any other parameter is a value, on both engines."""

import random
import time
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from sessionary.api import params
from sessionary.api.fields import BY_NAME
from sessionary.api.table import TABLE
from sessionary.store.engine import open_engine, took_too_long
from sessionary.store.writes import transaction
from tests.security.two import SECRET, Two
from tests.support.recorded import Log, user

SEED = 5
EVIL = (
    "'", '"', "''", "' OR '1'='1", "'; DROP TABLE calls; --", "1; SELECT pg_sleep(9)",
    "' UNION SELECT hash FROM keys --", "%", "_", "%%", "\\", "\\%", "\\\\", "*", "**", "?", "?*", "[a-z]",
    "$1", ":x", ":b_id", "%(x)s", "%s", "{}", "{0}", "a AND b", "a OR b", "NOT a", "NEAR(a b, 9)", '"unclosed',
    "col:val", "-", "- -", "+", "^a", "a*b*", "(((", ")))", "!!", "a & b", "a | !b", "a <-> b", "a:*", "'a':*",
    "<script>", "\x00", "\ud800", "\u202e", "0", "-1", "1e999", "NaN", "null", "9" * 40, "true", "x" * 5000,
    " ", "\t\n", ",", ";", "()", "=1", ">", ">=<", "a:b:c", "-a:", ":", "since:", "é" * 300,
)  # fmt: skip


def values(rng: random.Random, n: int) -> list[str]:
    """Each by itself, then some put together."""
    return [*EVIL, *("".join(rng.sample(EVIL, rng.randint(2, 4)))[:3000] for _ in range(n))]


def test_every_parameter_is_a_value(log: Log, client: TestClient, two: Two) -> None:
    """S5: no parameter makes a statement fail, a server fault, or a row of another project."""
    print(f"seed {SEED}")
    rng, asked = random.Random(SEED), 0
    for entry in TABLE:
        if entry.method != "GET" or entry.name in ("events", "document"):
            continue
        named = quote(rng.choice(EVIL).encode("utf-8", "replace"), safe="") or "x"
        path = entry.path.replace("{id}", named)
        for parameter in entry.query:
            for value in rng.sample(values(rng, 10), 9):
                given = {"q": "x", parameter: value.encode("utf-8", "replace").decode()}
                answer = client.get(path, params=given, headers=two.mine.headers)
                asked += 1
                assert answer.status_code in (200, 400, 404), (path, given, answer.text)
                assert SECRET not in answer.text
    for of in ("sessions", "calls"):
        for field in BY_NAME[of]:
            for value in rng.sample(values(rng, 10), 5):
                text = f"{field}:{value}".encode("utf-8", "replace").decode()
                answer = client.get(f"/api/{of}", params={"filter": text}, headers=two.mine.headers)
                asked += 1
                assert answer.status_code in (200, 400), (text, answer.text)
                assert SECRET not in answer.text
    print(f"{asked} inputs")
    assert len(client.get("/api/calls", headers=two.theirs.headers).json()["data"]) == 3


def test_no_pattern_but_the_star(log: Log, client: TestClient) -> None:
    """S5: % and _ are letters."""
    for name in ("a_b", "aXb", "a%b", "a\\b"):
        log.chat(name, [user(name)], user=name)
    for name in ("a_b", "a%b", "a\\b"):
        found = client.get("/api/calls", params={"user": name}).json()["data"]
        assert [call["user"] for call in found] == [name]
        found = client.get("/api/calls", params={"user": name[:2] + "*"}).json()["data"]
        assert [call["user"] for call in found] == [name]
    assert len(client.get("/api/calls", params={"user": "a*b"}).json()["data"]) == 4


def test_pages_are_capped(client: TestClient) -> None:
    """S5: no list gives more than its most."""
    for entry in TABLE:
        if "limit" in entry.query and "{id}" not in entry.path:
            for limit in ("0", "-1", str(params.MOST + 1), "9" * 30, "1e3"):
                assert client.get(entry.path, params={"q": "x", "limit": limit}).status_code == 400, (entry.path, limit)


def test_a_statement_that_reads_too_long_is_ended(url: str) -> None:
    """S5: and one that writes is not."""
    engine = open_engine(url, patience=0.3)
    endless = {
        "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000000) "
        "SELECT max(x) FROM n",
        "postgresql": "SELECT pg_sleep(20)",
    }
    statement = sa.text(endless[engine.dialect.name])
    began = time.monotonic()
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError) as ended:
        connection.execute(statement).all()
    assert took_too_long(ended.value)
    assert time.monotonic() - began < 10
    with engine.connect() as connection:  # and the connection is as good as before
        assert connection.scalar(sa.text("SELECT 1")) == 1
    short = (
        "SELECT pg_sleep(0.5)"
        if engine.dialect.name == "postgresql"
        else endless["sqlite"].replace("1000000000", "2000000")
    )
    with transaction(engine) as connection:
        connection.execute(sa.text(short)).all()
    engine.dispose()
