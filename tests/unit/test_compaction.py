"""A conversation that is made short: what comes back stands for all of it, and is read by any provider."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary.wire.canonical import Answer, Request
from sessionary.wire.formats import FORMATS
from sessionary.wire.responses import compaction

IMAGE = "https://example.com/door.png"
ASKED: dict[str, Any] = {
    "model": "m",
    "instructions": "Be brief.",
    "temperature": 0.2,
    "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}],
    "input": [
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Hello Ada."}]},
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "Look."}, {"type": "input_image", "image_url": IMAGE}],
        },
        {"type": "function_call", "call_id": "c", "name": "look", "arguments": '{"at":"door"}'},
        {"type": "function_call_output", "call_id": "c", "output": "It is open."},
    ],
}
OURS = "resp_" + "0" * 26


def asked(body: dict[str, Any] = ASKED) -> Request:
    return FORMATS["responses"].read_request(body)


def answered(text: str) -> Answer:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 10, "completion_tokens": 4}
    return FORMATS["chat"].read_answer({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})


def test_the_model_is_told_everything_and_asked_for_nothing_else() -> None:
    wanted = compaction.request(asked())
    (turn,) = wanted.turns
    told = turn.parts[0].piece.text
    for said in (
        "Be brief.",
        "User: My name is Ada.",
        "Assistant: Hello Ada.",
        "[image",
        "look",
        "door",
        "It is open.",
    ):
        assert said in told
    assert told.index("My name") < told.index("Hello Ada.") < told.index("It is open.")
    assert wanted.params.model == "m"
    assert (wanted.params.tools, wanted.params.temperature, wanted.system) == ([], None, [])


def test_what_comes_back_has_the_users_messages_and_one_item_for_the_rest() -> None:
    body = compaction.write(answered("She is Ada."), asked(), OURS, 7)
    assert (body["id"], body["object"], body["created_at"]) == (OURS, "response.compaction", 7)
    assert [item["type"] for item in body["output"]] == ["message", "message", "compaction"]
    assert body["output"][0]["content"] == [{"type": "input_text", "text": "My name is Ada."}]
    assert len({item["id"] for item in body["output"]}) == 3
    assert body["usage"]["output_tokens"] == 4


@pytest.mark.parametrize("format", ["chat", "responses", "messages"])
def test_what_came_back_is_told_to_any_model_as_text(format: str) -> None:
    output = compaction.write(answered("She is Ada; the door is open."), asked(), OURS, 7)["output"]
    again = asked({"model": "m", "max_output_tokens": 100, "input": [*output, {"role": "user", "content": "Go on."}]})
    sent = json.dumps(FORMATS[format].write_request(again), ensure_ascii=False)  # type: ignore[index]
    assert sent.index("My name is Ada.") < sent.index("She is Ada; the door is open.") < sent.index("Go on.")
    assert "sessionary:summary" not in sent


@given(st.text())
def test_any_summary_survives(text: str) -> None:
    item = compaction.write(answered(text), asked(), OURS, 7)["output"][-1]
    said = compaction.summary_of(item)
    assert said is not None
    assert said.endswith(text.encode("utf-8", "replace").decode())


@given(st.none() | st.integers() | st.text() | st.binary().map(lambda b: "sessionary:summary:" + b.decode("latin-1")))
def test_what_is_not_ours_stays_what_it_is(sealed: Any) -> None:
    said = compaction.summary_of({"type": "compaction", "encrypted_content": sealed})
    if said is not None:
        assert base64.b64decode(sealed.removeprefix("sessionary:summary:")).decode() in said
    assert compaction.summary_of({}) is None
