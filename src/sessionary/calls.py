"""One call, from a request that is read to its answer's last byte, over whatever it came: HTTP, a socket, or nobody.

`begin` has it in the log before the upstream sees a byte; `answer` relays it. On every path the recording is
finished before the client gets its last byte.
"""

import asyncio
import contextlib
import logging
from typing import Literal, Protocol

import msgspec
import sqlalchemy as sa

from sessionary import incoming
from sessionary.auth import Principal, allow_model
from sessionary.errors import GatewayError, Interrupted, StoreUnavailable
from sessionary.incoming import Incoming, Kept
from sessionary.leaving import Leaving
from sessionary.limits import estimate
from sessionary.limits.admission import Admission, Admitted
from sessionary.limits.arithmetic import Sums
from sessionary.limits.counters import Call as Asking
from sessionary.limits.counters import limits_sessions
from sessionary.limits.histories import History
from sessionary.limits.histories import history as history_of
from sessionary.providers.routing import Router, Target
from sessionary.record.exchange import Begin
from sessionary.record.recorder import Recorder, Recording
from sessionary.redaction import Redacting, Redactions
from sessionary.relay.crossing import crossing
from sessionary.relay.relay import Client as AnyClient
from sessionary.relay.relay import LastWords, Relay, Request
from sessionary.settings import Limits
from sessionary.state.context import ALONE, NOTHING, Context, Contexts
from sessionary.state.links import Near
from sessionary.state.walk import State
from sessionary.wire.reading import Said
from sessionary.wire.responses import item_ids

log = logging.getLogger("sessionary.calls")
_CLIENT_CLOSED = 499
_MUCH = 16 << 10
"""Bytes of a request that are redacted in a thread."""
_LAST_WORDS = 1.0
"""Seconds that a client has to take the news that the gateway stops."""
_LEFT = {
    "client_closed": "The client closed the connection before the answer was complete.",
    "cancelled": "The client cancelled the response.",
}


class Client(AnyClient, Protocol):
    async def fail(self, error: GatewayError) -> None:
        """Tells of a failure: as the answer, or as the last event of one that streams."""


class Unattended:
    """Nobody listens: the answer is read from the log."""

    async def start(self, status: int, headers: dict[str, str], last_words: LastWords | None = None) -> None: ...
    async def send(self, data: bytes) -> None: ...
    async def end(self, data: bytes = b"") -> None: ...
    async def fail(self, error: GatewayError) -> None: ...

    def put(self, data: bytes) -> bool:
        return True


class Releasing:
    """A client whose key may have so many calls at a time, and may call again when it has its answer: so the call lets
    go of its place before that is whole."""

    def __init__(self, client: Client, admission: Admission, call_id: str) -> None:
        self._client = client
        self.send = client.send
        self.put = client.put
        self._admission = admission
        self._call_id = call_id
        self._held = True

    async def start(self, status: int, headers: dict[str, str], last_words: LastWords | None = None) -> None:
        await self._client.start(status, headers, last_words)

    async def end(self, data: bytes = b"") -> None:
        await self.release()
        await self._client.end(data)

    async def fail(self, error: GatewayError) -> None:
        await self.release()
        await self._client.fail(error)

    async def release(self) -> None:
        if self._held:
            self._held = False
            await self._admission.release(self._call_id)


class Call(msgspec.Struct, frozen=True):
    """A call that has begun."""

    request: Incoming
    context: Context
    principal: Principal
    recording: Recording
    near: Near | None
    history: list[Said] | None = None
    """What was said before, where that has been read."""
    admitted: Admitted = Admitted()

    @property
    def model(self) -> str:
        """As it was asked for."""
        return self.request.model

    @property
    def problem(self) -> GatewayError | None:
        """Why it is not relayed."""
        return self.request.problem or self.context.problem or self.admitted.problem


