"""Calls become requests with attempts, and requests lie on branches, whatever the calls say of each other."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sessionary.store.branches import branches, further, requests
from tests.support.rows import name, row, sessions


def shape(calls: list[Any]) -> tuple[list[list[str]], list[list[str]]]:
    """The attempts of each request, and the requests of each branch."""
    every = requests(calls)
    paths = [[r.id for r in b.requests] for b in branches(every)]
    return [[c.id for c in r.calls] for r in every], paths


def test_a_conversation_is_one_branch() -> None:
    calls = [row(0), row(1, name(0)), row(2, name(1))]
    assert shape(calls) == ([[name(0)], [name(1)], [name(2)]], [[name(0), name(1), name(2)]])


def test_equal_requests_are_attempts_and_the_last_that_succeeded_counts() -> None:
    same: dict[str, Any] = {"leaf_node": b"x"}
    calls = [row(0), row(1, name(0), **same), row(2, name(0), **same), row(3, name(0), status="timeout", **same)]
    first, second = requests(calls)
    assert [c.id for c in second.calls] == [name(1), name(2), name(3)]
    assert (second.id, second.call.id, second.parent) == (name(1), name(2), first)
    lost = requests([row(0, status="timeout"), row(1, origin=name(0), origin_kind="retry", status="rejected")])
    assert [r.call.id for r in lost] == [name(1)]


def test_what_goes_on_from_any_attempt_goes_on_from_the_request() -> None:
    calls = [row(0, leaf_node=b"x"), row(1, leaf_node=b"x"), row(2, name(0)), row(3, name(1))]
    every = requests(calls)
    assert [r.parent for r in every] == [None, every[0], every[0]]
    assert shape(calls)[1] == [[name(0), name(2)], [name(3)]]


def test_the_first_to_go_on_stays_on_the_branch_and_others_fork() -> None:
    calls = [row(0), row(1, name(0)), row(2, name(0)), row(3, name(1)), row(4, name(2)), row(5, name(0))]
    assert shape(calls)[1] == [[name(0), name(1), name(3)], [name(2), name(4)], [name(5)]]
    found = branches(requests(calls))
    assert [b.fork.id if b.fork else None for b in found] == [None, name(0), name(0)]
    assert further(found) == 2


def test_side_calls_and_agents_take_no_branch_from_anybody() -> None:
    calls = [
        row(0),
        row(1, name(0), side=True, turn=0),
        row(2, origin=name(0), origin_kind="spawn", agent="a"),
        row(3, name(2), agent="a"),
        row(4, name(0), agent="b"),
        row(5, name(0)),
    ]
    assert shape(calls)[1] == [[name(0), name(5)], [name(2), name(3)], [name(4)]]
    assert further(branches(requests(calls))) == 0


def test_agents_that_are_asked_the_same_are_two() -> None:
    calls = [row(n, agent=agent, leaf_node=b"x") for n, agent in enumerate(["a", "b", "a"])]
    assert shape(calls)[0] == [[name(0), name(2)], [name(1)]]


def test_a_compacted_history_goes_on_and_a_thread_from_nothing_is_a_branch() -> None:
    calls = [row(0), row(1, name(0)), row(2, origin=name(1), origin_kind="compaction"), row(3), row(4, name(3))]
    assert shape(calls)[1] == [[name(0), name(1), name(2)], [name(3), name(4)]]
    assert further(branches(requests(calls))) == 1


def test_calls_without_messages_stay_apart() -> None:
    calls = [row(0, leaf_node=None), row(1, leaf_node=None), row(2)]
    assert shape(calls) == ([[name(0)], [name(1)], [name(2)]], [[name(2)]])


def test_a_call_may_be_older_than_what_it_goes_on_from() -> None:
    calls = [row(0, name(2)), row(1, name(0)), row(2)]
    assert shape(calls)[1] == [[name(2), name(0), name(1)]]


@given(sessions())
def test_each_call_is_an_attempt_and_each_request_on_one_branch(calls: list[Any]) -> None:
    every = requests(calls)
    attempts = [c.id for r in every for c in r.calls]
    assert sorted(attempts) == [c.id for c in calls]
    assert [r.id for r in every] == sorted(r.id for r in every)
    assert all([c.id for c in r.calls] == sorted(c.id for c in r.calls) for r in every)
    found = branches(every)
    on = [r for b in found for r in b.requests]
    assert len(on) == len({r.id for r in on})
    assert all(r.branch is b for b in found for r in b.requests)
    for request in every:
        bare = request.parent is None and not any(c.leaf_node for c in request.calls)
        assert (request.branch is None) == (request.side or bare)
    for branch in found:
        assert branch.requests[0].parent is branch.fork
        for before, after in zip(branch.requests, branch.requests[1:], strict=False):
            assert after.parent is before
            assert after.agent == before.agent
            siblings = [r for r in every if r.parent is before and r.agent == before.agent and not r.side]
            assert siblings[0] is after


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([b"1", b"2"])), min_size=1, max_size=25))
def test_attempts_are_those_with_the_same_parent_and_the_same_question(steps: list[tuple[int, bytes]]) -> None:
    """Against a model that compares each with each; parents are earlier calls."""
    calls = [row(n, name(n - 1 - back) if back < n else None, leaf_node=leaf) for n, (back, leaf) in enumerate(steps)]
    model: dict[str, str] = {}
    for call in calls:
        same = (o for o in calls if o.id in model and model.get(o.parent) == model.get(call.parent))
        model[call.id] = next((model[o.id] for o in same if o.leaf_node == call.leaf_node), call.id)
    assert {c.id: r.id for r in requests(calls) for c in r.calls} == model
