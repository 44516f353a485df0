"""Keys, projects and models over both engines: who may do what, what is shown, what is refused."""

import json
import time
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from sessionary.api.permissions import MAY, Who
from sessionary.api.table import TABLE, Entry
from sessionary.auth import MASTER as MASTER_ID
from sessionary.gate import COOKIE
from sessionary.providers.routing import Router
from sessionary.settings import Deployment, Model, Price, Settings
from sessionary.store import keys
from tests.integration.test_api import MASTER, Get, client, get, refused
from tests.support.recorded import SECOND, Log, user
from tests.support.served import served
from tests.support.server import Server, wait_for

__all__ = ["client", "get"]
CANARY = "canary-d41d8cd9"
OURS = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def now(log: Log) -> Log:
    log.at = (int(time.time()) - 600) * SECOND
    return log


def as_key(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


# Who may do what


def bodies(entry: Entry) -> dict[str, Any]:
    return {
        "create_project": {"name": "made"},
        "create_key": {"project": "made"},
        "patch_key": {"name": "renamed"},
        "patch_session": {"title": "t"},
    }.get(entry.name, {"sessions": ["a", "b"], "session": "a", "call": "a", "name": "n", "page": "calls", "query": "q"})


@pytest.mark.parametrize("login", [False, True], ids=["key", "login"])
@pytest.mark.parametrize("who", ["nobody", "project", "master"])
def test_every_route_admits_whom_the_table_names(engine: sa.Engine, client: TestClient, who: Who, login: bool) -> None:
    plain, row = keys.create(engine, "mine", "m", None, None)
    own = {"nobody": "", "project": plain, "master": MASTER}[who]
    del client.headers["authorization"]
    if login and who != "nobody":
        assert client.get("/api/sessions", headers=as_key(own)).status_code == 200  # the ring has the key
        client.cookies.set(COOKIE, keys.new_cookie(engine, MASTER_ID if who == "master" else row.id))
        headers = OURS
    else:
        headers = as_key(own) if own else {}
    for entry in TABLE:
        if entry.name == "events":  # does not end
            continue
        body = bodies(entry) if entry.method in ("POST", "PATCH") else None
        answer = client.request(entry.method, entry.path.replace("{id}", "absent"), json=body, headers=headers)
        if who in MAY[entry.needs]:
            assert answer.status_code not in (401, 403), (entry.method, entry.path, answer.text)
        else:
            assert answer.status_code == (401 if who == "nobody" else 403), (entry.method, entry.path, answer.text)
            assert answer.json()["error"]["type"] in ("authentication_error", "permission_error")


def test_what_a_browser_is_made_to_send_changes_nothing(engine: sa.Engine, client: TestClient) -> None:
    _, row = keys.create(engine, "mine", "m", None, None)
    del client.headers["authorization"]
    client.cookies.set(COOKIE, keys.new_cookie(engine, MASTER_ID))
    changes = [
        ("POST", "/api/keys", {"project": "evil"}),
        ("POST", "/api/projects", {"name": "evil"}),
        ("PATCH", f"/api/keys/{row.id}", {"name": "evil"}),
        ("DELETE", f"/api/keys/{row.id}", None),
    ]
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}, {}):
        for method, path, body in changes:
            refused(client.request(method, path, json=body, headers=headers), 403)
    assert [(r.name, r.revoked_at) for r in keys.list_keys(engine)] == [("m", None)]
    assert [p.name for p in keys.list_projects(engine)] == ["default", "mine"]


