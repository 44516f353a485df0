"""Reading query parameters: every mistake is a 400 that names the parameter."""

import base64
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.datastructures import QueryParams

from sessionary.errors import BadRequest
from sessionary.store.reads import Filters, Page

MOST = 200
_COMMON = frozenset({"session_id", "q", "model", "status", "key", "user", "client", "source", "since", "until"})
_PAGING = frozenset({"sort", "limit", "cursor", "project"})
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def filters(params: QueryParams) -> Filters:
    for name in params:
        if name not in _COMMON | _PAGING:
            known = ", ".join(sorted(_COMMON | _PAGING))
            raise BadRequest(f"unknown parameter '{name[:100]}' (known: {known})", param=name[:100])
    texts = {n: params[n] for n in _COMMON - {"since", "until"} if n in params}
    return Filters(**texts, since=_time(params, "since"), until=_time(params, "until"))


def page(params: QueryParams, sorts: tuple[str, ...], default: str) -> Page:
    given = params.get("sort") or default
    sort = given.removeprefix("-")
    if sort not in sorts:
        raise BadRequest(f"sort must be one of {', '.join(sorts)}, with - in front for descending", param="sort")
    return Page(sort, given.startswith("-"), limit(params), _after(params.get("cursor"), given))


def limit(params: QueryParams) -> int:
    text = params.get("limit", "50")
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise BadRequest(f"limit must be a number from 1 to {MOST}", param="limit")
    return int(text)


def cursor(sort: str, value: Any, row_id: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([sort, value, row_id])).decode().rstrip("=")


def decode_cursor(text: str, sort: str) -> tuple[Any, Any]:
    try:
        given, value, row_id = msgspec.json.decode(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=tuple[str, int, str | int]
        )
    except (ValueError, msgspec.DecodeError):
        raise BadRequest("cursor is not one that this list gave", param="cursor") from None
    if given != sort:
        raise BadRequest("cursor belongs to another sort order", param="cursor")
    return value, row_id


def _after(text: str | None, sort: str) -> tuple[Any, str] | None:
    if not text:
        return None
    value, row_id = decode_cursor(text, sort)
    return value, str(row_id)


def _time(params: QueryParams, name: str) -> int | None:
    """ISO 8601, seconds since 1970, or an age such as `24h`."""
    text = params.get(name, "").strip()
    if not text:
        return None
    if text[-1] in _UNITS and text[:-1].isdecimal() and len(text) < 8:
        return int((datetime.now(UTC).timestamp() - int(text[:-1]) * _UNITS[text[-1]]) * 1e6)
    try:
        if text.replace(".", "", 1).isdecimal() and len(text) < 18:
            return int(float(text) * 1e6)
        at = datetime.fromisoformat(text.replace(" ", "+"))
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1e6)
    except (ValueError, OverflowError):
        raise BadRequest(f"{name} must be ISO 8601, seconds since 1970, or an age such as 24h", param=name) from None
