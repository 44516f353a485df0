"""Events that are taken by their form amount to what they do when each is read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary.wire import alike, sse
from sessionary.wire.alike import Alike
from sessionary.wire.assemble import Assembled, assemble
from sessionary.wire.merge import add as added
from sessionary.wire.merge import again

TEXTS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [
            '"',
            "\\",
            '"}',
            '","x":"',
            "~",
            "é",
            "\ud83d",
            "\ude00",
            "😀",
            "\x01",
            "\n",
            "",
            " word",
            '"},"logprobs":null',
        ]
    ),
)
SPACES = st.sampled_from([(",", ":"), (", ", ": ")])


def told(name: str, value: Any, spaces: tuple[str, str], *, ascii: bool) -> bytes:
    data = json.dumps(value, separators=spaces, ensure_ascii=ascii)
    lines = (f"event: {name}\n" if name else "") + f"data: {data}\n\n"
    return lines.encode("utf-8", "surrogatepass")


@st.composite
def chunks(draw: st.DrawFn) -> bytes:
    """A stream in which most events are alike, and some are not, in any of the ways that providers think of."""
    spaces, ascii, padded = draw(SPACES), draw(st.booleans()), draw(st.booleans())
    found = b""
    for _ in range(draw(st.integers(1, 12))):
        text = draw(TEXTS)
        delta: Any = {"content": text}
        match draw(st.integers(0, 14)):
            case 0:
                delta = {"role": "assistant", "content": text}
            case 1:
                delta = {"reasoning_content": text, "content": None}
            case 2:
                delta = {"tool_calls": [{"index": draw(st.integers(0, 1)), "function": {"arguments": text}}]}
            case 3:
                call = {"name": draw(st.sampled_from(["f", "g"])), "arguments": text}
                delta = {"tool_calls": [{"index": 0, "id": draw(st.sampled_from(["a", "b"])), "function": call}]}
            case 4:
                delta = {"tool_calls": [{"function": {"arguments": text}}]}
            case 5:
                delta = {"content": [{"type": "text", "text": text}]}
            case 6:
                delta = {"content": text, "refusal": text}
            case 7:
                delta = {"name": text}
            case 8:
                delta = {}
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": None}
        chunk: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "created": 1, "choices": [choice]}
        match draw(st.integers(0, 20)):
            case 0:
                chunk["created"] = draw(st.integers(0, 3))
            case 1:
                choice["index"] = 1
            case 2:
                choice["logprobs"] = {"content": [{"token": text}]}
            case 3:
                choice["finish_reason"] = "stop"
            case 4:
                chunk["choices"] = [choice, {**choice, "index": 1}]
            case 5:
                chunk["error"] = draw(st.sampled_from([None, {"message": text}]))
            case 6:
                chunk["usage"] = {"prompt_tokens": 1, "completion_tokens": 2}
            case 7:
                choice["text"] = text
            case 8:
                chunk["choices"] = []
        if padded:
            chunk["obfuscation"] = draw(TEXTS)
        name = draw(st.sampled_from([""] * 8 + ["error", "x"]))
        found += told(name, chunk, spaces, ascii=ascii) * draw(st.sampled_from([1, 1, 1, 3]))
    return found + draw(st.sampled_from([b"", b"data: [DONE]\n\n", b'data: {"id":"c","choices":[{"ind']))


@st.composite
def message_events(draw: st.DrawFn) -> bytes:
    spaces, ascii = draw(SPACES), draw(st.booleans())
    found = b""
    for _ in range(draw(st.integers(1, 12))):
        text, index = draw(TEXTS), draw(st.sampled_from([0, 0, 0, 1]))
        kind: Any = "content_block_delta"
        value: dict[str, Any] = {"index": index, "delta": {"type": "text_delta", "text": text}}
        match draw(st.integers(0, 12)):
            case 0:
                value["delta"] = {"type": "input_json_delta", "partial_json": text}
            case 1:
                value["delta"] = {"type": "citations_delta", "citation": text}
            case 2:
                value["delta"] = {"type": "thinking_delta", "thinking": text, "signature": text}
            case 3:
                value["delta"] = {"type": "x", "n": 1}
            case 4:
                kind, value = "content_block_start", {"index": index, "content_block": {"type": "text", "text": text}}
            case 5:
                kind, value = "message_delta", {"delta": {"stop_reason": text}, "usage": {"output_tokens": 3}}
            case 6:
                kind, value = "message_start", {"message": {"id": text, "content": [], "usage": {}}}
            case 7:
                kind, value = "error", {"error": {"type": "x", "message": text}}
        typed = {"type": kind, **value} if draw(st.integers(0, 5)) else value
        found += told(kind, typed, spaces, ascii=ascii) * draw(st.sampled_from([1, 1, 1, 3]))
    return found


def read_one_by_one(raw: bytes, endpoint: str) -> Assembled:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alike, "_TRIES", 0)
        return assemble(raw, endpoint)


@given(chunks(), st.sampled_from(["chat.completions", "completions"]))
def test_chunks(raw: bytes, endpoint: str) -> None:
    assert assemble(raw, endpoint) == read_one_by_one(raw, endpoint)


@given(message_events())
def test_message_events(raw: bytes) -> None:
    assert assemble(raw, "messages") == read_one_by_one(raw, "messages")


def chunk(text: str, **more: Any) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return json.dumps({"id": "c", "choices": [choice], **more}, separators=(",", ":"), ensure_ascii=False)


PATH = ("choices", 0, "delta", "content")


def shown(data: str, padding: str = "") -> tuple[Alike, list[str]]:
    found, texts = Alike(), list[str]()
    found.show(data, json.loads(data), PATH, texts, padding)
    return found, texts


@pytest.mark.parametrize("text", ["next", "", "é", 'a "quoted" \\ one', "\n", "😀"])
def test_what_fits_is_taken(text: str) -> None:
    found, texts = shown(chunk("first"))
    assert found.takes(chunk(text))
    assert texts == [text]


@pytest.mark.parametrize(
    "data",
    [
        chunk("next", usage=None),
        chunk("next").replace('"c"', '"d"'),
        chunk("next").replace("null", '"stop"'),
        chunk("next") + " ",
        chunk("next").replace('"next"', '"next","refusal":"no"'),
        chunk("next").replace('"next"', "null"),
        chunk("next").replace('"next"', '"next'),
        chunk("next").replace("next", "\\ud83d"),
        chunk("next").replace("next", "\\x"),
        chunk("next")[:-1],
        "",
        "[DONE]",
    ],
)
def test_what_does_not_fit_is_left(data: str) -> None:
    found, texts = shown(chunk("first"))
    assert not found.takes(data)
    assert texts == []
    assert found.takes(chunk("next"))


def test_padding_may_differ() -> None:
    found, texts = shown(chunk("first", obfuscation="ab"), "obfuscation")
    assert found.takes(chunk("next", obfuscation=""))
    assert found.takes(chunk("one more", obfuscation="x,:}"))
    assert not found.takes(chunk("no", obfuscation='"'))
    assert not found.takes(chunk("no", obfuscation="x", usage=None))
    assert not found.takes(chunk("no"))
    assert texts == ["next", "one more"]


def test_only_a_form_that_holds_is_used() -> None:
    """The place of the text is where it is read from, whatever else looks like it."""
    data = '{"choices":[{"delta":{"content":"a"}}],"copy":{"content":"a"}}'
    found, _ = shown(data)
    assert not found.takes(data)
    twice = '{"choices":[{"delta":{"content":"b","content":"a"}}]}'
    found, texts = shown(twice)
    assert found.takes(twice.replace('"a"', '"c"'))
    assert texts == ["c"]


def test_forms_that_nothing_fits_are_looked_for_a_few_times() -> None:
    found, texts = Alike(), list[str]()
    for n in range(20):
        data = chunk(f"{n}", created=n)
        found.show(data, json.loads(data), PATH, texts)
    assert not found.takes(data)
    found, texts = shown(chunk("first"))
    for n in range(20):  # but where each is of use, for ever
        data = chunk(f"{n}", created=n)
        found.show(data, json.loads(data), PATH, texts)
        assert found.takes(data)
    assert len(texts) == 20


def test_what_adding_again_would_change() -> None:
    new = {
        "role": "assistant",
        "content": "a",
        "null": None,
        "n": 1,
        "tool_calls": [{"index": 0, "function": {"arguments": "{"}}, {"function": {"arguments": "}"}}],
    }
    changed = dict(again(added(None, new), new))
    assert {path: pieces for path, pieces in changed.items() if pieces is not None} == {
        ("content",): ["a"],
        ("tool_calls", 0, "function", "arguments"): ["{", "}"],
    }
    assert {path for path, pieces in changed.items() if pieces is None} == {
        ("tool_calls", 1),
        ("tool_calls", 1, "function", "arguments"),
    }


@given(
    st.lists(
        st.sampled_from([b"data: a", b"data:b", b"event: x", b"event:y", b": z", b"id: 1", b"data", b"", b"data:  "])
    )
)
def test_events_are_those_of_the_parser(lines: list[bytes]) -> None:
    raw = b"".join(line + b"\n" for line in lines)
    parser = sse.Parser()
    assert sse.events(raw) == [*parser.feed(raw), *parser.close()]
