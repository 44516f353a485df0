"""Answers that are read again: as they are now, or as the stream that they were or still are."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import sqlalchemy as sa

from sessionary.record.exchange import Status
from sessionary.relay.relay import Client
from sessionary.state.links import Link
from sessionary.state.walk import State
from sessionary.wire import loose
from sessionary.wire.responses import envelope
from sessionary.wire.sse import Parser

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
        body = loose.read_object(answer) if answer else None
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
        try:
            data, status = await self._state.events(project, call_id)
            await client.start(200, {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"})
            while not left.done():
                events = parser.feed(data[seen:])
                for event in events if status == "live" else [*events, *parser.close()]:
                    value = loose.read_object(event.data)
                    if value is None:  # the mark at the end, or what a cut has left
                        continue
                    last, number = str(value.get("type")), _number(value, number + 1)
                    if number > after:
                        await client.send(_written(event.event or last, event.data))
                seen = max(seen, len(data))
                if status != "live":
                    if last not in _LAST:
                        await self._end(project, call_id, number + 1, client)
                    break
                await asyncio.wait({left}, timeout=_LOOK)
                data, status = await self._later(project, call_id)
            await client.end(b"data: [DONE]\n\n")
        finally:
            left.cancel()

    async def _later(self, project: int, call_id: str) -> tuple[bytes, Status]:
        """A store that is away for a while does not end a stream: there is nothing new until it is back."""
        try:
            return await self._state.events(project, call_id)
        except sa.exc.SQLAlchemyError:
            return b"", "live"

    async def _end(self, project: int, call_id: str, number: int, client: Client) -> None:
        """The event that a stream which broke off did not have."""
        link = await self._state.find(project, call_id)
        body = await self.response(project, link) if link is not None else None
        if body is not None:
            status = body.get("status")
            name = f"response.{status}" if status in ("completed", "failed") else "response.incomplete"
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


def _number(event: dict[str, Any], otherwise: int) -> int:
    given = event.get("sequence_number")
    return given if isinstance(given, int) else otherwise


def _written(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
