"""Answers that are asked for again: `GET` and `DELETE /responses/{id}`, and what was asked in them.

Unknown, deleted and another project's ids are answered alike.
"""

import asyncio
from typing import Any

import sqlalchemy as sa

from sessionary.asgi import Scope, Send, read_headers, respond, send_json
from sessionary.auth import Auth
from sessionary.errors import BadRequest, MethodNotAllowed, ResponseNotFound
from sessionary.ids import new_request_id
from sessionary.incoming import call_named
from sessionary.relay.crossing import turns_of
from sessionary.state import Link, State
from sessionary.store import edits
from sessionary.wire.canonical import Params, Request
from sessionary.wire.formats import FORMATS


class Recall:
    def __init__(self, auth: Auth, state: State, engine: sa.Engine) -> None:
        self._auth = auth
        self._state = state
        self._engine = engine

    async def serve(self, path: str, scope: Scope, send: Send) -> None:
        """`path` is what follows `/responses/`."""
        principal = await self._auth.authenticate(read_headers(scope))
        project = principal.call_project
        name, _, rest = path.partition("/")
        link = await self._state.find(project, call_named(name)) if call_named(name) else None
        if link is None:
            raise ResponseNotFound(name)
        match scope["method"], rest:
            case "GET", "":
                if link.body is None:
                    raise ResponseNotFound(name)
                await send_json(send, 200, link.body, {"x-request-id": new_request_id(), "x-call-id": link.call_id})
            case "DELETE", "":
                await asyncio.to_thread(edits.forget_answer, self._engine, project, link.call_id)
                self._state.forget(link.call_id)
                await respond(send, 200, {"id": name, "object": "response", "deleted": True})
            case "GET", "input_items":
                await respond(send, 200, _listed(_input_items(link)))
            case "POST", "cancel":
                raise BadRequest("Only a response that runs in the background can be cancelled.", code="not_background")
            case _:
                raise MethodNotAllowed


def _input_items(link: Link) -> list[dict[str, Any]]:
    """What was asked in this call, as items with ids."""
    asked = [said for said in link.said if not said.answer]
    written = FORMATS["responses"].write_request(Request(Params(model=""), [], turns_of(asked)))
    items = written["input"]
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    tail = link.call_id.removeprefix("call_")
    return [{"id": f"msg_in_{tail}{n}", "type": "message", **_spelled_out(item)} for n, item in enumerate(items)]


def _spelled_out(item: dict[str, Any]) -> dict[str, Any]:
    if isinstance(item.get("content"), str):
        kind = "output_text" if item.get("role") == "assistant" else "input_text"
        return {**item, "content": [{"type": kind, "text": item["content"]}]}
    return item


def _listed(items: list[dict[str, Any]]) -> dict[str, Any]:
    first, last = (items[0]["id"], items[-1]["id"]) if items else (None, None)
    return {"object": "list", "data": items, "first_id": first, "last_id": last, "has_more": False}
