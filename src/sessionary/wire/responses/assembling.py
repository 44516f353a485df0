"""From a response stream's bytes to the response object they amount to. Pure; any bytes are read.

The last event has the whole response. Without it the stream was cut, or still goes on: it is in progress, with the
items as far as they were delivered.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from sessionary.wire import loose, sse
from sessionary.wire.responses.growing import Growing
from sessionary.wire.responses.reader import error_in, parse
from sessionary.wire.sse import Event

Body = dict[str, Any]

_TELLS = '"response"'
"""What an event that tells of the response as a whole has."""
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


def assemble(raw: bytes) -> bytes | None:
    """The response's JSON; None where the bytes tell of none."""
    found: Body | None = None
    error: Body | None = None
    items: dict[int | str, Growing] = {}
    ended = False
    for event in _events(sse.unified(raw)):
        data = parse(event)
        if data is None:
            continue
        kind, response = data["type"], data.get("response")
        if isinstance(response, dict):
            found = {**(found or {}), **response}
            ended = ended or kind in _ENDS
        elif kind == "error" or (not kind and data.get("error")):
            error = error_in(data)
        elif (key := _key(data)) is not None:
            if key not in items:
                items[key] = Growing(data["item"] if isinstance(data.get("item"), dict) else {})
            items[key].add(data)
    if found is None and not items and error is None:
        return None
    body: Body = {"object": "response", **(found or {})}
    if items and not (ended and body.get("output")):
        body["output"] = [items[key].item() for key in items]
    if not ended:
        body["status"] = "in_progress" if error is None else "failed"
        if error is not None:
            body["error"] = {"code": error.get("code"), "message": error.get("message")}
    body.setdefault("output", [])
    return loose.encode(body)


def _events(raw: bytes) -> Iterable[Event]:
    """Those that are to be read: of a response that is told whole at the end, what it grew by need not be."""
    if not any(_is_whole(parse(event)) for event in islice(sse.events(sse.backwards(raw)), 2)):  # a mark may follow
        return sse.events(sse.blocks(raw))
    return (event for event in sse.events(sse.telling(raw, _TELLS.encode())) if _TELLS in event.data)


def _is_whole(data: Body | None) -> bool:
    """Whether an event has the whole response."""
    response = data.get("response") if data is not None and data["type"] in _ENDS else None
    return isinstance(response, dict) and bool(response.get("output"))


def _key(data: Body) -> int | str | None:
    for name in ("output_index", "item_id"):
        if isinstance(data.get(name), int | str):
            key: int | str = data[name]
            return key
    return None
