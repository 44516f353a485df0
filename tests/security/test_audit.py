"""The audit log (S1, S2, P7): every deed is told with who did it, in its own transaction, and nothing takes it back."""

import json
import re
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from starlette.testclient import TestClient

from sessionary.api.table import TABLE, Entry
from sessionary.auth import MASTER as MASTER_ID
from sessionary.pages import FailedLogins
from sessionary.store import audit, edits, keys, retention, schema
from sessionary.store.sweep import Sweep
from tests.security.two import SECRET, Two
from tests.support.recorded import Log, user
from tests.support.served import MASTER
from tests.support.server import Server

AS_MASTER = {"authorization": f"Bearer {MASTER}"}


def told(engine: sa.Engine, **wanted: Any) -> list[Any]:
    return list(audit.entries(engine, None, audit.Wanted(**wanted), 1000))


CHANGES = ("create_project", "create_key", "patch_key", "save_view", "delete_view", "patch_session", "move", "split")
CHANGES += ("merge", "delete_session", "revoke_key")
AGAIN = {"create_project", "patch_key", "delete_view", "move", "delete_session", "revoke_key"}
"""Those that do nothing when they are asked for a second time."""


def asked(entry: Entry, two: Two) -> tuple[str, Any]:
    """A request of that route which changes something."""
    side = two.mine
    ids = {"keys": two.theirs.row.id, "calls": side.calls[1], "views": side.view, "sessions": side.sessions[0]}
    body = {
        "create_project": {"name": "made"},
        "create_key": {"project": "mine"},
        "patch_key": {"name": "renamed"},
        "patch_session": {"title": "was said", "tags": ["said"]},
        "move": {"session": side.sessions[0]},
        "split": {"call": side.calls[1]},
        "merge": {"sessions": [side.sessions[0], side.sessions[2]]},
        "save_view": {"name": "n", "page": "calls", "query": "q=said"},
    }.get(entry.name)
    return entry.path.replace("{id}", ids[entry.path.split("/")[2]] if "{id}" in entry.path else ""), body


