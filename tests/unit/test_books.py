"""The drain's side of the ledger, against what a writer did."""

import random

import pytest

from sessionary.drain.books import count
from sessionary.drain.intake import Item, Unreadable
from sessionary.spool.reader import Cursor
from sessionary.store.ledger import Counts
from tests.unit.test_backlog import begin


def lost(number: int = 0, kind: str = "begin") -> Unreadable:
    return Unreadable(f"w/1/{number}", "poison", b"", kind, f"call_{number}", number)


def items(*records: object) -> list[Item]:
    return [Item(0, "w", record, Cursor(1, n)) for n, record in enumerate(records)]  # type: ignore[arg-type]


def test_a_number_that_is_left_out_was_damaged() -> None:
    found = count({}, items(begin(1), begin(4), lost(5), lost(9, "finish"), lost(0, "")), lambda call: True)
    assert found == {"w": Counts(begun=5, stored=2, set_aside=1, damaged=2)}


def test_what_was_counted_is_not_counted_again() -> None:
    once = count({}, items(begin(1), begin(2)), lambda call: True)
    assert count(once, items(begin(1), begin(2)), lambda call: True) == once


def test_records_of_a_version_that_did_not_count() -> None:
    assert count({}, items(begin(0), begin(0), lost(0)), lambda call: True) == {"w": Counts(3, 2, 1)}


def test_a_call_that_is_nowhere_is_missing() -> None:
    found = count({}, items(begin(1), begin(2)), lambda call: call == "call_2")["w"]
    assert found.begun - found.stored - found.set_aside - found.damaged == 1


@pytest.mark.parametrize("seed", range(20))
def test_however_the_rounds_are_cut_the_sum_is_the_same(seed: int) -> None:
    rng = random.Random(seed)
    records = [lost(n) if rng.random() < 0.2 else begin(n) for n in range(1, 40) if rng.random() < 0.8]
    whole = count({}, items(*records), lambda call: True)
    counts: dict[str, Counts] = {}
    while records:
        some = rng.randrange(1, 6)
        counts |= count(counts, items(*records[:some]), lambda call: True)
        del records[:some]
    assert counts == whole
