"""A client that asks for a stream of a provider that answers whole gets the stream."""

from collections.abc import Iterator

import anthropic
import openai
import pytest

from tests.support.server import Server, running_server
from tests.support.upstream import FakeUpstream, Reply, chat_json


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream) -> Iterator[Server]:
    config = (
        f"models: [{{name: whole, model: openai-compatible/m, base_url: {shared_upstream.base_url}, api_key: none}}]"
    )
    with running_server(tmp_path_factory.mktemp("unstreamed"), config=config) as server:
        yield server


def test_responses(gateway: Server, upstream: FakeUpstream, session_id: str) -> None:
    upstream.script(lambda asked: Reply(chat_json(asked.json)))
    headers = {"x-session-id": session_id}
    with openai.OpenAI(api_key=gateway.key, base_url=gateway.base_url, default_headers=headers) as client:
        events = list(client.responses.create(model="whole", input="Hello", stream=True))
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "You said: Hello"
    session = gateway.session(session_id, calls=1)
    assert session["status"] == "ok"
    (added,) = gateway.transcript(session["id"])["calls"]
    assert added["output"]["pieces"][0]["text"] == "You said: Hello"


def test_messages(gateway: Server, upstream: FakeUpstream) -> None:
    upstream.script(lambda asked: Reply(chat_json(asked.json)))
    with anthropic.Anthropic(api_key=gateway.key, base_url=gateway.base_url) as client:
        asked = client.messages.stream(model="whole", max_tokens=9, messages=[{"role": "user", "content": "Hello"}])
        with asked as stream:
            assert stream.get_final_text() == "You said: Hello"
