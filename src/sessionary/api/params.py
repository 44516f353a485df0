"""Reading query parameters: every mistake is a 400 that names the parameter."""

import base64
import time
import typing
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.datastructures import QueryParams

from sessionary.api import language
from sessionary.api.fields import BY_NAME, SOURCES, Of
from sessionary.errors import BadRequest
from sessionary.record.exchange import Status
from sessionary.store.terms import Condition, plain
from sessionary.store.walk import Page
from sessionary.store.writes import clean

MOST = 200
FILTERS = ("filter", "session_id", "q", "model", "status", "key", "user", "client", "source", "since", "until")
PAGING = ("sort", "limit", "cursor", "project")
SEARCH = ("q", "session", "limit", "cursor", "project")
SESSION_STATUSES = ("live", "ok", "errors", "cut")
CALL_STATUSES: tuple[str, ...] = typing.get_args(Status)
_Whole = typing.Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_CURSORS: Mapping[type, Any] = {str: tuple[str, _Whole, str], int: tuple[str, _Whole, _Whole]}


def only(params: QueryParams, *known: str) -> None:
    """Raises where a parameter is not among `known`: a typing mistake must not look like an answer."""
    for name in params:
        if name not in known:
            raise BadRequest(f"unknown parameter '{name[:100]}' (known: {', '.join(known)})", param=name[:100])


def filters(params: QueryParams, of: Of) -> tuple[Condition, ...]:
    """What `filter` says, and the parameters that are filters of their own."""
    _one_of(params, "status", SESSION_STATUSES if of == "sessions" else CALL_STATUSES)
    _one_of(params, "source", SOURCES)
    texts = clean({n: params[n] for n in FILTERS if n not in ("filter", "since", "until") and n in params})
    named = plain(of, **texts, since=time_of(params, "since"), until=time_of(params, "until"))
    return named + written(params, of)


def written(params: QueryParams, of: Of) -> tuple[Condition, ...]:
    text = clean({"filter": params.get("filter", "")})["filter"]
    try:
        return tuple(term.condition for term in language.parse(text, BY_NAME[of], _now()))
    except language.Mistake as mistake:
        raise BadRequest(f"filter: {mistake}", param="filter") from None


def page(params: QueryParams, sorts: Iterable[str], default: str) -> Page:
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


def attempt(params: QueryParams) -> int | None:
    text = params.get("attempt", "")
    if text and not (text.isdecimal() and len(text) <= 4):
        raise BadRequest("attempt must be a number, 0 for the first", param="attempt")
    return int(text) if text else None


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


def time_of(params: QueryParams, name: str) -> int | None:
    """ISO 8601, seconds since 1970, or an age such as `24h`; microseconds."""
    text = params.get(name, "").strip()
    if not text:
        return None
    try:
        return language.moment(text, _now())
    except (ValueError, OverflowError):
        raise BadRequest(f"{name} must be ISO 8601, seconds since 1970, or an age such as 24h", param=name) from None


def _now() -> int:
    return time.time_ns() // 1000
