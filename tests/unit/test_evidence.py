"""What is said of why a call is where it is: by rule, in a sentence, and with the calls that it could go on from."""

from typing import Any

import pytest

from sessionary.api.evidence import evidence, mentioned
from sessionary.api.thread_types import Candidate, Named, Related
from tests.support.rows import name, row

BEFORE = row(0, turn=3)
ELSEWHERE = row(1, session="ses_b", session_text="b", turn=2)
AROUND = {(1, name(0)): BEFORE, (1, name(1)): ELSEWHERE}


def sentence(home: Any = None, **fields: Any) -> str:
    return evidence(row(9, **{"base_depth": 4, "input_depth": 6, **fields}), AROUND, home).explanation


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"source": "id", "rule": "x-session-id"}, "It names its session: x-session-id."),
        ({"source": "harness", "rule": "session-id"}, "The program that calls names the session: session-id."),
        (
            {"parent": name(0)},
            "It names no session; 4 of its 6 messages are what was said up to the answer in turn 3.",
        ),
        (
            {"parent": name(1), "rule": "content.edited"},
            "It names no session; its history was edited or shortened, and the newest answer that still stands in it "
            "is that of turn 2 of “b”.",
        ),
        (
            {"rule": "content.spawn", "origin": name(0), "origin_kind": "spawn"},
            "It names no session; it begins with what a tool call in turn 3 told an agent to do.",
        ),
        (
            {"rule": "content.compaction", "origin": name(7)},
            "It names no session; it begins with the summary that was the answer in a call that is not there any more.",
        ),
        (
            {"rule": "content.retry", "origin": name(0)},
            "It names no session; it asks again what failed in turn 3.",
        ),
        (
            {"source": "replay", "rule": "replay", "origin": name(1), "origin_kind": "replay"},
            "It asks once more what was asked in turn 2 of “b”.",
        ),
        ({"rule": "content.new"}, "Its content decided (content.new)."),
        (
            {"source": "none", "rule": "none"},
            "It names no session, and no answer that is stored is in its history: it begins one.",
        ),
    ],
)
def test_each_rule_has_a_sentence(fields: dict[str, Any], said: str) -> None:
    assert sentence(**fields) == said


def test_all_that_is_to_be_said_is_one_sentence() -> None:
    shown = {"candidates": [[name(0), "ses_a", 5], [name(1), "ses_old", 5], [name(7), "ses_gone", 3]]}
    call = row(9, name(0), base_depth=5, input_depth=6, ambiguous=True, evidence=shown | {"matched": "the newest"})
    found = evidence(call, AROUND, None)
    assert mentioned(call) == {(1, name(0)), (1, name(1)), (1, name(7))}
    assert found.explanation.endswith("; 2 other calls would have done as well, and the newest was taken.")
    assert found.candidates == [
        Candidate(name(0), "ses_a", "a", 5, taken=True),
        Candidate(name(1), "ses_b", "b", 5, taken=False),
        Candidate(name(7), "ses_gone", "ses_gone", 3, taken=False),
    ]
    assert (found.depth, found.of, found.matched, found.ambiguous) == (5, 6, "the newest", True)
    assert found.parent == Related(name(0), "ses_a", "a")


def test_a_call_that_a_person_moved_tells_where_it_belongs_by_its_id() -> None:
    home = row(0, session_id="mine")
    moved = row(9, source="id", rule="x-session-id", home="ses_mine")
    found = evidence(moved, {}, home)
    assert found.corrected == Named("ses_mine", "mine")
    assert found.explanation == "It names its session: x-session-id; a person moved it here from “mine”."
    assert evidence(moved, {}, None).corrected == Named("ses_mine", "ses_mine")
    assert evidence(row(9, home="ses_a"), {}, home).corrected is None


def test_what_is_not_there_any_more_has_no_session() -> None:
    found = evidence(row(9, name(7), origin=name(8), origin_kind="retry"), AROUND, None)
    assert found.parent == Related(name(7), None, None)
    assert found.origin is not None
    assert (found.origin.kind, found.origin.call_id, found.origin.tool_call_id) == ("retry", name(8), None)
    assert found.candidates == []
