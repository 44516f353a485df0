"""Who waits may leave at any moment of an answer: before it, within it, after it."""

import asyncio

import pytest

from sessionary.leaving import Leaving


async def _answer(leaving: Leaving, said: list[str]) -> None:
    with leaving:
        said.append("begun")
        await asyncio.Event().wait()


def test_who_leaves_within_cancels() -> None:
    async def run() -> None:
        leaving, said = Leaving(), list[str]()
        answering = asyncio.create_task(_answer(leaving, said))
        await asyncio.sleep(0)
        assert said == ["begun"]
        leaving.tell()
        with pytest.raises(asyncio.CancelledError):
            await answering
        assert leaving.gone

    asyncio.run(run())


def test_who_has_left_gets_nothing() -> None:
    async def run() -> None:
        leaving, said = Leaving(), list[str]()
        leaving.tell()
        with pytest.raises(asyncio.CancelledError):
            await _answer(leaving, said)
        assert said == []

    asyncio.run(run())


def test_who_leaves_afterwards_cancels_nothing() -> None:
    async def run() -> str:
        leaving = Leaving()
        with leaving:
            await asyncio.sleep(0)
        leaving.tell()
        await asyncio.sleep(0)
        return "ended"

    assert asyncio.run(run()) == "ended"


def test_it_can_be_waited_for() -> None:
    async def run() -> None:
        leaving = Leaving()
        waiting = asyncio.create_task(leaving.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        leaving.tell()
        leaving.tell()
        await waiting
        await leaving.wait()

    asyncio.run(run())
