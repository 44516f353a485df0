"""Attempts as a call's row has them."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from sessionary.store import attempts
from sessionary.store.attempts import Attempt

WORDS = st.text(max_size=5)
MADE = st.builds(
    Attempt, st.integers(), st.integers(0), st.integers(0, 599), WORDS, WORDS, WORDS, WORDS, st.lists(WORDS, max_size=3)
)


def row(*packed: list[object], provider: str, deployment: str, model: str) -> SimpleNamespace:
    return SimpleNamespace(attempts=list(packed), provider=provider, deployment=deployment, upstream_model=model)


@given(st.lists(MADE, min_size=1, max_size=4))
def test_what_is_written_down_is_read_again(made: list[Attempt]) -> None:
    last = made[-1]
    assert last.provider is not None
    assert last.deployment is not None
    assert last.model is not None
    own = {"deployment": last.deployment, "model": last.model}
    made = [one._replace(provider=last.provider) for one in made]
    call = row(*(attempts.packed(one, **own) for one in made), provider=last.provider, **own)
    assert attempts.of(call) == made


def test_an_attempt_that_the_row_tells_is_short() -> None:
    plain = Attempt(10, 20, 200, "", "openai", "openai/gpt", "gpt", ())
    assert attempts.packed(plain, "openai/gpt", "gpt") == [10, 20, 200]
    assert len(attempts.packed(plain, "other", "gpt")) == 7


def test_a_call_that_was_not_passed_on_has_none() -> None:
    assert attempts.of(SimpleNamespace(attempts=None)) == []


@given(MADE)
def test_an_error_is_forgotten_and_nothing_else(made: Attempt) -> None:
    packed = attempts.packed(made, "d", "m")
    assert attempts.tells(packed) == bool(made.error)
    (left,) = attempts.of(row(attempts.untold(packed), provider="p", deployment="d", model="m"))
    (before,) = attempts.of(row(packed, provider="p", deployment="d", model="m"))
    assert left == before._replace(error="")
