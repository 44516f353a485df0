"""Turns, agents, and what is kept as evidence."""

import json
from typing import Any

from msgspec.structs import replace

from sessionary import ids
from sessionary.drain import link, requests
from sessionary.drain.link import Origin, Placed, Ref
from sessionary.drain.requests import Parsed
from sessionary.drain.resent import answers
from sessionary.record.exchange import Begin

REF = Ref(
    *("call_1", "ses", "id", None, 1, 3, None, None, 0, 1, "k", "", "", "m", "ok", None, None, None, None),
    *("", "", ""), continued=False,
)  # fmt: skip
A, B, C = ({"role": role, "content": text} for role, text in (("user", "a"), ("assistant", "b"), ("user", "c")))


def parsed(*messages: dict[str, Any], endpoint: str = "chat.completions", agent: str = "") -> Parsed:
    body = json.dumps({"model": "m", "messages": messages}).encode()
    begin = Begin("call_new", 100, 1, "k", "ses", "ses", "id", "r", endpoint, "m", False, "", "", {}, body, agent)
    found = requests.parse(begin, "w")
    requests.give_meaning(found, {})
    return found


def placed(**more: Any) -> Placed:
    return Placed("ses", "id", "r", **more)


def test_the_first_call_begins_the_first_turn() -> None:
    assert link.turn(placed(), parsed(A), 0) == 1


def test_a_person_who_speaks_begins_a_turn() -> None:
    assert link.turn(placed(parent=REF, base_depth=2), parsed(A, B, C), 5) == 6


def test_another_attempt_is_of_the_same_turn() -> None:
    assert link.turn(placed(parent=REF, base_depth=2, again=replace(REF, turn=4)), parsed(A, B, C), 5) == 4


def test_a_replay_counts_the_turns_of_its_own_session() -> None:
    origin = Origin("replay", replace(REF, turn=7, agent="x"))
    first = placed(origin=origin, base_depth=2)
    assert link.turn(first, parsed(A, B, C), 0) == 1
    assert first.agent(parsed(A, B, C).begin) == ("", "", "")
    assert link.turn(placed(origin=origin, parent=REF, base_depth=2), parsed(A, B, C), 5) == 6


def test_a_tools_result_stays_within_the_turn() -> None:
    called = {"role": "assistant", "content": None, "tool_calls": [{"id": "t", "function": {"name": "f"}}]}
    result = {"role": "tool", "tool_call_id": "t", "content": "42"}
    assert link.turn(placed(parent=REF, base_depth=2), parsed(A, called, result), 5) == 3


def test_a_harness_that_adds_its_notes_to_a_result_does_not_speak() -> None:
    called = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "42"}
    note = {"type": "text", "text": "<system-reminder>\nGo on.\n</system-reminder>"}
    noted = parsed(A, called, {"role": "user", "content": [result, note]}, endpoint="messages")
    assert link.turn(placed(parent=REF, base_depth=2), noted, 5) == 3
    said = {"role": "user", "content": [result, note, {"type": "text", "text": "And?"}]}
    assert link.turn(placed(parent=REF, base_depth=2), parsed(A, called, said, endpoint="messages"), 5) == 6


def test_a_call_for_a_title_is_no_turn_and_what_goes_on_from_it_is_one() -> None:
    assert link.turn(placed(side=True), parsed(A), 2) == 0
    assert link.turn(placed(parent=replace(REF, turn=0), base_depth=2), parsed(A, B), 2) == 3


def test_an_agent_begins_within_the_turn_of_what_started_it() -> None:
    started = placed(origin=Origin("spawn", REF, "toolu_1", "Explore"))
    assert link.turn(started, parsed(A), 5) == 3
    assert started.agent(parsed(A).begin) == ("toolu_1", "Explore", "")
    assert started.agent(parsed(A, agent="own").begin) == ("own", "Explore", "")


def test_what_goes_on_from_an_agent_is_the_agents() -> None:
    agent = replace(REF, agent="toolu_1", agent_name="Explore", agent_parent="p")
    assert placed(parent=agent).agent(parsed(A).begin) == ("toolu_1", "Explore", "p")
    assert placed(parent=agent).agent(parsed(A, agent="other").begin) == ("other", "", "")


def test_what_an_agent_is_told_later_is_no_turn_unless_the_caller_names_it() -> None:
    agent = placed(parent=replace(REF, agent="toolu_1"), base_depth=2)
    assert link.turn(agent, parsed(A, B, C), 5) == 3
    assert link.turn(agent, parsed(A, B, C, agent="toolu_1"), 5) == 6


def test_going_on_twice_branches_and_trying_again_does_not() -> None:
    gone_on = replace(REF, continued=True)
    assert not placed(parent=REF).branches
    assert placed(parent=gone_on).branches
    assert not placed(parent=gone_on, again=REF).branches


def test_candidates_are_kept_where_there_were_any() -> None:
    assert placed(parent=REF).evidence() is None
    assert placed(parent=REF, candidates=[REF]).evidence() == {"candidates": [["call_1", "ses", 2]]}


def test_answers_deepest_first() -> None:
    assert list(answers(parsed(A, B, B, C, B, A))) == [(4, 5), (2, 3), (1, 2)]


def test_paths_are_scoped_by_project() -> None:
    mine = parsed(A)
    assert mine.steps[0].id != ids.digest(ids.root_node(2), ids.digest(mine.steps[0].raw))
