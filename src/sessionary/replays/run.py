"""Replaying a session: its requests are made again, in their order, a few at a time, while somebody listens.

Each is a call like any other, that goes the way of all calls. They begin in order, so that the drain finds what each
comes after; their answers may overtake each other. When nobody listens any more, those that run are cancelled, and no
more are made: each of them costs money.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Iterator

import msgspec
import sqlalchemy as sa

from sessionary import ids, incoming
from sessionary.auth import Principal
from sessionary.calls import Calls, Unattended
from sessionary.capacity import Capacity
from sessionary.errors import Emptied, GatewayError, Overloaded, RateLimited, StoreUnavailable
from sessionary.leaving import Leaving
from sessionary.relay.relay import LastWords
from sessionary.replays import plan as plans
from sessionary.replays.plan import Plan, Row
from sessionary.wire import loose

log = logging.getLogger("sessionary.replays")
AT_ONCE = 4
"""Calls of a replay."""
_MOST_AT_ONCE = 8
"""Calls of all replays of a worker: each holds a request, which may be large."""
WAITING = 15.0
"""Seconds without an answer, after which a listener is told that it goes on: models may think for long."""
_LOOK = 0.5
"""Seconds between two looks whether there is room."""
_BUSY = 5.0
"""Seconds at least, before what was refused for now is asked again; each time twice as many."""
_LONGEST = 60.0
_AND = " · "
_MOST_TOLD = 500
"""Characters of a refusal."""


class Began(msgspec.Struct, tag="began", tag_field="event", frozen=True):
    session: str
    """In which the replays are."""
    session_id: str
    """Its name."""
    calls: int
    """That will be asked."""


class Answered(msgspec.Struct, tag="answered", tag_field="event", frozen=True):
    replays: str
    """The call whose request was made again."""
    call_id: str | None
    """The new one; null where it did not come to that."""
    status: str
    error: str | None


class Waiting(msgspec.Struct, tag="waiting", tag_field="event", frozen=True):
    """Nothing has happened for a while."""


class Ended(msgspec.Struct, tag="ended", tag_field="event", frozen=True):
    """Nothing more will come."""


Event = Began | Answered | Waiting | Ended


class _Refusal(Unattended):
    """Hears only why a provider refuses."""

    def __init__(self) -> None:
        self._refused = False
        self._said = b""

    async def start(self, status: int, headers: dict[str, str], last_words: LastWords | None = None) -> None:
        self._refused = status >= 400

    async def end(self, data: bytes = b"") -> None:
        if self._refused:
            self._said = data

    @property
    def message(self) -> str:
        error = (loose.read_object(self._said) or {}).get("error")
        message = error.get("message") if isinstance(error, dict) else error
        return message[:_MOST_TOLD] if isinstance(message, str) else ""


class Replays:
    """Of one worker."""

    def __init__(
        self,
        engine: sa.Engine,
        calls: Calls,
        capacity: Capacity,
        stopping: asyncio.Event,
        holder: Callable[[str], Principal | None],
    ) -> None:
        """`stopping` is set when the server ends: then no more calls are begun. `holder`: who has a key, by its id, as
        it is now."""
        self._engine = engine
        self._calls = calls
        self._capacity = capacity
        self._stopping = stopping
        self._holder = holder
        self._free = asyncio.Semaphore(_MOST_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, principal: Principal, plan: Plan) -> AsyncGenerator[Event]:
        """Up to `Ended`, when all are answered. Who closes it before stops it."""
        replay = _Replay(plan, principal.key_id)
        task = asyncio.create_task(self._ask_all(replay, principal))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            yield Began(ids.session_id(plan.session.project, replay.name), replay.name, len(plan.calls))
            while (event := await replay.next()) != Ended():
                yield event
            yield event
        finally:
            if self._stopping.is_set():
                task.cancel()  # as every call that runs then
            else:
                replay.leave()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask_all(self, replay: "_Replay", principal: Principal) -> None:
        free = asyncio.Semaphore(self._calls.at_once(principal, AT_ONCE))
        stopping = asyncio.create_task(self._stopping.wait())
        stopping.add_done_callback(lambda _: replay.over.set())
        try:
            async with asyncio.TaskGroup() as asking:
                for row in replay.plan.calls:
                    await free.acquire()
                    if self._principal(replay) is None:
                        return
                    begun = asyncio.Event()
                    asking.create_task(self._ask(replay, row, begun)).add_done_callback(lambda _: free.release())
                    await begun.wait()
        finally:
            stopping.cancel()
            replay.events.put_nowait(Ended())

    def _principal(self, replay: "_Replay") -> Principal | None:
        """Who asks, as the key is now; None where nothing more is to be asked."""
        if replay.over.is_set():
            return None
        found = self._holder(replay.key_id)
        if found is None or found.capture == "metadata":
            return None
        return msgspec.structs.replace(
            found, call_project=replay.plan.session.project, project_name=replay.plan.project_name
        )

    async def _ask(self, replay: "_Replay", row: Row, begun: asyncio.Event) -> None:
        """`begun` is set when the next may begin. What fails is told."""
        pause = 0.0
        try:
            while (principal := self._principal(replay)) is not None:
                wait = await self._tried(replay, row, principal, begun)
                if wait is None:
                    return
                pause = wait if wait < _BUSY else min(max(wait, 2 * pause), _LONGEST)
                await self._pause(replay, pause)
        except Exception as error:
            log.exception("a call could not be replayed")
            replay.tell(row, None, "interrupted", f"The gateway failed: {error.__class__.__name__}.")
        finally:
            begun.set()

    async def _pause(self, replay: "_Replay", seconds: float) -> None:
        """Unless it is over before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await replay.over.wait()

    async def _tried(self, replay: "_Replay", row: Row, principal: Principal, begun: asyncio.Event) -> float | None:
        """Tells of the answer. Where there is no room for the call now: the seconds until it is tried again."""
        async with self._free:
            if not self._capacity.has_spare:
                return _LOOK
            try:
                with self._capacity.place() as place:
                    request = await asyncio.to_thread(self._request, replay, row)
                    place.take(len(request.body))
                    return await self._answered(replay, row, principal, request, begun)
            except (Overloaded, StoreUnavailable, sa.exc.OperationalError):
                return _BUSY
            except GatewayError as error:
                replay.tell(row, None, "rejected", plans.DELETED if isinstance(error, Emptied) else error.message)
                return None

    async def _answered(
        self, replay: "_Replay", row: Row, principal: Principal, request: incoming.Incoming, begun: asyncio.Event
    ) -> float | None:
        """As `_tried`."""
        call = await self._calls.begin(principal, request)
        problem = call.problem
        later = isinstance(problem, RateLimited | StoreUnavailable | Overloaded)
        if not later:
            begun.set()
        refusal = _Refusal()
        with replay.leaving() as leaving:
            await self._calls.answer(call, refusal, leaving, "cancelled")
        if problem is not None and later:
            if problem.headers.get("x-should-retry") != "false":
                return max(_BUSY, float(problem.headers.get("retry-after") or 0))
            replay.over.set()  # all that follow would be refused, too
        recording = call.recording
        replay.tell(row, recording.call_id, recording.status, recording.error or refusal.message)
        return None

    def _request(self, replay: "_Replay", row: Row) -> incoming.Incoming:
        with self._engine.connect() as connection:
            return plans.request(connection, row, replay.of(row), replay.plan.model)


