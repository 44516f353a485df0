"""Events that are taken by their form amount to what they do when each is read."""

import json
import random
from typing import Any

import pytest
from hypothesis import example, given
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


def damaged(raw: bytes, lot: random.Random) -> bytes:
    """Cut, put together wrongly, or with other bytes in it, at some places."""
    for _ in range(lot.choice([0, 0, 1, 2, 5])):
        at, other = lot.randrange(len(raw) + 1), lot.randrange(len(raw) + 1)
        match lot.randrange(4):
            case 0:
                raw = raw[:at] + raw[other:]
            case 1:
                raw = raw[:at] + raw[at + 1 :]
            case _:
                raw = raw[:at] + lot.choice(ODD) + raw[at:]
    return lot.choice(START) + raw.replace(b"\n", lot.choice(ENDS))


ODD = [
    b'"',
    b"\\",
    b"\n",
    b"\n\n",
    b"\r",
    b"\xff",
    b"\xf0\x9f",
    b"\x00",
    b",",
    b'","',
    b": so\n",
    b"id: 1\n",
    b"data: ",
    b"~",
]
START = [b""] * 5 + [b"\xef\xbb\xbf", b"\n", b": hello\n\n"]
ENDS = [b"\n"] * 5 + [b"\r", b"\r\n"]
WINDOWS = st.sampled_from([1, 200, 600, 8192])


def read_by_form(raw: bytes, endpoint: str, window: int) -> Assembled:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alike, "_WINDOW", window)
        return assemble(raw, endpoint)


@given(chunks(), st.sampled_from(["chat.completions", "completions"]), WINDOWS)
def test_chunks(raw: bytes, endpoint: str, window: int) -> None:
    assert read_by_form(raw, endpoint, window) == read_one_by_one(raw, endpoint)


@given(message_events(), WINDOWS)
def test_message_events(raw: bytes, window: int) -> None:
    assert read_by_form(raw, "messages", window) == read_one_by_one(raw, "messages")


@given(st.sampled_from(["chat.completions", "messages"]), st.data())
def test_any_bytes(endpoint: str, data: st.DataObject) -> None:
    raw = data.draw(chunks() if endpoint == "chat.completions" else message_events())
    raw = damaged(raw, data.draw(st.randoms(use_true_random=False)))
    assert read_by_form(raw, endpoint, data.draw(WINDOWS)) == read_one_by_one(raw, endpoint)


_PARTS = [b'"', b"\\", b'","', b',"', b'"\n,"', b'\n,"', b"a", b"\n", b"\xc3", b"\xa9", b"u0061"]


@given(st.lists(st.lists(st.sampled_from(_PARTS)).map(b"".join)))
@example([b"a\\", b',"b'])
@example([b"a\\", b'\n,"b'])
@example([b'a","b'])
def test_texts_that_are_read_together_are_as_each_says(texts: list[bytes]) -> None:
    """Whatever is no text in one of them is not made up for by the next."""
    together = alike._together(texts)
    assert not together or together == alike._apart(texts)


def test_nearly_all_are_read_together() -> None:
    texts = [b"a", "\u00e9\U0001f600".encode(), b"", rb"a \"b\" \n\u00e9", b"{", b","]
    assert alike._together(texts) == ["a", "\u00e9\U0001f600", "", 'a "b" \n\u00e9', "{", ","]


def chunk(text: str, **more: Any) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return json.dumps({"id": "c", "choices": [choice], **more}, separators=(",", ":"), ensure_ascii=False)


PATH = ("choices", 0, "delta", "content")


def taken(*datas: str, padding: str = "") -> tuple[list[str], list[str]]:
    """The texts that are taken after the first was shown, and the events that are left."""
    found, texts, left = Alike(), list[str](), list[str]()
    for event in found.others("".join(f"data: {data}\n\n" for data in datas).encode()):
        if event.data == datas[0]:
            found.show(json.loads(event.data), PATH, texts, padding)
        left.append(event.data)
    return texts, left[1:]


@pytest.mark.parametrize("text", ["next", "", "é", 'a "quoted" \\ one', "\n", "😀", "\\"])
@pytest.mark.parametrize("first", ["first", "", "é", 'a "quoted" \\ one'])
def test_what_fits_is_taken(first: str, text: str) -> None:
    assert taken(chunk(first), chunk(text)) == ([text], [])
    assert taken(chunk(first), *[chunk(text)] * 100) == ([text] * 100, [])


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
        chunk("next").replace("next", "\\"),
        chunk("next").replace('"next"', '"'),
        chunk("next").replace("next", f"a{chunk('~').partition('~')[0][-24:]}b"),  # as if a next one began in it
        chunk("next").replace("next", "a\n: b"),
        chunk("next").replace("next", "a\ndata: b"),
        chunk("next")[:-1],
        "[DONE]",
    ],
)
def test_what_does_not_fit_is_left(data: str) -> None:
    [left] = sse.events([f"data: {data}".encode()])
    assert taken(chunk("first"), data) == ([], [left.data])
    assert taken(chunk("first"), chunk("next"), data, chunk("more")) == (["next"], [left.data, chunk("more")])
    assert taken(chunk("first"), chunk("next"), chunk("next"), data) == (["next", "next"], [left.data])


def test_those_that_follow_each_other_are_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0

    def block(raw: bytes, at: int) -> tuple[bytes, int]:
        nonlocal looked
        looked += 1
        return found(raw, at)

    found = sse.block
    monkeypatch.setattr(sse, "block", block)
    texts = [f'"{n}"\n' for n in range(2000)]
    assert taken(chunk("first"), *map(chunk, texts)) == (texts, [])
    padded = [chunk(text, obfuscation="x" * (n % 7)) for n, text in enumerate(texts)]
    assert taken(chunk("first", obfuscation="ab"), *padded, padding="obfuscation") == (texts, [])
    assert looked < 10


