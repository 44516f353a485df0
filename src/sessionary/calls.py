"""One call, from a request that is read to its answer's last byte, over whatever it came: HTTP, a socket, or nobody.

`begin` has it in the log before the upstream sees a byte; `answer` relays it. On every path the recording is
finished before the client gets its last byte.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Literal, Protocol

import msgspec
import sqlalchemy as sa

from sessionary import incoming
from sessionary.auth import Principal, allow_model
from sessionary.errors import GatewayError, StoreUnavailable
from sessionary.incoming import Incoming
from sessionary.providers.routing import Router
from sessionary.record.recorder import Recorder, Recording
from sessionary.relay.crossing import crossing
from sessionary.relay.relay import Client as AnyClient
from sessionary.relay.relay import Relay, Request
from sessionary.state.context import Context, Contexts
from sessionary.state.links import Near
from sessionary.state.walk import State
from sessionary.wire.reading import Said
from sessionary.wire.responses import item_ids

log = logging.getLogger("sessionary.calls")
_CLIENT_CLOSED = 499
_LEFT = {
    "client_closed": "The client closed the connection before the answer was complete.",
    "cancelled": "The client cancelled the response.",
}


class Client(AnyClient, Protocol):
    async def fail(self, error: GatewayError) -> None:
        """Tells of a failure, where nothing has been answered yet."""


class Unattended:
    """Nobody listens: the answer is read from the log."""

    async def start(self, status: int, headers: dict[str, str]) -> None: ...
    async def send(self, data: bytes) -> None: ...
    async def end(self, data: bytes = b"") -> None: ...
    async def fail(self, error: GatewayError) -> None: ...


class Call(msgspec.Struct, frozen=True):
    """A call that has begun."""

    request: Incoming
    context: Context
    principal: Principal
    recording: Recording
    near: Near | None


class Calls:
    def __init__(
        self,
        router: Router,
        relay: Relay,
        recorder: Recorder,
        contexts: Contexts,
        state: State,
        *,
        keep_all: bool,
        threading: bool,
    ) -> None:
        """`keep_all`: the log has also what clients do not want stored. `threading`: content may tell the session."""
        self._router = router
        self._relay = relay
        self._recorder = recorder
        self._contexts = contexts
        self._state = state
        self._keep_all = keep_all
        self._threading = threading

    async def begin(self, principal: Principal, request: Incoming, near: Near | None = None) -> Call:
        """`near`: the calls of a connection, which it alone can go on from where they are not to be stored."""
        context = await self._contexts.of(principal.call_project, request.named, near)
        begin = incoming.begin(request, principal, context, keep_all=self._keep_all, threading=self._threading)
        recording = self._recorder.begin(begin)
        if begin.endpoint in incoming.RESPONSES and begin.resumable:
            recording.keep(request.body)
            self._state.remember(recording)
        elif near is not None:
            recording.keep(request.body)
            near.put(begin.call_id, recording, recording.size())
        if begin.context.conversation:
            problem = await self._contexts.crossed(begin.project, context, begin.call_id)
            context = msgspec.structs.replace(context, problem=context.problem or problem)
        return Call(request, context, principal, recording, near)

    async def answer(
        self,
        call: Call,
        client: Client,
        leaving: Awaitable[None],
        why: Literal["client_closed", "cancelled"] = "client_closed",
    ) -> None:
        """Relays until it is answered; when `leaving` is done it is cancelled, when the server stops interrupted."""
        recording = call.recording
        relaying = asyncio.ensure_future(self._relayed(call, client))
        left = asyncio.ensure_future(leaving)
        try:
            await asyncio.wait({relaying, left}, return_when=asyncio.FIRST_COMPLETED)
            if relaying.done():
                relaying.result()
            else:
                await _cancelled(relaying)
                recording.finish("client_closed", http_status=_CLIENT_CLOSED, error_type=why, error_message=_LEFT[why])
        except GatewayError as error:
            await client.fail(error)
        except asyncio.CancelledError:
            await _cancelled(relaying)
            recording.finish(
                "interrupted",
                http_status=503,
                error_type="interrupted",
                error_message="The gateway was stopped while the call was in flight.",
            )
            raise
        except Exception as error:
            log.exception("call %s failed", recording.call_id)
            recording.finish(
                "interrupted",
                http_status=500,
                error_type="server_error",
                error_message=f"The gateway failed: {error.__class__.__name__}.",
            )
            await client.fail(GatewayError("The gateway failed. The request id helps to find out why."))
        finally:
            left.cancel()
            self._state.remember(recording)
            if call.near is not None and recording.call_id in call.near:
                call.near.put(recording.call_id, recording, recording.size())

    async def _relayed(self, call: Call, client: Client) -> None:
        """Resolve and relay."""
        begin, request, context = call.recording.begin, call.request, call.context
        try:
            if problem := request.problem or context.problem:
                raise problem
            allow_model(call.principal, begin.model)
            targets = self._router.resolve(begin.model)
            history = await self._history(call)
        except GatewayError as error:
            call.recording.finish(
                "rejected",
                http_status=error.status,
                error_type=error.code or error.type,
                error_message=error.message,
            )
            raise
        body, fields = request.body, request.fields
        if context.references:
            body = item_ids.with_items(body, context.references)
            fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        created = begin.at // 1_000_000
        passage = crossing(begin.endpoint, body, fields, history, begin.call_id, created, stream=begin.stream)
        path = begin.endpoint.replace(".", "/")
        await self._relay.run(Request(path, begin.stream, request.headers, passage), targets, call.recording, client)

    async def _history(self, call: Call) -> list[Said]:
        try:
            return await self._contexts.history(call.recording.begin.project, call.context, call.near)
        except sa.exc.SQLAlchemyError:
            raise StoreUnavailable from None


async def _cancelled(task: "asyncio.Future[None]") -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        log.debug("relay ended with %r while being cancelled", error)
