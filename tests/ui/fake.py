"""The pages on a store in memory: `Pages` and the API's routes with generated data, in the API's shapes.

It keeps what the contract says and no more, so a page that works here asks nothing else of the real server.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sessionary.api.health import Health
from sessionary.ui.routes import COOKIE, routes
from tests.support.server import free_port
from tests.ui import data
from tests.ui.support_chat import agent_session
from tests.ui.support_health import Given
from tests.ui.support_tree import evidence_of, tree_of

KEY = "sk-right"
TOKEN = "one-time"


@dataclass(frozen=True)
class Viewer:
    project: int | None = None
    project_name: str = "default"


class Fake:
    """`Pages`, and what the API answers from."""

    def __init__(self, port: int) -> None:
        self.base_url = f"http://127.0.0.1:{port}"
        self.demo = True
        self.sessions: dict[str, data.Json] = {}
        self.transcripts: dict[str, data.Json] = {}
        self.cookies: set[str] = {"cookie"}
        self.token_used = False
        self.asked: list[str] = []
        self.rates: Given = Given()
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Queue[bytes]]] = set()

    def clear(self) -> None:
        self.sessions.clear()
        self.transcripts.clear()
        self.rates = Given()
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
        event = b"event: session\ndata: " + json.dumps(row).encode() + b"\n\n"
        for loop, queue in list(self._listeners):
            loop.call_soon_threadsafe(queue.put_nowait, event)

    # Pages

    def list_sessions(self, principal: Viewer, params: QueryParams) -> data.Json:
        rows = [row for row in self.sessions.values() if _matches(row, params)]
        field = params.get("sort", "-last_at").removeprefix("-")
        rows.sort(
            key=lambda row: (row.get(field) or 0 if field != "last_at" else row["last_at"], row["id"]), reverse=True
        )
        start = int(params.get("cursor", 0))
        limit = int(params.get("limit", 50))
        following = start + limit
        return {"data": rows[start:following], "next_cursor": str(following) if following < len(rows) else None}

    def transcript(self, principal: Viewer, name: str) -> data.Json | None:
        found = self.transcripts.get(name)
        return json.loads(json.dumps(found)) if found else None

    def health(self, principal: Viewer, params: QueryParams) -> Health:
        return self.rates.health()

    async def login(self, key: str) -> str | None:
        return "cookie" if key == KEY else None

    def redeem(self, token: str) -> str | None:
        used, self.token_used = self.token_used, True
        return "cookie" if token == TOKEN and not used else None

    def logout(self, cookie: str) -> None:
        self.cookies.discard(cookie)

    def send_demo(self, principal: Viewer) -> str:
        self.put(agent_session(data.now()))
        return "ses_agent"

    def info(self) -> Mapping[str, Any]:
        return {"demo": self.demo, "base_url": self.base_url}

    # API

    async def api_sessions(self, request: Request) -> Response:
        return JSONResponse(self.list_sessions(Viewer(), request.query_params))

    async def api_session(self, request: Request) -> Response:
        name = request.path_params["id"]
        if name.endswith("/transcript"):
            found = self.transcripts.get(name.removesuffix("/transcript"))
            return JSONResponse(found) if found else _missing()
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
            title = (await request.json())["title"]
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
                    messages = [
                        {"role": m["role"], "content": m["pieces"][0].get("text", "")} for m in added["messages"]
                    ]
                    return JSONResponse({"model": added["call"]["model"], "messages": messages, "stream": True})
                if view == "evidence":
                    return JSONResponse(evidence_of(transcript, added["call"]))
                if request.query_params.get("raw"):
                    return Response("data: {}\n\ndata: [DONE]\n\n", media_type="text/plain")
                return JSONResponse({"id": added["call"]["response_id"], "choices": [{"message": added["output"]}]})
        return _missing()

    async def api_search(self, request: Request) -> Response:
        q = request.query_params["q"].lower()
        hits = []
        for name, transcript in self.transcripts.items():
            for added in transcript["calls"]:
                for message in [*added["messages"], *([added["output"]] if added["output"] else [])]:
                    for piece in message["pieces"]:
                        at = piece.get("text", "").lower().find(q)
                        if at >= 0:
                            start = max(0, at - 30)
                            snippet = piece["text"][start : start + 120].replace("\n", " ")
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


def _missing() -> Response:
    return JSONResponse({"error": {"message": "There is nothing here."}}, 404)


def _matches(row: data.Json, params: QueryParams) -> bool:
    q = params.get("q", "").lower()
    return (
        (not q or q in row["title"].lower() or (row["id"] == "ses_agent" and q in "captures"))
        and params.get("status", row["status"]) == row["status"]
        and params.get("source", row["source"]) == row["source"]
        and all(params.get("model", m).rstrip("*") in " ".join(row["models"]) for m in row["models"])
    )


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
            Route("/api/sessions", fake.api_sessions),
            Route("/api/sessions/{id:path}", fake.api_session, methods=["GET", "POST", "PATCH", "DELETE"]),
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
