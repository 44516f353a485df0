"""Answers that are asked for again: `GET` and `DELETE /responses/{id}`, and what was asked in them.

Unknown, deleted and another project's ids are answered alike.
"""

import asyncio
from urllib.parse import parse_qs

import sqlalchemy as sa

from sessionary.asgi import AsgiOut, Caller, Receive, Scope, Send, disconnected, read_headers, respond, send_json
from sessionary.auth import Auth
from sessionary.errors import BadRequest, MethodNotAllowed, ResponseNotFound
from sessionary.ids import new_request_id
from sessionary.incoming import call_named
from sessionary.responses_api import listing
from sessionary.responses_api.background import Background
from sessionary.state.links import Link, items
from sessionary.state.replay import Replay
from sessionary.state.walk import State
from sessionary.store import edits
from sessionary.wire import loose

_PATIENCE = 3.0
"""Seconds that a cancelled response has to end."""


class Recall:
    def __init__(self, auth: Auth, state: State, replay: Replay, background: Background, engine: sa.Engine) -> None:
        self._auth = auth
        self._state = state
        self._replay = replay
        self._background = background
        self._engine = engine

    async def serve(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """`path` is what follows `/responses/`."""
        principal = await self._auth.authenticate(read_headers(scope))
        project = principal.call_project
        name, _, rest = path.partition("/")
        asked = {key: values[-1] for key, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
        link = await self._state.find(project, call_named(name))
        if link is None:
            raise ResponseNotFound(name)
        match scope["method"], rest:
            case "GET", "" if asked.get("stream") == "true":
                await self._stream(project, link, listing.number(asked, "starting_after", -1), receive, send)
            case "GET", "":
                await self._tell(project, name, await self._ended(project, link), send)
            case "DELETE", "":
                await asyncio.to_thread(edits.forget_answer, self._engine, project, link.call_id, principal.actor)
                self._state.forget(project, link.call_id)
                await respond(send, 200, {"id": name, "object": "response", "deleted": True})
            case "GET", "input_items":
                given = [listing.item(id, raw) for id, raw in items(link, answers=False)]
                await respond(send, 200, listing.page(given, asked))
            case "POST", "cancel":
                await self._cancel(project, name, link, send)
            case _:
                raise MethodNotAllowed

    async def _ended(self, project: int, link: Link) -> Link:
        """What another host makes has ended, mostly, when somebody here has its id; only its end may not be stored yet.
        What is made in the background is polled, and told as it is."""
        if link.status != "live" or not link.elsewhere or await self._in_background(project, link):
            return link
        return await self._state.find(project, link.call_id, ended=True) or link

    async def _in_background(self, project: int, link: Link) -> bool:
        return (await self._state.asked(project, link.call_id)).get("background") is True

    async def _tell(self, project: int, name: str, link: Link, send: Send) -> None:
        body = await self._replay.response(project, link)
        if body is None:
            raise ResponseNotFound(name)
        named = {"x-request-id": new_request_id(), "x-call-id": link.call_id}
        await send_json(send, 200, loose.encode(body), named)

    async def _stream(self, project: int, link: Link, after: int, receive: Receive, send: Send) -> None:
        asked = await self._state.asked(project, link.call_id)
        if asked.get("stream") is not True:
            raise BadRequest("Only a response that was made with 'stream' can be streamed again.", param="stream")
        client = Caller(AsgiOut(send), {"x-request-id": new_request_id(), "x-call-id": link.call_id})
        await self._replay.stream(project, link.call_id, after, client, disconnected(receive))

    async def _cancel(self, project: int, name: str, link: Link, send: Send) -> None:
        """Of a response that has ended nothing changes."""
        if not await self._in_background(project, link):
            raise BadRequest("Only a response that runs in the background can be cancelled.", code="not_background")
        if link.status == "live":
            await self._background.cancel(project, link)
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while link.status == "live" and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
            link = await self._state.find(project, link.call_id) or link
        await self._tell(project, name, link, send)
