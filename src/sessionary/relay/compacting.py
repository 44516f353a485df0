"""`/responses/compact`: a provider that makes a conversation short is asked to, any other for a summary. Pure."""

from collections.abc import Callable
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


class Native:
    """The provider's own, of everything that was said."""

    endpoint = PATH
    records_upstream = False
    dropped: tuple[str, ...] = ()

    def __init__(self, asked: dict[str, Any], request: Request, target: Target, answer_id: str) -> None:
        kept = {name: value for name, value in asked.items() if name not in _STATE}
        written = FORMATS["responses"].write_request(request)
        body = loose.encode(item_ids.to_provider({**kept, "input": written["input"]}))
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        self.body = Straight(PATH, body, fields, target, stream=False).body
        self._answer = Rewritten({"id": answer_id})

    def whole(self, status: int, body: bytes) -> bytes:
        return self._answer.whole(body)

    def told(self, body: bytes) -> bytes:
        return b""

    def feed(self, data: bytes) -> bytes:
        return data

    def close(self) -> bytes:
        return b""

    def failure(self, failed: Failed) -> bytes:
        return b""


class Summarised:
    """By a summary of the model's own."""

    records_upstream = False
    dropped: tuple[str, ...] = ()

    def __init__(self, request: Callable[[], Request], target: Target, answer_id: str, created: int) -> None:
        spoken = target.speaks[0]
        self._asked = request()
        wanted = compaction.request(self._asked)
        params = msgspec.structs.replace(wanted.params, model=target.deployment.model)
        body = FORMATS[spoken].write_request(msgspec.structs.replace(wanted, params=params))
        self.endpoint = PATHS[spoken]
        self.body = loose.encode(as_provider_says(body, target.provider) if spoken == "chat" else body)
        self._read = FORMATS[spoken].read_answer
        self._id = answer_id
        self._created = created

    def whole(self, status: int, body: bytes) -> bytes:
        value = read_object(status, body)
        if status >= 400:
            return msgspec.json.encode(FORMATS["responses"].write_error(status, *error_of(value)))
        answer = self._read(value)
        check_answer(answer)
        return loose.encode(compaction.write(answer, self._asked, self._id, self._created))

    def told(self, body: bytes) -> bytes:
        return b""

    def feed(self, data: bytes) -> bytes:
        return data

    def close(self) -> bytes:
        return b""

    def failure(self, failed: Failed) -> bytes:
        return b""
