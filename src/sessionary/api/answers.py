"""What every handler of the API does: who asks, what the body says, an answer in JSON."""

import asyncio
import re
from collections.abc import Callable
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from sessionary.auth import Principal
from sessionary.errors import BadRequest, PayloadTooLarge

HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_MOST_BODY = 64 * 1024
_AT_ONCE = 200
_FIELD = re.compile(r"`\$\.(\w+)|field `(\w+)`")
"""How the decoder names the field that is wrong."""
T = TypeVar("T")


def json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, HEADERS, "application/json")


async def told(view: Callable[..., object], *args: object, status: int = 200) -> Response:
    """What `view` gives, which may block. That and its JSON are made in a thread, for calls are relayed beside it."""
    body = await asyncio.to_thread(lambda: encoded(view(*args)))
    return Response(body, status, HEADERS, "application/json")


def encoded(value: object) -> bytes:
    """As JSON. Many calls by and by: the encoder lets nobody have a turn until it is through."""
    calls = getattr(value, "calls", None)
    if not isinstance(value, msgspec.Struct) or not isinstance(calls, list) or len(calls) <= _AT_ONCE:
        return msgspec.json.encode(value)
    pieces = [msgspec.json.encode(calls[n : n + _AT_ONCE])[1:-1] for n in range(0, len(calls), _AT_ONCE)]
    return msgspec.json.encode(msgspec.structs.replace(value, calls=msgspec.Raw(b"[%b]" % b",".join(pieces))))


def principal(request: Request) -> Principal:
    found: Principal = request.state.principal
    return found


async def body(request: Request) -> bytes:
    """Raises PayloadTooLarge."""
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > _MOST_BODY:
            raise PayloadTooLarge
    return found


async def wanted(request: Request, kind: type[T]) -> T:
    """Raises BadRequest, which names the field that is wrong."""
    try:
        return msgspec.json.decode(await body(request), type=kind)
    except (ValueError, RecursionError) as error:
        found = _FIELD.search(str(error))
        raise BadRequest(f"the body is not valid: {error}", param=found[1] or found[2] if found else None) from None
