"""Answers that are still being said: what is told of them adds up to what they are, however their bytes come."""

import json
from random import Random

import pytest

from sessionary.wire.assemble import assemble
from sessionary.wire.reading import read
from sessionary.wire.split import split_response
from sessionary.wire.unfolding import Grown, Unfolding
from tests.support import scripted

PATHS = {"chat.completions": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
FORMAT = {"chat.completions": "chat", "responses": "responses", "messages": "messages"}
MODELS = ("text", "calls")


def said(raw: bytes, endpoint: str) -> list[tuple[str, str]]:
    """Type and text of the answer's pieces, as the transcript has them."""
    parts = split_response(assemble(raw, endpoint).body, endpoint)
    pieces = [p for m in parts.messages for p in read(m, FORMAT[endpoint], answer=True)[0].pieces]
    return [(p.type, json.dumps(p.arguments) if p.type == "tool_call" else p.text) for p in pieces]


def told(grown: list[Grown]) -> list[tuple[str, str]]:
    plain = [(g.type, g.text) for g in grown]
    return [(type, json.dumps(json.loads(text)) if type == "tool_call" else text) for type, text in plain]


def add(shown: dict[int, Grown], grown: list[Grown]) -> None:
    """As a browser does."""
    for more in grown:
        before = shown[more.index].text if more.index in shown else ""
        assert len(before.encode("utf-16-le")) // 2 == more.since
        shown[more.index] = Grown(more.index, more.type, 0, before + more.text, more.name, more.id)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("endpoint", PATHS)
def test_what_is_told_is_what_is_stored(endpoint: str, model: str) -> None:
    raw = b"".join(scripted.stream(PATHS[endpoint], model))
    expected = said(raw, endpoint)
    assert any(text for _, text in expected)
    for seed in range(8):
        rng, unfolding, shown, at = Random(seed), Unfolding(endpoint), dict[int, Grown](), 0
        while at < len(raw):
            size = rng.choice((1, 7, 60, 2000))
            add(shown, unfolding.feed(raw[at : at + size]))
            at += size
        assert told(list(shown.values())) == expected
        assert unfolding.whole() == list(shown.values())


def test_tools_are_named_before_their_arguments_are_there() -> None:
    events = scripted.stream(PATHS["messages"], "calls")
    unfolding, first = Unfolding("messages"), None
    for event in events:
        first = first or next((g for g in unfolding.feed(event) if g.type == "tool_call"), None)
    assert first is not None
    assert first.name
    assert first.id
    assert first.text == ""


def test_a_pair_of_surrogates_that_two_deltas_share() -> None:
    unfolding = Unfolding("chat.completions")
    shown: dict[int, Grown] = {}
    for text in ('"a\\ud83d"', '"\\ude00b"', '"c"'):
        add(shown, unfolding.feed(b'data: {"choices": [{"delta": {"content": %s}}]}\n\n' % text.encode()))
    assert shown[0].text == "a\U0001f600bc"
    assert unfolding.feed(b'data: {"choices": [{"delta": {"content": "!"}}]}\n\n') == [Grown(0, "text", 5, "!")]


def test_legacy_completions() -> None:
    unfolding, shown = Unfolding("completions"), dict[int, Grown]()
    for text in ("One", " two"):
        add(shown, unfolding.feed(b'data: {"choices": [{"index": 0, "text": "%s"}]}\n\n' % text.encode()))
    add(shown, unfolding.feed(b'data: {"choices": [{"index": 1, "text": "other"}]}\n\ndata: [DONE]\n\n'))
    assert told(list(shown.values())) == [("text", "One two")]


@pytest.mark.parametrize("endpoint", [*PATHS, "completions", "embeddings", ""])
def test_any_bytes_are_read(endpoint: str) -> None:
    for raw in (
        b"",
        b"\xff\xfe",
        b"data: \n\n",
        b"data: [1]\n\n",
        b'data: {"choices": 3}\n\n',
        b"data: {\n\nevent: x\n\n",
    ):
        assert Unfolding(endpoint).feed(raw) == []
