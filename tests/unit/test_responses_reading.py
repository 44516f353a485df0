"""What an item shows, and what it means: the same as the same message of chat."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.wire import chat
from sessionary.wire.message import Message, Piece
from sessionary.wire.responses.reading import read_answer, read_message
from tests.support import items
from tests.support.chats import PDF, PNG

Wire = dict[str, Any]


def meaning(item: Any) -> bytes | None:
    return read_message(json.dumps(item).encode())[1]


def shown(item: Any) -> Message:
    return read_message(json.dumps(item).encode())[0]


CALL = {"id": "c", "type": "function", "function": {"name": "run", "arguments": '{"b": 1.0, "a": null}'}}
ALIKE = [
    ({"role": "user", "content": "hi"}, {"role": "user", "content": "hi"}),
    (
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"role": "user", "content": "hi"},
    ),
    (
        {"role": "user", "content": [{"type": "input_image", "image_url": PNG, "detail": "auto"}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
    ),
    (
        {"role": "user", "content": [{"type": "input_file", "filename": "p.pdf", "file_data": PDF}]},
        {"role": "user", "content": [{"type": "file", "file": {"filename": "p.pdf", "file_data": PDF}}]},
    ),
    (
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "phase": "final_answer",
            "content": [
                {"type": "output_text", "text": "yes", "annotations": [{"type": "url_citation"}], "logprobs": []}
            ],
        },
        {"role": "assistant", "content": "yes", "refusal": None},
    ),
    (
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "assistant", "content": None, "refusal": "no"},
    ),
    (
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "run", "arguments": '{"a":null,"b":1}'},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
    ),
    (
        {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "{}"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "patch", "input": "{}"}}],
        },
    ),
    (
        {
            "type": "function_call_output",
            "call_id": "c",
            "output": [{"type": "input_text", "text": "ok"}],
            "status": "completed",
        },
        {"role": "tool", "tool_call_id": "c", "content": "ok"},
    ),
]


@pytest.mark.parametrize(("item", "message"), ALIKE)
def test_an_item_means_what_the_message_of_chat_means(item: Wire, message: Wire) -> None:
    assert meaning(item) == chat.read(json.dumps(message).encode())[1]


def test_what_differs_means_something_else() -> None:
    meanings = [meaning(item) for item, _ in ALIKE[1:]]
    assert len(set(meanings)) == len(meanings)


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
        {"type": "item_reference", "id": "msg_1"},
        {"id": "msg_1"},
        {"role": "developer", "content": "be kind"},
    ],
)
def test_what_clients_send_or_not_has_no_meaning(item: Wire) -> None:
    assert meaning(item) == ()


def test_an_answers_message_may_leave_its_role_out() -> None:
    item = {"type": "message", "content": [{"type": "output_text", "text": "yes"}]}
    message, mean = read_answer(json.dumps(item).encode())
    assert message == Message("assistant", [Piece("text", text="yes")])
    assert mean == meaning({"role": "assistant", "content": "yes"})


@settings(max_examples=50)
@given(items.asked_items)
def test_ids_of_items_and_states_do_not_count(item: Wire) -> None:
    bare = {k: v for k, v in item.items() if k not in ("status", "phase", *(["id"] if item.get("role") else []))}
    assert meaning(item) == meaning(bare)


def test_a_providers_own_tool_is_shown_as_a_call_and_what_it_gave() -> None:
    item = {
        "type": "mcp_call",
        "id": "mcp_1",
        "server_label": "docs",
        "name": "find",
        "arguments": '{"q": 1}',
        "output": "found",
    }
    assert shown(item).pieces == [
        Piece("tool_call", id="mcp_1", name="find", arguments={"q": 1}, kind="mcp_call", detail="docs"),
        Piece("tool_result", id="mcp_1", content=[Piece("text", text="found")]),
    ]
    drawn = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA"}
    assert shown(drawn).pieces[1] == Piece("image", url="data:image/png;base64,AAAA", media_type="image/png")
    search = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    }
    asked = {"action": {"type": "search", "query": "q"}}
    assert shown(search).pieces == [
        Piece("tool_call", id="ws_1", name="web_search", arguments=asked, kind="web_search_call")
    ]


def test_what_a_program_printed_and_drew_is_shown_as_text_and_picture() -> None:
    outputs = [{"type": "logs", "logs": "1\n"}, {"type": "image", "url": PNG}, {"type": "hologram"}]
    item = {"type": "code_interpreter_call", "id": "ci_1", "code": "print(1)", "outputs": outputs}
    assert shown(item).pieces[1].content == [
        Piece("text", text="1\n"),
        Piece("image", url=PNG, media_type="image/png"),
        Piece("other", value={"type": "hologram"}),
    ]


def test_a_tool_that_takes_free_text_says_so() -> None:
    (piece,) = shown({"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** Begin"}).pieces
    assert piece == Piece("tool_call", id="c", name="patch", arguments="*** Begin", kind="custom")


@pytest.mark.parametrize(
    ("item", "text", "detail"),
    [
        ({"summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]}, "a\n\nb", ""),
        ({"summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}, "hm", ""),
        ({"summary": [], "encrypted_content": "x"}, "", "encrypted"),
        ({"summary": []}, "", ""),
    ],
)
def test_reasoning_is_shown(item: Wire, text: str, detail: str) -> None:
    assert shown({"type": "reasoning", **item}).pieces == [Piece("reasoning", text=text, detail=detail)]


def test_what_a_text_cites_is_shown_and_means_nothing() -> None:
    cited = {"type": "url_citation", "url": "https://example.com", "title": "a", "start_index": 0, "end_index": 2}
    part = {"type": "output_text", "text": "hi"}
    message = {"type": "message", "role": "assistant", "content": [part | {"annotations": [cited, 3]}]}
    assert shown(message).pieces == [Piece("text", text="hi", annotations=[cited])]
    assert meaning(message) == meaning(message | {"content": [part]})


@settings(max_examples=50)
@given(st.binary(max_size=80) | items.JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read(raw: bytes) -> None:
    read_message(raw)
    read_answer(raw)


TYPES = ["message", "reasoning", "function_call", "function_call_output", "mcp_call", "image_generation_call", "x"]
FIELDS = ["role", "content", "summary", "call_id", "name", "namespace", "arguments", "input", "output", "result", "id"]


@settings(max_examples=70)
@given(st.dictionaries(st.sampled_from(FIELDS), items.JSON, max_size=5), st.sampled_from(TYPES))
def test_any_fields_are_read(fields: Wire, kind: str) -> None:
    read_message(json.dumps({"type": kind, **fields}).encode())
