"""What is kept in memory stays within its bounds."""

from hypothesis import given
from hypothesis import strategies as st

from sessionary.state.bounded import Bounded


def test_what_was_used_longest_ago_goes_first() -> None:
    held: Bounded[str, int] = Bounded(2, 100)
    held.put("a", 1, 1)
    held.put("b", 2, 1)
    assert held.get("a") == 1
    held.put("c", 3, 1)
    assert (held.get("a"), held.get("b"), held.get("c")) == (1, None, 3)


def test_a_value_that_has_grown_is_counted_anew() -> None:
    held: Bounded[str, str] = Bounded(10, 100)
    held.put("a", "small", 10)
    held.put("b", "small", 10)
    held.put("b", "grown", 95)
    assert "a" not in held
    assert held.bytes == 95


def test_the_newest_stays_however_large() -> None:
    held: Bounded[str, str] = Bounded(10, 100)
    held.put("a", "huge", 1000)
    assert held.get("a") == "huge"
    held.put("b", "small", 1)
    assert "a" not in held


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 50), st.booleans())))
def test_the_bounds_hold_and_the_sum_is_right(steps: list[tuple[int, int, bool]]) -> None:
    held: Bounded[int, int] = Bounded(3, 60)
    sizes: dict[int, int] = {}
    for key, size, dropped in steps:
        if dropped:
            held.drop(key)
        else:
            held.put(key, size, size)
            sizes[key] = size
            assert key in held
        assert held.bytes == sum(sizes[k] for k in sizes if k in held)
        assert len(held) <= 3
        assert held.bytes <= 60
