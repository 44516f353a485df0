"""A call as a step of a conversation: made from its records, or from what a worker remembers of it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sessionary.record.exchange import Begin, Context, Finish, Part, Record
from sessionary.record.recorder import Recording
from sessionary.state import links

CALL = "call_" + "0" * 26
OK: links.End = ("ok", "")


def begin(body: Any, *, stream: bool = False, endpoint: str = "responses", context: Context | None = None) -> Begin:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = context or Context()
    return Begin(CALL, 7, 1, "k", "ses_x", "mine", "id", "r", endpoint, "m", stream, "", "", {}, sent, context=given)


def finish(body: bytes = b"") -> Finish:
    return Finish(CALL, 2, "ok", 200, "p", "d", "m", None, "", "", [], {}, body)


def answer(*items: dict[str, Any]) -> bytes:
    return json.dumps({"id": "resp_x", "object": "response", "status": "completed", "output": items}).encode()


MESSAGE = {"type": "message", "id": "msg_" + "0" * 26 + "0", "role": "assistant", "content": []}


def test_a_call_says_what_it_was_asked_and_what_it_answered() -> None:
    link = links.of_call(begin({"input": "Hello"}, context=Context(parent="call_p", edit=3)), *_of({"input": "Hello"}))
    assert (link.call_id, link.parent, link.session_id, link.session_text, link.at, link.edit) == (
        CALL, "call_p", "ses_x", "mine", 7, 3,
    )  # fmt: skip
    assert [(said.raw, said.answer) for said in link.said] == [
        (b'"Hello"', False),
        (json.dumps(MESSAGE).encode(), True),
    ]
    assert link.size() == len(b'"Hello"') + len(json.dumps(MESSAGE))


def _of(body: Any) -> tuple[bytes, bytes, links.End]:
    return json.dumps(body).encode(), answer(MESSAGE), OK


def test_a_stream_and_a_whole_answer_say_the_same() -> None:
    done = {"type": "response.completed", "response": json.loads(answer(MESSAGE))}
    events = b"event: response.completed\ndata: " + json.dumps(done).encode() + b"\n\n"
    streamed = links.of_call(begin({"input": "x"}, stream=True), b'{"input":"x"}', events, OK)
    whole = links.of_call(begin({"input": "x"}), b'{"input":"x"}', answer(MESSAGE), OK)
    assert [json.loads(said.raw) for said in streamed.said] == [json.loads(said.raw) for said in whole.said]


def test_added_items_and_references_are_part_of_what_was_asked() -> None:
    own = b'{"type":"message","role":"user","content":"the item"}'
    context = Context(added=[b'{"type":"message","id":"a"}'], references={"msg_r": own})
    body = b'{"input":[{"type":"item_reference","id":"msg_r"},{"type":"item_reference","id":"native"}]}'
    link = links.of_call(begin(body, context=context), body, b"", OK)
    assert [said.raw for said in link.said] == [
        b'{"type":"message","id":"a"}', own, b'{"type":"item_reference","id":"native"}',
    ]  # fmt: skip


def test_items_have_ids() -> None:
    theirs = {"type": "message", "id": "msg_theirs", "role": "user", "content": "1"}
    ours = {"type": "message", "id": "msg_in_" + "1" * 26 + "0", "role": "user", "content": "2"}
    body = json.dumps({"input": [theirs, ours, {"role": "user", "content": "3"}]}).encode()
    link = links.of_call(begin(body), body, answer(MESSAGE, {"type": "reasoning"}), OK)
    ids = [id for id, _ in links.items(link)]
    assert ids == [f"msg_in_{'0' * 26}0", ours["id"], f"msg_in_{'0' * 26}1", MESSAGE["id"]]
    assert [id for id, _ in links.items(link, answers=False)] == ids[:3]


def test_what_cannot_be_read_has_no_items() -> None:
    deep = b'{"input":[{"role":"user","content":' + b"[" * 200 + b"]" * 200 + b"}]}"
    assert links.items(links.of_call(begin(deep), deep, b"", OK)) == []
    assert links.of_call(begin(b"no JSON"), b"no JSON", b"no JSON either", OK).said == []


@given(st.binary(max_size=60), st.binary(max_size=60), st.booleans())
def test_any_bytes_make_a_link(body: bytes, answered: bytes, stream: bool) -> None:
    for endpoint in ("responses", "chat.completions", "messages", "completions", "embeddings"):
        links.items(links.of_call(begin(body, stream=stream, endpoint=endpoint), body, answered, OK))


@given(st.lists(st.binary(min_size=1, max_size=5), max_size=6), st.data())
def test_parts_that_are_stored_and_still_spooled_are_told_once(pieces: list[bytes], data: st.DataObject) -> None:
    stored = data.draw(st.integers(0, len(pieces)))
    spooled = data.draw(st.integers(0, stored))
    ended = data.draw(st.booleans())
    later: list[Record] = [Part(CALL, n, piece) for n, piece in enumerate(pieces) if n >= spooled]
    later += [finish(b"rest")] if ended else []
    whole = b"".join(pieces) + (b"rest" if ended else b"")
    assert links.streamed(dict(enumerate(pieces[:stored])), later) == whole


def test_a_recording_is_a_link_from_its_first_byte() -> None:
    recording = Recording(begin({"input": "x"}), lambda record: True, lambda begin, status: None)
    recording.keep(b'{"input":"x"}')
    assert links.of_recording(recording).status == "live"
    recording.chunk(answer(MESSAGE))
    assert recording.size() == len(b'{"input":"x"}') + len(answer(MESSAGE))
    recording.finish("ok", http_status=200)
    link = links.of_recording(recording)
    assert link.status == "ok"
    assert link.said[-1].answer


def test_records_are_read_for_what_they_tell() -> None:
    records: list[Record] = [begin({"input": "x"}), Part(CALL, 0, b"a"), Part(CALL, 1, b"b"), finish(b"c")]
    assert links.begin_of(records) == records[0]
    assert links.begin_of(records[1:]) is None
    assert links.end_of(records) == ("ok", "")
    assert links.end_of(records[:3]) is None
    assert links.answer_of(records) == b"abc"
