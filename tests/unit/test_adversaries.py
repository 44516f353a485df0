"""The adversaries are what they say they are, and threading is judged as `threaded` says."""

import itertools
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from sessionary.record.exchange import Begin
from tests.support.adversary.corpus import KINDS, generate
from tests.support.adversary.talk import RETRIES, Call
from tests.support.threaded import Link, Score, score


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    return generate(7, 4000)


def test_the_same_seed_makes_the_same_calls(calls: list[Call]) -> None:
    again = generate(7, 4000)
    assert [(c.begin, c.finish, c.before) for c in again] == [(c.begin, c.finish, c.before) for c in calls]
    assert [c.begin.body for c in generate(8, 100)] != [c.begin.body for c in generate(9, 100)]


def test_every_kind_and_format_is_there(calls: list[Call]) -> None:
    assert len(calls) >= 4000
    assert {call.kind for call in calls} == KINDS.keys()
    assert {call.begin.endpoint for call in calls} == {"chat.completions", "responses", "messages"}
    assert {call.how for call in calls} == {"", "parent", "spawn", "compaction", "retry"}
    assert len({call.begin.project for call in calls}) == 3
    assert {bool(call.begin.user) for call in calls} == {True, False}


def test_bodies_are_requests_and_answers(calls: list[Call]) -> None:
    for call in calls:
        body = json.loads(call.begin.body)
        said = body["input" if call.begin.endpoint == "responses" else "messages"]
        assert said
        assert call.begin.source == "none"
        if call.finish.status == "ok":
            assert {"chat.completions": "choices", "responses": "output", "messages": "content"}[
                call.begin.endpoint
            ] in json.loads(call.finish.body)


def test_what_a_call_goes_on_from_is_an_earlier_one_of_its_conversation(calls: list[Call]) -> None:
    seen: dict[str, Call] = {}
    for call in calls:
        if call.before:
            before = seen[call.before]
            assert before.conversation == call.conversation
            assert before.finish.at <= call.begin.at
            assert (before.begin.key_id, before.begin.user) == (call.begin.key_id, call.begin.user)
        assert (call.before == "") == (call.how == "")
        assert call.id not in seen
        seen[call.id] = call
    assert [c.begin.at for c in calls] == sorted(c.begin.at for c in calls)


def test_conversations_are_mixed_in_time(calls: list[Call]) -> None:
    """Rarely do two calls of one conversation follow each other."""
    follow = sum(one.conversation == other.conversation for one, other in itertools.pairwise(calls))
    assert follow < len(calls) / 4
    openings = Counter(call.begin.body for call in calls)
    assert openings.most_common(1)[0][1] > 20


# -- judging


def _two(calls: list[Call]) -> tuple[Call, Call, Call]:
    """A call, what it goes on from, and a call of another conversation."""
    going_on = next(c for c in calls if c.how == "parent" and c.kind == "plain")
    before = next(c for c in calls if c.id == going_on.before)
    return going_on, before, next(c for c in calls if c.conversation != going_on.conversation)


def _judged(calls: list[Call], **parents: str) -> Score:
    """Each call with the parent that is given, in its session; else in one of its own."""
    links: dict[str, Link] = {}
    for call in calls:
        parent = parents.get(call.id)
        session = links[parent].session if parent else f"ses_{call.id}"
        links[call.id] = Link(session, "content" if parent else "none", parent, None, None, False, False)
    return score(calls, links)


def test_right_links(calls: list[Call]) -> None:
    call, before, stranger = _two(calls)
    judged = _judged([before, stranger, call], **{call.id: before.id})
    assert judged.verdicts[call.id] == "right"
    assert (judged.rules["content"].precision, judged.rules["content"].recall) == (1.0, 1.0)
    assert (judged.exact, judged.named) == (1, 1)
    assert judged.kept_apart


def test_missed_links(calls: list[Call]) -> None:
    call, before, _ = _two(calls)
    judged = _judged([before, call])
    assert (judged.verdicts[before.id], judged.verdicts[call.id]) == ("right", "missed")
    assert (judged.total.recall, judged.total.precision) == (0.0, 1.0)


