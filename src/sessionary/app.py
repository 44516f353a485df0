"""The composition root: builds every part of a process and passes each what it needs. Nothing else constructs."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sessionary import __version__, api, incoming, ui
from sessionary.auth import Auth, Principal
from sessionary.calls import Calls, Unattended
from sessionary.counting import Counting
from sessionary.drain.loop import Drain
from sessionary.edge import Edge
from sessionary.gate import Gate
from sessionary.metrics import Metrics
from sessionary.pages import StorePages
from sessionary.providers.routing import Router, Target
from sessionary.record.recorder import Recorder
from sessionary.relay.relay import Relay
from sessionary.relay.upstream import DemoUpstream, HttpUpstream, Upstream
from sessionary.responses_api.background import Background
from sessionary.responses_api.conversations import Conversations
from sessionary.responses_api.recall import Recall
from sessionary.responses_api.websocket import Sockets
from sessionary.settings import Settings
from sessionary.spool.reader import Reader
from sessionary.spool.writer import Writer
from sessionary.state.context import Contexts
from sessionary.state.replay import Replay
from sessionary.state.spooled import Spooled
from sessionary.state.walk import State
from sessionary.store import keys, rehash
from sessionary.store.engine import open_engine

log = logging.getLogger("sessionary")
CHECKPOINT = 1.0


class Folder(msgspec.Struct, frozen=True):
    """The data folder's layout."""

    root: Path

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def master_key(self) -> Path:
        return self.root / "master.key"

    @property
    def cancelled(self) -> Path:
        return self.root / "cancelled"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics"


class StoredKeys:
    """The valid keys, as the store has them."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def load(self) -> dict[bytes, Principal]:
        return {
            row.hash: Principal(
                project=row.project,
                project_name=row.project_name,
                call_project=row.project,
                key_id=row.id,
                name=row.name,
                models=tuple(row.models) if row.models is not None else None,
                expires_at=row.expires_at,
                threading=row.threading,
            )
            for row in keys.load_all(self._engine)
        }


def run_rehash(settings: Settings, told: rehash.Told) -> rehash.Counts:
    """Gives what is stored the hashes of this version's rules. `told` hears of how much has been looked at."""
    engine = open_engine(settings.database_url)
    state = State(engine, Spooled(Reader(Folder(settings.data_dir).spool)))

    def resolve(project: int, item: str) -> bytes | None:
        return asyncio.run(state.items(project, [item])).get(item)

    try:
        return rehash.rehash(engine, resolve, told)
    finally:
        engine.dispose()


def build_drain(settings: Settings) -> Drain:
    engine = open_engine(settings.database_url)
    window = int(settings.threading_window * 86_400_000_000)
    return Drain(Folder(settings.data_dir).spool, engine, Metrics(), settings.retention, window)


class Worker:
    """One process that serves: its ASGI application, and what lives as long as it does."""

    def __init__(self, settings: Settings, master_key: str, project: int, environ: Mapping[str, str]) -> None:
        """`project`: where calls with the master key go. Nothing here needs the store yet."""
        self._engine = open_engine(settings.database_url)
        self._metrics = Metrics()
        self._writer = Writer(Folder(settings.data_dir).spool, fsync_interval=settings.fsync_interval)
        self._recorder = Recorder(self._writer, self._metrics)
        self._router = Router(settings, environ)
        self._auth = Auth(StoredKeys(self._engine), master_key, project)
        self._http = HttpUpstream(settings)
        demo = DemoUpstream()

        def upstream(target: Target) -> Upstream:
            return demo if target.provider.name == "demo" else self._http

        relay = Relay(settings, self._router, upstream)
        books = api.books(self._engine, self._metrics, Folder(settings.data_dir).spool)
        pages = StorePages(self._engine, self._auth, self._router, settings, self._call, books)
        other = Starlette(
            routes=[
                Route("/", _root, methods=["GET", "HEAD"]),
                Route("/health/live", _live),
                Route("/health/ready", self._ready),
                Route("/metrics", self._exposition),
                *api.routes(self._engine, books),
                *ui.routes(pages),
            ],
            middleware=[Middleware(Gate, auth=self._auth, engine=self._engine)],
            exception_handlers=api.exception_handlers(),
            lifespan=self._lifespan,
        )
        folder, most = Folder(settings.data_dir), settings.max_body
        state = State(self._engine, Spooled(Reader(folder.spool)))
        contexts, replay = Contexts(self._engine, state), Replay(state)
        kept = {"keep_all": settings.log_unstored, "threading": settings.threading}
        self._calls = Calls(self._router, relay, self._recorder, contexts, state, **kept)
        self._background = Background(self._calls, replay, folder.cancelled)
        self.app = Edge(
            self._auth,
            self._router,
            self._calls,
            self._background,
            Recall(self._auth, state, replay, self._background, self._engine),
            Conversations(self._auth, contexts, state, self._engine, most),
            Counting(self._auth, self._router, upstream, contexts, most),
            Sockets(self._auth, self._calls),
            self._metrics,
            other,
            most,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with self._http:
            background = [
                asyncio.create_task(self._auth.keep_fresh()),
                asyncio.create_task(self._checkpoints()),
                asyncio.create_task(self._background.keep_looking()),
            ]
            try:
                yield
            finally:
                await self._background.close()
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
                await asyncio.to_thread(self._writer.close)
                self._engine.dispose()

    async def _call(self, principal: Principal, body: bytes) -> None:
        """A chat call from the pages, through the same path as any other; the answer is read from the log."""

        async def stays() -> None:
            await asyncio.Event().wait()

        headers = {"user-agent": f"sessionary/{__version__}"}
        call = await self._calls.begin(principal, incoming.read("chat.completions", headers, body))
        await self._calls.answer(call, Unattended(), stays())

    async def _checkpoints(self) -> None:
        while True:
            await asyncio.sleep(CHECKPOINT)
            self._recorder.checkpoint()

    async def _ready(self, request: Request) -> Response:
        """Ready while calls can be relayed and recorded. The store may be away for a while: the spool holds."""
        trouble = []
        if self._metrics.lost():
            trouble.append("records were lost: the spool could not be written")
        return JSONResponse({"status": "degraded" if trouble else "ready", "trouble": trouble, "pid": os.getpid()})

    async def _exposition(self, request: Request) -> Response:
        body = await asyncio.to_thread(self._metrics.exposition)
        return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")


async def _root(request: Request) -> Response:
    """Pages for people; for a HEAD, which one client sends to see whether anybody is there, just yes."""
    return Response() if request.method == "HEAD" else RedirectResponse("/ui/", status_code=307)


async def _live(request: Request) -> Response:
    return JSONResponse({"status": "live"})