def usual(kind: str) -> tuple[str, list[tuple[str, Any]]]:
    """An answer as providers stream it: its endpoint, and its events with their names."""

    def choice(delta: Any, **more: Any) -> tuple[str, Any]:
        return "", {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None} | more], "usage": None}

    def block(delta: Any) -> tuple[str, Any]:
        return "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}

    words = [f'"{n}"\n' for n in range(200)]
    match kind:
        case "text" | "reasoning":
            name = "content" if kind == "text" else "reasoning_content"
            said = [choice({name: word}) for word in words]
            return "chat.completions", [
                choice({"role": "assistant", name: ""}),
                *said,
                choice({}, finish_reason="stop"),
            ]
        case "call":
            call = {"index": 0, "id": "call", "type": "function", "function": {"name": "f", "arguments": ""}}
            said = [choice({"tool_calls": [{"index": 0, "function": {"arguments": word}}]}) for word in words]
            return "chat.completions", [choice({"role": "assistant", "content": None, "tool_calls": [call]}), *said]
        case "response":
            told = "response.output_text.delta"
            whole = {"id": "r", "output": [{"type": "message", "content": [{"type": "output_text", "text": "..."}]}]}
            said = [(told, {"type": told, "output_index": 0, "delta": word}) for word in words]
            return "responses", [*said, ("response.completed", {"type": "response.completed", "response": whole})]
    field = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}[kind]
    return "messages", [block({"type": kind, field: word}) for word in ["", *words]]


@pytest.mark.parametrize(
    "kind", ["text", "reasoning", "call", "response", "text_delta", "thinking_delta", "input_json_delta"]
)
def test_of_a_usual_stream_few_events_are_read(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    def event(block: bytes) -> sse.Event | None:
        nonlocal read
        read += 1
        return found(block)

    found = sse.event
    monkeypatch.setattr(sse, "event", event)
    endpoint, events = usual(kind)
    raw = b"".join(told(name, value, (",", ":"), ascii=True) for name, value in events)
    by_form, few = assemble(raw, endpoint), read
    assert few < 10
    if endpoint != "responses":
        assert by_form == read_one_by_one(raw, endpoint)
        assert read - few == len(events)


def test_bytes_that_are_no_utf_8() -> None:
    cut = "é".encode()
    said = [b"a", cut[:1], cut[1:], b"\xff" + cut, b"b"]
    raw = b"".join(f"data: {chunk('~')}\n\n".encode().replace(b"~", text) for text in said)
    found, texts = Alike(), list[str]()
    for event in found.others(raw):
        found.show(json.loads(event.data), PATH, texts)
    assert texts == [text.decode("utf-8", "replace") for text in said[1:]]


def test_what_is_no_event_is_passed_over() -> None:
    raw = f"data: {chunk('first')}\n\n: so\n\n\n\ndata: {chunk('next')}\n\n: so\n\ndata: {chunk('last')}\n\n\n".encode()
    found, texts = Alike(), list[str]()
    for event in found.others(raw):
        found.show(json.loads(event.data), PATH, texts)
    assert texts == ["next", "last"]


def test_padding_may_differ() -> None:
    first = chunk("first", obfuscation="ab")
    fit = chunk("next", obfuscation=""), chunk("one more", obfuscation="x,:}")
    for other in (
        chunk("no", obfuscation='"'),
        chunk("no", obfuscation="x", usage=None),
        chunk("no", obfuscation="x~").replace("~", "\n: "),
        chunk("no", obfuscation="x~").replace("~", "\\"),
        chunk("no", obfuscation="x~").replace("~", '","usage":"'),
        chunk("no"),
    ):
        [left] = sse.events([f"data: {other}".encode()])
        assert taken(first, *fit, other, padding="obfuscation") == (["next", "one more"], [left.data])


def test_only_a_form_that_holds_is_used() -> None:
    """The place of the text is where it is read from, whatever else looks like it."""
    data = '{"choices":[{"delta":{"content":"%s"}}],"copy":{"content":"%s"}}'
    for text in ("a", "~"):
        assert taken(data % (text, text), data % (text, "b")) == ([], [data % (text, "b")])
    twice = '{"choices":[{"delta":{"content":"b","content":"%s"}}]}'
    assert taken(twice % "a", twice % "c") == (["c"], [])


def test_an_event_with_another_name_does_not_fit() -> None:
    raw = "".join(f"event: {name}\ndata: {chunk('a')}\n\n" for name in "xxy").encode()
    found, texts, names = Alike(), list[str](), list[str]()
    for event in found.others(raw):
        found.show(json.loads(event.data), PATH, texts)
        names.append(event.event)
    assert (texts, names) == (["a"], ["x", "y"])


def test_forms_that_nothing_fits_are_looked_for_a_few_times() -> None:
    def texts(*datas: str) -> list[str]:
        found, texts = Alike(), list[str]()
        for event in found.others("".join(f"data: {data}\n\n" for data in datas).encode()):
            found.show(json.loads(event.data), PATH, texts)
        return texts

    others = [chunk(f"{n}", created=n) for n in range(20)]
    assert texts(*others, others[-1]) == []
    assert len(texts(*(each for data in others for each in (data, data)))) == 20  # but where each is of use, for ever


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
    assert [*sse.events(sse.blocks(raw))] == [*parser.feed(raw), *parser.close()]
