"""The official libraries at a limit: they raise their own error, wait as long as they are told, and give up at once
where waiting does not help."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Reply, chat_json

SAID = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as started:
        yield started


@pytest.fixture(scope="module")
def server(upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    env = {"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": upstream.base_url}
    with running_server(tmp_path_factory.mktemp("limits"), env=env) as started:
        yield started


@pytest.fixture(params=["openai", "anthropic"])
def library(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ask(library: str, server: Server, key: str, retries: int, **extra: Any) -> Any:
    """One call with the library, as its documentation writes it."""
    if library == "openai":
        with openai.OpenAI(base_url=f"{server.base_url}/v1", api_key=key, max_retries=retries) as client:
            return client.chat.completions.create(model="gpt-4o", messages=SAID, **extra)  # type: ignore[arg-type]
    with anthropic.Anthropic(base_url=server.base_url, api_key=key, max_retries=retries) as client:
        return client.messages.create(model="gpt-4o", max_tokens=9, messages=SAID, **extra)  # type: ignore[arg-type]


def limited(server: Server, **limits: Any) -> str:
    made = server.post("/api/keys", {"project": "p", "name": "k", "limits": limits})
    return str(made.json["key"])


ERRORS = {"openai": openai.RateLimitError, "anthropic": anthropic.RateLimitError}


def test_it_raises_a_rate_limit_error_with_what_is_left(server: Server, library: str) -> None:
    key = limited(server, calls_per_minute=1)
    ask(library, server, key, 0)
    with pytest.raises(ERRORS[library], match="1 calls a minute") as raised:
        ask(library, server, key, 0)
    headers = raised.value.response.headers
    assert 50 < int(headers["retry-after"]) <= 60
    of_its_own = "x-ratelimit-remaining-requests" if library == "openai" else "anthropic-ratelimit-requests-remaining"
    assert headers[of_its_own] == "0"
    assert headers["x-call-id"].startswith("call_")


def test_it_comes_again_when_it_may(server: Server, upstream: FakeUpstream, library: str) -> None:
    key = limited(server, concurrent=1)
    arrived = len(upstream.requests)
    body = chat_json({"model": "gpt-4o", "messages": SAID})
    upstream.script(Reply(body, delay=0.5))
    slow = threading.Thread(target=ask, args=(library, server, key, 0))
    slow.start()
    wait_for(lambda: len(upstream.requests) > arrived, what="the slow call")
    began = time.monotonic()
    assert ask(library, server, key, 2)
    assert time.monotonic() - began > 0.9  # a second, as it was told
    slow.join()
    assert len(upstream.requests) == arrived + 2


def test_it_gives_up_where_waiting_does_not_help(server: Server, library: str) -> None:
    key = limited(server, session_calls=1)
    headers = {"x-session-id": f"ends-{library}"}
    ask(library, server, key, 0, extra_headers=headers)
    with pytest.raises(ERRORS[library], match="has come to its end"):
        ask(library, server, key, 5, extra_headers=headers)
    session = server.session(f"ends-{library}", calls=2)  # one that passed, one that did not, and no more
    assert session["calls"] == 2
