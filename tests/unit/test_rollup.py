"""A session's row is the sum of its calls, in whatever order they end."""

import random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sessionary.drain import rollup
from sessionary.drain.link import Placed
from sessionary.record.exchange import Begin, Source

STATUSES = ["ok", "upstream_error", "timeout", "client_closed", "interrupted", "rejected"]


def begin(at: int) -> Begin:
    return Begin(f"call_{at}", at, 1, "k", "ses", "ses", "id", "r", "chat.completions", "m", False, "c", "u", {}, b"")


def placed(source: Source = "id") -> Placed:
    return Placed("ses", source, "r")


def ended(at: int, status: str = "ok", cost: int | None = 5) -> dict[str, Any]:
    tokens = {"input_tokens": 10, "cached_tokens": 4, "output_tokens": 3, "reasoning_tokens": None}
    return {"status": status, "created_at": at, "finished_at": at + 7, "cost": cost, **tokens}


def unasked() -> str:
    raise AssertionError("it is the last")


@given(
    st.lists(st.tuples(st.sampled_from(STATUSES), st.one_of(st.none(), st.integers(0, 99))), min_size=1), st.randoms()
)
def test_sums_do_not_depend_on_the_order_of_ends(calls: list[tuple[str, int | None]], rng: random.Random) -> None:
    def total(order: list[int]) -> dict[str, Any]:
        session = rollup.new_session(begin(0), "t")
        for at in range(len(calls)):
            rollup.begun(session, begin(at), placed(), "key", 1, "t", "")
        assert session["status"] == "live"
        for at in order:
            rollup.ended(session, ended(at, *calls[at]), lambda: "ok")
        session.pop("status")
        return session

    order = list(range(len(calls)))
    shuffled = order[:]
    rng.shuffle(shuffled)
    session = total(order)
    assert session == total(shuffled)
    assert session["live"] == 0
    assert session["calls"] == len(calls)
    known = [cost for _, cost in calls if cost is not None]
    assert session["cost"] == (sum(known) if known else None)


def test_status() -> None:
    session = rollup.new_session(begin(0), "")
    rollup.begun(session, begin(0), placed(), "key", 1, "", "")
    rollup.ended(session, ended(0, "client_closed"), unasked)
    assert session["status"] == "cut"
    rollup.begun(session, begin(1), placed(), "key", 2, "a title", "")
    assert (session["status"], session["title"]) == ("live", "a title")
    rollup.ended(session, ended(1, "timeout"), unasked)
    assert session["status"] == "errors"


def test_the_status_is_of_the_call_that_ended_last() -> None:
    session = rollup.new_session(begin(0), "")
    for at in (0, 1):
        rollup.begun(session, begin(at), placed(), "key", 1, "", "")
    rollup.ended(session, ended(1, "interrupted"), unasked)
    rollup.ended(session, ended(0), lambda: "interrupted")
    assert session["status"] == "cut"


def test_what_a_column_cannot_hold_is_told_as_it_is_stored() -> None:
    session = rollup.new_session(begin(0), "")
    for model in ("a\0b", "a\ufffdb", "\ud83d"):
        rollup.begun(session, msgspec.structs.replace(begin(0), model=model, tags=["x\0"]), placed(), "key", 1, "", "")
    assert (session["models"], session["tags"]) == (["a\ufffdb", "?"], ["x\ufffd"])


def test_facets_are_told_once() -> None:
    session = rollup.new_session(begin(0), "")
    assert len(rollup.begun(session, begin(0), placed(), "key", 1, "", "")) == 4
    assert rollup.begun(session, begin(1), placed(), "key", 1, "", "") == []


def test_what_joins_a_session_without_an_id_tells_how_it_is_held_together() -> None:
    first, second = (msgspec.structs.replace(begin(n), source=s) for n, s in enumerate(("none", "response")))
    session = rollup.new_session(first, "t")
    rollup.begun(session, first, placed("none"), "key", 1, "t", "")
    assert session["source"] == "none"
    rollup.begun(session, second, placed("response"), "key", 2, "", "")
    assert session["source"] == "response"
    rollup.begun(session, msgspec.structs.replace(first, source="id"), placed(), "key", 3, "", "")
    assert session["source"] == "response"


def test_the_first_name_that_a_client_gives_is_the_title_and_tags_add_up() -> None:
    def named(at: int, name: str, *tags: str) -> Begin:
        return msgspec.structs.replace(begin(at), name=name, tags=list(tags))

    session = rollup.new_session(begin(0), "derived")
    rollup.begun(session, named(0, "", "a"), placed(), "key", 1, "derived", "")
    assert (session["title"], session["title_set"], session["tags"]) == ("derived", False, ["a"])
    rollup.begun(session, named(1, "Named", "b", "a"), placed(), "key", 1, "derived", "")
    rollup.begun(session, named(2, "Later", *map(str, range(99))), placed(), "key", 1, "derived", "")
    assert (session["title"], session["title_set"]) == ("Named", True)
    assert session["tags"] == ["a", "b", *map(str, range(48))]
