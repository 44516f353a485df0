"""Responses that are made while nobody waits: `background: true`.

The call runs as a task of this worker. Whoever asks for it, of whatever worker, reads it from where every answer
is found (`state`); to cancel one of another worker a file with its id is left where that worker looks.
"""

import asyncio
from pathlib import Path

import msgspec

from sessionary.asgi import AsgiClient, Receive, Send, disconnected
from sessionary.calls import Call, Calls, Unattended
from sessionary.errors import BadRequest
from sessionary.state.replay import Replay
from sessionary.wire import loose
from sessionary.wire.responses import envelope

_LOOK = 0.2
"""Seconds between two looks for what is to be cancelled."""


class Background:
    def __init__(self, calls: Calls, replay: Replay, cancelled: Path) -> None:
        """`cancelled`: the folder of the files that cancel."""
        self._calls = calls
        self._replay = replay
        self._folder = cancelled
        self._running: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, call: Call, receive: Receive, send: Send) -> None:
        """Answers at once that it is queued, or with its events for as long as the client listens."""
        begin, client = call.recording.begin, AsgiClient.of(send, call.recording.begin)
        if not begin.resumable:
            problem = BadRequest("A response that is not stored cannot run in the background.", param="background")
            call = msgspec.structs.replace(call, context=msgspec.structs.replace(call.context, problem=problem))
        if call.request.problem or call.context.problem:
            return await self._calls.answer(call, client, disconnected(receive))
        if (asked := loose.read_object(call.request.body)) is None:  # as the relay will find, and tell
            return await self._calls.answer(call, client, disconnected(receive))
        task = asyncio.create_task(self._run(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if begin.stream:
            return await self._replay.stream(begin.project, begin.call_id, -1, client, disconnected(receive))
        queued = envelope.of(asked, begin.call_id, begin.at // 1_000_000, "queued")
        body = loose.encode(queued)
        await client.start(200, {"content-type": "application/json", "content-length": str(len(body))})
        await client.end(body)

    async def cancel(self, call_id: str) -> None:
        """Returns at once; the call ends soon after."""
        if (stop := self._running.get(call_id)) is not None:
            stop.set()
        else:
            await asyncio.to_thread(self._mark, call_id)

    async def keep_looking(self) -> None:
        """For calls that another worker was asked to cancel."""
        while True:
            await asyncio.sleep(_LOOK)
            for call_id, stop in list(self._running.items()):
                if (self._folder / call_id).exists():
                    stop.set()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, call: Call) -> None:
        call_id = call.recording.call_id
        stop = self._running[call_id] = asyncio.Event()

        async def cancelled() -> None:
            await stop.wait()

        try:
            await self._calls.answer(call, Unattended(), cancelled(), "cancelled")
        finally:
            del self._running[call_id]
            (self._folder / call_id).unlink(missing_ok=True)

    def _mark(self, call_id: str) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        (self._folder / call_id).touch()
