"""The Anthropic library, on a provider that speaks its format and on one that does not."""

import anthropic
import pytest

from tests.support.server import Server
from tests.support.upstream import FakeUpstream

MODEL = "claude-demo"
TOOL = {
    "name": "look_up",
    "description": "Looks a thing up.",
    "input_schema": {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]},
}


def talk(
    client: anthropic.Anthropic, messages: list[dict[str, object]], *, stream: bool, **more: object
) -> anthropic.types.Message:
    if not stream:
        return client.messages.create(model=MODEL, max_tokens=500, messages=messages, **more)  # type: ignore
    with client.messages.stream(model=MODEL, max_tokens=500, messages=messages, **more) as events:  # type: ignore
        for _ in events:
            pass
        return events.get_final_message()


def check(server: Server, client: anthropic.Anthropic, session: str, *, stream: bool) -> None:
    """Two turns with a tool between, in one session."""
    headers = {"x-session-id": session}
    said: list[dict[str, object]] = [{"role": "user", "content": "Find cats"}]
    first = talk(client, said, stream=stream, tools=[TOOL], extra_headers=headers)
    (call,) = [block for block in first.content if block.type == "tool_use"]
    assert first.stop_reason == "tool_use"
    said += [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "42 cats"}]},
    ]
    second = talk(client, said, stream=stream, tools=[TOOL], extra_headers=headers, system="Be brief.")
    assert second.stop_reason == "end_turn"
    found = server.session(session, calls=2)
    assert found["source"] == "id"
    assert found["turns"] == 1
    assert found["input_tokens"] > 0
    one, two = server.transcript(session)["calls"]
    assert two["call"]["parent_id"] == one["call"]["id"]
    assert [piece["type"] for piece in two["messages"][0]["pieces"]] == ["tool_result"]
    assert two["output"]["pieces"][0]["type"] == "text"


@pytest.mark.parametrize("suffix", ["", "/v1"])
def test_a_provider_of_the_same_format(demo_server: Server, suffix: str, *, session_id: str, stream: bool) -> None:
    with anthropic.Anthropic(api_key=demo_server.key, base_url=demo_server.base_url + suffix) as client:
        check(demo_server, client, session_id, stream=stream)


def test_errors_come_in_its_format(demo_server: Server) -> None:
    with anthropic.Anthropic(api_key="sk-wrong", base_url=demo_server.base_url, max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError) as refused:
            talk(client, [{"role": "user", "content": "hi"}], stream=False)
        body = refused.value.body
        assert isinstance(body, dict)
        assert body["type"] == "error"
        assert body["error"]["type"] == "authentication_error"


def test_a_provider_that_speaks_chat_alone(
    shared_server: Server, upstream: FakeUpstream, *, session_id: str, stream: bool
) -> None:
    with anthropic.Anthropic(api_key=shared_server.key, base_url=shared_server.base_url) as client:
        answer = client.messages.create(
            model="gpt-4o",
            max_tokens=50,
            system="Be brief.",
            messages=[{"role": "user", "content": "Hello"}],
            extra_headers={"x-session-id": session_id},
        )
        assert answer.content[0].type == "text"
        (request,) = upstream.requests
        assert request.path.endswith("/chat/completions")
        assert request.json["messages"][0] == {"role": "system", "content": "Be brief."}
        session = shared_server.session(session_id, calls=1)
        assert session["input_tokens"] > 0


def test_tokens_are_counted(demo_server: Server) -> None:
    with anthropic.Anthropic(api_key=demo_server.key, base_url=demo_server.base_url) as client:
        said = [{"role": "user", "content": "How many tokens are these words? " * 20}]
        few = client.messages.count_tokens(model=MODEL, messages=said[:1])  # type: ignore[arg-type]
        more = client.messages.count_tokens(model=MODEL, messages=said, tools=[TOOL])  # type: ignore[arg-type, list-item]
        assert 100 < few.input_tokens < more.input_tokens < 300
