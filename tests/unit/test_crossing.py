"""State in front of a request whose provider speaks the caller's own format: `x-previous-response-id` anywhere."""

import json
from typing import Any

import msgspec
import pytest

from sessionary.errors import BadRequest
from sessionary.providers.catalog import CATALOG
from sessionary.providers.routing import Target
from sessionary.relay.crossing import crossing
from sessionary.settings import Deployment
from sessionary.wire.reading import Said

TARGET = Target(Deployment("demo", "m"), CATALOG["demo"])


def said(value: Any, format: str, *, answer: bool = False) -> Said:
    return Said(json.dumps(value).encode(), format, answer)


def sent(endpoint: str, body: dict[str, Any], history: list[Said]) -> dict[str, Any]:
    data = json.dumps(body).encode()
    fields = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    passage = crossing(endpoint, data, fields, history, "call_1", 0, stream=False)(TARGET)
    return dict(json.loads(passage.body))


HISTORIES = {
    "chat": [
        said({"role": "user", "content": "I am Ada."}, "chat"),
        said({"role": "assistant", "content": "Hello."}, "chat", answer=True),
    ],
    "responses": [
        said("I am Ada.", "responses"),
        said(
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
            "responses",
            answer=True,
        ),
    ],
    "messages": [
        said({"role": "user", "content": "I am Ada."}, "messages"),
        said([{"type": "text", "text": "Hello."}], "messages", answer=True),
    ],
}


def texts(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (m["role"], m["content"] if isinstance(m["content"], str) else "".join(p["text"] for p in m["content"]))
        for m in messages
    ]


@pytest.mark.parametrize("was", HISTORIES)
@pytest.mark.parametrize("endpoint", ["chat.completions", "messages"])
def test_what_was_said_is_put_in_front_and_the_rest_stays(endpoint: str, was: str) -> None:
    body = {
        "model": "m",
        "max_tokens": 9,
        "a_field_of_tomorrow": [1],
        "messages": [{"role": "user", "content": "And?"}],
    }
    went = sent(endpoint, body, HISTORIES[was])
    assert texts(went.pop("messages")) == [("user", "I am Ada."), ("assistant", "Hello."), ("user", "And?")]
    assert went == {"model": "m", "max_tokens": 9, "a_field_of_tomorrow": [1]}


def test_a_system_prompt_stays() -> None:
    body = {"model": "m", "max_tokens": 9, "system": "Be brief.", "messages": [{"role": "user", "content": "And?"}]}
    went = sent("messages", body, HISTORIES["chat"])
    assert "Be brief." in json.dumps(went["system"])
    assert len(went["messages"]) == 3


def test_a_body_without_state_passes_as_it_is() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "And?", "odd": None}]}
    assert sent("chat.completions", body, []) == body


def test_what_the_format_cannot_say_is_named() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    heard = said({"role": "user", "content": [audio]}, "chat")
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "And?"}]}
    with pytest.raises(BadRequest, match="audio"):
        sent("messages", body, [heard])


def test_a_history_that_the_own_format_cannot_say_is_refused() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    history = [said({"role": "user", "content": [{"type": "unknown", "of": audio}]}, "chat")]
    with pytest.raises(BadRequest) as refused:
        sent("responses", {"model": "m", "input": "And?"}, history)
    assert refused.value.code == "unsupported_parameter"
