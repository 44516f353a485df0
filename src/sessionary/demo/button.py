"""The demo at a page's button: it fills in the background, and plays while one looks."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import sqlalchemy as sa

from sessionary.auth import Principal
from sessionary.calls import Calls
from sessionary.demo import filling, live, schedule
from sessionary.errors import GatewayError
from sessionary.metrics import Metrics
from sessionary.store import keys, schema
from sessionary.store.audit import Actor

log = logging.getLogger("sessionary.demo")
PROJECT = "demo"
"""Of those who see all projects: what is made up stays out of the figures of the others."""
MOST = 2000
"""Sessions."""
_FIRST = 40
"""Twentieths of a second that a page waits for the first session."""
_STORED = 60
"""Twentieths of a second that what played is given to be stored."""


def project_of(engine: sa.Engine, principal: Principal) -> int:
    """Where demo sessions go. Blocking."""
    return principal.project or keys.ensure_project(engine, PROJECT, principal.actor)


class Demo:
    """Of one worker."""

    def __init__(self, engine: sa.Engine, folder: Path, metrics: Metrics, calls: Calls) -> None:
        """`folder`: the data's. `calls`: those whose upstream is `live.Player`."""
        self._engine = engine
        self._folder = folder
        self._metrics = metrics
        self._calls = calls
        self._stop = threading.Event()
        self._filling: asyncio.Task[None] | None = None
        self._playing: asyncio.Task[None] | None = None
        self._plays: tuple[int, str] | None = None
        """Project and id of the session that plays, or did last; None until it is begun."""

    async def fill(self, principal: Principal, count: int = schedule.SESSIONS, *, only_live: bool = False) -> None:
        """Begins, where that is not going on already, and returns as soon as there is a session to show."""
        project, by = await asyncio.to_thread(project_of, self._engine, principal), principal.actor
        if not only_live and not _runs(self._filling):
            self._filling = asyncio.create_task(self._fill(project, min(max(count, 1), MOST), by))
        if not _runs(self._playing):
            self._playing = asyncio.create_task(self._play(project))
        for _ in range(_FIRST):
            if await asyncio.to_thread(self._has, project):
                return
            await asyncio.sleep(0.05)

    async def clear(self, principal: Principal) -> int:
        """Of all projects that the principal sees; how many sessions those were."""
        await self._end_play()
        asked = (self._engine, self._folder, principal.project, principal.actor)
        return await asyncio.to_thread(filling.clear_all, *asked)

    async def close(self) -> None:
        self._stop.set()
        tasks = [task for task in (self._filling, self._playing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _end_play(self) -> None:
        """Else its next call would begin its session anew; and it must be stored, for what nobody knows yet cannot be
        taken away."""
        if self._playing is None or self._playing.done():
            return
        self._playing.cancel()
        await asyncio.gather(self._playing, return_exceptions=True)
        for _ in range(_STORED):
            if self._plays is None or await asyncio.to_thread(self._has, *self._plays):
                return
            await asyncio.sleep(0.05)

    async def _fill(self, project: int, count: int, by: Actor) -> None:
        try:
            arguments = (self._engine, self._folder, project, count, self._metrics, None, self._stop, by)
            await asyncio.to_thread(filling.fill, *arguments)
        except filling.Busy:
            log.info("demo sessions are being made already")
        except (OSError, sa.exc.SQLAlchemyError) as error:
            log.error("demo sessions could not be made: %s", error.__class__.__name__)

    async def _play(self, project: int) -> None:
        self._plays = None
        try:
            await live.play(self._calls, project, self._is_there(project))
        except (sa.exc.SQLAlchemyError, GatewayError) as error:
            log.error("the live demo session ended: %s", error.__class__.__name__)

    def _is_there(self, project: int) -> Callable[[str], Awaitable[bool]]:
        async def is_there(session: str) -> bool:
            self._plays = (project, session)
            return await asyncio.to_thread(self._has, project, session)

        return is_there

    def _has(self, project: int, session: str = "") -> bool:
        """That session; without one, any."""
        s = schema.sessions.c
        query = sa.select(s.id).where(s.project == project).limit(1)
        with self._engine.connect() as connection:
            return connection.scalar(query.where(s.id == session) if session else query) is not None


def _runs(task: "asyncio.Task[None] | None") -> bool:
    return task is not None and not task.done()
