"""The live tail tells a listener of every session that it may see, once, and soon."""

import asyncio
import http.client
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sessionary.api.live import Live
from sessionary.api.views import Views
from sessionary.auth import Principal
from sessionary.store import corrections, reads
from sessionary.store.edits import patch_session
from tests.support.recorded import Log, user
from tests.support.server import MASTER_KEY, running_server


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
    assert time.monotonic() - began < 2
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


async def test_all_are_let_go_when_the_server_is_about_to_end(log: Log) -> None:
    leaving = asyncio.Event()
    live = Live(Views(log.engine), leaving=leaving)
    one, other = live.events(principal(None)), live.events(principal(None), "ses_x")
    await anext(one)
    await anext(other)
    waiting = [asyncio.create_task(anext(events, "over")) for events in (one, other)]
    await asyncio.sleep(0)
    leaving.set()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*waiting) == ["over", "over"]
        late = live.events(principal(None))
        assert [await anext(late), await anext(late, "over")] == [b"event: ping\ndata: {}\n\n", "over"]


def test_a_server_does_not_wait_for_who_only_listens(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        listening = http.client.HTTPConnection("127.0.0.1", server.port)
        listening.request("GET", "/api/events", headers={"authorization": f"Bearer {MASTER_KEY}"})
        answer = listening.getresponse()
        assert answer.readline() == b"event: ping\n"
        server.stop()
        assert answer.read().endswith(b"data: {}\n\n")
        listening.close()