def test_other_projects_are_unknown(engine: sa.Engine, client: TestClient, get: Get) -> None:
    mine, own = keys.create(engine, "mine", "m", None, None)
    _, theirs = keys.create(engine, "theirs", "t", None, None)
    assert [k["id"] for k in get("/api/keys", mine)["data"]] == [own.id]
    assert [k["id"] for k in get("/api/keys", mine, project="theirs")["data"]] == [own.id]
    assert [p["name"] for p in get("/api/projects", mine)["data"]] == ["mine"]
    assert get(f"/api/keys/{own.id}", mine)["name"] == "m"
    absent = refused(client.get("/api/keys/key_absent", headers=as_key(mine)), 404)
    other = refused(client.get(f"/api/keys/{theirs.id}", headers=as_key(mine)), 404)
    assert other["message"] == absent["message"]
    answers = [client.delete(f"/api/keys/{i}", headers=as_key(mine)) for i in (own.id, theirs.id, "key_absent")]
    assert {refused(a, 403)["message"] for a in answers} == {"Only the master key may do this."}
    assert {k["id"] for k in get("/api/keys")["data"]} == {own.id, theirs.id}
    assert [k["id"] for k in get("/api/keys", project="theirs")["data"]] == [theirs.id]
    assert get("/api/keys", project="nobody")["data"] == []
    assert get("/api/keys", mine)["master"] is None
    assert get("/api/keys")["master"]["calls"] == 0


# Keys


def test_a_key_from_its_making_to_its_end(client: TestClient, get: Get) -> None:
    made = client.post("/api/keys", json={"project": " shop ", "models": ["gpt-*", "gpt-*"], "expires": "30d"})
    assert made.status_code == 201
    key = made.json()
    assert (key["project"], key["name"], key["models"], key["state"]) == ("shop", "shop", ["gpt-*"], "valid")
    assert key["hint"].endswith(key["key"][-4:])
    assert get("/api/sessions", key["key"])["data"] == []
    path = f"/api/keys/{key['id']}"
    changed = client.patch(path, json={"name": "till", "models": None, "threading": False}).json()
    assert (changed["name"], changed["models"], changed["threading"]) == ("till", None, False)
    assert client.patch(path, json={}).json() == changed
    for answer in (get("/api/keys"), get(path), changed):
        assert key["key"] not in str(answer)
    assert client.delete(path).json()["state"] == "revoked"
    refused(client.delete(path), 404)
    refused(client.patch("/api/keys/key_absent", json={"name": "x"}), 404)
    assert get("/api/projects")["data"][1]["keys"] == 0


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "project"),
        ({"project": ""}, "project"),
        ({"project": " "}, "project"),
        ({"project": "p", "name": "a\nb"}, "name"),
        ({"project": "p", "name": "x" * 201}, "name"),
        ({"project": "p\0"}, "project"),
        ({"project": "p", "models": []}, "models"),
        ({"project": "p", "models": [""]}, "models"),
        ({"project": "p", "models": "gpt-4o"}, "models"),
        ({"project": "p", "expires": "soon"}, "expires"),
        ({"project": "p", "expires": "2001-01-01"}, "expires"),
        ({"project": "p", "expires": "999999999w"}, "expires"),
        ({"project": "p", "threading": "yes"}, "threading"),
        ({"project": "p", "admin": True}, "admin"),
    ],
)
def test_what_no_key_can_be_made_of(engine: sa.Engine, client: TestClient, body: Any, param: str) -> None:
    assert refused(client.post("/api/keys", json=body), 400)["param"] == param
    assert keys.list_keys(engine) == []


def test_projects(client: TestClient, get: Get) -> None:
    assert client.post("/api/projects", json={"name": "shop"}).json()["name"] == "shop"
    assert refused(client.post("/api/projects", json={"name": "shop "}), 400)["code"] == "exists"
    refused(client.post("/api/projects", json={"name": "\u200b"}), 400)
    assert {p["name"] for p in get("/api/projects")["data"]} == {"default", "shop"}


def test_the_command_line_and_the_api_agree(demo_server: Server) -> None:
    made = json.loads(
        demo_server.cli("keys", "create", "--project", " shop ", "--models", "a,b", "--expires", "30d", "--json")
    )
    asked = {"project": " shop ", "models": ["a", "b"], "expires": "30d"}
    over_http = demo_server.post("/api/keys", asked).json
    same = ("project", "name", "models", "threading")
    assert [made[n] for n in same] == [over_http[n] for n in same] == ["shop", "shop", ["a", "b"], True]
    assert made["expires_at"][:10] == over_http["expires_at"][:10]
    listed = {k["id"]: k for k in json.loads(demo_server.cli("keys", "list", "--json"))}
    for key in demo_server.get("/api/keys")["data"]:
        there = listed[key["id"]]
        assert {n: there[n] for n in (*same, "hint")} == {n: key[n] for n in (*same, "hint")}
    demo_server.cli("keys", "revoke", made["id"])
    assert demo_server.request("DELETE", f"/api/keys/{made['id']}").status == 404
    assert demo_server.request("DELETE", f"/api/keys/{over_http['id']}").status == 200
    revoked = {k["id"] for k in json.loads(demo_server.cli("keys", "list", "--json")) if k["revoked_at"]}
    assert revoked == {made["id"], over_http["id"]}


