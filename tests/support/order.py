"""The order of a stream's events, for each format: what comes after what, and that the pieces add up to the whole.

Each function takes a stream's events as `events_of` reads them and fails where the order is not the published one.
"""

import json
from typing import Any

Wire = dict[str, Any]
Named = tuple[str, Wire]
DONE = "[DONE]"
_LAST = {"response.completed": "completed", "response.failed": "failed", "response.incomplete": "incomplete"}
_CALLS = {
    "function_call": ("function_call_arguments", "arguments"),
    "custom_tool_call": ("custom_tool_call_input", "input"),
}


def events_of(raw: bytes) -> tuple[list[Named], bool]:
    """Name and data of each event, and whether `[DONE]` came last. Anything but events is a failure."""
    blocks = raw.decode().split("\n\n")
    assert blocks.pop() == "", f"the stream ends within an event: {raw[-200:]!r}"
    found: list[Named] = []
    done = False
    for block in blocks:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        assert set(fields) <= {"event", "data"}, block
        assert not done, f"after {DONE}: {block}"
        if fields["data"] == DONE:
            done = True
        else:
            found.append((fields.get("event", ""), json.loads(fields["data"])))
    return found, done


def responses(found: list[Named]) -> Wire:
    """Returns the response of the last event."""
    events = [event for _, event in found]
    assert [name for name, _ in found] == [event["type"] for event in events]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = [event["type"] for event in events]
    opening = ["response.created", "response.in_progress"]
    if "response.queued" in kinds:
        opening.insert(1, "response.queued")
    assert kinds[: len(opening)] == opening, kinds
    assert kinds[-1] in _LAST, kinds
    assert not any(kind in (*opening, *_LAST) for kind in kinds[len(opening) : -1]), kinds
    last: Wire = events[-1]["response"]
    assert last["status"] == _LAST[kinds[-1]]
    told = [event["response"] for event in events if "response" in event]
    for field in ("id", "created_at", "model", "previous_response_id"):
        assert len({json.dumps(each[field]) for each in told}) == 1, field
    assert all(each["output"] == [] and each["completed_at"] is None for each in told[:-1])
    assert (last["error"] is not None) == (last["status"] == "failed")
    assert (last["incomplete_details"] is not None) == (last["status"] == "incomplete")
    assert (last["completed_at"] is not None) == (last["status"] == "completed")
    _items(events[len(opening) : -1], last)
    return last


def _items(events: list[Wire], last: Wire) -> None:
    """One item after another, each as in the last event; of a failed answer the last may be unfinished."""
    at = -1
    while events:
        at += 1
        assert events[0]["type"] == "response.output_item.added", events[0]
        item = events[0]["item"]
        assert events[0]["output_index"] == at
        end = next((n for n, e in enumerate(events) if e["type"] == "response.output_item.done"), len(events))
        inner, done = events[1:end], events[end : end + 1]
        assert all(e["output_index"] == at and e["item_id"] == item["id"] for e in inner)
        assert done or last["status"] == "failed"
        whole = done[0]["item"] if done else last["output"][at]
        assert whole == last["output"][at]
        assert (whole["id"], whole["type"]) == (item["id"], item["type"])
        assert item.get("status", "in_progress") == "in_progress" or not inner
        if item["type"] == "message":
            assert item["content"] == []
            _parts(inner, whole, finished=bool(done))
        elif item["type"] == "reasoning":
            assert item["summary"] == []
            _summary(inner, whole, finished=bool(done))
        elif item["type"] in _CALLS:
            kind, field = _CALLS[item["type"]]
            assert item[field] == ""
            _text(inner, f"response.{kind}", field, whole[field], finished=bool(done))
        events = events[end + 1 :]
    assert at + 1 == len(last["output"])