def test_every_route_that_changes_something_is_told(log: Log, client: TestClient, two: Two) -> None:
    """S2: one entry at least, of who asked, in the project that it concerns; and no second where nothing was done."""
    entries = {entry.name: entry for entry in TABLE if entry.method != "GET"}
    assert {*CHANGES, "replay"} == entries.keys()  # for that one a gateway has to be there: see test_replays_served
    seen: set[str] = set()
    for name in CHANGES:
        entry = entries[name]
        headers = AS_MASTER if entry.needs == "master" else two.mine.headers
        seen |= {row.id for row in told(log.engine)}
        path, body = asked(entry, two)
        answer = client.request(entry.method, path, json=body, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        new = [row for row in told(log.engine) if row.id not in seen]
        assert new, name
        for row in new:
            assert audit.is_known(row.action)
            assert row.actor == (MASTER_ID if entry.needs == "master" else two.mine.row.id)
            assert row.project in (two.mine.project, two.theirs.project) or name == "create_project"
            assert abs(row.at - time.time_ns() // 1000) < 60_000_000
            assert "said" not in json.dumps(row.detail), "what was written into a session stays there"
        if name in AGAIN:
            client.request(entry.method, path, json=body, headers=headers)
            assert len(told(log.engine)) == len(seen) + len(new), f"{name}: nothing was done, nothing is told"


ROOT = Path(__file__).parents[2]


def test_what_may_be_told_is_written_down() -> None:
    table = (ROOT / "docs/reference/api.md").read_text().partition("| `action` | |")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines() for name in re.findall("`([a-z.]+)`", row.partition(" | ")[0])]
    assert sorted(named) == sorted(audit.ACTIONS)
    assert all(audit.is_known(name) for name in ("key", "session", "login.fail"))
    assert not any(audit.is_known(name) for name in ("ke", "key.", "bogus", "key.create.more"))


def test_an_export_is_told(log: Log, client: TestClient, two: Two) -> None:
    """S4: reading a whole session out is a deed, too."""
    session = two.mine.sessions[0]
    assert client.get(f"/api/sessions/{session}/export?format=markdown", headers=two.mine.headers).status_code == 200
    (row,) = told(log.engine, action="session.export", target=session)
    assert (row.actor, row.project, row.detail) == (two.mine.row.id, two.mine.project, {"format": "markdown"})


def test_a_key_is_told_and_never_its_secret(log: Log, client: TestClient) -> None:
    """S4: what a key may do is told when it is made and changed, as it was and as it is."""
    made = client.post("/api/keys", json={"project": "p", "models": ["a*"], "limits": {"budget": 2}}, headers=AS_MASTER)
    key = made.json()
    client.patch(f"/api/keys/{key['id']}", json={"models": None, "capture": "metadata"}, headers=AS_MASTER)
    client.delete(f"/api/keys/{key['id']}", headers=AS_MASTER)
    revoked, changed, created = told(log.engine, action="key")
    assert [r.action for r in (created, changed, revoked)] == ["key.create", "key.change", "key.revoke"]
    assert {r.target for r in (created, changed, revoked)} == {key["id"]}
    assert created.detail["models"] == ["a*"]
    assert created.detail["limits"]["budget"] == 2
    assert changed.detail == {"models": {"from": ["a*"], "to": None}, "capture": {"from": "full", "to": "metadata"}}
    everything = json.dumps([list(map(str, row)) for row in told(log.engine)])
    assert key["key"] not in everything
    assert key["key"][-20:] not in everything


def test_what_cannot_be_told_is_not_done(log: Log, client: TestClient, two: Two) -> None:
    """S2: deed and entry are one transaction."""
    with log.engine.begin() as connection:
        schema.audit.drop(connection)
    session = two.mine.sessions[0]
    assert client.delete(f"/api/sessions/{session}", headers=two.mine.headers).status_code == 503
    assert client.get(f"/api/sessions/{session}", headers=two.mine.headers).status_code == 200
    assert client.delete(f"/api/keys/{two.mine.row.id}", headers=AS_MASTER).status_code == 503
    assert client.get(f"/api/keys/{two.mine.row.id}", headers=AS_MASTER).json()["state"] == "valid"
    assert client.get(f"/api/sessions/{session}/export", headers=two.mine.headers).status_code == 503


def test_a_project_sees_its_own(log: Log, client: TestClient, two: Two) -> None:
    """P7: the master sees all, a key what concerns its project, whatever it asks for."""
    audit.tell(log.engine, audit.GATEWAY, "gateway.start", "")
    everything = client.get("/api/audit?limit=200", headers=AS_MASTER).json()["data"]
    assert {row["project"] for row in everything} >= {None, "mine", "theirs"}
    for query in ("", "?project=theirs", f"?actor={two.theirs.row.id}", f"?target={two.theirs.sessions[0]}"):
        answer = client.get(f"/api/audit{query}", headers=two.mine.headers)
        assert SECRET not in answer.text
        assert {row["project"] for row in answer.json()["data"]} <= {"mine"}
    assert {r["project"] for r in client.get("/api/audit?project=theirs", headers=AS_MASTER).json()["data"]} == {
        "theirs"
    }


def test_pages_and_filters(log: Log, client: TestClient) -> None:
    """S5: in order, each entry once, and no filter is a pattern."""
    for n in range(7):
        audit.tell(log.engine, audit.Actor(f"key_{n % 2}", "a_b"), f"thing.{'do' if n % 3 else 'undo'}", f"t{n}")
    found: list[str] = []
    query = "action=thing&limit=3"
    while query:
        page = client.get(f"/api/audit?{query}", headers=AS_MASTER).json()
        found += [row["target"] for row in page["data"]]
        query = f"action=thing&limit=3&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert found == [f"t{n}" for n in reversed(range(7))]

    def targets(**wanted: Any) -> list[str]:
        answer = client.get("/api/audit", params=wanted, headers=AS_MASTER)
        assert answer.status_code == 200, answer.text
        return sorted(row["target"] for row in answer.json()["data"])

    assert targets(action="thing.undo") == ["t0", "t3", "t6"]
    assert targets(actor="key_1", action="thing.do") == ["t1", "t5"]
    assert targets(target="t4") == ["t4"]
    assert targets(action="%") == targets(action="thi_g") == targets(actor="key__") == targets(action="thing.d") == []
    assert targets(actor="a_b", since="1h", action="thing") == [f"t{n}" for n in range(7)]
    assert targets(until="2001-01-01") == []
    assert client.get("/api/audit?limit=1000", headers=AS_MASTER).status_code == 400
    assert client.get("/api/audit?nonsense=1", headers=AS_MASTER).status_code == 400


def test_nothing_takes_it_back(log: Log, client: TestClient) -> None:
    """S2: no route changes it, and it outlives what it tells of, also when its time is over."""
    assert {entry.method for entry in TABLE if entry.path.startswith("/api/audit")} == {"GET"}
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in ("/api/audit", "/api/audit/x"):
            assert client.request(method, path, headers=AS_MASTER).status_code in (404, 405)
    log.chat("old", [user("x")])
    session = client.get("/api/sessions", headers=AS_MASTER).json()["data"][0]["id"]
    edits.patch_session(log.engine, log.project(), session, "t", None)
    before = told(log.engine)
    now = time.time_ns() // 1000
    assert retention.expire(log.engine, 0.1, now, worth=1 << 40) == 1
    sweep = Sweep(log.engine)
    while sweep.step():
        pass
    assert told(log.engine) == before


def test_failed_logins_cannot_fill_it(log: Log) -> None:
    """S8: told once a minute at most, with how many they were."""
    failed = FailedLogins(log.engine)
    for _ in range(500):
        failed.add("key")
    (row,) = told(log.engine, action="login.fail")
    assert (row.actor, row.detail) == ("", {"attempts": 1})


def test_logins(demo_server: Server) -> None:
    """S9: by link and by key, offered and failed, with who came in; the command line and the start of the gateway."""
    made = json.loads(demo_server.cli("keys", "create", "--project", "audited", "--json"))
    form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}

    def enter(key: str) -> int:
        return demo_server.request("POST", "/ui/login", f"key={key}".encode(), form, key=None).status

    link = demo_server.login_link().removeprefix(demo_server.base_url)
    statuses = [demo_server.request("GET", link, key=None).status for _ in range(2)]
    assert [*statuses, enter("wrong"), enter(made["key"])] == [303, 403, 403, 303]
    demo_server.cli("keys", "revoke", made["id"])
    rows = demo_server.get("/api/audit?limit=100")["data"][::-1]
    shown = [(row["action"], row["actor"], row["target"]) for row in rows]
    assert ("gateway.start", "gateway", "") in shown
    assert ("login.offer", "gateway", "master") in shown, "the banner's link"
    expected = [
        ("project.create", "command", "audited"),
        ("key.create", "command", made["id"]),
        ("login.offer", "command", "master"),
        ("login.link", "master", "master"),
        ("login.fail", "", "link"),
        ("login.key", made["id"], made["id"]),
        ("key.revoke", "command", made["id"]),
    ]
    assert [row for row in shown if row in expected] == expected
    assert {row["project"] for row in rows if row["target"] == made["id"]} == {"audited"}
    text = demo_server.cli("audit", "--action", "key.revoke", "--json")
    assert [json.loads(line)["target"] for line in text.splitlines()] == [made["id"]]


def test_a_key_without_a_row_is_the_master(log: Log) -> None:
    """S1: who comes in by a link is the key behind it."""
    token = keys.new_link(log.engine, "master", 60)
    assert keys.redeem_link(log.engine, token) is not None
    (row,) = told(log.engine, action="login.link")
    assert (row.actor, row.actor_name, row.project) == ("master", "master", None)
