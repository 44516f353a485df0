"""What the provider was sent for a call, made again from what is stored: byte for byte what came there.

The provider is a second gateway, which speaks all formats and records what it is sent, also what is not to be stored.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Answer, Server, free_port, running_server

CONFIG = """
unsupported: drop
models:
  - {{name: by-chat, model: openai-compatible/demo, base_url: {url}/v1, api_key: {key}, formats: [chat]}}
  - {{name: by-responses, model: openai/demo, base_url: {url}/v1, api_key: {key}, formats: [responses]}}
  - {{name: by-messages, model: anthropic/demo, base_url: {url}, api_key: {key}, formats: [messages]}}
  - name: moving
    fallbacks: [by-messages]
    deployments:
      - {{provider: openai-compatible, model: gone, name: gone, base_url: "http://127.0.0.1:{nowhere}/v1", api_key: x}}
"""
MODELS = ("by-chat", "by-responses", "by-messages")
TOOL = {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "tools": [{"type": "function", "function": TOOL}],
        "logit_bias": {"1": 2},
    },
    "/v1/responses": {"instructions": "Be brief.", "input": "Hello", "tools": [{"type": "function", **TOOL}]},
    "/v1/messages": {"max_tokens": 300, "system": "Be brief.", "messages": [{"role": "user", "content": "Hello"}]},
}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("provider"), env={"SESSIONARY_LOG_UNSTORED": "true"}) as server:
        yield server


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, provider: Server) -> Iterator[Server]:
    config = CONFIG.format(url=provider.base_url, key=provider.key, nowhere=free_port())
    env = {"SESSIONARY_WORKERS": "2", "SESSIONARY_RETRY_BACKOFF": "0.01"}
    with running_server(tmp_path_factory.mktemp("passed"), env=env, config=config) as server:
        yield server


@pytest.fixture
def check(gateway: Server, provider: Server) -> Any:
    def checked(answer: Answer) -> dict[str, Any]:
        assert answer.status == 200, answer.body
        call = answer.headers["x-call-id"]
        gateway.call(call)
        came = answer.headers["x-upstream-request-id"]
        provider.call(came)
        there = provider.request("GET", f"/api/calls/{came}/request")
        here = gateway.request("GET", f"/api/calls/{call}/provider_request")
        assert (there.status, here.status) == (200, 200), here.body
        told = here.json
        sent = gateway.request("GET", f"/api/calls/{call}/request").body
        assert there.body in here.body  # within the object, as it was sent
        assert json.loads(there.body) == told["body"]
        assert told["as_sent"] == (there.body == sent)
        return dict(told)

    return checked


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_any_format_to_any(gateway: Server, check: Any, path: str, model: str, *, stream: bool) -> None:
    body = {"model": model, "stream": stream, **BODIES[path], "metadata": {"litellm_session_id": "s", "team": "a"}}
    told = check(gateway.post(path, body))
    assert told["path"] == {"by-chat": "chat/completions", "by-responses": "responses"}.get(model, "messages")
    assert told["model"] == "demo"
    assert (told["provider"], bool(told["dropped"])) == (
        {"by-chat": "openai-compatible", "by-responses": "openai", "by-messages": "anthropic"}[model],
        path == "/v1/chat/completions" and model != "by-chat",
    )


@pytest.mark.parametrize("model", MODELS)
def test_what_a_call_goes_on_from_is_in_front(gateway: Server, check: Any, model: str) -> None:
    previous: dict[str, str] = {}
    for n in range(3):
        answer = gateway.post("/v1/responses", {"model": MODELS[n], "input": f"turn {n}", **previous})
        previous = {"previous_response_id": answer.json["id"]}
    told = check(gateway.post("/v1/responses", {"model": model, "instructions": "x", "input": "last", **previous}))
    assert all(f"turn {n}" in json.dumps(told["body"]) for n in range(3))
    header = {"x-previous-response-id": previous["previous_response_id"]}
    for path, body in BODIES.items():
        sent = json.dumps({"model": model, **body}).encode()
        told = check(gateway.request("POST", path, sent, header))
        assert all(f"turn {n}" in json.dumps(told["body"]) for n in range(3))


@pytest.mark.parametrize("model", MODELS)
def test_what_was_put_into_a_conversation_and_what_is_named(gateway: Server, check: Any, model: str) -> None:
    item = {"type": "message", "role": "user", "content": "Put in by hand."}
    conversation = gateway.post("/v1/conversations", {"items": [item]}).json["id"]
    told = check(gateway.post("/v1/responses", {"model": model, "input": "one", "conversation": conversation}))
    assert "Put in by hand." in json.dumps(told["body"])
    more = {"items": [{"type": "message", "role": "user", "content": "Later."}]}
    assert gateway.post(f"/v1/conversations/{conversation}/items", more).status == 200
    told = check(gateway.post("/v1/responses", {"model": model, "input": "two", "conversation": conversation}))
    assert "Later." in json.dumps(told["body"])
    named = gateway.post("/v1/responses", {"model": model, "input": "name me"}).json["output"][0]["id"]
    asked = [{"type": "item_reference", "id": named}, {"role": "user", "content": "And?"}]
    told = check(gateway.post("/v1/responses", {"model": model, "input": asked}))
    assert "item_reference" not in json.dumps(told["body"])
    told = check(gateway.post("/v1/responses", {"model": model, "input": []} | {"conversation": conversation}))
    assert "two" in json.dumps(told["body"])


def test_each_attempt_has_its_own(gateway: Server, check: Any) -> None:
    answer = gateway.post("/v1/chat/completions", {"model": "moving", "messages": [{"role": "user", "content": "hi"}]})
    assert check(answer)["deployment"] == "anthropic/demo"
    path = f"/api/calls/{answer.headers['x-call-id']}/provider_request"
    first = gateway.get(f"{path}?attempt=0")
    assert (first["deployment"], first["model"], first["path"]) == ("gone", "gone", "chat/completions")
    assert gateway.get(f"{path}?attempt=1") == gateway.get(path)
    for odd, status in (("2", 404), ("9999", 404), ("-1", 400), ("x", 400), ("99999", 400)):
        assert gateway.request("GET", f"{path}?attempt={odd}").status == status


def test_where_nothing_was_sent(gateway: Server) -> None:
    call = gateway.post("/v1/chat/completions", {"model": "nobody", "messages": []}).headers["x-call-id"]
    gateway.call(call)
    refused = gateway.request("GET", f"/api/calls/{call}/provider_request")
    assert (refused.status, refused.json["error"]["code"]) == (404, "not_sent")
    assert gateway.request("GET", "/api/calls/call_unknown/provider_request").status == 404


def test_where_what_was_said_is_not_kept(gateway: Server) -> None:
    answer = gateway.post("/v1/responses", {"model": "by-chat", "input": "between us", "store": False})
    call = answer.headers["x-call-id"]
    gateway.call(call)
    refused = gateway.request("GET", f"/api/calls/{call}/provider_request")
    assert (refused.status, refused.json["error"]["code"]) == (404, "unkept")
    kept = gateway.post("/v1/responses", {"model": "by-chat", "input": "x", "session_id": "to be emptied"})
    gateway.call(kept.headers["x-call-id"])
    assert gateway.request("DELETE", "/api/sessions/to%20be%20emptied").status == 200
    gone = gateway.request("GET", f"/api/calls/{kept.headers['x-call-id']}/provider_request")
    assert (gone.status, gone.json["error"]["code"]) == (404, "not_found")


def test_another_tenants_is_unknown(gateway: Server) -> None:
    body = {"model": "by-chat", "messages": [{"role": "user", "content": "mine"}]}
    call = gateway.post("/v1/chat/completions", body).headers["x-call-id"]
    gateway.call(call)
    gateway.post("/api/projects", {"name": "other"})
    key = gateway.post("/api/keys", {"name": "theirs", "project": "other"}).json["key"]
    refused = gateway.request("GET", f"/api/calls/{call}/provider_request", key=key)
    unknown = gateway.request("GET", "/api/calls/call_unknown/provider_request", key=key)
    assert refused.status == unknown.status == 404
    assert refused.json["error"]["message"] == unknown.json["error"]["message"]


def test_what_is_not_configured_any_more(tmp_path: Path, provider: Server) -> None:
    """It is as its provider is usually asked, and says so."""
    config = CONFIG.format(url=provider.base_url, key=provider.key, nowhere=free_port())
    with running_server(tmp_path, config=config) as server:
        call = server.post("/v1/messages", {"model": "by-chat", **BODIES["/v1/messages"]}).headers["x-call-id"]
        server.call(call)
        before = server.get(f"/api/calls/{call}/provider_request")
    with running_server(tmp_path, config=config.replace("openai-compatible/demo", "openai-compatible/other")) as server:
        after = server.get(f"/api/calls/{call}/provider_request")
    assert (before["configured"], after["configured"]) == (True, False)
    assert before == after | {"configured": True}
