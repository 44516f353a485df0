"""curl: chains, conversations and Messages, with `/v1` and without it, in either key header."""

import json
import subprocess
import uuid
from typing import Any

import pytest

from tests.support.server import Server


def curl(server: Server, path: str, body: dict[str, Any] | None = None, *headers: str) -> dict[str, Any]:
    options = [option for header in headers for option in ("-H", header)]
    sent = [] if body is None else ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    done = subprocess.run(
        ["curl", "-sS", "--fail-with-body", "-N", f"{server.base_url}{path}", *options, *sent],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    if not done.stdout.startswith("event: "):
        return dict(json.loads(done.stdout))
    events = [line.removeprefix("data: ") for line in done.stdout.splitlines() if line.startswith("data: {")]
    return dict(json.loads(events[-1])["response"])


def text_of(response: dict[str, Any]) -> str:
    return "".join(p["text"] for i in response["output"] if i["type"] == "message" for p in i["content"])


@pytest.mark.parametrize("root", ["", "/v1"])
@pytest.mark.parametrize("header", ["authorization: Bearer {}", "x-api-key: {}"])
def test_a_chain_is_one_session(demo_server: Server, root: str, header: str, stream: bool) -> None:
    key, session = header.format(demo_server.key), f"curl {uuid.uuid4()}"
    previous: dict[str, Any] = {"metadata": {"litellm_session_id": session}}
    for n in range(1, 4):
        body = {"model": "gpt-4o", "input": f"number {n}", "stream": stream, **previous}
        answer = curl(demo_server, f"{root}/responses", body, key)
        assert f"turn {n} of" in text_of(answer)
        previous = {"previous_response_id": answer["id"], "metadata": {"litellm_session_id": session}}
    assert demo_server.session(session, calls=3)["turns"] == 3


def test_a_conversation(demo_server: Server) -> None:
    key = f"authorization: Bearer {demo_server.key}"
    conversation = curl(demo_server, "/conversations", {"metadata": {"topic": "curl"}}, key)
    for n in range(1, 3):
        body = {"model": "claude-sonnet-4-5", "input": f"number {n}", "conversation": conversation["id"]}
        assert f"turn {n} of" in text_of(curl(demo_server, "/v1/responses", body, key))
    items = curl(demo_server, f"/v1/conversations/{conversation['id']}/items?order=asc&limit=3", None, key)
    assert [item["role"] for item in items["data"]] == ["user", "assistant", "user"]
    assert items["has_more"]


@pytest.mark.parametrize("path", ["/messages", "/v1/messages", "/v1/v1/messages"])
def test_messages(demo_server: Server, path: str) -> None:
    session = f"curl {uuid.uuid4()}"
    body = {"model": "claude-sonnet-4-5", "max_tokens": 200, "messages": [{"role": "user", "content": "Hello"}]}
    headers = (f"x-api-key: {demo_server.key}", "anthropic-version: 2023-06-01", f"x-session-id: {session}")
    assert curl(demo_server, path, body, *headers)["content"][0]["type"] == "text"
    assert demo_server.session(session, calls=1)["status"] == "ok"
    counted = curl(demo_server, f"{path}/count_tokens", {k: body[k] for k in ("model", "messages")}, *headers)
    assert counted["input_tokens"] > 0