class _Replay:
    """One that goes on."""

    def __init__(self, plan: Plan, key_id: str) -> None:
        self.plan = plan
        self.key_id = key_id
        self.name = ids.new_replay_id()
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.over = asyncio.Event()
        """Set when nothing more is to be asked."""
        self._left = False
        """Whether nobody listens any more."""
        self._running: set[Leaving] = set()
        self._title = _title(plan)

    def of(self, row: Row) -> incoming.Replay:
        return incoming.Replay(row.id, self.name, self._title)

    @contextlib.contextmanager
    def leaving(self) -> Iterator[Leaving]:
        """Of a call that is being answered."""
        found = Leaving()
        if self._left:
            found.tell()
        self._running.add(found)
        try:
            yield found
        finally:
            self._running.discard(found)

    def tell(self, row: Row, call_id: str | None, status: str, error: str) -> None:
        self.events.put_nowait(Answered(row.id, call_id, status, error or None))

    async def next(self) -> Event:
        try:
            async with asyncio.timeout(WAITING):
                return await self.events.get()
        except TimeoutError:
            return Waiting()

    def leave(self) -> None:
        """Nobody listens: what runs is cancelled."""
        self._left = True
        self.over.set()
        for leaving in list(self._running):
            leaving.tell()


def _title(plan: Plan) -> str:
    """The session's, and the model's name: in place of the other model's, where that session is a replay, too."""
    title = plan.session.title or plan.session.session_id
    if plan.session.source == "replay":
        title = title.rpartition(_AND)[0] or title
    return f"{title}{_AND}{plan.model}"
