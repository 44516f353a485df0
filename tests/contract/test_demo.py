"""The first five minutes: no provider configured, and the examples people have run as they stand."""

import json
from typing import Any

import openai
import pytest

from tests.support.server import Server

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
                "required": ["city", "days"],
                "additionalProperties": False,
            },
        },
    }
]


@pytest.mark.parametrize("model", ["gpt-4o", "anthropic/claude-sonnet-4-5", "whatever"])
def test_every_model_answers_and_says_who_it_is(demo_server: Server, stream: bool, model: str) -> None:
    with openai.OpenAI(api_key=demo_server.key, base_url=demo_server.base_url) as client:
        raw: Any = client.chat.completions.with_raw_response.create(
            model=model, messages=[{"role": "user", "content": "Hello"}], stream=stream
        )
        assert raw.headers["x-sessionary-provider"] == "demo"
        answer = raw.parse()
        if stream:
            assert "".join(chunk.choices[0].delta.content or "" for chunk in answer)
        else:
            assert answer.choices[0].message.content
            assert answer.usage.total_tokens > 0
    call = demo_server.call(raw.headers["x-call-id"])
    assert call["status"] == "ok"
    assert call["provider"] == "demo"
    assert call["cost"] == 0  # it is known: answers are made up
    assert call["input_tokens"] > 0 < call["output_tokens"]


def test_tools_are_called_and_their_results_used(demo_server: Server, stream: bool, session_id: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    options: Any = {
        "model": "gpt-4o",
        "tools": TOOLS,
        "extra_body": {"metadata": {"litellm_session_id": session_id}},
    }
    with openai.OpenAI(api_key=demo_server.key, base_url=demo_server.base_url) as client:

        def ask() -> Any:
            if not stream:
                return client.chat.completions.create(messages=messages, **options).choices[0]
            with client.chat.completions.stream(messages=messages, **options) as events:
                return events.get_final_completion().choices[0]

        first = ask()
        assert first.finish_reason == "tool_calls"
        tool_call = first.message.tool_calls[0]
        assert tool_call.function.name == "get_weather"
        arguments = json.loads(tool_call.function.arguments)
        assert isinstance(arguments["city"], str)
        assert isinstance(arguments["days"], int)
        messages.append(
            {
                "role": "assistant",
                "content": first.message.content,
                "tool_calls": [
                    {"id": tool_call.id, "type": "function",
                     "function": {"name": "get_weather", "arguments": tool_call.function.arguments}}
                ],
            }
        )  # fmt: skip
        messages.append({"role": "tool", "tool_call_id": tool_call.id, "content": "18 degrees and sunny"})
        second = ask()
        assert second.finish_reason == "stop"
        assert second.message.content

    session = demo_server.session(session_id, calls=2)
    assert session["turns"] == 1  # one user message set both calls off
    calls = demo_server.transcript(session_id)["calls"]
    assert [p["type"] for p in calls[0]["output"]["pieces"] if p["type"] == "tool_call"] == ["tool_call"]
    assert [m["role"] for m in calls[1]["messages"]] == ["tool"]


def test_the_same_input_has_the_same_answer(demo_server: Server) -> None:
    answers = [demo_server.chat("Tell me about rivers").json["choices"] for _ in range(2)]
    assert answers[0] == answers[1]
