"""What a call goes on from."""

import json
from typing import Any

from sessionary import ids
from sessionary.drain import requests
from sessionary.drain.link import Known, Link, Ref, link
from sessionary.drain.requests import Parsed
from sessionary.record.exchange import Begin


def parsed(*messages: dict[str, Any], call_id: str = "call_new", endpoint: str = "chat.completions") -> Parsed:
    body = json.dumps({"model": "m", "messages": messages}).encode()
    begin = Begin(call_id, 100, 1, "k", "ses", "ses", "id", "r", endpoint, "m", False, "", "", {}, body)
    found = requests.parse(begin, "w")
    requests.give_meaning(found, {})
    return found


def says(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text}


def known_after(*messages: dict[str, Any], call_id: str, session: str = "ses", turn: int = 1, at: int = 1) -> Known:
    """One earlier call, whose answer is the last of `messages`."""
    before = parsed(*messages)
    asked = before.steps[-2].node if len(before.steps) > 1 else None
    known = Known()
    known.add(Ref(call_id, session, at, turn, None, 0), asked, before.steps[-1].node)
    return known


A, B, C = says("user", "a"), says("assistant", "b"), says("user", "c")


def test_the_first_call_begins_the_first_turn() -> None:
    assert link(parsed(A), "ses", 0, Known()) == Link(None, 1, 0)


def test_a_follow_up_goes_on_from_the_answer_it_resends() -> None:
    known = known_after(A, B, call_id="call_1")
    assert link(parsed(A, B, C), "ses", 1, known) == Link("call_1", 2, 2)


def test_a_tools_result_stays_within_the_turn() -> None:
    called = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "t", "function": {"name": "f", "arguments": "{}"}}],
    }
    result = {"role": "tool", "tool_call_id": "t", "content": "42"}
    known = known_after(A, called, call_id="call_1", turn=3)
    assert link(parsed(A, called, result), "ses", 3, known) == Link("call_1", 3, 2)


def test_a_harness_that_adds_its_notes_to_a_result_does_not_speak() -> None:
    called = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "42"}
    note = {"type": "text", "text": "<system-reminder>\nGo on.\n</system-reminder>"}
    known = Known()
    before = parsed(A, called, endpoint="messages")
    known.add(Ref("call_1", "ses", 1, 3, None, 0), before.steps[0].node, before.steps[1].node)
    noted = parsed(A, called, {"role": "user", "content": [result, note]}, endpoint="messages")
    assert link(noted, "ses", 3, known) == Link("call_1", 3, 2)
    asked = parsed(
        A, called, {"role": "user", "content": [result, note, {"type": "text", "text": "And?"}]}, endpoint="messages"
    )
    assert link(asked, "ses", 3, known) == Link("call_1", 4, 2)


def test_the_deepest_answer_wins_and_of_two_the_newest() -> None:
    known = known_after(A, B, call_id="call_1")
    deep = parsed(A, B, C, B)
    known.add(Ref("call_2", "ses", 2, 2, None, 0), None, deep.steps[-1].node)
    known.add(Ref("call_3", "ses", 3, 2, None, 0), None, deep.steps[-1].node)
    assert link(parsed(A, B, C, B, A), "ses", 2, known).parent == "call_3"


def test_the_same_request_again_is_another_try_of_the_same_turn() -> None:
    known = known_after(A, B, call_id="call_1", turn=5)
    assert link(parsed(A), "ses", 5, known) == Link(None, 5, 0)


def test_other_sessions_are_not_looked_at() -> None:
    known = known_after(A, B, call_id="call_1", session="other")
    assert link(parsed(A, B, C), "ses", 0, known).parent is None


def test_another_form_of_the_same_history_is_the_same_history() -> None:
    known = known_after(A, B, call_id="call_1")
    rewritten = {"role": "assistant", "content": [{"type": "text", "text": "b"}], "refusal": None}
    assert link(parsed(A, rewritten, C), "ses", 1, known).parent == "call_1"


def test_paths_are_scoped_by_project() -> None:
    mine = parsed(A)
    assert mine.steps[0].id != ids.digest(ids.root_node(2), ids.digest(mine.steps[0].raw))
