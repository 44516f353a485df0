"""Which passage a call takes to a deployment: straight where both speak the caller's format, else translated. Pure.

What a call goes on from (`history`) is put in front of what it brings, in whatever formats that was said.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import msgspec

from sessionary.errors import BadRequest
from sessionary.providers.routing import Target
from sessionary.relay import compacting
from sessionary.relay.outgoing import Fields
from sessionary.relay.passage import PATHS, Passage, Straight, Translated
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
    path = endpoint.replace(".", "/")
    caller = CALLERS.get(endpoint)
    if caller is None:
        return lambda target: Straight(path, body, fields, target, stream=stream)
    ours = answer_id(caller, call_id)

    @cache
    def asked() -> dict[str, Any]:
        value = loose.read_object(body)
        if value is None:  # `incoming` has looked at one level only
            raise BadRequest("The body is nested too deeply, or a number in it is too long.", code="invalid_json")
        return value

    def read(asked: dict[str, Any]) -> Request:
        try:
            # Metadata is for the log, which has it: towards another format it would only be in the way.
            kept = {key: value for key, value in asked.items() if key not in _OURS and key != "metadata"}
            if path == compacting.PATH:
                kept.setdefault("input", [])
            found = FORMATS[caller].read_request(kept)
            return msgspec.structs.replace(found, turns=[*turns_of(history), *found.turns]) if history else found
        except Unsupported as error:
            raise BadRequest(str(error), param=error.field) from None

    @cache
    def request() -> Request:
        return read(asked())

    @cache
    def said() -> dict[str, Any]:
        """The fields that hold what was said, with all that was said before. The other fields pass as they are."""
        try:
            written = FORMATS[caller].write_request(request())
        except Unsupported as error:
            raise BadRequest(str(error), param=error.field) from None
        return {name: written[name] for name in ("messages", "system") if name in written}

    def passage(target: Target) -> Passage:
        try:
            return chosen(target)
        except Unsupported as error:
            raise BadRequest(str(error), param=error.field, code="unsupported_parameter") from None

    def chosen(target: Target) -> Passage:
        if path == compacting.PATH:
            if "responses" in target.speaks and target.provider.compacts:
                return compacting.native(asked(), request(), target, ours)
            return compacting.summarised(request(), target, ours, created)
        if caller not in target.speaks:
            return Translated(asked(), read, caller, target, ours, created)
        if caller == "responses":
            anew = request if history or _FOREIGN_PROOF in body else None
            return _StraightResponses(body, fields, asked(), anew, target, ours, stream=stream)
        if history or (caller == "messages" and _FOREIGN_PROOF in body):
            own = loose.encode(asked() | said())
            return Straight(path, own, msgspec.json.decode(own, type=dict[str, msgspec.Raw]), target, stream=stream)
        return Straight(path, body, fields, target, stream=stream)

    return passage


class _StraightResponses:
    """Responses on both sides: the bytes pass, but the answer has our id, and the state is ours."""

    endpoint = PATHS["responses"]
    records_upstream = False
    dropped: tuple[str, ...] = ()

    def __init__(
        self,
        body: bytes,
        fields: Fields,
        asked: dict[str, Any],
        request: Callable[[], Request] | None,
        target: Target,
        ours: str,
        *,
        stream: bool,
    ) -> None:
        written = asked if request is None else FORMATS["responses"].write_request(request())
        if request is not None or item_ids.may_hold(body) or not _STATE.isdisjoint(asked):
            written = {name: value for name, value in written.items() if name not in _STATE}
            body = loose.encode(item_ids.to_provider(written))
            fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        self.body = Straight(self.endpoint, body, fields, target, stream=False).body
        said = {"id": ours, "previous_response_id": asked.get("previous_response_id")}
        said |= envelope.conversation(asked.get("conversation"))
        background = asked.get("background") is True
        self._answer = Rewritten(said | ({"background": True} if background else {}), queued=background)

    def whole(self, status: int, body: bytes) -> bytes:
        return self._answer.whole(body)

    def told(self, body: bytes) -> bytes:
        return b""

    def feed(self, data: bytes) -> bytes:
        return self._answer.feed(data)

    def close(self) -> bytes:
        return self._answer.close()

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