def _parts(events: list[Wire], item: Wire, *, finished: bool) -> None:
    at = -1
    while events:
        at += 1
        assert events[0]["type"] == "response.content_part.added", events[0]
        kind = events[0]["part"]["type"]
        assert kind == item["content"][at]["type"]
        end = next((n for n, e in enumerate(events) if e["type"] == "response.content_part.done"), len(events))
        inner = events[1:end]
        assert all(e["content_index"] == at for e in events[: end + 1])
        field = "refusal" if kind == "refusal" else "text"
        name = "response.refusal" if kind == "refusal" else "response.output_text"
        assert events[0]["part"][field] == ""
        noted = [e for e in inner if e["type"] == "response.output_text.annotation.added"]
        assert [e["annotation_index"] for e in noted] == list(range(len(noted)))
        assert [e["annotation"] for e in noted] == item["content"][at].get("annotations", [])
        complete = end < len(events)
        assert complete or not finished
        spoken = [e for e in inner if e not in noted]
        _text(spoken, name, field, item["content"][at][field], finished=complete)
        if complete:
            assert events[end]["part"] == item["content"][at]
        events = events[end + 1 :]
    assert at + 1 == len(item["content"])


def _summary(events: list[Wire], item: Wire, *, finished: bool) -> None:
    if not events:
        assert item["summary"] == []
        return
    assert events[0]["type"] == "response.reasoning_summary_part.added"
    assert all(e["summary_index"] == 0 for e in events)
    (part,) = item["summary"]
    if finished:
        assert events[-1]["type"] == "response.reasoning_summary_part.done"
        assert events[-1]["part"] == part
    inner = events[1:-1] if finished else events[1:]
    _text(inner, "response.reasoning_summary_text", "text", part["text"], finished=finished)


def _text(events: list[Wire], name: str, field: str, whole: str, *, finished: bool) -> None:
    """Deltas that add up, then the whole."""
    if finished:
        assert events, name
        assert events[-1]["type"] == f"{name}.done", events[-1]
        assert events[-1][field] == whole
        events = events[:-1]
    assert all(e["type"] == f"{name}.delta" for e in events), [e["type"] for e in events]
    assert all(e["delta"] for e in events)
    assert "".join(e["delta"] for e in events) == whole


def messages(found: list[Named]) -> None:
    """Of a stream that ends as it should, or in an `error` event."""
    assert all(name == event["type"] for name, event in found)
    events = [event for _, event in found if event["type"] != "ping"]
    kinds = [event["type"] for event in events]
    if kinds == ["error"]:
        return
    assert kinds[0] == "message_start"
    assert events[0]["message"]["content"] == []
    assert events[0]["message"]["stop_reason"] is None
    failed = kinds[-1] == "error"
    assert failed or kinds[-2:] == ["message_delta", "message_stop"], kinds
    at, is_open = 0, False
    for event in events[1 : -1 if failed else -2]:
        assert event["index"] == at, event
        match event["type"]:
            case "content_block_start":
                assert not is_open
                is_open = True
            case "content_block_delta":
                assert is_open
            case "content_block_stop":
                assert is_open
                is_open, at = False, at + 1
            case kind:
                raise AssertionError(kind)
    assert failed or not is_open


def chat(found: list[Named], *, usage: bool) -> None:
    """One choice; a reason to be over in the last chunk of it alone, then the usage where it was asked for."""
    assert all(name == "" for name, _ in found)
    chunks = [chunk for _, chunk in found]
    assert len({(c["id"], c["created"], c["model"]) for c in chunks}) == 1
    if usage:
        last = chunks.pop()
        assert last["choices"] == []
        assert last["usage"]["total_tokens"] > 0
        assert all(c["usage"] is None for c in chunks)
    else:
        assert not any(c.get("usage") for c in chunks)
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert len(choices) == len(chunks)
    assert choices[0]["delta"]["role"] == "assistant"
    assert [c["finish_reason"] is not None for c in choices] == [False] * (len(choices) - 1) + [True]
    calls = [call for choice in choices for call in choice["delta"].get("tool_calls", [])]
    begun = [call["index"] for call in calls if "id" in call]
    assert begun == list(range(len(begun)))
    assert {call["index"] for call in calls} == set(begun)
