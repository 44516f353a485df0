"""Answers that are read again: as they are now, or as the stream that they were or still are."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from sessionary.links import Link
from sessionary.relay.relay import Client
from sessionary.state import State
from sessionary.wire import loose
from sessionary.wire.responses import envelope
from sessionary.wire.sse import Event, Parser

_LOOK = 0.1
"""Seconds between two looks at a stream that grows."""
_UNENDED = frozenset({"queued", "in_progress"})
_LAST = frozenset({"response.completed", "response.failed", "response.incomplete"})


class Replay:
    def __init__(self, state: State) -> None:
        self._state = state

    async def response(self, project: int, link: Link) -> dict[str, Any] | None:
        """The response object; None where the call failed before there was one, and nobody has its id."""
        answer = await self._state.answered(project, link.call_id)
        body = _object(answer) if answer else None
        if body is not None and body.get("object") == "response":
            return _as_it_ended(body, link)
        asked = await self._state.asked(project, link.call_id)
        if asked.get("background") is not True:
            return None
        return _as_it_ended(envelope.of(asked, link.call_id, link.at // 1_000_000, "queued"), link)

    async def stream(self, project: int, call_id: str, after: int, client: Client, leaving: Awaitable[None]) -> None:
        """The events with a `sequence_number` over `after`, and those that come, until there are no more."""
        left = asyncio.ensure_future(leaving)
        parser, seen, last, number = Parser(), 0, "", -1
        await client.start(200, {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"})
        try:
            while not left.done():
                data, status = await self._state.events(project, call_id)
                for event in parser.feed(data[seen:]):
                    value = _decoded(event)
                    if value is None:
                        continue
                    last, number = str(value.get("type")), int(value.get("sequence_number", number + 1))
                    if number > after:
                        await client.send(_written(event.event or last, event.data))
                seen = len(data)
                if status != "live":
                    if last not in _LAST:
                        await self._end(project, call_id, number + 1, client)
                    break
                await asyncio.wait({left}, timeout=_LOOK)
            await client.end(b"data: [DONE]\n\n")
        finally:
            left.cancel()

    async def _end(self, project: int, call_id: str, number: int, client: Client) -> None:
        """The event that a stream which broke off did not have."""
        link = await self._state.find(project, call_id)
        body = await self.response(project, link) if link is not None else None
        if body is not None:
            name = "response.failed" if body.get("status") == "failed" else "response.incomplete"
            said = loose.encode({"type": name, "sequence_number": number, "response": body})
            await client.send(_written(name, said.decode()))


def _as_it_ended(body: dict[str, Any], link: Link) -> dict[str, Any]:
    """A response that broke off says so."""
    if link.status == "live":
        return body | ({"status": "in_progress"} if body.get("status") == "queued" else {})
    if body.get("status") not in _UNENDED:
        return body
    if link.status == "client_closed":
        return {**body, "status": "cancelled"}
    message = link.error or "The response was not completed."
    return {**body, "status": "failed", "error": envelope.error_of(message, link.status)}


def _decoded(event: Event) -> dict[str, Any] | None:
    """None for the mark at the end."""
    return _object(event.data.encode())


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        value = loose.decode(data)
    except loose.FAILURES:
        return None
    return value if isinstance(value, dict) else None


def _written(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
