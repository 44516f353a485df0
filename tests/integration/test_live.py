"""The live tail tells a listener of every session that it may see, once, and soon."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sessionary.api.live import Live
from sessionary.api.views import Views
from sessionary.auth import Principal
from sessionary.store import corrections, reads
from sessionary.store.edits import patch_session
from tests.support.recorded import Log, user


def principal(project: int | None) -> Principal:
    return Principal(project, "name", project or 1, "key", "key")


def now() -> int:
    return time.time_ns() // 1000


async def until(events: AsyncIterator[bytes], kind: str = "session", seconds: float = 3) -> Any:
    async with asyncio.timeout(seconds):
        async for event in events:
            lines = dict(line.split(": ", 1) for line in event.decode().strip().split("\n"))
            if lines["event"] == kind:
                return json.loads(lines["data"])


async def test_a_change_is_told_soon(log: Log) -> None:
    events = Live(Views(log.engine)).events(principal(None))
    assert await anext(events) == b"event: ping\ndata: {}\n\n"
    listening = asyncio.create_task(until(events))
    await asyncio.sleep(0.4)
    log.at = now() - 60_000_000
    await asyncio.to_thread(log.chat, "s", [user("hi")])
    began = time.monotonic()
    session = await listening
    assert time.monotonic() - began < 1
    assert session["session_id"] == "s"
    assert session["calls"] == 1
    await asyncio.to_thread(patch_session, log.engine, log.project(), session["id"], "named", None)
    assert (await until(events))["title"] == "named"
    await events.aclose()


async def test_one_who_comes_late_is_told_of_the_last_seconds_and_each_change_once(log: Log) -> None:
    live = Live(Views(log.engine), ping=0.6)
    log.at = now() - 60_000_000
    await asyncio.to_thread(log.chat, "s", [user("hi")])
    events = live.events(principal(None))
    assert (await until(events))["session_id"] == "s"
    told = [json.loads(b"{}")]
    try:
        async with asyncio.timeout(1.5):
            while True:
                told.append(await until(events))
    except TimeoutError:
        pass
    assert len(told) <= 2
    await events.aclose()


async def test_one_who_comes_back_names_the_last_event(log: Log) -> None:
    log.at = now() - 120_000_000
    await asyncio.to_thread(log.chat, "missed", [user("hi")])
    events = Live(Views(log.engine), ping=0.3).events(principal(None), last_event=str(now() - 180_000_000))
    assert (await until(events))["session_id"] == "missed"
    await events.aclose()
    silent = Live(Views(log.engine), ping=0.3).events(principal(None), last_event="nonsense")
    await anext(silent)
    with pytest.raises(TimeoutError):
        await until(silent, seconds=0.5)


async def test_nobody_hears_of_other_projects_or_other_sessions(log: Log) -> None:
    live = Live(Views(log.engine))
    mine, theirs = log.project("mine"), log.project("theirs")
    log.at = now() - 60_000_000
    for name, project in (("one", "mine"), ("two", "mine"), ("three", "theirs")):
        await asyncio.to_thread(log.chat, name, [user("hi")], project=project)
    everything = live.events(principal(None))
    assert {(await until(everything))["session_id"] for _ in range(3)} == {"one", "two", "three"}
    of_mine = live.events(principal(mine), "two")
    assert (await until(of_mine))["session_id"] == "two"
    of_theirs = live.events(principal(theirs))
    assert (await until(of_theirs))["session_id"] == "three"
    for events in (everything, of_mine, of_theirs):
        await events.aclose()


async def test_a_merged_session_is_followed_by_its_old_name(log: Log) -> None:
    views, own = Views(log.engine), log.project()
    for name in ("old", "new"):
        await asyncio.to_thread(log.chat, name, [user("hi")])
    old, new = (reads.session(log.engine, own, name, own) for name in ("old", "new"))
    assert old is not None
    assert new is not None
    assert views.followed(principal(None), "old") == "old"
    assert views.followed(principal(None), "nothing") == "nothing"
    corrections.merge(log.engine, own, [old.id, new.id], new.id)
    events = Live(views).events(principal(None), await asyncio.to_thread(views.followed, principal(None), "old"))
    assert (await until(events))["calls"] == 2
    await events.aclose()
