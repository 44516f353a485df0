"""How many tokens a request would cost, asked of a provider that counts itself."""

from collections.abc import Iterator

import pytest

from sessionary.sessions.identify import OWN_FIELDS
from tests.support.server import Server, running_server
from tests.support.upstream import FakeUpstream, Reply

ASKED = {
    "messages/count_tokens": {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "hi"}]},
    "responses/input_tokens": {"model": "gpt-4o-mini", "input": "hi"},
}
DEEP = b'{"model": "%b", "messages": [], "input": "", "metadata": ' + b"[" * 150 + b"]" * 150 + b"}"
LONG = b'{"model": "%b", "messages": [], "input": "", "metadata": ' + b"9" * 5000 + b"}"


@pytest.fixture
def upstream(shared_upstream: FakeUpstream) -> FakeUpstream:
    shared_upstream.reset()
    return shared_upstream


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream) -> Iterator[Server]:
    url = shared_upstream.base_url
    config = f"""
models:
  - {{name: claude-haiku-4-5, model: anthropic/claude-haiku-4-5, base_url: "{url.removesuffix("/v1")}", api_key: sk-1}}
  - {{name: gpt-4o-mini, model: openai/gpt-4o-mini, base_url: "{url}", api_key: sk-1, formats: [responses]}}
"""
    with running_server(tmp_path_factory.mktemp("counting"), config=config) as started:
        yield started


@pytest.mark.parametrize("path", ASKED)
def test_the_provider_counts(gateway: Server, upstream: FakeUpstream, path: str) -> None:
    upstream.default = Reply(b'{"input_tokens": 42}')
    answer = gateway.post(f"/v1/{path}", ASKED[path])
    assert (answer.status, answer.json) == (200, {"input_tokens": 42})
    (asked,) = upstream.requests
    assert asked.path.endswith(path)
    assert asked.json == ASKED[path]


@pytest.mark.parametrize("path", ASKED)
def test_what_is_meant_for_the_gateway_stays_here(gateway: Server, upstream: FakeUpstream, path: str) -> None:
    upstream.default = Reply(b'{"input_tokens": 42}')
    assert gateway.post(f"/v1/{path}", ASKED[path] | dict.fromkeys(OWN_FIELDS, "s-1")).status == 200
    (asked,) = upstream.requests
    assert asked.json == ASKED[path]


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("body", [DEEP, LONG], ids=["deep", "long"])
def test_what_cannot_be_read_is_said_to_be(gateway: Server, upstream: FakeUpstream, path: str, body: bytes) -> None:
    answer = gateway.request("POST", f"/v1/{path}", body % str(ASKED[path]["model"]).encode())
    assert answer.status == 400
    assert "nested too deeply" in answer.json["error"]["message"]
    assert answer.json.get("type") == ("error" if path.startswith("messages") else None)
    assert upstream.requests == []
