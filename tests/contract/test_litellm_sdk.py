"""The LiteLLM SDK. It keeps `metadata` to itself; `extra_body` and `extra_headers` do reach the wire."""

import asyncio
from collections.abc import Iterator
from typing import Any

import litellm
import pytest

from tests.contract.conversation import MODEL, Messages, check, talk
from tests.support.server import Server
from tests.support.upstream import FakeUpstream


@pytest.fixture(autouse=True, scope="module")
def loop_of_the_sdk() -> Iterator[None]:
    """The SDK asks for the thread's event loop, and would leave the one it is given open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.parametrize("form", ["extra_body", "extra_body metadata", "extra_headers"])
@pytest.mark.parametrize("provider", ["openai", "litellm_proxy"])
def test_two_calls_are_one_session(
    shared_server: Server, upstream: FakeUpstream, *, session_id: str, stream: bool, form: str, provider: str
) -> None:
    id_field = {"litellm_session_id": session_id}
    forms: dict[str, dict[str, Any]] = {
        "extra_body": {"extra_body": id_field},
        "extra_body metadata": {"extra_body": {"metadata": id_field}},
        "extra_headers": {"extra_headers": {"x-litellm-session-id": session_id}},
    }
    extra = forms[form]

    def ask(messages: Messages) -> str:
        answer: Any = litellm.completion(
            model=f"{provider}/{MODEL}",
            api_base=shared_server.base_url,
            api_key=shared_server.key,
            messages=messages,
            stream=stream,
            **extra,
        )
        if not stream:
            return str(answer.choices[0].message.content)
        return "".join(chunk.choices[0].delta.content or "" for chunk in answer)

    talk(ask)
    check(shared_server, upstream, session_id, stream=stream)
