"""Histories that were taken apart lately: what comes out is what would have been made anew."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sessionary.drain import requests
from sessionary.drain.requests import Base, Parsed
from sessionary.drain.seen import Seen
from sessionary.record.exchange import Begin

LONG = "A sentence that fills a message, so that histories get long enough to be looked for. " * 3
CHAINS = {"chat.completions": "messages", "messages": "messages", "responses": "input"}
SPELLINGS: list[dict[str, Any]] = [{}, {"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}]
BASE = Base(b"answer-before-this", b"its-node", 7)

messages = st.builds(
    lambda role, text: {"role": role, "content": text},
    st.sampled_from(["user", "assistant", "system"]),
    st.sampled_from(["a", "b", LONG, LONG + "é", LONG + "\\ud83d", LONG * 4, '},{"role":"user"', ""]),
)
changes = st.tuples(st.integers(0, 8), st.lists(messages, max_size=4))
"""How many messages of the history before it a request keeps, and what follows them."""


def body(history: list[Any], endpoint: str = "chat.completions", spelling: int = 1) -> bytes:
    written = json.dumps({"model": "m", CHAINS[endpoint]: history, "user": "u"}, **SPELLINGS[spelling])
    return written.replace("\\\\ud83d", "\\ud83d").encode()  # half a letter, as only an escape can say it


def parsed(
    sent: bytes, seen: Seen | None = None, *, project: int = 1, endpoint: str = "chat.completions", base: bool = False
) -> Parsed:
    begin = Begin("call_1", 1, project, "k", "ses", "ses", "none", "none", endpoint, "m", False, "", "", {}, sent)
    on = BASE if base else None
    known = seen.lookup(project, on.id if on else b"", endpoint) if seen is not None else None
    found = requests.parse(begin, "w", on, known)
    requests.give_meaning(found, {})
    if seen is not None and known is not None:
        seen.add(known, found.parts.preamble, found.steps)
    return found


def told(of: Parsed) -> list[tuple[Any, ...]]:
    return [(s.id, s.parent, s.node, s.depth, s.role, s.raw, s.frame, s.text) for s in of.steps]


def said(*texts: str) -> bytes:
    return body([{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)])


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(changes, st.sampled_from([*CHAINS]), st.integers(0, 3), st.booleans(), st.integers(1, 2)),
        min_size=2,
        max_size=12,
    ),
    st.integers(2_000, 100_000),
)
@example(
    [((0, [{"role": "user", "content": LONG + "\\ud83d"}] * n), "chat.completions", 1, False, 1) for n in (3, 4)], 10**6
)
def test_known_or_not_a_request_is_taken_apart_alike(
    asked: list[tuple[tuple[int, list[Any]], str, int, bool, int]], most: int
) -> None:
    seen = Seen(most)
    history: list[Any] = []
    for (keeps, new), endpoint, spelling, base, project in asked:
        history = [*history[: len(history) - keeps if keeps < 4 else keeps - 4], *new]
        sent = body(history, endpoint, spelling)
        quick = parsed(sent, seen, project=project, endpoint=endpoint, base=base)
        anew = parsed(sent, project=project, endpoint=endpoint, base=base)
        assert told(quick) == told(anew)
        assert quick.recipe == anew.recipe
        assert quick.parts.preamble == anew.parts.preamble
        assert quick.bodies.items() <= anew.bodies.items()


def test_what_follows_a_known_history_is_all_that_is_taken_apart() -> None:
    seen = Seen()
    a, b, c = (f"{n} {LONG * 4}" for n in "abc")
    parsed(said(a, b, c), seen)
    assert parsed(said(f"x {LONG * 4}", b, c), seen).known == 0
    assert parsed(said(a, b, c, "d"), seen).known == 3
    assert parsed(said(a, b, "x"), seen).known == 2
    assert parsed(said(a, b, c), seen, project=2).known == 0
    assert parsed(said(a, b, c), seen, endpoint="messages").known == 0
    assert parsed(said(a, b, c), seen, base=True).known == 0


def test_what_instructs_the_model_is_known_too() -> None:
    seen = Seen()
    asked = [{"role": role, "content": LONG * 2} for role in ("system", "developer", "user", "assistant", "user")]
    assert [parsed(body(asked, spelling=spelling), seen).known for spelling in (0, 1, 2)] == [0, 0, 0]
    gone_on = [*asked, {"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]
    for spelling in (0, 1, 2):
        found = parsed(body(gone_on, spelling=spelling), seen)
        assert (found.known, len(found.steps), len(found.parts.preamble)) == (3, 5, 2)


def test_a_long_history_is_found_among_many_that_begin_alike() -> None:
    seen = Seen()
    shared = [LONG] * 10
    for turn in range(5, 10):
        for n in range(50):
            own = [f"{n} {t} " * 100 for t in range(turn)]
            known = parsed(said(*shared, *own), seen).known
            assert known == (9 + turn if turn > 5 else 10 if n else 0)


def test_a_history_whose_last_messages_change_is_kept_once() -> None:
    """As of agents that mark where the provider's cache begins."""
    seen = Seen()
    for turn in range(2, 40):
        texts = [f"{n} {LONG}" + (" marked" if n >= turn - 2 else "") for n in range(turn)]
        found = parsed(said(*texts), seen)
        assert found.known == (0 if turn < 6 else turn - 3)
    assert seen.size < 1.5 * (2 * len(said(*texts)) + 300 * len(texts))


@pytest.mark.parametrize("text", ["x" * 1500, LONG * 6])
def test_memory_is_bounded(text: str) -> None:
    seen = Seen(20_000)
    for n in range(100):
        parsed(said(f"{n} " + text), seen)
        assert seen.size <= 20_000
    assert parsed(said("0 " + text), seen).known == 0
    assert parsed(said("99 " + text), seen).known == 1
    tail = ["and so on"] * 5
    for n in range(40):
        parsed(said("same" + text, f"{n}", *tail), seen)
    assert parsed(said("same" + text, "39", *tail), seen).known == 7
    assert parsed(said("same" + text, "0", *tail), seen).known == 1


def test_of_many_that_are_alike_the_newest_are_known() -> None:
    seen = Seen(120_000)
    tail = ["and so on"] * 5
    for n in range(50):
        assert parsed(said(LONG * 5, f"{n}", *tail), seen).known == (1 if n else 0)
    assert parsed(said(LONG * 5, "0", *tail), seen).known == 1
    assert parsed(said(LONG * 5, "49", *tail), seen).known == 7
    for n in range(100):
        parsed(said(f"{n} {LONG * 5}"), seen)
    assert seen.size <= 120_000


def test_what_is_forgotten_is_taken_apart_anew() -> None:
    seen = Seen()
    sent = said(*[LONG] * 5)
    parsed(sent, seen)
    known = seen.lookup(1, b"", "chat.completions")
    assert known(sent[sent.index(b"[") : sent.rindex(b"]") + 1]) is not None
    assert known.found is not None
    seen.forget(known)
    seen.forget(known)
    assert seen.size == 0
    assert parsed(sent, seen).known == 0
    assert parsed(sent, seen).known == 5
