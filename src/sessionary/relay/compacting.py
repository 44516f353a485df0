"""`/responses/compact`: a provider that makes a conversation short is asked to, any other for a summary. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from sessionary.providers.routing import Target
from sessionary.relay.passage import PATHS, Straight, as_provider_says, check_answer, error_of, read_object
from sessionary.relay.rewritten import Rewritten
from sessionary.wire import loose
from sessionary.wire.canonical import Failed, Request
from sessionary.wire.formats import FORMATS
from sessionary.wire.responses import compaction, item_ids

PATH = "responses/compact"
_STATE = frozenset({"previous_response_id", "conversation", "input"})
"""What was said, and where: the gateway tells all of it."""


class Compaction:
    """A passage without streams."""

    records_upstream = False
    apart = False
    dropped: tuple[str, ...] = ()
    behind = b""
    unasked = b""
    over = False

    def __init__(self, endpoint: str, body: bytes, read: Callable[[int, bytes], bytes]) -> None:
        """`read` makes the client's answer of the provider's status and body."""
        self.endpoint = endpoint
        self.body = body
        self._read = read

    def whole(self, status: int, body: bytes) -> bytes:
        return self._read(status, body)

    def told(self, body: bytes) -> bytes:
        return b""

    def feed(self, events: Sequence[bytes]) -> bytes:
        return b"".join(events)

    def close(self, rest: bytes) -> bytes:
        return rest

    def failure(self, failed: Failed) -> bytes:
        return b""


def native(asked: dict[str, Any], request: Request, target: Target, answer_id: str) -> Compaction:
    """The provider's own, of everything that was said."""
    kept = {name: value for name, value in asked.items() if name not in _STATE}
    written = FORMATS["responses"].write_request(request)
    body = loose.encode(item_ids.to_provider({**kept, "input": written["input"]}))
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    ours = Rewritten({"id": answer_id})
    straight = Straight(PATH, body, fields, target, stream=False)
    return Compaction(PATH, straight.body, lambda status, body: ours.whole(straight.whole(status, body)))


def summarised(asked: Request, target: Target, answer_id: str, created: int) -> Compaction:
    """By a summary of the model's own."""
    spoken = target.speaks[0]
    wanted = compaction.request(asked)
    params = msgspec.structs.replace(wanted.params, model=target.deployment.model)
    body = FORMATS[spoken].write_request(msgspec.structs.replace(wanted, params=params))

    def read(status: int, body: bytes) -> bytes:
        value = read_object(status, body)
        if status >= 400:
            return msgspec.json.encode(FORMATS["responses"].write_error(status, *error_of(value)))
        answer = FORMATS[spoken].read_answer(value)
        check_answer(answer)
        return loose.encode(compaction.write(answer, asked, answer_id, created))

    said = as_provider_says(body, target.provider) if spoken == "chat" else body
    return Compaction(PATHS[spoken], loose.encode(said), read)