def test_wrong_links_within_a_key_and_across_users(calls: list[Call]) -> None:
    call, before, stranger = _two(calls)
    for fields, across in (({}, False), ({"user": "somebody else"}, True), ({"key_id": "another"}, True)):
        same = {"project": call.begin.project, "key_id": call.begin.key_id, "user": call.begin.user}
        other = replace(stranger, begin=_changed(stranger, **{**same, **fields}))
        judged = _judged([before, other, call], **{call.id: other.id})
        assert judged.verdicts[call.id] == "wrong"
        assert ([c.id for c in judged.across], [c.id for c in judged.within]) == (
            ([call.id], []) if across else ([], [call.id])
        )
        assert judged.kept_apart
        assert judged.kinds[call.kind].precision == 0.0


def test_what_goes_on_from_a_wrong_link_is_not_to_blame(calls: list[Call]) -> None:
    call, before, stranger = _two(calls)
    later = replace(call, begin=_changed(call, call_id="call_later"), before=call.id)
    judged = _judged([before, stranger, call, later], **{call.id: stranger.id, "call_later": call.id})
    assert [judged.verdicts[i] for i in (call.id, "call_later")] == ["wrong", "right"]
    assert judged.kept_apart


def test_nobody_could_tell(calls: list[Call]) -> None:
    call, before, _ = _two(calls)
    twin = replace(before, begin=_changed(before, call_id="call_twin"), conversation=-1)
    judged = _judged([before, twin, call], **{call.id: "call_twin"})
    assert judged.verdicts[call.id] == "indistinguishable"
    assert (judged.total.precision, judged.total.going_on) == (1.0, 0)
    others = (
        replace(twin, told='["assistant"]'),
        replace(twin, begin=_changed(twin, user="x")),
        replace(twin, begin=_changed(twin, body=json.dumps(json.loads(twin.begin.body) | {"model": "x"}).encode())),
    )
    for other in others:
        assert _judged([before, other, call], **{call.id: "call_twin"}).verdicts[call.id] == "wrong"


def test_nobody_could_tell_a_window_from_a_whole_conversation(calls: list[Call]) -> None:
    call, before, _ = _two(calls)
    longer = replace(before, sent=["[]", *before.sent], begin=_changed(before, call_id="call_longer", body=b"{}"))
    stranger = replace(before, conversation=-1)
    call = replace(call, before="call_longer")
    for taken, verdict in (
        (stranger, "indistinguishable"),
        (replace(stranger, begin=_changed(before, client="x")), "wrong"),
        (replace(stranger, sent=["[]"]), "wrong"),
    ):
        assert _judged([longer, taken, call], **{call.id: taken.id}).verdicts[call.id] == verdict
        assert _judged([taken, replace(call, before="")], **{call.id: taken.id}).verdicts[call.id] == "wrong"


def test_nobody_could_tell_a_first_attempt_from_another(calls: list[Call]) -> None:
    failed = next(c for c in calls if c.finish.status == "upstream_error" and not c.before)
    silent = replace(failed, begin=_changed(failed, call_id="call_again", headers={}), conversation=-1)
    first = replace(silent, begin=_changed(silent, headers={RETRIES: "0"}))
    for again, verdict in ((silent, "indistinguishable"), (first, "wrong")):
        assert _judged([failed, again], call_again=failed.id).verdicts["call_again"] == verdict


def test_nobody_could_tell_whose_attempt_it_is(calls: list[Call]) -> None:
    again = next(c for c in calls if c.how == "retry")
    failed = next(c for c in calls if c.id == again.before)
    other = replace(failed, begin=_changed(failed, call_id="call_other"), conversation=-1)
    assert _judged([failed, again]).verdicts[again.id] == "missed"
    judged = _judged([failed, other, again])
    assert (judged.verdicts[again.id], judged.total.going_on, judged.kept_apart) == ("indistinguishable", 0, True)


def test_what_is_together_and_not_counted_is_seen(calls: list[Call]) -> None:
    call, before, stranger = _two(calls)
    link = Link("ses_one", "none", None, None, None, False, False)
    assert not score([before, stranger], {before.id: link, stranger.id: link}).kept_apart
    assert score([before, call], {before.id: link, call.id: replace(link, parent=before.id)}).kept_apart


def _changed(call: Call, **fields: Any) -> Begin:
    return msgspec.structs.replace(call.begin, **fields)
