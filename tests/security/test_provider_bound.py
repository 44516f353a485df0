"""S3: nothing that a caller sends changes where a call goes, or whose credential it has.

Two providers stand on loopback: the configured one, and a trap that nothing may reach.
"""

import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.server import Server, running_server
from tests.support.upstream import FakeUpstream, Received, Reply

SEED = 20260
ROUNDS = 150
KEYS = {"openai": "sk-openai-own", "azure": "azure-own", "anthropic": "sk-anthropic-own"}
OWN = [
    {"authorization": f"Bearer {KEYS['openai']}"},
    {"api-key": KEYS["azure"]},
    {"x-api-key": KEYS["anthropic"]},
]
FIELDS = (
    "api_base", "base_url", "api_key", "api_version", "azure_endpoint", "custom_llm_provider", "deployment_id",
    "endpoint", "extra_headers", "headers", "host", "model_id", "organization", "provider", "proxy", "proxies",
    "url", "litellm_params", "extra_body", "extra_query", "fallbacks", "router_settings", "vertex_project",
    "region_name", "aws_bedrock_runtime_endpoint",
)  # fmt: skip
HEADERS = (
    "host", "x-api-base", "x-base-url", "openai-organization", "openai-project", "x-forwarded-host",
    "x-upstream", "x-portkey-custom-host", "helicone-openai-api-base", "x-goog-api-key", "api-key",
    "proxy-authorization", "cookie", "x-litellm-api-key", "anthropic-api-key", "forwarded", "x-original-url",
    "connection", "transfer-encoding-x", "upgrade",
)  # fmt: skip
PATHS = (
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/completions",
    "/v1/messages",
    "/v1/responses",
    "/v1/messages/count_tokens",
)


@pytest.fixture(scope="module")
def trap() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream) -> Iterator[Server]:
    home = shared_upstream.base_url.removesuffix("/v1")
    env = {
        "OPENAI_API_KEY": KEYS["openai"], "OPENAI_BASE_URL": shared_upstream.base_url,
        "AZURE_API_KEY": KEYS["azure"], "AZURE_API_BASE": home,
        "ANTHROPIC_API_KEY": KEYS["anthropic"], "ANTHROPIC_BASE_URL": home,
    }  # fmt: skip
    with running_server(tmp_path_factory.mktemp("bound"), env=env) as started:
        yield started


def models(evil: str, rng: random.Random) -> str:
    bare = rng.choice(
        [
            "gpt-4o", "../../admin", "..%2f..%2fadmin", "x?api-version=1&y=", "x#fragment", "x;/../y", "//evil",
            "\\\\evil", f"@{evil}/v1", f"http://{evil}/v1", f"x\r\nHost: {evil}", "x y", "%00", "é", ".", "..", "a/b/c",
            f"{evil}/v1/x",
        ]
    )  # fmt: skip
    return rng.choice(["", "openai/", "azure/", "anthropic/", "openai/openai/", "azure//"]) + bare


def check(request: Received, home: str) -> None:
    """It is where the configuration says, with that provider's key, and nothing else of the caller's in its head."""
    path = request.path
    assert request.headers["host"] == home
    given = {
        name: request.headers[name] for name in ("authorization", "api-key", "x-api-key") if name in request.headers
    }
    assert given in OWN, given
    if path.startswith("/openai/deployments/"):
        deployment, _, rest = path.removeprefix("/openai/deployments/").partition("/")
        assert deployment not in (".", "..")
        assert rest.partition("?")[0] in ("chat/completions", "embeddings", "completions"), path
        assert given == {"api-key": KEYS["azure"]}
    else:
        assert path in PATHS, path
    told = {*request.headers} - {"host", "content-length", "content-type", "accept", "user-agent", "accept-encoding"}
    assert told <= {"authorization", "api-key", "x-api-key", "anthropic-version", "connection"}, told


def test_nothing_moves_a_call(gateway: Server, shared_upstream: FakeUpstream, trap: FakeUpstream) -> None:
    """S3: hostile model names, fields, headers and queries, each by itself and together."""
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    evil = urlsplit(trap.base_url).netloc
    home = urlsplit(shared_upstream.base_url).netloc
    values: list[Any] = [
        trap.base_url,
        evil,
        f"http://{evil}",
        {"Authorization": "Bearer stolen", "Host": evil},
        "sk-stolen",
    ]
    for _ in range(ROUNDS):
        body: dict[str, Any] = {"model": models(evil, rng), "max_tokens": 5}
        path = rng.choice(PATHS)
        body |= {"messages": [{"role": "user", "content": "x"}]} if "c" in path else {}
        body |= {"input": "x", "prompt": "x"} if "chat" not in path and "messages" not in path else {}
        for name in rng.sample(FIELDS, rng.randint(0, 4)):
            body[name] = rng.choice(values)
        headers = {name: rng.choice([evil, trap.base_url, "stolen"]) for name in rng.sample(HEADERS, rng.randint(0, 3))}
        query = rng.choice(
            ["", f"?api_base={trap.base_url}", f"?base_url=http://{evil}&api_key=stolen", "?api-version=evil"]
        )
        before = len(shared_upstream.requests)
        gateway.post(path + query, body, headers)
        for request in shared_upstream.requests[before:]:
            check(request, home)
            assert b"stolen" not in json.dumps(request.headers).encode()
    assert len(shared_upstream.requests) > ROUNDS / 4, "most calls are made"
    assert trap.requests == []
    print(f"{ROUNDS} requests, {len(shared_upstream.requests)} calls of providers")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(
    gateway: Server, shared_upstream: FakeUpstream, trap: FakeUpstream, status: int
) -> None:
    """S3: a provider cannot send a call, and its key, elsewhere."""
    before = len(trap.requests)
    for stream in (False, True):
        shared_upstream.script(Reply(status=status, headers={"location": f"{trap.base_url}/chat/completions"}))
        answer = gateway.chat("x", stream=stream)
        assert answer.status == 502, answer
        assert "location" not in answer.headers
        assert str(trap.port).encode() not in answer.body
    assert len(trap.requests) == before


def test_a_credential_is_bound_to_its_address(tmp_path: Any, trap: FakeUpstream) -> None:
    """S3: a deployment with an address of its own does not get the key that the environment has for the provider."""
    config = f"models: [{{name: elsewhere, model: openai/gpt-4o, base_url: '{trap.base_url}'}}]"
    with running_server(tmp_path, config=config, env={"OPENAI_API_KEY": KEYS["openai"]}) as server:
        server.chat("x", model="elsewhere")
        assert len(trap.requests) == 1
        assert KEYS["openai"] not in json.dumps(trap.requests[0].headers)
        trap.requests.clear()


def test_a_short_key_is_hidden_where_it_is_refused(tmp_path: Any, shared_upstream: FakeUpstream) -> None:
    """One that a model may say by chance, too: of an answer it stays, of a refusal it does not."""
    key = "sk-12345"
    config = f"models: [{{name: short, model: openai/gpt-4o, base_url: '{shared_upstream.base_url}', api_key: {key}}}]"
    with running_server(tmp_path, config=config) as server:
        for status in (400, 401, 403, 422):
            shared_upstream.script(
                Reply(status=status, body=json.dumps({"error": {"message": f"wrong key: {key}"}}).encode())
            )
            answer = server.chat("x", model="short")
            assert answer.status == status
            assert b"wrong key: [hidden]" in answer.body
            call = server.call(answer.headers["x-call-id"])
            assert key not in json.dumps(call)
            assert key not in json.dumps(server.get(f"/api/calls/{call['id']}/response"))
