"""The message that a stream's bytes amount to, as the provider would have answered without streaming. Pure.

A stream that was cut amounts to what was delivered, with `stop_reason` null; one that failed has its `error` too.
"""

from sessionary.wire import loose, sse
from sessionary.wire.alike import Alike
from sessionary.wire.messages import errors, growing
from sessionary.wire.sse import Event


def assemble(raw: bytes) -> bytes | None:
    """None where nothing came that is of a message; an answer that was no stream is given back."""
    message = growing.Message()
    blocks: dict[int, growing.Block] = {}
    events, alike = sse.events(raw), Alike()
    for event in events:
        if not alike.takes(event.data):
            _add(event, message, blocks, alike)
    if not events:
        return raw if loose.read_object(raw, keep_surrogates=True) is not None else None
    if message.begun or blocks:
        return loose.encode(message.whole())
    return None if message.error is None else loose.encode({"type": "error", "error": message.error})


def _add(event: Event, message: growing.Message, blocks: dict[int, growing.Block], alike: Alike) -> None:
    alike.forget()
    found = loose.read_object(event.data, keep_surrogates=True)
    if found is None:
        return
    index = growing.index_of(found)
    match found.get("type") or event.event:
        case "message_start":
            message.begin(found)
        case "content_block_start":
            blocks[index] = message.open(index, found.get("content_block"))
        case "content_block_delta" if isinstance(found.get("delta"), dict):
            if index not in blocks:
                blocks[index] = message.open(index, growing.start_of(found["delta"]))
            blocks[index].add(found["delta"])
            if "type" in found and (text := blocks[index].text(found["delta"])) is not None:
                alike.show(event.data, found, ("delta", text[0]), text[1])
        case "message_delta":
            message.end(found)
        case "message_stop":
            message.ended = True
        case "error":
            message.error = errors.read(found) or {"type": "api_error", "message": event.data}
