"""What a chat message means: equal for what clients rewrite between turns, different for what was said."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.wire import chat
from sessionary.wire.message import Message, Piece
from tests.support import json_text

Wire = dict[str, Any]


def meaning(message: Wire, *, ascii: bool = True) -> tuple[bytes, ...]:
    return chat.read(json.dumps(message, ensure_ascii=ascii).encode())[1]


# -- messages by what they say, so that it is known which are equal

TEXTS = st.sampled_from(["a", " a", "A", "é", "日本", "\na", "1", "{}"])
ARGUMENTS = st.sampled_from(
    [{}, {"a": 1}, {"a": 2}, {"a": None}, {"b": {"x": [1, 2], "cache_control": 1}}, {"a": 0.5}, {"a": "1"}, {"a": True}]
)
CALLS = st.lists(st.tuples(st.sampled_from(["c1", "c2"]), st.sampled_from(["f", "g"]), ARGUMENTS), max_size=2)
IMAGES = st.sampled_from([None, None, "https://example.com/1.png", "data:image/png;base64,AA=="])
said = st.one_of(
    st.fixed_dictionaries({"role": st.just("user"), "texts": st.lists(TEXTS, min_size=1, max_size=2), "image": IMAGES}),
    st.fixed_dictionaries({"role": st.just("assistant"), "texts": st.lists(TEXTS, max_size=2), "calls": CALLS}),
    st.fixed_dictionaries(
        {"role": st.just("tool"), "id": st.sampled_from(["c1", "c2"]), "texts": st.lists(TEXTS, max_size=1)}
    ),
)


def wire(said: Wire) -> Wire:
    """The plainest form of what was said."""
    parts: list[Wire] = [{"type": "text", "text": text} for text in said["texts"]]
    if said.get("image"):
        parts.append({"type": "image_url", "image_url": {"url": said["image"]}})
    message: Wire = {"role": said["role"], "content": parts}
    if said.get("calls"):
        message["tool_calls"] = [
            {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for id, name, arguments in said["calls"]
        ]
    if "id" in said:
        message["tool_call_id"] = said["id"]
    return message


# -- what clients do to a message when they send it again; each changes it in place


def single_part_to_string(message: Wire) -> None:
    match message.get("content"):
        case [{"type": "text", "text": text}]:
            message["content"] = text
        case []:
            message["content"] = None


def white_space_at_the_end(message: Wire) -> None:
    if isinstance(message.get("content"), str):
        message["content"] += " \n"


def no_content_to_empty(message: Wire) -> None:
    if not message.get("content"):
        message["content"] = ""


def other_part_type(message: Wire) -> None:
    for part in message["content"] if isinstance(message.get("content"), list) else []:
        if part["type"] == "text":
            part["type"] = "output_text" if message["role"] == "assistant" else "input_text"


def cache_mark(message: Wire) -> None:
    if isinstance(message.get("content"), list) and message["content"]:
        message["content"][-1]["cache_control"] = {"type": "ephemeral"}
    else:
        message["cache_control"] = {"type": "ephemeral"}


def empty_fields(message: Wire) -> None:
    message.setdefault("tool_calls", [])
    for name in ("refusal", "audio", "function_call", "name"):
        message.setdefault(name, None)
    message.setdefault("annotations", [])


def null_tool_calls(message: Wire) -> None:
    message.setdefault("tool_calls", None)


def bookkeeping(message: Wire) -> None:
    message |= {"id": "msg_1", "status": "completed", "annotations": [{"type": "url_citation"}], "logprobs": None}


def reasoning(message: Wire) -> None:
    message |= {"reasoning_content": "I think", "reasoning": "I think", "reasoning_details": [{"text": "I think"}]}


def arguments_written_anew(message: Wire) -> None:
    for call in message.get("tool_calls") or []:
        arguments = json.loads(call["function"]["arguments"] or "{}")
        if arguments.get("a") == 1 and arguments["a"] is not True:
            arguments["a"] = 1.0
        fields = dict(reversed(arguments.items()))
        call["function"]["arguments"] = json.dumps(fields, indent=2, ensure_ascii=False) if fields else ""
        call["index"] = 0


def other_order(message: Wire) -> None:
    fields = dict(reversed(message.items()))
    message.clear()
    message |= fields


REWRITES: list[Callable[[Wire], None]] = [
    single_part_to_string,
    white_space_at_the_end,
    no_content_to_empty,
    other_part_type,
    cache_mark,
    empty_fields,
    null_tool_calls,
    bookkeeping,
    reasoning,
    arguments_written_anew,
    other_order,
]
rewrites = st.lists(st.sampled_from(REWRITES), max_size=6)


def rewritten(message: Wire, how: list[Callable[[Wire], None]]) -> Wire:
    message = copy.deepcopy(message)
    for rewrite in how:
        rewrite(message)
    return message


@settings(max_examples=80)
@given(said, rewrites, st.booleans())
def test_what_clients_rewrite_means_the_same(said: Wire, how: list[Callable[[Wire], None]], ascii: bool) -> None:
    message = wire(said)
    assert meaning(rewritten(message, how), ascii=ascii) == meaning(message)


@settings(max_examples=80)
@given(said, said, rewrites, rewrites)
def test_what_says_something_else_means_something_else(one: Wire, other: Wire, how: Any, how_too: Any) -> None:
    means_the_same = meaning(rewritten(wire(one), how)) == meaning(rewritten(wire(other), how_too))
    assert means_the_same == (json.dumps(wire(one), sort_keys=True) == json.dumps(wire(other), sort_keys=True))


@pytest.mark.parametrize("rewrite", REWRITES)
def test_each_rewrite_alone(rewrite: Callable[[Wire], None]) -> None:
    for message in (
        {"role": "user", "content": [{"type": "text", "text": "Hello "}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"b": 2, "a": 1}'}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "18 degrees"},
    ):
        assert meaning(rewritten(message, [rewrite])) == meaning(message)


DIFFERENT: list[tuple[Wire, Wire]] = [
    ({"role": "user", "content": "a"}, {"role": "assistant", "content": "a"}),
    ({"role": "user", "content": "a"}, {"role": "user", "content": "a", "name": "ann"}),
    ({"role": "user", "content": "a"}, {"role": "user", "content": "a", "unknown": 1}),
    ({"role": "user", "content": "ab"}, {"role": "user", "content": ["a", "b"]}),
    ({"role": "assistant", "refusal": "no"}, {"role": "assistant", "content": "yes"}),
    ({"role": "assistant", "audio": {"id": "1"}}, {"role": "assistant", "audio": {"id": "2"}}),
    ({"role": "tool", "tool_call_id": "1", "content": "a"}, {"role": "tool", "tool_call_id": "2", "content": "a"}),
    (
        {"role": "assistant", "function_call": {"name": "f", "arguments": '{"a": 1}'}},
        {"role": "assistant", "function_call": {"name": "f", "arguments": '{"a": 2}'}},
    ),
    (
        {"role": "assistant", "tool_calls": [{"id": "c", "custom": {"name": "f", "input": "1.0"}}]},
        {"role": "assistant", "tool_calls": [{"id": "c", "custom": {"name": "f", "input": "1"}}]},
    ),
    (
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AB", "format": "wav"}}]},
    ),
    (
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "f1"}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "f2"}}]},
    ),
    ({"role": "user", "content": [{"type": "new", "x": 1}]}, {"role": "user", "content": [{"type": "new", "x": 2}]}),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_these_differ(one: Wire, other: Wire) -> None:
    assert meaning(one) != meaning(other)


def test_marks_and_nulls_within_unknown_parts_mean_nothing() -> None:
    one = {"role": "user", "content": [{"type": "new", "x": {"y": [1]}}]}
    other = {"role": "user", "content": [{"x": {"y": [1.0], "z": None}, "type": "new", "cache_control": {"ttl": "1h"}}]}
    assert meaning(one) == meaning(other)


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_system_message_in_the_history_does_not_count(role: str) -> None:
    message, means = chat.read(json.dumps({"role": role, "content": "Be kind"}).encode())
    assert means == ()
    assert message == Message("system", [Piece("text", text="Be kind")])


def test_an_answer_means_what_clients_send_back() -> None:
    answer = {
        "content": "It rains.",
        "refusal": None,
        "annotations": [],
        "reasoning_content": "Let me look",
        "provider_specific_fields": {"x": 1},
    }
    assert chat.read_output(json.dumps(answer).encode())[1] == meaning({"role": "assistant", "content": "It rains."})


def test_a_spoken_answer_comes_back_as_its_id() -> None:
    answer = {"role": "assistant", "content": None, "audio": {"id": "audio_1", "data": "AA", "transcript": "Hello"}}
    assert chat.read_output(json.dumps(answer).encode())[1] == meaning(
        {"role": "assistant", "audio": {"id": "audio_1"}}
    )
    assert chat.read_output(json.dumps(answer).encode())[0].pieces == [Piece("audio", text="Hello", id="audio_1")]


def test_large_numbers_in_arguments_keep_their_digits() -> None:
    def call(number: str) -> bytes | None:
        return meaning({"role": "assistant", "tool_calls": [{"function": {"arguments": f'{{"n": {number}}}'}}]})

    assert call("12345678901234567890123") != call("12345678901234567890124")
    assert call("100000000000000000000") == call("1e20")


def test_every_kind_of_piece_is_shown() -> None:
    user = {
        "role": "user",
        "name": "ann",
        "content": [
            {"type": "text", "text": "Look:"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "high"}},
            {"type": "input_audio", "input_audio": {"data": "BB==", "format": "mp3"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,CC==", "filename": "a.pdf"}},
            {"type": "video_url", "video_url": {"url": "x"}},
            17,
        ],
    }
    assert chat.read(json.dumps(user).encode())[0] == Message(
        "user",
        [
            Piece("text", text="Look:"),
            Piece("image", url="data:image/png;base64,AA==", media_type="image/png", detail="high"),
            Piece("audio", url="data:audio/mp3;base64,BB==", media_type="audio/mp3"),
            Piece("file", url="data:application/pdf;base64,CC==", media_type="application/pdf", name="a.pdf"),
            Piece("other", value={"type": "video_url", "video_url": {"url": "x"}}),
            Piece("other", value=17),
        ],
        name="ann",
    )
    assistant = {
        "role": "assistant",
        "reasoning_content": "Hm",
        "content": "Yes",
        "refusal": "But no",
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": [1]}'}},
            {"id": "2", "type": "function", "function": {"name": "f", "arguments": '{"a": '}},
            {"id": "3", "type": "custom", "custom": {"name": "sh", "input": "1"}},
        ],
    }
    assert chat.read(json.dumps(assistant).encode())[0] == Message(
        "assistant",
        [
            Piece("reasoning", text="Hm"),
            Piece("text", text="Yes"),
            Piece("refusal", text="But no"),
            Piece("tool_call", id="1", name="f", arguments={"a": [1]}),
            Piece("tool_call", id="2", name="f", arguments='{"a": '),
            Piece("tool_call", id="3", name="sh", arguments="1", kind="custom"),
        ],
    )
    tool = {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "18"}]}
    result = Piece("tool_result", id="1", content=[Piece("text", text="18")])
    assert chat.read(json.dumps(tool).encode())[0] == Message("tool", [result])


def test_half_a_surrogate_pair_is_shown_as_a_replacement() -> None:
    message, means = chat.read(rb'{"role":"user","content":"cut \ud83d"}')
    assert message == Message("user", [Piece("text", text="cut �")])
    assert means


@settings(max_examples=80)
@given(json_text.messages)
def test_any_message_is_read_and_its_meaning_is_stable(text: str) -> None:
    message, means = chat.read(text.encode())
    assert chat.read(text.encode()) == (message, means)
    assert bool(means) or message.role != "assistant"


def test_what_a_text_cites_is_shown_and_means_nothing() -> None:
    cited = {"type": "url_citation", "url_citation": {"url": "https://example.com", "title": "a"}}
    message = {"role": "assistant", "content": "hi", "annotations": [cited]}
    assert chat.read(json.dumps(message).encode())[0].pieces == [Piece("text", text="hi", annotations=[cited])]
    assert meaning(message) == meaning({"role": "assistant", "content": "hi"})
