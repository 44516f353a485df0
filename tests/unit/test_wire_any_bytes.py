"""Nothing in `wire` fails on bytes from outside, however broken, deep or long."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.wire import chat, completions, loose, text, tokens
from sessionary.wire.answer import inspect
from sessionary.wire.assemble import assemble
from sessionary.wire.message import Message
from sessionary.wire.split import Split, join, split, split_response
from tests.support import json_text

ENDPOINTS = ("chat.completions", "completions", "embeddings")


def shown(message: Message) -> None:
    assert len(text.title(message)) <= 120
    text.plain(message).encode()
    assert b"\0" not in text.plain(message).encode()
    loose.encode([piece.arguments for piece in message.pieces])
    assert tokens.estimate([message], [message]).estimated


def parted(parts: Split) -> None:
    join(parts.shell, parts.lifted, parts.chain, [*parts.preamble, *parts.messages], whole=parts.whole)


def everything(raw: bytes) -> None:
    for endpoint in ENDPOINTS:
        parted(split(raw, endpoint))
        parted(split_response(raw, endpoint))
        inspect(raw, endpoint)
        for stream in (raw, b"data: " + raw + b"\n\n"):
            assembled = assemble(stream, endpoint)
            if assembled.body and assembled.body != stream:
                json.loads(assembled.body)
                shown_parts = split_response(assembled.body, endpoint)
                parted(shown_parts)
    for read in (chat.read, chat.read_output, completions.read, completions.read_output):
        message, meaning = read(raw)
        assert isinstance(meaning, tuple)
        assert all(isinstance(piece, bytes) for piece in meaning)
        shown(message)


def broken(text: bytes, data: st.DataObject) -> bytes:
    at = data.draw(st.integers(0, len(text)))
    return text[:at] + data.draw(st.binary(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :]


@settings(max_examples=80)
@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    everything(raw)


@settings(max_examples=50)
@given(json_text.values | json_text.messages | json_text.chats.map(bytes.decode), st.data())
def test_any_json_and_almost_json(value: str, data: st.DataObject) -> None:
    everything(value.encode())
    everything(broken(value.encode(), data))


@settings(max_examples=50)
@given(
    st.lists(
        st.sampled_from(
            ["choices", "delta", "message", "tool_calls", "index", "usage", "error", "content", "logprobs"]
        ),
        min_size=1,
        max_size=6,
    ),
    json_text.values,
)
def test_values_where_others_are_expected(path: list[str], value: str) -> None:
    for key in reversed(path):
        value = f'{{"{key}":{value}}}' if len(value) % 2 else f'[{{"{key}":{value}}}]'
    everything(value.encode())


NESTED: list[Callable[[int], bytes]] = [
    lambda n: b"[" * n + b"]" * n,
    lambda n: b'{"a":' * n + b"1" + b"}" * n,
    lambda n: b"[" * n,
    lambda n: b'{"messages":[{"role":"user","content":' + b"[" * n + b"]" * n + b"}]}",
    lambda n: b'{"role":"user","x":' + b"[" * n + b"]" * n + b"}",
    lambda n: b'{"role":"assistant","tool_calls":[{"function":{"arguments":"' + b"[" * n + b"]" * n + b'"}}]}',
    lambda n: b'{"choices":[{"delta":{"x":' + b'{"a":' * n + b"1" + b"}" * n + b"}}]}",
    lambda n: b'{"role":"assistant","content":' + b'[{"type":"thinking","thinking":' * n + b"1" + b"}]" * n + b"}",
]


@pytest.mark.parametrize("nested", NESTED)
@pytest.mark.parametrize("depth", [90, 99, 100, 101, 300, 499, 900, 990, 1100, 5000, 200_000])
def test_nesting_bombs(nested: Callable[[int], bytes], depth: int) -> None:
    everything(nested(depth))


def test_what_is_decoded_is_never_deep() -> None:
    assert loose.decode(b"[" * 100 + b"]" * 100)
    for deeper in (101, 150, 600, 5000):
        with pytest.raises(ValueError, match=r"nested|recursion"):
            loose.decode(b"[" * deeper + b"]" * deeper)


def test_wide_is_not_deep() -> None:
    assert len(loose.decode(b"[" + b"[],{}," * 5000 + b"1]")) == 10_001


@settings(max_examples=80)
@given(json_text.values)
def test_masking_is_undone(value: str) -> None:
    raw = value.encode()
    masked = loose.mask(raw)
    if masked is not None:
        assert len(masked) == len(raw)
        assert loose.unmask(masked) == raw
        json.loads(masked).__repr__().encode()  # no surrogate is left


@settings(max_examples=50)
@given(st.text(st.sampled_from("a\ud83d\ude00\ud800é"), max_size=6))
def test_halves_are_joined_or_replaced(text: str) -> None:
    found = loose.joined({text: [text]})
    for value in (*found, *found.values()):
        "".join(value).encode()
    assert loose.joined("\ud83d\ude00") == "😀"
    assert loose.joined("\ude00\ud83d") == "��"
