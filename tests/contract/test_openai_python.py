"""The OpenAI Python library, with only its base URL and the session id added."""

from typing import Any

import openai
import pytest

from tests.contract.conversation import MODEL, Messages, check, talk
from tests.support.server import Server
from tests.support.upstream import FakeUpstream


@pytest.mark.parametrize("form", ["metadata", "field"])
@pytest.mark.parametrize("path", ["", "/v1"], ids=["bare", "v1"])
def test_two_calls_are_one_session(
    shared_server: Server, upstream: FakeUpstream, *, session_id: str, stream: bool, form: str, path: str
) -> None:
    id_field = {"litellm_session_id": session_id}
    extra_body = {"metadata": id_field} if form == "metadata" else id_field

    with openai.OpenAI(api_key=shared_server.key, base_url=shared_server.base_url + path) as client:

        def ask(messages: Messages) -> str:
            answer: Any = client.chat.completions.create(
                model=MODEL,
                messages=messages,  # type: ignore[arg-type]
                stream=stream,
                extra_body=extra_body,
            )
            if not stream:
                return str(answer.choices[0].message.content)
            return "".join(chunk.choices[0].delta.content or "" for chunk in answer)

        talk(ask)
    check(shared_server, upstream, session_id, stream=stream)


def test_the_answer_names_its_session(shared_server: Server, upstream: FakeUpstream, session_id: str) -> None:
    with openai.OpenAI(api_key=shared_server.key, base_url=shared_server.base_url) as client:
        raw = client.chat.completions.with_raw_response.create(
            model=MODEL,
            messages=[{"role": "user", "content": "hi"}],
            extra_body={"metadata": {"litellm_session_id": session_id}},
        )
    assert raw.headers["x-session-id"] == session_id
    assert raw.headers["x-session-source"] == "id"
    assert shared_server.call(raw.headers["x-call-id"])["session_id"] == session_id


def test_errors_are_the_librarys_own(shared_server: Server, upstream: FakeUpstream) -> None:
    messages: Any = [{"role": "user", "content": "hi"}]
    with openai.OpenAI(api_key="sk-wrong", base_url=shared_server.base_url, max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model=MODEL, messages=messages)
        client.api_key = shared_server.key
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model="no-such-model-anywhere", messages=messages)
    assert caught.value.code == "model_not_found"


async def test_the_other_endpoints(shared_server: Server, upstream: FakeUpstream) -> None:
    async with openai.AsyncOpenAI(api_key=shared_server.key, base_url=shared_server.base_url) as client:
        embedded = await client.embeddings.create(model="text-embedding-3-small", input="hi", encoding_format="float")
        assert embedded.data[0].embedding == [0.25, -0.5]
        completed = await client.completions.create(model="gpt-3.5-turbo-instruct", prompt="hi")
        assert completed.choices[0].text == "You said: hi"
        listed = await client.models.list()
        assert listed.object == "list"
