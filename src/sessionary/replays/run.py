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
from sessionary.capacity import Capacity, Place
from sessionary.errors import GatewayError, Overloaded, RateLimited, StoreUnavailable
from sessionary.leaving import Leaving
from sessionary.relay.relay import LastWords
from sessionary.replays import plan as plans
from sessionary.replays.plan import Plan, Row
from sessionary.wire import loose

log = logging.getLogger("sessionary.replays")
AT_ONCE = 4
"""Calls."""
WAITING = 15.0
"""Seconds without an answer, after which a listener is told that it goes on: models may think for long."""
_FULL = 0.5
"""Seconds until it is tried again whether there is room for a call."""
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
        valid: Callable[[Principal], bool],
    ) -> None:
        """`stopping` is set when the server ends: then no more calls are begun; nor of a key that is not `valid` any
        more."""
        self._valid = valid
        self._engine = engine
        self._calls = calls
        self._capacity = capacity
        self._stopping = stopping
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, principal: Principal, plan: Plan) -> AsyncGenerator[Event]:
        """Up to `Ended`, when all are answered. Who closes it before stops it."""
        replay = _Replay(plan, msgspec.structs.replace(principal, call_project=plan.session.project))
        task = asyncio.create_task(self._ask_all(replay))
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
                replay.stop()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask_all(self, replay: "_Replay") -> None:
        free = asyncio.Semaphore(self._calls.at_once(replay.principal, AT_ONCE))
        try:
            async with asyncio.TaskGroup() as asking:
                for row in replay.plan.calls:
                    await free.acquire()
                    place = await self._place(replay)
                    if place is None:
                        return
                    begun = asyncio.Event()
                    asking.create_task(self._ask(replay, row, place, begun)).add_done_callback(lambda _: free.release())
                    await begun.wait()
        finally:
            replay.events.put_nowait(Ended())

    def _goes_on(self, replay: "_Replay") -> bool:
        return not (replay.stopped or self._stopping.is_set()) and self._valid(replay.principal)

    async def _place(self, replay: "_Replay") -> Place | None:
        """None when it is over. Other calls go first: where there is no room, it waits."""
        while self._goes_on(replay):
            try:
                return self._capacity.place()
            except Overloaded:
                await asyncio.sleep(_FULL)
        return None

    async def _ask(self, replay: "_Replay", row: Row, place: Place, begun: asyncio.Event) -> None:
        """`begun` is set when the next may begin. What fails is told."""
        try:
            with place:
                request = await asyncio.to_thread(self._request, replay, row)
                place.take(len(request.body))
                while (wait := await self._answered(replay, row, request, begun)) is not None:
                    await asyncio.sleep(wait)
                    if not self._goes_on(replay):
                        break
        except GatewayError as error:
            replay.tell(row, None, "rejected", error.message)
        except sa.exc.SQLAlchemyError as error:
            log.warning("a call could not be replayed: %s", error.__class__.__name__)
            replay.tell(row, None, "rejected", StoreUnavailable().message)
        finally:
            begun.set()

    async def _answered(
        self, replay: "_Replay", row: Row, request: incoming.Incoming, begun: asyncio.Event
    ) -> float | None:
        """Tells of the answer. Where the key has had its share of the minute: the seconds until it is asked again."""
        call = await self._calls.begin(replay.principal, request)
        problem = call.problem
        limited = isinstance(problem, RateLimited)
        if not limited:
            begun.set()
        refusal = _Refusal()
        with replay.leaving() as leaving:
            await self._calls.answer(call, refusal, leaving, "cancelled")
        if problem is not None and limited and problem.headers.get("x-should-retry") != "false":
            return float(problem.headers.get("retry-after") or _FULL)
        if limited:
            replay.stop_asking()  # all that follow would be refused, too
        recording = call.recording
        replay.tell(row, recording.call_id, recording.status, recording.error or refusal.message)
        return None

    def _request(self, replay: "_Replay", row: Row) -> incoming.Incoming:
        with self._engine.connect() as connection:
            return plans.request(connection, row, replay.of(row), replay.plan.model)


class _Replay:
    """One that goes on."""

    def __init__(self, plan: Plan, principal: Principal) -> None:
        self.plan = plan
        self.principal = principal
        self.name = "replay_" + ids.new_call_id().removeprefix("call_")
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.stopped = False
        """Whether nothing more is asked."""
        self.left = False
        """Whether nobody listens any more."""
        self._running: set[Leaving] = set()
        title = plan.session.title or plan.session.session_id
        self._title = f"{title} · {plan.model}"

    def of(self, row: Row) -> incoming.Replay:
        return incoming.Replay(row.id, self.name, self._title)

    @contextlib.contextmanager
    def leaving(self) -> Iterator[Leaving]:
        """Of a call that is being answered."""
        found = Leaving()
        if self.left:
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

    def stop_asking(self) -> None:
        """What runs goes on."""
        self.stopped = True

    def stop(self) -> None:
        self.stopped = self.left = True
        for leaving in list(self._running):
            leaving.tell()
