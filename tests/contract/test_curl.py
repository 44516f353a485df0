"""curl: the body forms, and a header alone on a body that says nothing."""

import json
import subprocess
from typing import Any

import pytest

from tests.contract.conversation import MODEL, Messages, check, talk
from tests.support.server import Server
from tests.support.upstream import FakeUpstream

ID_HEADERS = ("x-litellm-session-id", "x-session-id", "X-Litellm-Trace-Id", "helicone-session-id")


def curl(server: Server, body: dict[str, Any], *headers: str) -> str:
    options = [option for header in headers for option in ("-H", header)]
    done = subprocess.run(
        ["curl", "-sS", "--fail-with-body", "-N", f"{server.base_url}/chat/completions", *options,
         "-H", "Content-Type: application/json", "-d", json.dumps(body)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def text_of(output: str, *, stream: bool) -> str:
    if not stream:
        return str(json.loads(output)["choices"][0]["message"]["content"])
    events = [line.removeprefix("data: ") for line in output.splitlines() if line.startswith("data: ")]
    assert events.pop() == "[DONE]"
    chunks = [json.loads(event) for event in events]
    assert all(chunk["choices"] and "usage" not in chunk for chunk in chunks)  # it was not asked for
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)


@pytest.mark.parametrize("form", ["metadata", "field", *ID_HEADERS])
def test_two_calls_are_one_session(
    shared_server: Server, upstream: FakeUpstream, session_id: str, stream: bool, form: str
) -> None:
    auth = f"Authorization: Bearer {shared_server.key}"
    headers = [auth, f"{form}: {session_id}"] if form in ID_HEADERS else [auth]
    forms: dict[str, dict[str, Any]] = {
        "metadata": {"metadata": {"litellm_session_id": session_id}},
        "field": {"litellm_session_id": session_id},
    }
    fields = forms.get(form, {})

    def ask(messages: Messages) -> str:
        body = {"model": MODEL, "messages": messages, "stream": stream, **fields}
        return text_of(curl(shared_server, body, *headers), stream=stream)

    talk(ask)
    check(shared_server, upstream, session_id, stream=stream)


def test_the_other_key_header_works_too(shared_server: Server, upstream: FakeUpstream) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
    assert text_of(curl(shared_server, body, f"x-api-key: {shared_server.key}"), stream=False) == "You said: hi"
    assert shared_server.key not in json.dumps(upstream.requests[0].headers)
