"""Paths that were taken apart lately: what comes out is what would have been made anew."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sessionary.drain import requests
from sessionary.drain.requests import Parsed, Remembered
from sessionary.drain.seen import Seen
from sessionary.record.exchange import Begin

TEXTS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=6)


def parsed(texts: list[str], remembered: Remembered | None = None, project: int = 1) -> Parsed:
    messages = [{"role": "user" if n % 2 == 0 else "assistant", "content": t} for n, t in enumerate(texts)]
    body = json.dumps({"model": "m", "messages": messages}).encode()
    begin = Begin(
        "call_1", 1, project, "k", "ses", "ses", "none", "none", "chat.completions", "m", False, "", "", {}, body
    )
    found = requests.parse(begin, "w", None, remembered)
    requests.give_meaning(found, {})
    return found


@given(st.lists(st.tuples(TEXTS, st.integers(1, 2)), min_size=1, max_size=12), st.integers(500, 20_000))
def test_remembered_or_not_a_path_is_the_same(asked: list[tuple[list[str], int]], most: int) -> None:
    seen = Seen(most)
    for texts, project in asked:
        anew, quick = parsed(texts, project=project), parsed(texts, seen.path, project)
        assert [(s.id, s.parent, s.node, s.depth, s.role, s.frame, s.text) for s in quick.steps] == [
            (s.id, s.parent, s.node, s.depth, s.role, s.frame, s.text) for s in anew.steps
        ]
        assert quick.recipe == anew.recipe
        seen.add(project, quick.root, quick.steps)


def test_what_follows_a_known_path_is_all_that_is_taken_apart() -> None:
    seen = Seen()
    first = parsed(["a", "b", "c"])
    seen.add(1, first.root, first.steps)
    assert parsed(["a", "b", "c", "d"], seen.path).known == 3
    assert parsed(["a", "b", "x"], seen.path).known == 2
    assert parsed(["x", "b"], seen.path).known == 0
    assert parsed(["a", "b", "c"], seen.path, project=2).known == 0


def test_memory_is_bounded() -> None:
    seen = Seen(10_000)
    for n in range(100):
        path = parsed([f"{n} " + "x" * 500])
        seen.add(1, path.root, path.steps)
    assert parsed(["0 " + "x" * 500], seen.path).known == 0
    assert parsed(["99 " + "x" * 500], seen.path).known == 1
    for n in range(20):
        path = parsed(["same", f"{n}"])
        seen.add(1, path.root, path.steps)
    assert parsed(["same", "0"], seen.path).known == 1
    assert parsed(["same", "19"], seen.path).known == 2
