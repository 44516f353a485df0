"""Taken apart and joined again, a body is what it was, to the spelling of every number and string."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sessionary.wire.split import LIFT_FROM, OUTPUT, Split, join, split, split_response
from tests.support import json_text

ENDPOINTS = ("chat.completions", "completions", "embeddings")


def exact(body: bytes) -> Any:
    """What JSON text says: field order, repeated keys and number spelling included."""
    return json.loads(body, object_pairs_hook=lambda pairs: ("object", pairs), parse_int=str, parse_float=str)


def joined(parts: Split) -> bytes:
    return join(parts.shell, parts.lifted, parts.chain, [*parts.preamble, *parts.messages], whole=parts.whole)


@settings(max_examples=80)
@given(json_text.chats)
@example(rb'{"messages":[{"role":"user","content":"half \ud83d"}],"model":"m","\ue801":1}')
@example(rb'{"messages":[{"role":"user","content":"half \ud83d and \ue801"}],"model":"m"}')
@example(rb'{"messages":[{"role":"user","content":"\\ud83d"}],"user":"\uDBff\\\\\udc00"}')
@example(rb'{"messages":[{"role":"user","content":"a"}],"\ud801":1}')
@example(rb'{"":1,"messages":[{"role":"system"}],"tools":[ ]}')
def test_a_chat_is_joined_to_what_was_sent(body: bytes) -> None:
    assert exact(joined(split(body, "chat.completions"))) == exact(body)


@settings(max_examples=50)
@given(json_text.completions, st.sampled_from(ENDPOINTS))
def test_a_completion_is_joined_to_what_was_sent(body: bytes, endpoint: str) -> None:
    assert exact(joined(split(body, endpoint))) == exact(body)


@settings(max_examples=70)
@given(json_text.answers, st.sampled_from(ENDPOINTS))
def test_an_answer_is_joined_to_what_was_sent(body: bytes, endpoint: str) -> None:
    assert exact(joined(split_response(body, endpoint))) == exact(body)


@settings(max_examples=70)
@given(json_text.chats)
def test_every_message_is_cut_out_as_it_was_sent(body: bytes) -> None:
    parts = split(body, "chat.completions")
    if not parts.whole and parts.chain:
        sent = dict(exact(body)[1])["messages"]
        assert [exact(m) for m in [*parts.preamble, *parts.messages]] == sent
        assert all(m in body for m in [*parts.preamble, *parts.messages])


def test_a_chat_in_pieces() -> None:
    tools = b'[ {"type": "function"} ]'
    schema = json.dumps({"long": "x" * LIFT_FROM}).encode()
    body = (
        b'{"model": "gpt-4o", "messages": [{"role": "system", "content": "S"}, {"content": "D", "role": "developer"},'
        b' {"role":"user","content":"U"} , {"role": "system"}], "tools": %b, "response_format": %b, "seed": 1.0}'
    ) % (tools, schema)
    parts = split(body, "chat.completions")
    assert parts.shell == b'{"model":"gpt-4o","messages":0,"tools":0,"response_format":0,"seed":1.0}'
    assert parts.lifted == {"tools": tools, "response_format": schema}
    assert parts.chain == "messages"
    assert [json.loads(m)["content"] for m in parts.preamble] == ["S", "D"]
    assert parts.messages == [b'{"role":"user","content":"U"}', b'{"role": "system"}']


@pytest.mark.parametrize(
    "messages", [b"[]", b'"text"', b"null", b'[{"role":"user"},"text"]', b"[1]", b"{}", b'[{"role":"user"},null]']
)
def test_what_is_no_list_of_messages_stays_where_it_is(messages: bytes) -> None:
    body = b'{"model":"m","messages":' + messages + b"}"
    assert split(body, "chat.completions") == Split(body)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'"text"', b'{"a":1', b'{"a":1}}', b"\xff\xfe", b'{"a":1,"a":2}', b'{ "a":1, "a":1 }',
        b'{"messages":[{}],"\\u006dessages":[]}', b'{"\xff":1}', b'{"a":NaN}', b"[" * 100_000,
        b'{"a":12,"b":1,"c":1,"d":1,"a":34}',  # as many bytes more as Python's spaces would be
    ],
)  # fmt: skip
def test_what_cannot_be_taken_apart_stays_whole(body: bytes) -> None:
    assert split(body, "chat.completions") == Split(body, whole=True)
    assert split_response(body, "chat.completions") == Split(body, whole=True)
    assert joined(split(body, "chat.completions")) == body


def test_half_a_surrogate_pair_does_not_keep_a_chat_whole() -> None:
    """JavaScript clients that cut a text within an emoji send this; a long chat must not be stored anew each turn."""
    body = (
        rb'{"messages":[{"role":"user","content":"cut \uD83D"},{"role":"user","content":"\ud83d\ude00"}],"u":"\udc00"}'
    )
    parts = split(body, "chat.completions")
    assert parts.messages == [
        rb'{"role":"user","content":"cut \uD83D"}',
        rb'{"role":"user","content":"\ud83d\ude00"}',
    ]
    assert joined(parts) == body


@pytest.mark.parametrize(("endpoint", "key"), [("completions", "prompt"), ("embeddings", "input")])
def test_a_prompt_is_one_message(endpoint: str, key: str) -> None:
    body = b'{"model":"m","%b": "once\\u0020upon","n":1}' % key.encode()
    parts = split(body, endpoint)
    assert (parts.chain, parts.messages) == (key, [b'"once\\u0020upon"'])
    assert exact(joined(parts)) == exact(body)
    several = b'{"model":"m","%b":["a","b"]}' % key.encode()
    assert split(several, endpoint) == Split(several)


def test_an_answers_first_message_is_apart() -> None:
    body = (
        b'{"id":"c","choices":[{"index":0,"message": {"role":"assistant"},"x":1},{"index":1,"message":{}}],"usage":{}}'
    )
    parts = split_response(body, "chat.completions")
    assert parts.chain == OUTPUT
    assert parts.messages == [b'{"role":"assistant"}']
    assert json.loads(parts.shell)["choices"] == [{"index": 0, "message": 0, "x": 1}, {"index": 1, "message": {}}]


@pytest.mark.parametrize("choices", [b"[]", b"null", b"[1]", b'[{"message":null}]', b'[{"text":"t"}]'])
def test_an_answer_without_a_message_stays_whole(choices: bytes) -> None:
    body = b'{"choices":%b}' % choices
    assert split_response(body, "chat.completions") == Split(body, whole=True)


def test_the_same_history_has_the_same_pieces() -> None:
    """What the tree saves rests on it: a client that resends a message sends the same bytes."""
    history = [{"role": "user", "content": f"message {n} é"} for n in range(5)]
    first = split(json.dumps({"messages": history[:4], "x": 1}).encode(), "chat.completions")
    second = split(json.dumps({"y": 2, "messages": history}).encode(), "chat.completions")
    assert second.messages[:4] == first.messages
