"""The demo provider in the other formats: its chat answer, translated. What it cannot use of a request it ignores."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from sessionary.settings.tree import Format
from sessionary.wire import loose, offered
from sessionary.wire.canonical import Part, Request, Turn, Unsupported
from sessionary.wire.formats import FORMATS
from sessionary.wire.sse import Parser

Served = tuple[int, dict[str, str], AsyncIterator[bytes]]
Chat = Callable[[str, bytes], Awaitable[Served]]
_JSON = {"content-type": "application/json"}
_PREFIX: dict[Format, str] = {"chat": "chatcmpl-", "responses": "resp_", "messages": "msg_"}
_SPEAKABLE = frozenset({"text", "refusal", "image", "audio", "file", "tool_call", "tool_result"})


async def answer(format: Format, asked: dict[str, Any], chat: Chat) -> Served:
    """`chat` answers `chat/completions`. Status, headers, and the body in chunks, as a provider of `format` does."""
    try:
        body = FORMATS["chat"].write_request(_usable(offered.plainly(FORMATS[format].read_request(asked))))
    except Unsupported as error:
        return 400, _JSON, _whole(FORMATS[format].write_error(400, "invalid_request_error", str(error)))
    status, headers, chunks = await chat("chat/completions", loose.encode(body))
    if status != 200:
        problem = loose.decode(b"".join([chunk async for chunk in chunks]))["error"]
        return status, _JSON, _whole(FORMATS[format].write_error(status, problem["type"], problem["message"]))
    if body.get("stream") is True:
        return status, headers, _stream(format, asked, chunks)
    found = FORMATS["chat"].read_answer(loose.decode(b"".join([chunk async for chunk in chunks])))
    found = msgspec.structs.replace(found, id=_renamed(format, found.id))
    return status, _JSON, _whole(FORMATS[format].write_answer(found, asked))


def _usable(request: Request) -> Request:
    """Without what the demo has no use for: a provider's own tools, and fields that tune a model."""
    params = request.params
    tools = [tool for tool in params.tools if tool.kind in ("function", "custom")]
    stripped = msgspec.structs.replace(params, tools=tools, rest={}, spelled={}, reasoning=None)
    turns = [turn for given in request.turns if (turn := _spoken(given)).parts]
    return Request(stripped, [_spoken(turn) for turn in request.system], turns)


def _spoken(turn: Turn) -> Turn:
    return msgspec.structs.replace(turn, parts=[part for part in turn.parts if _is_spoken(part)])


def _is_spoken(part: Part) -> bool:
    piece = part.piece
    if piece.type == "tool_result":
        return all(inner.type in _SPEAKABLE for inner in piece.content)
    linked = piece.type in ("audio", "file") and not piece.url.startswith("data:") and not piece.id
    return piece.type in _SPEAKABLE and part.kind in ("function", "custom") and not linked


async def _stream(format: Format, asked: dict[str, Any], chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    parser, reader = Parser(), FORMATS["chat"].Reader()
    writer = None
    async for chunk in chunks:
        for event in parser.feed(chunk):
            for told in reader.feed(event):
                if writer is None:  # what comes first says the answer's id
                    writer = FORMATS[format].Writer(asked, _renamed(format, getattr(told, "id", "")), _seconds(told))
                if written := writer.feed(told):
                    yield written
    if writer is not None:
        for told in reader.close():
            yield writer.feed(told)
        if written := writer.close():
            yield written


def _seconds(told: object) -> int:
    created = getattr(told, "created", 0)
    return created if isinstance(created, int) else 0


def _renamed(format: Format, chat_id: str) -> str:
    return _PREFIX[format] + chat_id.removeprefix("chatcmpl-")


async def _whole(value: object) -> AsyncIterator[bytes]:
    yield loose.encode(value)
