"""The pages on a store in memory: `Pages` and the API's routes with generated data, in the API's shapes.

It keeps what the contract says and no more, so a page that works here asks nothing else of the real server.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import uvicorn
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sessionary.api.health import Health
from sessionary.errors import NotFound
from sessionary.ui.entry import COOKIE
from sessionary.ui.routes import routes
from tests.support.server import free_port
from tests.ui import data
from tests.ui.support_chat import agent_session
from tests.ui.support_health import Given
from tests.ui.support_lists import Lists
from tests.ui.support_tree import evidence_of, tree_of

FIRST = 21
"""Calls that the first screen is made of."""
KEY = "sk-right"
TOKEN = "one-time"


@dataclass(frozen=True)
class Viewer:
    project: int | None = None
    project_name: str = "default"


class Fake(Lists):
    """`Pages`, and what the API answers from."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.base_url = f"http://127.0.0.1:{port}"
        self.demo = True
        self.sessions: dict[str, data.Json] = {}
        self.transcripts: dict[str, data.Json] = {}
        self.cookies: set[str] = {"cookie"}
        self.token_used = False
        self.asked: list[str] = []
        self.fetched: list[str] = []
        """Calls whose contents were asked for."""
        self.rates: Given = Given()
        self.projects_known = ["default"]
        self.audited: list[data.Json] = []
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Queue[bytes]]] = set()

    def clear(self) -> None:
        self._listeners.clear()  # of pages that are closed: they may not be gone yet
        self.clear_lists()
        self.sessions.clear()
        self.transcripts.clear()
        self.rates = Given()
        self.projects_known = ["default"]
        self.demo = True
        self.token_used = False
        self.cookies = {"cookie"}

    def fill(self, count: int) -> None:
        now = data.now()
        for i in range(count):
            row = data.session(i + 10, now - timedelta(seconds=i * 97))
            self.sessions[row["id"]] = row

    def put(self, transcript: data.Json) -> None:
        row = transcript["session"]
        self.sessions[row["id"]] = row
        self.transcripts[row["id"]] = transcript
        self.tell(row)

    def tell(self, row: data.Json) -> None:
        self._send("session", row)

    def grow(self, call_id: str, pieces: list[data.Json]) -> None:
        self._send("growing", {"call_id": call_id, "pieces": pieces})

    @property
    def listened(self) -> bool:
        """Whether a page listens to the events."""
        return bool(self._listeners)

    def _send(self, name: str, value: data.Json) -> None:
        event = f"event: {name}\ndata: {json.dumps(value)}\n\n".encode()
        for loop, queue in list(self._listeners):
            loop.call_soon_threadsafe(queue.put_nowait, event)

    # Pages

    def transcript(self, principal: Viewer, name: str) -> data.Json | None:
        found = self.transcripts.get(name)
        return json.loads(json.dumps({**found, "calls": found["calls"][:FIRST]})) if found else None

    def tree(self, principal: Viewer, name: str) -> data.Json:
        if name not in self.transcripts:
            raise NotFound("There is no such session.")
        return tree_of(self.transcripts[name])

    def some(self, principal: Viewer, name: str, calls: Sequence[str]) -> data.Json:
        return json.loads(json.dumps(_only(self.transcripts[name], QueryParams(calls=",".join(calls)))))

    def health(self, principal: Viewer, params: QueryParams) -> Health:
        return self.rates.health()

    def projects(self, principal: Viewer) -> list[str]:
        return self.projects_known

    def audit(self, principal: Viewer, params: QueryParams) -> data.Json:
        fitting = [e for e in self.audited if all(e[n] == params.get(n, e[n]) for n in ("action", "actor", "target"))]
        return {"data": fitting, "next_cursor": None}

    async def login(self, key: str) -> str | None:
        return "cookie" if key == KEY else None

    def redeem(self, token: str) -> str | None:
        used, self.token_used = self.token_used, True
        return "cookie" if token == TOKEN and not used else None

    def logout(self, cookie: str) -> None:
        self.cookies.discard(cookie)

    def fill_demo(self, principal: Viewer, form: Mapping[str, str]) -> None:
        self.put(agent_session(data.now()))

    def clear_demo(self, principal: Viewer) -> None:
        self.clear()

    def info(self) -> Mapping[str, Any]:
        return {"demo": self.demo, "base_url": self.base_url}

    # API

    async def api_session(self, request: Request) -> Response:
        name = request.path_params["id"]
        if name.endswith("/transcript"):
            found = self.transcripts.get(name.removesuffix("/transcript"))
            if found is None:
                return _missing()
            only = _only(found, request.query_params)
            self.fetched += [added["call"]["id"] for added in only["calls"]]
            return JSONResponse(only)
        if name.endswith("/outline"):
            found = self.transcripts.get(name.removesuffix("/outline"))
            return JSONResponse(_outline(found, request.query_params)) if found else _missing()
        if name.endswith("/tree"):
            found = self.transcripts.get(name.removesuffix("/tree"))
            return JSONResponse(tree_of(found)) if found else _missing()
        if name not in self.sessions or request.method == "POST":
            return _missing()
        if request.method == "DELETE":
            del self.sessions[name]
            self.transcripts.pop(name, None)
            return JSONResponse({"id": name, "deleted": True})
        if request.method == "PATCH":
            asked = await request.json()
            self.sessions[name]["tags"] = asked.get("tags", self.sessions[name]["tags"])
            title = asked.get("title", self.sessions[name]["title"])
            if title == "refuse":
                return JSONResponse({"error": {"message": "This title is refused."}}, 400)
            self.sessions[name]["title"] = title
        return JSONResponse(self.sessions[name])

    async def api_call(self, request: Request) -> Response:
        name, view = request.path_params["id"], request.path_params["view"]
        if request.method == "POST":
            return _missing()
        for transcript in self.transcripts.values():
            for added in transcript["calls"]:
                if added["call"]["id"] != name:
                    continue
                if view == "request":
                    return JSONResponse(added.get("request") or _request(transcript, added))
                if view == "headers":
                    return JSONResponse({"request": {"user-agent": "OpenAI/Python 2.1.0"}, "response": {}})
                if view == "evidence":
                    return JSONResponse(evidence_of(transcript, added["call"]))
                if request.query_params.get("raw"):
                    return Response("data: {}\n\ndata: [DONE]\n\n", media_type="text/plain")
                if "response" in added:
                    return JSONResponse(added["response"])
                return JSONResponse({"id": added["call"]["response_id"], "choices": [{"message": added["output"]}]})
        return _missing()

    async def api_one_call(self, request: Request) -> Response:
        try:
            return JSONResponse(self.call(Viewer(), request.path_params["id"]))
        except NotFound:
            return _missing()

    async def api_search(self, request: Request) -> Response:
        q = request.query_params["q"].lower()
        hits = []
        for name, transcript in self.transcripts.items():
            if request.query_params.get("session", name) != name:
                continue
            for added in transcript["calls"]:
                said = [*added["system"], *added["messages"], *([added["output"]] if added["output"] else [])]
                for message in said:
                    for piece in message["pieces"]:
                        text = _words(piece)
                        at = text.lower().find(q)
                        if at >= 0:
                            start = max(0, at - 30)
                            snippet = text[start : start + 120].replace("\n", " ")
                            marks = [[at - start, at - start + len(q)]]
                            hits.append(
                                {
                                    "session": name,
                                    "session_id": transcript["session"]["session_id"],
                                    "call_id": added["call"]["id"],
                                    "title": "",
                                    "at": added["call"]["created_at"],
                                    "snippet": snippet,
                                    "marks": marks,
                                }
                            )
        return JSONResponse({"data": hits, "next_cursor": None})

    async def api_events(self, request: Request) -> Response:
        listener = (asyncio.get_running_loop(), asyncio.Queue[bytes]())

        async def events() -> AsyncIterator[bytes]:
            self._listeners.add(listener)
            try:
                yield b"event: ping\ndata: {}\n\n"
                while True:
                    yield await listener[1].get()
            finally:
                self._listeners.discard(listener)

        return StreamingResponse(events(), media_type="text/event-stream")


