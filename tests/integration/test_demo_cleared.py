"""Demo sessions that are taken away while one of them plays."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sessionary.auth import Principal
from sessionary.calls import Calls
from sessionary.demo.button import Demo
from sessionary.metrics import Metrics
from sessionary.store.engine import open_engine
from sessionary.store.migrate import upgrade


class Silent:
    """Calls that begin, and are answered for ever."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.first = asyncio.Event()

    async def begin(self, *given: Any) -> Any:
        self.begun += 1
        self.first.set()
        return SimpleNamespace()

    async def answer(self, *given: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1


async def test_what_plays_ends_before_it_is_taken_away(tmp_path: Path) -> None:
    """Its next call would begin its session anew, and nobody would know where that came from."""
    url = f"sqlite:///{tmp_path / 'sessionary.db'}"
    upgrade(url)
    engine, calls = open_engine(url), Silent()
    demo = Demo(engine, tmp_path, Metrics(), cast(Calls, calls))
    master = Principal(None, "", 1, "master", "master")
    try:
        await demo.fill(master, only_live=True)
        async with asyncio.timeout(10):
            await calls.first.wait()
        assert await demo.clear(master) == 0
        assert (calls.begun, calls.ended) == (1, 1)
        calls.first.clear()
        await demo.fill(master, only_live=True)  # and plays again when it is wanted again
        async with asyncio.timeout(10):
            await calls.first.wait()
    finally:
        await demo.close()
        engine.dispose()
