"""Responses that are made while nobody waits: `background: true`.

The call runs as a task of this worker. Whoever asks for it, of whatever worker, reads it from where every answer
is found (`state`); to cancel one of another worker a file with its id is left where that worker looks, and for one of
another host a mark in the store that they share.
"""

import asyncio
import logging
from pathlib import Path

import msgspec
import sqlalchemy as sa

from sessionary.calls import Call, Calls, Client, Unattended
from sessionary.capacity import Place
from sessionary.errors import BadRequest
from sessionary.leaving import Leaving
from sessionary.state.links import Link
from sessionary.state.replay import Replay
from sessionary.store import live
from sessionary.store.engine import is_shared
from sessionary.wire import loose
from sessionary.wire.responses import envelope

log = logging.getLogger("sessionary.background")
_LOOK = 0.2
"""Seconds between two looks for what is to be cancelled."""
_ASK = 5
"""Looks for one at the store."""


class Background:
    def __init__(self, calls: Calls, replay: Replay, cancelled: Path, engine: sa.Engine) -> None:
        """`cancelled`: the folder of the files that cancel."""
        self._engine = engine
        self._shared = is_shared(engine)
        self._calls = calls
        self._replay = replay
        self._folder = cancelled
        self._running: dict[str, Leaving] = {}
        self._projects: dict[str, int] = {}
        """Of those that run."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._any = asyncio.Event()
        """Set while something runs."""

    async def serve(self, call: Call, place: Place, client: Client, leaving: Leaving) -> None:
        """Answers at once that it is queued, or with its events for as long as the client listens. The place is the
        call's, and held until that is over."""
        begin = call.recording.begin
        if not begin.resumable:
            problem = BadRequest("A response that is not stored cannot run in the background.", param="background")
            call = msgspec.structs.replace(call, context=msgspec.structs.replace(call.context, problem=problem))
        if self._calls.is_refused(call):
            return await self._calls.answer(call, client, leaving)
        if (asked := loose.read_object(call.request.body)) is None:  # as the relay will find, and tell
            return await self._calls.answer(call, client, leaving)
        task = asyncio.create_task(self._run(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        give_back = place.hand_on()
        task.add_done_callback(lambda _: give_back())
        if begin.stream:
            return await self._replay.stream(begin.project, begin.call_id, -1, client, leaving.wait())
        queued = envelope.of(asked, begin.call_id, begin.at // 1_000_000, "queued")
        body = loose.encode(queued)
        await client.start(200, {"content-type": "application/json", "content-length": str(len(body))})
        await client.end(body)

    async def cancel(self, project: int, link: Link) -> None:
        """Returns at once; the call ends soon after."""
        if (stop := self._running.get(link.call_id)) is not None:
            stop.tell()
        elif link.elsewhere:
            await asyncio.to_thread(live.ask_to_end, self._engine, project, link.call_id)
        else:
            await asyncio.to_thread(self._mark, link.call_id)

    async def keep_looking(self) -> None:
        """For calls that another worker, or another host, was asked to cancel."""
        looks = 0
        while True:
            await self._any.wait()
            await asyncio.sleep(_LOOK)
            looks += 1
            if self._shared and self._running and looks % _ASK == 0:
                await self._ask_store()
            for call_id, stop in list(self._running.items()):
                if (self._folder / call_id).exists():
                    stop.tell()

    async def _ask_store(self) -> None:
        mine = [(project, call_id) for call_id, project in self._projects.items()]
        try:
            asked = await asyncio.to_thread(live.asked_to_end, self._engine, mine)
        except sa.exc.SQLAlchemyError as error:
            log.warning("what other gateways cancel could not be read: %s", error.__class__.__name__)
            return
        for call_id in asked:
            if (stop := self._running.get(call_id)) is not None:
                stop.tell()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, call: Call) -> None:
        call_id = call.recording.call_id
        stop = self._running[call_id] = Leaving()
        self._projects[call_id] = call.recording.begin.project
        self._any.set()
        try:
            await self._calls.answer(call, Unattended(), stop, "cancelled")
        finally:
            del self._running[call_id], self._projects[call_id]
            if not self._running:
                self._any.clear()
            (self._folder / call_id).unlink(missing_ok=True)

    def _mark(self, call_id: str) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        (self._folder / call_id).touch()
