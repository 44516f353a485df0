"""Which passage a call takes to a deployment: straight where both speak the caller's format, else translated. Pure.

What a call goes on from (`history`) is put in front of what it brings, in whatever formats that was said.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any

import msgspec

from sessionary.errors import BadRequest
from sessionary.providers.routing import Target
from sessionary.relay import compacting
from sessionary.relay.outgoing import Fields
from sessionary.relay.passage import PATHS, Passage, Straight, Translated, check_lengths
from sessionary.relay.rewritten import Rewritten
from sessionary.sessions.identify import OWN_FIELDS
from sessionary.settings.tree import Format
from sessionary.wire import loose
from sessionary.wire.canonical import Failed, Request, Turn, Unsupported
from sessionary.wire.formats import FORMATS
from sessionary.wire.reading import Said
from sessionary.wire.responses import envelope, item_ids

CALLERS: dict[str, Format] = {
    "chat.completions": "chat",
    "responses": "responses",
    "responses.compact": "responses",
    "messages": "messages",
}
_STATE = frozenset({"previous_response_id", "conversation", "background"})
_OURS = frozenset({*_STATE, *OWN_FIELDS})
"""Fields that the gateway itself answers to."""
_FOREIGN_PROOF = b'"sessionary:'
"""What was made here: the proof of another provider's reasoning, which its maker alone may see again, or a summary."""
_PREFIXES: dict[Format, str] = {"chat": "chatcmpl-", "responses": "resp_", "messages": "msg_"}


def answer_id(format: Format, call_id: str) -> str:
    return _PREFIXES[format] + call_id.removeprefix("call_")


def crossing(
    endpoint: str, body: bytes, fields: Fields, history: Sequence[Said], call_id: str, created: int, *, stream: bool
) -> Callable[[Target], Passage]:
    """`history` is in front of the request's own messages. The passage raises BadRequest for what cannot be said."""
    caller = CALLERS.get(endpoint)
    if caller is None:
        path = endpoint.replace(".", "/")
        return lambda target: Straight(path, body, fields, target, stream=stream)
    return _Crossing(endpoint, caller, body, fields, history, call_id, created, stream=stream)


class _Crossing:
    """Of one call, to any deployment. What several need of the request is worked out once, and where one needs it."""

    def __init__(
        self,
        endpoint: str,
        caller: Format,
        body: bytes,
        fields: Fields,
        history: Sequence[Said],
        call_id: str,
        created: int,
        *,
        stream: bool,
    ) -> None:
        self._path = endpoint.replace(".", "/")
        self._caller = caller
        self._body = body
        self._fields = fields
        self._history = history
        self._call_id = call_id
        self._created = created
        self._stream = stream

    def __call__(self, target: Target) -> Passage:
        try:
            return self._chosen(target)
        except Unsupported as error:
            raise BadRequest(str(error), param=error.field, code="unsupported_parameter") from None

    def _chosen(self, target: Target) -> Passage:
        caller = self._caller
        ours = answer_id(caller, self._call_id)
        if self._path == compacting.PATH:
            if "responses" in target.speaks and target.provider.compacts:
                return compacting.native(self._asked, self._request, target, ours)
            return compacting.summarised(self._request, target, ours, self._created)
        if caller not in target.speaks:
            return Translated(self._asked, self._read, caller, target, ours, self._created)
        if caller == "responses":
            anew = self._request if self._history or _FOREIGN_PROOF in self._body else None
            return _StraightResponses(self._body, self._fields, self._asked, anew, target, ours, stream=self._stream)
        if self._history or (caller == "messages" and _FOREIGN_PROOF in self._body):
            own = loose.encode(self._asked | self._said)
            fields = msgspec.json.decode(own, type=dict[str, msgspec.Raw])
            return Straight(self._path, own, fields, target, stream=self._stream)
        return Straight(self._path, self._body, self._fields, target, stream=self._stream)

    @cached_property
    def _asked(self) -> dict[str, Any]:
        value = loose.read_object(self._body)
        if value is None:  # `incoming` has looked at one level only
            raise BadRequest("The body is nested too deeply, or a number in it is too long.", code="invalid_json")
        return value

    def _read(self, asked: dict[str, Any]) -> Request:
        try:
            # Metadata is for the log, which has it: towards another format it would only be in the way.
            kept = {key: value for key, value in asked.items() if key not in _OURS and key != "metadata"}
            if self._path == compacting.PATH:
                kept.setdefault("input", [])
            found = FORMATS[self._caller].read_request(kept)
            if not self._history:
                return found
            return msgspec.structs.replace(found, turns=[*turns_of(self._history), *found.turns])
        except Unsupported as error:
            raise BadRequest(str(error), param=error.field) from None

    @cached_property
    def _request(self) -> Request:
        return self._read(self._asked)

    @cached_property
    def _said(self) -> dict[str, Any]:
        """The fields that hold what was said, with all that was said before. The other fields pass as they are."""
        try:
            written = FORMATS[self._caller].write_request(self._request)
        except Unsupported as error:
            raise BadRequest(str(error), param=error.field) from None
        return {name: written[name] for name in ("messages", "system") if name in written}


