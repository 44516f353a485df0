"""The bell that wakes a process: what happens after somebody listened is heard, once; nobody who rings ever waits."""

import asyncio
import os
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from sessionary.bell import Bell, Soon
from sessionary.drain.drain import Drain
from sessionary.drain.loop import run

HOUR = 3600.0


def heard(bell: Bell) -> bool:
    return bool(select.select([bell], [], [], 0)[0])


def test_what_rings_after_somebody_listened_is_heard_until_they_listen_again() -> None:
    bell = Bell()
    bell.ring()
    assert not heard(bell), "nobody listened: they have yet to look"
    bell.listen()
    assert not heard(bell)
    bell.ring()
    assert heard(bell)
    bell.listen()
    assert not heard(bell)
    bell.ring()
    assert heard(bell)


def test_however_often_it_is_rung_nobody_waits() -> None:
    bell = Bell()
    bell.listen()
    for _ in range(100_000):  # more than a pipe has room for
        bell.ring()
        bell._listens[0] = 1  # as if all who ring had looked at the same moment
    assert heard(bell)


class Scripted:
    """A drain that does in each round what it is told to; then its parent is gone."""

    is_freeing = False
    gather = 0.05

    def __init__(self, *rounds: Callable[[], int]) -> None:
        self.bell = Bell()
        self.done = 0
        self.lifeline, self._parent = os.pipe()
        self._rounds = rounds

    def round(self) -> int:
        if self.done < len(self._rounds):
            self.done += 1
            return self._rounds[self.done - 1]()
        if self._parent != -1:
            os.close(self._parent)
            self._parent = -1
        return 0

    def run(self, spool: Path, *, pause: float, rest: float) -> None:
        run(cast("Drain", self), spool, self.lifeline, self.bell, pause=pause, rest=rest)
        os.close(self.lifeline)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_what_is_appended_while_the_drain_looks_is_looked_for_at_once(tmp_path: Path) -> None:
    def misses() -> int:
        drain.bell.ring()
        return 0

    drain = Scripted(misses, misses, misses)
    drain.run(tmp_path, pause=HOUR, rest=HOUR)  # it would be at its first pause still
    assert drain.done == 3


def test_a_lost_ring_costs_no_more_than_the_longest_pause(tmp_path: Path) -> None:
    drain = Scripted(*[lambda: 0] * 60)
    drain.run(tmp_path, pause=0.001, rest=0.004)  # growing on, the sixtieth pause would be millions of years
    assert drain.done == 60


def test_a_drain_that_frees_goes_on_with_it(tmp_path: Path) -> None:
    drain = Scripted(*[lambda: 0] * 60)
    drain.is_freeing = True
    drain.run(tmp_path, pause=0.001, rest=HOUR)
    assert drain.done == 60


def test_while_the_store_is_away_what_comes_does_not_make_it_ask_more_often(tmp_path: Path) -> None:
    def refused() -> int:
        drain.bell.ring()
        raise OSError

    drain = Scripted(refused, lambda: 0)
    waited: list[tuple[bool, float]] = []
    select_now = select.select

    def at_once(files: list[object], writing: object, failing: object, seconds: float) -> object:
        waited.append((drain.bell in files, seconds))
        return select_now([drain.lifeline], [], [], 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(select, "select", at_once)
        drain.run(tmp_path, pause=0.001, rest=0.001)
    assert waited[0] == (False, 0.2)


async def test_a_ring_may_wait_for_what_is_going_on_and_is_one_for_all_of_it() -> None:
    rung = 0
    heard = asyncio.Event()

    def ring() -> None:
        nonlocal rung
        rung += 1
        heard.set()

    soon = Soon(ring)
    for n in (1, 2):
        heard.clear()
        for _ in range(100):
            soon()
        assert rung == n - 1
        await heard.wait()
        assert rung == n


def test_where_nothing_is_going_on_it_does_not_wait() -> None:
    rung: list[int] = []
    Soon(lambda: rung.append(1))()
    assert rung == [1]
