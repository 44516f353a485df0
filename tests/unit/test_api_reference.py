"""docs/reference/api.md says what may be asked for and what may be answered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sessionary import errors
from sessionary.api import params
from sessionary.store import lists

TEXT = (Path(__file__).parents[2] / "docs/reference/api.md").read_text()
ROWS = [line.split(" | ") for line in TEXT.partition("## Errors")[2].splitlines() if line.startswith("| ")]


def every(kind: type[errors.GatewayError] = errors.GatewayError) -> Iterator[type[errors.GatewayError]]:
    for below in kind.__subclasses__():
        yield below
        yield from every(below)


@pytest.mark.parametrize("kind", sorted({kind for kind in every() if kind.code}, key=lambda kind: kind.__name__))
def test_every_error_is_there(kind: type[errors.GatewayError]) -> None:
    assert any(str(kind.status) in row[0] and f"`{kind.code}`" in row[1] for row in ROWS), (kind.status, kind.code)


def test_what_a_list_may_be_asked_for_is_there() -> None:
    said = TEXT.partition("`limit` is from 1 to ")[2].partition("A page may have")[0]
    assert said.startswith(f"{params.MOST}, and 50 ")
    sessions, _, calls = said.partition("of calls ")
    assert all(f"`{name}`" in sessions for name in (*lists.SESSION_SORTS, "-last_at"))
    assert all(f"`{name}`" in calls for name in (*lists.CALL_SORTS, "-created_at"))