class _StraightResponses:
    """Responses on both sides: the bytes pass, but the answer has our id, and the state is ours."""

    endpoint = PATHS["responses"]
    records_upstream = False
    apart = True
    dropped: tuple[str, ...] = ()
    behind = b"data: [DONE]\n\n"
    unasked = b""
    over = False

    def __init__(
        self,
        body: bytes,
        fields: Fields,
        asked: dict[str, Any],
        request: Request | None,
        target: Target,
        ours: str,
        *,
        stream: bool,
    ) -> None:
        written = asked if request is None else FORMATS["responses"].write_request(request)
        if request is not None or item_ids.may_hold(body) or not _STATE.isdisjoint(asked):
            written = {name: value for name, value in written.items() if name not in _STATE}
            body = loose.encode(item_ids.to_provider(written))
            fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        straight = Straight(self.endpoint, body, fields, target, stream=False)
        self.body = straight.body
        said = {"id": ours, "previous_response_id": asked.get("previous_response_id")}
        said |= envelope.conversation(asked.get("conversation"))
        background = asked.get("background") is True
        self._answer = Rewritten(said | ({"background": True} if background else {}), queued=background)

        self._whole = straight.whole

    def whole(self, status: int, body: bytes) -> bytes:
        return self._answer.whole(self._whole(status, body))

    def told(self, body: bytes) -> bytes:
        return b""

    def feed(self, events: Sequence[bytes]) -> bytes:
        check_lengths(events)
        return b"".join(map(self._answer.event, events))

    def close(self, rest: bytes) -> bytes:
        return self._answer.event(rest)

    def failure(self, failed: Failed) -> bytes:
        return envelope.error_event(failed, self._answer.next_number)


def turns_of(history: Sequence[Said]) -> list[Turn]:
    """What was said, in the one form; consecutive messages of one format are read together."""
    turns: list[Turn] = []
    for format, group in groupby(history, key=lambda said: said.format):
        messages = [_message(said) for said in group]
        match format:
            case "responses":
                turns += FORMATS["responses"].read_request({"model": "", "input": messages}).turns
            case "messages":
                turns += FORMATS["messages"].read_request({"model": "", "max_tokens": 1, "messages": messages}).turns
            case _:
                turns += FORMATS["chat"].read_request({"model": "", "messages": messages}).turns
    return turns


def _message(said: Said) -> Any:
    try:
        value = loose.decode(said.raw)
    except loose.FAILURES:
        raise Unsupported("input", "what was said before cannot be read") from None
    if isinstance(value, str):  # a prompt, or an input that is one text
        role = "assistant" if said.answer else "user"
        return {"role": role, "content": value}
    if isinstance(value, list):  # an Anthropic answer's content
        return {"role": "assistant", "content": value}
    if said.answer and said.format == "chat":
        return {"role": "assistant", **value}
    return value
