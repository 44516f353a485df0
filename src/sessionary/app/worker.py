"""A process that serves."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sessionary import api
from sessionary.app.parts import Folder, StoredKeys, counters, replica
from sessionary.auth import Auth
from sessionary.bell import Soon
from sessionary.calls import Calls
from sessionary.capacity import Capacity
from sessionary.counting import Counting
from sessionary.demo import live
from sessionary.demo.button import Demo
from sessionary.edge import Edge
from sessionary.gate import Gate
from sessionary.limits.admission import Admission
from sessionary.limits.standing import Standing
from sessionary.metrics import Metrics
from sessionary.pages import StorePages
from sessionary.passed import PassedOn
from sessionary.providers.routing import Router, Target
from sessionary.record.recorder import Recorder
from sessionary.record.spooling import Spooling
from sessionary.record.tails import Tails
from sessionary.redaction import Redactions, Rule
from sessionary.relay.http import HttpUpstream
from sessionary.relay.relay import Relay
from sessionary.relay.upstream import DemoUpstream, Upstream
from sessionary.replays.run import Replays
from sessionary.responses_api.background import Background
from sessionary.responses_api.conversations import Conversations
from sessionary.responses_api.recall import Recall
from sessionary.responses_api.websocket import Sockets
from sessionary.settings import Limits, Settings
from sessionary.settled import Settled
from sessionary.spool.files import Disk
from sessionary.spool.quota import Quota, max_segment
from sessionary.spool.reader import Reader
from sessionary.spool.writer import Writer
from sessionary.state.context import Contexts
from sessionary.state.replay import Replay
from sessionary.state.spooled import Spooled
from sessionary.state.walk import State
from sessionary.store.engine import open_engine
from sessionary.store.replica import LOOK
from sessionary.ui.routes import routes as page_routes

log = logging.getLogger("sessionary")
CHECKPOINT = 1.0
FOLLOW = 0.1
READING = 10.0
"""Seconds that one statement of a worker may read: who asks for too much is told so."""
ROTATE = 2.0
"""Seconds, as the others."""


class Worker:
    """One process that serves: its ASGI application, and what lives as long as it does."""

    def __init__(
        self,
        settings: Settings,
        master_key: str,
        project: int,
        environ: Mapping[str, str],
        redact: Sequence[Rule] = (),
        ring: Callable[[], None] = lambda: None,
        *,
        reads: bool = False,
    ) -> None:
        """`project`: where calls with the master key go. `ring` tells the drain that there is something to store.
        `reads`: whether it is there for who reads, and hardly ever has a call. Nothing here needs the store yet."""
        self.leaving = asyncio.Event()
        """To be set when the server is about to end: who only listens is let go."""
        folder = Folder(settings.data_dir)
        self._engine = open_engine(settings.database_url, patience=READING)
        self._replica = replica(settings, patience=READING)
        reading = self._replica.engine if self._replica is not None else self._engine
        self._metrics = Metrics()
        self.capacity = Capacity(settings, self._metrics)
        files = Disk()
        self._writer = Writer(
            folder.spool,
            fsync_interval=settings.fsync_interval,
            max_segment=max_segment(settings.spool_size),
            files=files,
            ring=Soon(ring),
            at_once=not reads,
        )
        self._bounded = settings.spool_size is not None
        self._spool = Reader(folder.spool, files)
        tails = Tails(folder.watched)
        spooling = Spooling(self._writer, self._metrics, Quota(self._spool, settings.spool_size))
        rejecting = settings.on_spool_full == "reject"
        self._recorder = Recorder(spooling, self._metrics, tails, rejecting=rejecting)
        self._router = Router(settings, environ)
        self._auth = Auth(StoredKeys(self._engine), master_key, project)
        self._http = HttpUpstream(settings)
        demo = DemoUpstream()

        def upstream(target: Target) -> Upstream:
            return demo if target.provider.name == "demo" else self._http

        relay = Relay(settings, self._router, upstream)
        books = api.Accounts(self._engine, self._metrics, folder.spool, folder.gateway())
        gauge = api.gauge(self._engine, self._metrics, books, folder.spool, settings.workers, self._replica)
        self._scraped = api.scraped(books, folder.spool)
        spooled = Spooled(self._spool)
        state = State(self._engine, spooled)
        contexts, replay = Contexts(self._engine, state), Replay(state)
        growing = api.Growing(self._engine, tails, state.events, spooled.has)
        self._counters = counters(settings, self._engine)
        standing = Standing(self._counters, settings.limits)
        self._admission = Admission(self._counters, settings.limits, self._metrics, self._writer.name)
        redactions = Redactions(redact, master_key)
        kept = {"keep_all": settings.log_unstored, "threading": settings.threading}
        self._demo = self._build_demo(settings, contexts, state)
        told = (books, gauge, standing)
        pages = StorePages(self._engine, reading, self._auth, self._router, settings, self._demo, *told)
        settled = [Middleware(Settled, replica=self._replica)] if self._replica is not None else []
        self._calls = Calls(self._router, relay, self._recorder, contexts, state, self._admission, redactions, **kept)
        self._replays = Replays(self._engine, self._calls, self.capacity, self.leaving, self._auth.by_id)
        other = Starlette(
            routes=[
                Route("/", _root, methods=["GET", "HEAD"]),
                Route("/health/live", _live),
                Route("/health/ready", self._ready),
                Route("/metrics", self._exposition),
                *api.routes(
                    self._engine,
                    books=books,
                    gauge=gauge,
                    router=self._router,
                    settings=settings,
                    growing=growing,
                    leaving=self.leaving,
                    valid=self._auth.is_valid,
                    standing=standing,
                    reading=reading,
                    replays=self._replays,
                    passed_on=PassedOn(reading, state, self._router),
                ),
                *page_routes(pages),
            ],
            middleware=[Middleware(Gate, auth=self._auth, engine=self._engine), *settled],
            exception_handlers=api.exception_handlers(),
            lifespan=self._lifespan,
        )
        other.router.redirect_slashes = False  # it would lead to wherever the Host header says
        self._background = Background(self._calls, replay, folder.cancelled, self._engine)
        self.app = Edge(
            self._auth,
            self._router,
            self._calls,
            self._background,
            Recall(self._auth, state, replay, self._background, self._engine),
            Conversations(self._auth, contexts, state, self._engine, self.capacity, redactions),
            Counting(self._auth, self._router, upstream, contexts, self.capacity),
            Sockets(self._auth, self._calls, self.capacity, self.leaving),
            self._metrics,
            other,
            self.capacity,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with self._http:
            background = [
                asyncio.create_task(self._auth.keep_fresh()),
                asyncio.create_task(_regularly(CHECKPOINT, self._checkpoint)),
                asyncio.create_task(_regularly(ROTATE, self._rotate)),
                asyncio.create_task(_regularly(FOLLOW, self._follow)),
                asyncio.create_task(self._background.keep_looking()),
                asyncio.create_task(self._admission.keep_alive()),
            ]
            if self._replica is not None:
                background.append(asyncio.create_task(_regularly(LOOK, self._look)))
            try:
                yield
            finally:
                await self._demo.close()
                await self._background.close()
                await self._replays.close()
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
                self._recorder.close()
                await asyncio.to_thread(self._writer.close)
                self._admission.close()
                self._engine.dispose()
                if self._replica is not None:
                    self._replica.close()

    def _build_demo(self, settings: Settings, contexts: Contexts, state: State) -> Demo:
        """Its calls go the way of any others, to nobody but the one who plays them."""
        played, player = live.settings(settings), live.Player()
        router = Router(played, {})
        relay = Relay(played, router, lambda target: player)
        unlimited = Admission(self._counters, Limits(), self._metrics, self._writer.name)
        calls = Calls(
            router, relay, self._recorder, contexts, state, unlimited, Redactions(), keep_all=False, threading=False
        )
        return Demo(self._engine, settings.data_dir, self._metrics, calls)

    async def _checkpoint(self) -> None:
        await self._recorder.checkpoint()
        self.capacity.tell()
        if self._bounded:
            await asyncio.to_thread(self._recorder.look)

    async def _rotate(self) -> None:
        """What is stored leaves the spool soon, for who deletes a session must not have to look for it there. While the
        store is away the segments grow instead of becoming many."""
        if not self._writer.empty and len(self._spool.segments(self._writer.name)) == 1:
            with contextlib.suppress(OSError):
                self._writer.rotate()

    async def _look(self) -> None:
        if self._replica is not None:
            await asyncio.to_thread(self._replica.look)

    async def _follow(self) -> None:
        await self._recorder.busy.wait()
        self._recorder.follow()

    async def _ready(self, request: Request) -> Response:
        """Ready while calls can be relayed and recorded; where they are not relayed without that, 503. The store may be
        away for a while: the spool holds."""
        trouble = []
        if reason := self._recorder.trouble:
            what = "calls are not answered" if self._recorder.rejects else "calls are answered and not recorded"
            trouble.append(f"{what}: the spool is full ({reason})")
        if self._metrics.lost():
            trouble.append("records were lost: the spool could not be written")
        status = "unavailable" if self._recorder.rejects else "degraded" if trouble else "ready"
        told = {"status": status, "trouble": trouble, "pid": os.getpid()}
        return JSONResponse(told, 503 if self._recorder.rejects else 200)

    async def _exposition(self, request: Request) -> Response:
        body = await asyncio.to_thread(lambda: self._metrics.exposition(self._scraped()))
        return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")


async def _regularly(seconds: float, step: Callable[[], Awaitable[None]]) -> None:
    """A step that fails is told of and tried again: without checkpoints a kill would cost whole streams."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await step()
        except Exception:
            log.exception("%s failed", step.__name__)


async def _root(request: Request) -> Response:
    """Pages for people; for a HEAD, which one client sends to see whether anybody is there, just yes."""
    return Response() if request.method == "HEAD" else RedirectResponse("/ui/", status_code=307)


async def _live(request: Request) -> Response:
    return JSONResponse({"status": "live"})
