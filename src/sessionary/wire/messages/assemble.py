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
    alike = Alike()
    event: Event | None = None
    for event in alike.others(sse.unified(raw)):
        _add(event, message, blocks, alike)
    if event is None:
        return raw if loose.read_object(raw, keep_surrogates=True) is not None else None
    if message.begun or blocks:
        return loose.encode(message.whole())
    return None if message.error is None else loose.encode({"type": "error", "error": message.error})


def _add(event: Event, message: growing.Message, blocks: dict[int, growing.Block], alike: Alike) -> None:
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
            if (text := blocks[index].text(found["delta"])) is not None:
                alike.show(found, ("delta", text[0]), text[1])
        case "message_delta":
            message.end(found)
        case "message_stop":
            message.ended = True
        case "error":
            message.error = errors.read(found) or {"type": "api_error", "message": event.data}