class Calls:
    def __init__(
        self,
        router: Router,
        relay: Relay,
        recorder: Recorder,
        contexts: Contexts,
        state: State,
        admission: Admission,
        redactions: Redactions,
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
        self._admission = admission
        self._redactions = redactions
        self._keep_all = keep_all
        self._threading = threading

    async def begin(self, principal: Principal, request: Incoming, near: Near | None = None) -> Call:
        """`near`: the calls of a connection, which it alone can go on from where they are not to be stored."""
        named = request.named
        context = ALONE if named is NOTHING else await self._contexts.of(principal.call_project, named, near)
        redacting = self._redactions.of(principal.project_name)
        if redacting is None:
            kept = Kept(request)
            begin = self._begin(principal, request, context, kept)
        else:
            kept, begin = await self._redacted(principal, request, context, redacting)
        recording = self._recorder.begin(begin, kept.redacting)
        if begin.endpoint in incoming.RESPONSES and begin.resumable:
            recording.keep(kept.request.body)
            self._state.remember(recording)
        elif near is not None:
            recording.keep(kept.request.body)
            near.put(begin.call_id, recording, recording.size())
        if begin.context.conversation:
            problem = await self._contexts.crossed(begin.project, context, begin.call_id)
            context = msgspec.structs.replace(context, problem=context.problem or problem)
        call = Call(request, context, principal, recording, near)
        limits = self._admission.limits_of(principal.limits)
        return call if limits is None else await self._admit(call, limits)

    def at_once(self, principal: Principal, most: int) -> int:
        """How many of a key's calls may be answered at a time, at most `most`, so that it can make another one."""
        limits = self._admission.limits_of(principal.limits)
        return most if limits is None or limits.concurrent is None else max(1, min(most, limits.concurrent - 1))

    async def _redacted(
        self, principal: Principal, request: Incoming, context: Context, redacting: Redacting
    ) -> tuple[Kept, Begin]:
        """What may be kept of the request, and the call that it is."""
        try:
            much = len(request.body) > _MUCH
            kept = (
                await asyncio.to_thread(incoming.kept, request, redacting)
                if much
                else incoming.kept(request, redacting)
            )
            return kept, self._begin(principal, request, context, kept)
        except Exception as error:  # of the rules, whatever they are: the call goes on
            log.error("a request could not be redacted: %s", error.__class__.__name__)
            self._recorder.unredacted()
            kept = incoming.nothing_kept(request, redacting)
        return kept, self._begin(principal, request, context, kept)

    def _begin(self, principal: Principal, request: Incoming, context: Context, kept: Kept) -> Begin:
        return incoming.begin(request, principal, context, kept, keep_all=self._keep_all, threading=self._threading)

    async def _admit(self, call: Call, limits: Limits) -> Call:
        """With what it may use reserved, or the problem that it may not. What fails anyway asks for nothing."""
        begin, request = call.recording.begin, call.request
        try:
            targets = self._targets(call)
            history = await self._history(call)
        except GatewayError:  # as relaying it will find
            return call
        sent = [request.body, *(said.raw for said in history)]
        priced = limits.budget is not None or limits.session_cost is not None

        def most() -> Sums:
            used = estimate.usage(begin.endpoint, sent, request.value)
            return estimate.most(used, targets, begin.at, priced=priced)

        by_content = begin.source == "none" and begin.threading and limits_sessions(limits)

        def sent_back() -> History | None:
            return history_of(begin.endpoint, request.fields, begin.user) if by_content else None

        asking = Asking(begin.call_id, begin.key_id, begin.project, begin.session_id, self._admission.writer)
        admitted = await self._admission.ask(asking, limits, most, sent_back, anthropic=begin.endpoint == "messages")
        return msgspec.structs.replace(call, history=history, admitted=admitted)

    async def answer(
        self,
        call: Call,
        client: Client,
        leaving: Leaving,
        why: Literal["client_closed", "cancelled"] = "client_closed",
    ) -> None:
        """Relays until it is answered, or who waits has left (`leaving`), or the server stops and cancels this task."""
        recording = call.recording
        releasing = Releasing(client, self._admission, recording.call_id) if call.admitted.holds else None
        client = releasing or client
        try:
            with leaving:
                await self._relayed(call, client)
        except GatewayError as error:
            await client.fail(error)
        except asyncio.CancelledError:
            if leaving.gone:
                recording.finish("client_closed", http_status=_CLIENT_CLOSED, error_type=why, error_message=_LEFT[why])
                return
            stopped = Interrupted()
            recording.finish(
                "interrupted",
                http_status=stopped.status,
                error_type="interrupted",
                error_message=stopped.message,
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS):
                    await client.fail(stopped)
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
            if releasing is not None:
                await asyncio.shield(releasing.release())
            self._state.remember(recording)
            if call.near is not None and recording.call_id in call.near:
                call.near.put(recording.call_id, recording, recording.size())

    async def _relayed(self, call: Call, client: Client) -> None:
        """Resolve and relay."""
        begin, request, context = call.recording.begin, call.request, call.context
        try:
            targets = self._targets(call)
            history = call.history
            if history is None:
                history = [] if context is ALONE else await self._history(call)
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
        await self._relay.run(Request(begin.stream, request.head.to_upstream, passage), targets, call.recording, client)

    def is_refused(self, call: Call) -> bool:
        """Whether it is known before it is relayed that it will not be."""
        try:
            self._targets(call)
        except GatewayError:
            return True
        return False

    def _targets(self, call: Call) -> list[Target]:
        if problem := call.problem:
            raise problem
        allow_model(call.principal, call.model)
        return self._router.resolve(call.model)

    async def _history(self, call: Call) -> list[Said]:
        try:
            return await self._contexts.history(call.recording.begin.project, call.context, call.near)
        except sa.exc.SQLAlchemyError:
            raise StoreUnavailable from None
