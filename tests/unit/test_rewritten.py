"""A Responses answer with our ids: the same for any chunking, and nothing else is touched."""

import json
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary.relay.rewritten import Rewritten
from sessionary.wire.sse import Cutter, Parser

OURS = "resp_" + "0" * 26
SUFFIX = "_" + "0" * 26
ITEM = {"type": "message", "id": "msg_native", "role": "assistant", "content": []}
EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "sequence_number": 0, "response": {"id": "resp_native", "output": []}},
    {"type": "response.in_progress", "sequence_number": 1, "response": {"id": "resp_native", "output": []}},
    {"type": "response.output_item.added", "sequence_number": 2, "output_index": 0, "item": ITEM},
    {"type": "response.output_text.delta", "sequence_number": 3, "item_id": "msg_native", "delta": "Hi"},
    {
        "type": "response.output_text.delta",
        "sequence_number": 4,
        "item_id": "msg_native",
        "delta": '"id": "msg_native", {"item_id":"msg_native","sequence_number":7} msg_native',
    },
    {"type": "response.output_item.done", "sequence_number": 5, "output_index": 0, "item": ITEM},
    {"type": "response.completed", "sequence_number": 6, "response": {"id": "resp_native", "output": [ITEM]}},
]


def stream(events: Sequence[dict[str, Any]], end: str = "\n") -> bytes:
    return "".join(f"event: {e['type']}{end}data: {json.dumps(e)}{end}{end}" for e in events).encode()


def passed(rewritten: Rewritten, data: bytes, cuts: Sequence[int] = ()) -> bytes:
    cutter = Cutter()
    places = [0, *sorted(cuts), len(data)]
    events = [event for a, b in pairwise(places) for event in cutter.feed(data[a:b])]
    return b"".join(map(rewritten.event, [*events, cutter.close()]))


def told(data: bytes) -> list[dict[str, Any]]:
    parser = Parser()
    return [json.loads(event.data) for event in [*parser.feed(data), *parser.close()] if event.data != "[DONE]"]


def test_ids_are_ours_where_they_name_something_and_text_stays() -> None:
    found = told(passed(Rewritten({"id": OURS, "previous_response_id": "resp_p"}), stream(EVENTS)))
    for before, after in zip(EVENTS, found, strict=True):
        expected = json.loads(json.dumps(before))
        if "response" in expected:
            expected["response"] |= {"id": OURS, "previous_response_id": "resp_p"}
            for item in expected["response"]["output"]:
                item["id"] += SUFFIX
        if "item" in expected:
            expected["item"]["id"] += SUFFIX
        if "item_id" in expected:
            expected["item_id"] += SUFFIX
        assert after == expected


@given(
    st.lists(st.integers(0, len(stream(EVENTS)))), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.booleans()
)
def test_any_chunking_gives_the_same_bytes(cuts: list[int], end: str, queued: bool, whole: bool) -> None:
    data = stream(EVENTS, end) + b"data: [DONE]" + (end * 2).encode() * whole
    once = passed(Rewritten({"id": OURS}, queued=queued), data)
    assert passed(Rewritten({"id": OURS}, queued=queued), data, [min(c, len(data)) for c in cuts]) == once
    assert passed(Rewritten({"id": OURS}, queued=queued), data, range(1, len(data))) == once
    assert b"resp_native" not in once
    assert {e["response"]["id"] for e in told(once) if "response" in e} == {OURS}


@given(
    st.lists(st.binary(max_size=12) | st.sampled_from([b"data: ", b"\n\n", b'{"response":{}}', b'{"item":1}', b"\r"]))
)
def test_any_bytes_pass_in_any_chunks(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    cuts = list(accumulate(map(len, pieces)))
    rewritten = Rewritten({"id": OURS}, queued=True)
    assert passed(rewritten, data, cuts) == passed(Rewritten({"id": OURS}, queued=True), data)
    rewritten.whole(data)


def test_bytes_without_anything_of_ours_pass_as_they_are() -> None:
    data = b': comment\n\nevent: ping\ndata: {"type" : "ping",  "x":1}\n\nid: 7\ndata: not json "response"\n\n'
    assert passed(Rewritten({"id": OURS}), data) == data


def test_the_last_event_has_our_id_without_a_blank_line_too() -> None:
    found = told(passed(Rewritten({"id": OURS}), stream(EVENTS).rstrip(b"\n")))
    assert found[-1]["response"]["id"] == OURS
    assert found[-1]["response"]["output"][0]["id"] == "msg_native" + SUFFIX


def test_what_a_cut_has_left_passes() -> None:
    cut = stream(EVENTS)[:-40]
    out = passed(Rewritten({"id": OURS}), cut)
    assert out.endswith(cut[-30:].replace(b'"msg_native"', b'"msg_native' + SUFFIX.encode() + b'"'))


def test_a_queued_event_and_the_numbers_after_it() -> None:
    rewritten = Rewritten({"id": OURS, "background": True}, queued=True)
    out = told(passed(rewritten, stream(EVENTS)))
    assert [e["type"] for e in out[:3]] == ["response.created", "response.queued", "response.in_progress"]
    assert [e["sequence_number"] for e in out] == list(range(len(EVENTS) + 1))
    assert [e["response"]["status"] for e in out[:2]] == ["queued", "queued"]
    assert out[5]["delta"] == EVENTS[4]["delta"]
    assert rewritten.next_number == len(EVENTS) + 1


@pytest.mark.parametrize("number", ["null", '"7"', "1e999", "9" * 5000, "-1", "[]", "true"])
@pytest.mark.parametrize("queued", [False, True])
def test_numbers_that_are_none_break_nothing(number: str, *, queued: bool) -> None:
    created = f'data: {{"type":"response.created","sequence_number":{number},"response":{{"id":"x"}}}}\n\n'.encode()
    delta = f'data: {{"type":"response.output_text.delta","sequence_number":{number},"delta":"x"}}\n\n'.encode()
    out = passed(Rewritten({"id": OURS}, queued=queued), created + delta)
    assert out.count(b"data: ") == (3 if queued and len(number) < 5000 else 2)


@pytest.mark.parametrize("response", ["null", "5", "[]", '"x"'])
def test_a_response_that_is_no_object_passes(response: str) -> None:
    data = f'data: {{"type":"response.created","response":{response}}}\n\n'.encode()
    assert passed(Rewritten({"id": OURS}, queued=True), data) == data


def test_a_whole_answer() -> None:
    body = json.dumps({"object": "response", "id": "resp_native", "output": [ITEM, {"type": "x"}, 5]}).encode()
    found = json.loads(Rewritten({"id": OURS}).whole(body))
    assert found == {
        "object": "response",
        "id": OURS,
        "output": [ITEM | {"id": "msg_native" + SUFFIX}, {"type": "x"}, 5],
    }
    for other in (b"", b"<html>", b"[]", b'{"error":{"id":"resp_native"}}', b'{"object":"list","id":"x"}'):
        assert Rewritten({"id": OURS}).whole(other) == other