def test_calls_after_a_new_name_have_it(demo_server: Server) -> None:
    key = demo_server.post("/api/keys", {"project": "renamed", "name": "before"}).json
    demo_server.chat("one", key=key["key"], metadata={"litellm_session_id": "first"})
    assert demo_server.session("first", calls=1)["keys"] == ["before"]
    body = json.dumps({"name": "after"}).encode()
    assert demo_server.request("PATCH", f"/api/keys/{key['id']}", body).status == 200

    def named() -> bool:
        demo_server.chat("two", key=key["key"], metadata={"litellm_session_id": "second"})
        rows = demo_server.sessions("second")
        return bool(rows) and "after" in rows[0]["keys"]

    wait_for(named, what="the new name")


# Use


def test_use_is_counted_by_key_project_and_model(now: Log, engine: sa.Engine, get: Get) -> None:
    plain, row = keys.create(engine, "mine", "m", None, None)
    price = Price(input=1, output=10)
    for n in range(3):
        begin = now.begin("s", {"model": "gpt-x", "messages": [user(str(n))]}, "mine", key_id=row.id)
        body = (
            b'{"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": 1000, "completion_tokens": 50}}'
        )
        now.store(begin, now.finish(begin, body, price=price))
    failed = now.begin("s", {"model": "gpt-x", "messages": [user("x")]}, "mine", key_id=row.id)
    now.store(failed, now.finish(failed, b"", "upstream_error", error_type="e", error_message="m"))
    now.chat("t", [user("by the master")])
    (key,) = get("/api/keys", plain)["data"]
    use = key["use"]
    assert (use["calls"], use["errors"], use["failed_share"], use["unpriced"]) == (4, 1, 0.25, 0)
    assert (use["input_tokens"], use["output_tokens"]) == (3000, 150)
    assert use["cost"] == pytest.approx(3 * (0.001 + 0.0005))
    assert (use["mean_ms"], use["tokens_per_second"]) == (1000, 50)
    assert len(use["days"]) == 30
    assert sum(d["calls"] for d in use["days"][-2:]) == 4
    assert key["last_used_at"][:16] == time.strftime("%Y-%m-%dT%H:%M", time.gmtime(failed.at // SECOND))
    by_project = {p["name"]: p["use"]["calls"] for p in get("/api/projects")["data"]}
    assert by_project == {"mine": 4, "default": 1}
    assert [p["name"] for p in get("/api/projects")["data"]] == ["mine", "default"]
    assert get("/api/keys")["master"]["calls"] == 1
    others = get("/api/models")["others"]
    assert {m["name"]: m["use"]["calls"] for m in others} == {"gpt-x": 4, "gpt-4o": 1}
    assert [m["name"] for m in get("/api/models", plain)["others"]] == ["gpt-x"]
    assert [m["name"] for m in get("/api/models", project="default")["others"]] == ["gpt-4o"]


def test_what_is_deleted_was_used_all_the_same(now: Log, client: TestClient, get: Get) -> None:
    now.chat("s", [user("hi")])
    client.delete("/api/sessions/s")
    assert get("/api/keys")["master"]["calls"] == 1


# Models

SETTINGS = Settings(
    models=[
        Model(
            "fast",
            [
                Deployment("openai", "gpt-4o-mini", api_key=f"sk-{CANARY}", weight=3),
                Deployment("azure", "mini", base_url=f"https://u:{CANARY}@h.example/", api_key=f"{CANARY}"),
                Deployment("mistral", "mistral-small-latest"),
            ],
            fallbacks=["own"],
        ),
        Model(
            "own",
            [
                Deployment(
                    "vllm",
                    "llama",
                    base_url=f"http://127.0.0.1:1/{CANARY}",
                    price=Price(input=0.5, output=2, cached=0.1),
                )
            ],
        ),
        Model("house/*", [Deployment("openai", "*", api_key=f"sk-{CANARY}")]),
    ],
    master_key=f"sk-master-{CANARY}",
    database=f"postgresql://u:{CANARY}@h/db",
)


def with_models(engine: sa.Engine, router: Router, settings: Settings) -> TestClient:
    return served(engine, raising=True, router=router, settings=settings)


def test_models_their_deployments_prices_and_nothing_secret(now: Log, engine: sa.Engine) -> None:
    environ = {"ANTHROPIC_API_KEY": f"sk-{CANARY}", "OPENAI_BASE_URL": f"https://{CANARY}.example"}
    router = Router(SETTINGS, environ)
    for model in ("house/gpt-4o", "claude-sonnet-4-5", "nobody-has-this", "fast"):
        now.chat("s", [user(model)], model=model)
    client = with_models(engine, router, SETTINGS)
    answer = client.get("/api/models")
    assert CANARY not in answer.text
    found = answer.json()
    fast, own, house = found["data"]
    assert [d["name"] for d in fast["deployments"]] == [
        "openai/gpt-4o-mini", "azure/mini", "mistral/mistral-small-latest"
    ]  # fmt: skip
    assert [(d["provider"], d["usable"], d["share"]) for d in fast["deployments"]] == [
        ("OpenAI", True, 0.75), ("Azure OpenAI", True, 0.25), ("Mistral", False, 0.0)
    ]  # fmt: skip
    assert fast["fallbacks"] == ["own"]
    rates = fast["deployments"][0]["rates"]
    assert rates["source"] == "library"
    assert 0 < rates["cached"] < rates["input"] < rates["output"]
    assert own["deployments"][0]["rates"] == {"input": 0.5, "cached": 0.1, "output": 2.0, "source": "configuration"}
    assert (house["kind"], house["use"]["calls"], fast["use"]["calls"]) == ("pattern", 1, 1)
    others = {m["name"]: m for m in found["others"]}
    assert {n: (m["kind"], m["pattern"]) for n, m in others.items()} == {
        "house/gpt-4o": ("pattern", "house/*"),
        "claude-sonnet-4-5": ("environment", ""),
        "nobody-has-this": ("unknown", ""),
    }
    assert others["house/gpt-4o"]["deployments"][0]["upstream_model"] == "gpt-4o"
    assert others["nobody-has-this"]["deployments"] == []
    assert found["library"]["name"] == "genai-prices"
    assert found["library"]["newest"] <= time.strftime("%Y-%m-%d", time.gmtime())


def test_what_cools_down_says_so(engine: sa.Engine) -> None:
    clock = [100.0]
    router = Router(SETTINGS, {}, clock=lambda: clock[0])
    client = with_models(engine, router, SETTINGS)
    target = next(t for t in router.resolve("fast") if t.label == "openai/gpt-4o-mini")
    for _ in range(SETTINGS.allowed_failures):
        router.failed(target)
    clock[0] += 10
    cooling = [d["cooling_seconds"] for d in client.get("/api/models").json()["data"][0]["deployments"]]
    assert cooling == [20, 0, 0]


def test_a_key_sees_the_models_that_it_may_use(engine: sa.Engine) -> None:
    plain, _ = keys.create(engine, "mine", "m", ["ow*"], None)
    client = with_models(engine, Router(SETTINGS, {}), SETTINGS)
    assert [m["name"] for m in client.get("/api/models", headers=as_key(plain)).json()["data"]] == ["own"]


def test_the_demo_says_that_it_is_one(now: Log, engine: sa.Engine) -> None:
    now.chat("s", [user("hi")], model="anything")
    found = with_models(engine, Router(Settings(), {}), Settings()).get("/api/models").json()
    assert found["demo"]
    (anything,) = found["others"]
    assert (anything["kind"], anything["deployments"][0]["rates"]["source"]) == ("demo", "free")
