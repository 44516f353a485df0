"""The same events, however the bytes are cut."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.wire.sse import Event, Parser, backwards, blocks, events, telling, unified

FRAGMENTS = (
    b"data: ", b"data:", b"data", b"event: ", b"event", b"id: 7", b"retry: 5", b": comment", b":", b" ",
    b"\n", b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n", b"\xef\xbb\xbf",
    "é".encode(), "😀".encode(), b"\xff", b"\xf0\x9f", b"[DONE]", b'{"a":1}', b"\0",
)  # fmt: skip
LINES = (b"data: x", b"data:y", "data: 😀".encode(), b"data", b"event: e", b": comment", b"id: 7", b"", b"")
ENDS = (b"\n", b"\r", b"\r\n")
_lines = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(ENDS)).map(b"".join), max_size=15).map(b"".join)
streams = st.one_of(
    st.tuples(st.sampled_from([b"", b"\xef\xbb\xbf"]), _lines).map(b"".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(b"".join),
    st.binary(max_size=60),
)


def by_the_book(stream: bytes) -> list[Event]:
    """The standard's algorithm on the whole text, and what is left at the end counts."""
    found, name, data = [], "", []
    for line in [*re.split(rb"\r\n|\n|\r", stream.removeprefix(b"\xef\xbb\xbf")), b""]:
        field, _, value = line.decode("utf-8", "replace").partition(":")
        if not line:
            if data:
                found.append(Event(name, "\n".join(data)))
            name, data = "", []
        elif field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            name = value.removeprefix(" ")
    return found


def parsed(chunks: list[bytes]) -> list[Event]:
    parser = Parser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return [*events, *parser.close()]


@settings(max_examples=80)
@given(streams, st.lists(st.integers(0, 60), max_size=12))
def test_any_chunking_gives_the_same_events(stream: bytes, cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(stream)]
    chunks = [stream[a:b] for a, b in itertools.pairwise(bounds)]
    expected = by_the_book(stream)
    assert parsed(chunks) == expected
    assert parsed([stream]) == expected
    assert parsed([stream[n : n + 1] for n in range(len(stream))]) == expected


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_an_event_is_given_as_soon_as_it_is_whole(end: bytes) -> None:
    parser = Parser()
    assert parser.feed(b"event: e" + end + b"data: 1" + end + b"data: 2" + end) == []
    assert parser.feed(end) == [Event("e", "1\n2")]
    assert parser.feed(b"data: 3" + end + end) == [Event("", "3")]


def test_a_character_cut_in_two() -> None:
    parser = Parser()
    raw = "data: 😀\n\n".encode()
    assert parser.feed(raw[:8]) == []
    assert parser.feed(raw[8:]) == [Event("", "😀")]


def test_comments_are_no_events() -> None:
    assert parsed([b": OPENROUTER PROCESSING\n\n", b":\n\n", b"data: x\n: y\n\n"]) == [Event("", "x")]


def test_a_broken_off_event_is_given_at_the_end() -> None:
    assert parsed([b"data: 1\n\ndata: 2"]) == [Event("", "1"), Event("", "2")]


def test_a_long_line_in_many_pieces_takes_linear_time() -> None:
    piece = b"x" * 10
    assert len(parsed([b"data: ", *[piece] * 200_000, b"\n\n"])[0].data) == 2_000_000


@given(streams)
def test_of_a_whole_stream(stream: bytes) -> None:
    assert [*events(blocks(unified(stream)))] == by_the_book(stream)


@given(streams)
def test_of_a_whole_stream_from_its_end(stream: bytes) -> None:
    assert [*events(backwards(unified(stream)))] == by_the_book(stream)[::-1]


@given(streams, st.sampled_from(["x", "e", "\n", '"a"', "data", ":"]))
def test_those_that_have_a_mark(stream: bytes, mark: str) -> None:
    """And some that have it elsewhere."""
    found = [*events(telling(unified(stream), mark.encode()))]
    assert [event for event in found if mark in event.data] == [e for e in by_the_book(stream) if mark in e.data]
    assert len(found) <= len(by_the_book(stream))
