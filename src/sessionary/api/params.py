"""Reading query parameters: every mistake is a 400 that names the parameter."""

import base64
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.datastructures import QueryParams

from sessionary.errors import BadRequest
from sessionary.record.exchange import Source, Status
from sessionary.store.reads import Filters, Page
from sessionary.store.writes import clean

MOST = 200
FILTERS = ("session_id", "q", "model", "status", "key", "user", "client", "source", "since", "until")
PAGING = ("sort", "limit", "cursor", "project")
SEARCH = ("q", "limit", "cursor", "project")
SESSION_STATUSES = ("live", "ok", "errors", "cut")
CALL_STATUSES: tuple[str, ...] = typing.get_args(Status)
SOURCES: tuple[str, ...] = typing.get_args(Source)
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
_Whole = typing.Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_CURSORS: Mapping[type, Any] = {str: tuple[str, _Whole, str], int: tuple[str, _Whole, _Whole]}
_MOST_US = 1 << 58  # beyond any date, within 64 bits


def only(params: QueryParams, *known: str) -> None:
    """Raises where a parameter is not among `known`: a typing mistake must not look like an answer."""
    for name in params:
        if name not in known:
            raise BadRequest(f"unknown parameter '{name[:100]}' (known: {', '.join(known)})", param=name[:100])


def filters(params: QueryParams, statuses: tuple[str, ...]) -> Filters:
    _one_of(params, "status", statuses)
    _one_of(params, "source", SOURCES)
    texts = clean({n: params[n] for n in FILTERS if n not in ("since", "until") and n in params})
    return Filters(**texts, since=_time(params, "since"), until=_time(params, "until"))


def page(params: QueryParams, sorts: tuple[str, ...], default: str) -> Page:
    given = params.get("sort") or default
    sort = given.removeprefix("-")
    if sort not in sorts:
        raise BadRequest(f"sort must be one of {', '.join(sorts)}, with - in front for descending", param="sort")
    after = decode_cursor(params["cursor"], given, str) if params.get("cursor") else None
    return Page(sort, given.startswith("-"), limit(params), after)


def limit(params: QueryParams) -> int:
    text = params.get("limit") or "50"
    if not (text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= MOST):
        raise BadRequest(f"limit must be a number from 1 to {MOST}", param="limit")
    return int(text)


def cursor(sort: str, value: int, row_id: int | str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([sort, value, row_id])).decode().rstrip("=")


def decode_cursor(text: str, sort: str, id_type: type) -> tuple[int, Any]:
    """The last row's sort value and id. Raises where the cursor is of another list, or none at all."""
    try:
        given, value, row_id = msgspec.json.decode(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=_CURSORS[id_type]
        )
    except (ValueError, msgspec.DecodeError):
        raise BadRequest("cursor is not one that this list gave", param="cursor") from None
    if given != sort:
        raise BadRequest("cursor belongs to another sort order", param="cursor")
    return value, clean({"id": row_id})["id"]


def _one_of(params: QueryParams, name: str, known: tuple[str, ...]) -> None:
    if params.get(name) and params[name] not in known:
        raise BadRequest(f"{name} must be one of {', '.join(known)}", param=name)


def _time(params: QueryParams, name: str) -> int | None:
    """ISO 8601, seconds since 1970, or an age such as `24h`; microseconds."""
    text = params.get(name, "").strip()
    if not text:
        return None
    try:
        return max(-_MOST_US, min(_MOST_US, int(_seconds(text) * 1e6)))
    except (ValueError, OverflowError):
        raise BadRequest(f"{name} must be ISO 8601, seconds since 1970, or an age such as 24h", param=name) from None


def _seconds(text: str) -> float:
    if text[-1] in _UNITS and text[:-1].isdecimal() and len(text) < 8:
        return datetime.now(UTC).timestamp() - int(text[:-1]) * _UNITS[text[-1]]
    if text.replace(".", "", 1).isdecimal() and len(text) > 8:  # shorter is a date: 20261124
        return float(text)
    at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)  # a + that was not encoded
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
