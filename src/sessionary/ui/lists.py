"""What the two lists are asked for by their address: filter, order, columns. Pure.

    /ui/?filter=status:errors cost>0.5&sort=-cost&cols=turns,cost&cursor=…

The address says all of it, so a list can be sent to someone. Which columns a reader likes is also kept in a cookie,
which is for the server to draw the first screen right and holds names of columns only. Parameters of earlier
versions (`status=`, `q=`, …) become filter text; whoever asks by them is sent to the address that says the same.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from urllib.parse import quote, urlencode

import msgspec
from starlette.datastructures import QueryParams

from sessionary.errors import GatewayError

_OLD = MappingProxyType(
    {name: name for name in ("model", "status", "source", "key", "user", "client", "since", "until", "session_id")}
    | {"q": ""}
)
"""Parameters of earlier versions -> the field that says the same; `Listing.id_field` names sessions."""
_BARE = re.compile(r'[^\s,"]+')
_WORD = re.compile(r'(?!-|[A-Za-z_]+(?:!=|>=|<=|[:=<>]))[^\s"]+')
_PASSED = ("filter", "sort", "cursor", "project", "limit")


class Column(msgspec.Struct, frozen=True):
    name: str
    title: str
    sort: str = ""
    """By which the API orders it; "" where it does not."""
    number: bool = False
    shown: bool = True
    """Where nobody chose."""
    fixed: bool = False
    """Always there."""


class Listing(msgspec.Struct, frozen=True):
    of: str
    path: str
    columns: tuple[Column, ...]
    order: str
    """Where nobody chose."""
    id_field: str
    """Of the filter language: a session's id."""


SESSIONS = Listing(
    "sessions",
    "/ui/",
    (
        Column("what", "Session", fixed=True),
        Column("turns", "Turns", "turns", number=True),
        Column("cost", "Cost", "cost", number=True),
        Column("tokens", "Tokens in → out", "input_tokens", number=True),
        Column("tree", "Branches · agents", number=True, shown=False),
        Column("time", "Time", "active", number=True),
        Column("errors", "Errors", "errors", number=True, shown=False),
        Column("who", "User or key"),
        Column("tags", "Tags", shown=False),
        Column("first", "First", "first_at", number=True, shown=False),
        Column("last", "Last", "last_at", number=True),
        Column("source", "Source"),
    ),
    "-last_at",
    "id",
)
CALLS = Listing(
    "calls",
    "/ui/calls",
    (
        Column("at", "Time", "created_at", fixed=True),
        Column("what", "Model", fixed=True),
        Column("endpoint", "Endpoint"),
        Column("tokens", "Tokens in → out", "input_tokens", number=True),
        Column("cost", "Cost", "cost", number=True),
        Column("took", "Duration", "duration", number=True),
        Column("key", "Key"),
        Column("user", "User", shown=False),
        Column("client", "Client"),
        Column("session", "Session"),
    ),
    "-created_at",
    "session",
)


def quoted(value: str, bare: re.Pattern[str] = _BARE) -> str:
    """A value as the filter language writes it: in quotes where it would be read as something else."""
    return value if bare.fullmatch(value) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def modern(listing: Listing, query: QueryParams) -> QueryParams | None:
    """The same list asked for in the filter language; None where it is already."""
    if not any(query.get(name) for name in _OLD):
        return None
    terms = [query.get("filter", "").strip()]
    for name, field in _OLD.items():
        value = query.get(name, "").strip()
        if value and field:
            terms.append(f"{listing.id_field if field == 'session_id' else field}:{quoted(value)}")
        elif value:
            terms += [quoted(word, _WORD) for word in value.split()]
    kept = [(name, query[name]) for name in ("sort", "cols", "project") if query.get(name)]
    return QueryParams([("filter", " ".join(filter(None, terms))), *kept])


def api_query(query: QueryParams) -> QueryParams:
    """Of a page's parameters those that the API takes."""
    return QueryParams([(name, query[name]) for name in _PASSED if query.get(name)])


def columns(listing: Listing, query: QueryParams, cookies: Mapping[str, str]) -> tuple[Column, ...]:
    """Those that the address names, or else the reader's last choice, or else the usual ones; in their usual order."""
    chosen = query.getlist("cols") or cookies.get(cookie(listing), "").split(".")
    names = {name for part in chosen for name in part.split(",")}
    known = [column for column in listing.columns if column.name in names]
    return tuple(column for column in listing.columns if column.fixed or column in known) if known else usual(listing)


def usual(listing: Listing) -> tuple[Column, ...]:
    return tuple(column for column in listing.columns if column.fixed or column.shown)


def cookie(listing: Listing) -> str:
    return f"columns-{listing.of}"


def address(listing: Listing, query: QueryParams, **other: str) -> str:
    """The list's address with `other` parameters; "" takes one away."""
    kept = [(name, value) for name, value in query.multi_items() if name not in ("cursor", *other)]
    text = urlencode([(name, value) for name, value in (*kept, *other.items()) if value], quote_via=quote)
    return f"{listing.path}?{text}" if text else listing.path


def sheet(listing: Listing, query: QueryParams) -> str:
    """The whole list as a file, from the API."""
    asked = [(name, value) for name, value in api_query(query).items() if name in ("filter", "sort", "project")]
    text = urlencode(asked, quote_via=quote)
    return f"/api/{listing.of}.csv" + (f"?{text}" if text else "")


def headers(listing: Listing, query: QueryParams, shown: Iterable[Column]) -> list[dict[str, object]]:
    """`{name, title, number, href, order}` of each column: where a click leads, and how the list is ordered by it."""
    by = query.get("sort") or listing.order
    made = []
    for column in shown:
        order = ""
        if column.sort and by.removeprefix("-") == column.sort:
            order = "descending" if by.startswith("-") else "ascending"
        following = column.sort if order == "descending" else f"-{column.sort}"
        href = address(listing, query, sort="" if following == listing.order else following) if column.sort else ""
        made.append({"name": column.name, "title": column.title, "number": column.number, "href": href, "order": order})
    return made


def problem(error: GatewayError) -> dict[str, str]:
    """`{kind, title, text}`: `filter` where what was typed is wrong, else what stands in place of the rows."""
    if error.param == "filter":
        return {"kind": "filter", "title": "", "text": error.message}
    titles = {403: "This key may not see that", 503: "The store is away"}
    return {"kind": str(error.status), "title": titles.get(error.status, "That did not work"), "text": error.message}
