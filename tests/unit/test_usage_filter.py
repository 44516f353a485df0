"""The gateway's own usage request leaves no trace in the client's stream, however it is cut."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sessionary.relay.usage_filter import without_usage
from sessionary.wire.sse import Cutter

CHUNK = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]%s}\n\n'
USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"


def passed(stream: bytes, cuts: list[int]) -> bytes:
    cutter = Cutter()
    edges = sorted({0, len(stream), *(c % (len(stream) + 1) for c in cuts)})
    events = [event for a, b in itertools.pairwise(edges) for event in cutter.feed(stream[a:b])]
    return b"".join(map(without_usage, [*events, cutter.close()]))


def test_several_events_together() -> None:
    asked = CHUNK % (b"a", b',"usage":null') + CHUNK % (b"b", b', "usage": null') + USAGE + DONE
    assert without_usage(asked) == CHUNK % (b"a", b"") + CHUNK % (b"b", b"") + DONE


@given(st.lists(st.integers(0, 10_000), max_size=30), st.sampled_from([b"\n", b"\r\n"]))
def test_what_remains_is_what_an_upstream_sends_that_was_not_asked(cuts: list[int], newline: bytes) -> None:
    asked = b"".join(CHUNK % (w, b',"usage":null') for w in (b"a", b"b")) + USAGE + DONE
    plain = b"".join(CHUNK % (w, b"") for w in (b"a", b"b")) + DONE
    assert passed(asked.replace(b"\n", newline), cuts) == plain.replace(b"\n", newline)


@given(st.binary(max_size=600), st.lists(st.integers(0, 600), max_size=10))
def test_anything_else_passes_byte_for_byte(stream: bytes, cuts: list[int]) -> None:
    if b'"usage"' not in stream:
        assert passed(stream, cuts) == stream


def test_a_text_that_speaks_of_usage_is_left_alone() -> None:
    event = b'data: {"choices":[{"delta":{"content":", \\"usage\\": null"}}]}\n\n'
    assert passed(event, [5, 30]) == event


def test_what_is_no_text_is_left_alone() -> None:
    event = b'data: {"usage": "\xff"}\n\n'
    assert passed(event, [5, 20]) == event


def test_usage_that_comes_with_choices_stays() -> None:
    event = b'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}\n\n'
    assert passed(event, []) == event