def listening(page: Page, fake: Fake) -> None:
    """The page is told from now on of what changes."""
    while not fake.listened:
        page.wait_for_timeout(20)


def _words(piece: data.Json) -> str:
    """As `wire.text` has them."""
    if piece["type"] == "tool_result":
        return "\n".join(map(_words, piece["content"]))
    given = f"{piece.get('name', '')} {json.dumps(piece['arguments'])}" if piece["type"] == "tool_call" else ""
    return str(piece.get("text", "")) or given


def _request(transcript: data.Json, added: data.Json) -> data.Json:
    """With all that was said before it."""
    by_id = {one["call"]["id"]: one for one in transcript["calls"]}
    messages: list[data.Json] = []
    path = [added]
    while (before := by_id.get(path[0]["call"]["parent_id"])) is not None:
        path.insert(0, before)
    for one in path:
        answer = [one["output"]] if one["output"] and one is not added else []
        said = [*one["messages"], *answer]
        messages += [{"role": m["role"], "content": m["pieces"][0].get("text", "")} for m in said]
    return {"model": added["call"]["model"], "messages": messages, "stream": True}


def _only(transcript: data.Json, params: QueryParams) -> data.Json:
    wanted = params.get("calls", "").split(",") if "calls" in params else None
    return {
        "session": transcript["session"],
        "calls": [a for a in transcript["calls"] if wanted is None or a["call"]["id"] in wanted],
    }


def _outline(transcript: data.Json, params: QueryParams) -> data.Json:
    calls = [added["call"] for added in transcript["calls"]]
    since = params.get("since", "")
    new = [c for c in calls if c["created_at"] >= since or c["duration_ms"] is None]
    return {"session": transcript["session"], "calls": new}


def _missing() -> Response:
    return JSONResponse({"error": {"message": "There is nothing here."}}, 404)


class _Cookies:
    """As the gate does: who looks, from the cookie."""

    def __init__(self, app: Any, fake: Fake) -> None:
        self.app, self.fake = app, fake

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            cookie = Request(scope).cookies.get(COOKIE)
            scope.setdefault("state", {})["principal"] = Viewer() if cookie in self.fake.cookies else None
            self.fake.asked.append(f"{scope['method']} {scope['path']}")
        await self.app(scope, receive, send)


@contextmanager
def running() -> Iterator[Fake]:
    port = free_port()
    fake = Fake(port)
    app = Starlette(
        routes=[
            *fake.list_routes(),
            Route("/api/sessions/{id:path}", fake.api_session, methods=["GET", "POST", "PATCH", "DELETE"]),
            Route("/api/calls/{id}", fake.api_one_call),
            Route("/api/calls/{id}/{view}", fake.api_call, methods=["GET", "POST"]),
            Route("/api/search", fake.api_search),
            Route("/api/events", fake.api_events),
            *routes(fake),
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(
            _Cookies(app, fake), "127.0.0.1", port, log_level="error", lifespan="off", timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    try:
        yield fake
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(5)
