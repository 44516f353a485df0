"""Search within one session: nothing of others, in pages, and in the order of time."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from sessionary.store import keys
from tests.support.recorded import Log, user
from tests.support.served import served


@pytest.fixture
def client(engine: sa.Engine) -> Iterator[TestClient]:
    with served(engine) as started:
        yield started


def test_only_what_the_session_said(log: Log, client: TestClient) -> None:
    ids = []
    for n in range(5):
        ids.append(log.chat("here", [user(f"a lantern {n}")], "Nothing."))
        log.chat("there", [user(f"a lantern {n}")], "Nothing.")
        log.chat("here", [user("a lantern elsewhere")], "Nothing.", project="other")
    found, cursor = [], ""
    while True:
        page = client.get(
            "/api/search", params={"q": "lantern", "session": "here", "limit": 2, "cursor": cursor}
        ).json()
        assert len(page["data"]) <= 2
        found += page["data"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert [hit["call_id"] for hit in found] == ids[::-1]
    assert {hit["session_id"] for hit in found} == {"here"}
    ours = found[0]["session"]
    assert (
        client.get("/api/search", params={"q": '"lantern 3"', "session": ours}).json()["data"][0]["call_id"] == ids[3]
    )
    begun = client.get("/api/search", params={"q": "lant", "session": ours, "limit": 200}).json()["data"]
    assert [hit["call_id"] for hit in begun] == ids[::-1]
    for nothing in ("candle", "!"):
        assert client.get("/api/search", params={"q": nothing, "session": ours}).json()["data"] == []


def test_a_session_that_is_not_there_or_of_another_project(log: Log, client: TestClient) -> None:
    log.chat("here", [user("a lantern")])
    ours = client.get("/api/sessions/here").json()["id"]
    theirs, _ = keys.create(log.engine, "theirs", "t", None, None)
    asked = {"q": "lantern", "session": ours}
    assert client.get("/api/search", params=asked).status_code == 200
    assert client.get("/api/search", params=asked, headers={"authorization": f"Bearer {theirs}"}).status_code == 404
    assert client.get("/api/search", params={"q": "lantern", "session": "nothing"}).status_code == 404
