"""What the lists ask for, in memory: the filter language on rows of JSON, calls, summaries, suggestions, views.

The language itself is the real one (`sessionary.api.language`); what it means for a row is said here anew.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sessionary.api import language
from sessionary.api.fields import BY_NAME
from sessionary.errors import BadRequest, GatewayError, NotFound
from tests.ui import data

SESSION_FACETS = ("status", "model", "client", "key", "user", "source")
CALL_FACETS = ("status", "model", "client", "key", "endpoint", "provider")
_ORDERED: Mapping[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    ":": lambda a, b: a == b,
}
_TEXTS = {"model": "models", "client": "clients", "key": "keys", "user": "users", "tag": "tags"}
_NUMBERS = {"input": "input_tokens", "cached": "cached_tokens", "output": "output_tokens"}


class Lists:
    """The lists' share of `fake.Fake`."""

    sessions: dict[str, data.Json]
    transcripts: dict[str, data.Json]

    def __init__(self) -> None:
        self.loose_calls: list[data.Json] = []
        self.views: list[data.Json] = []
        self.refusal: GatewayError | None = None
        self.summaries = 0

    def clear_lists(self) -> None:
        self.loose_calls.clear()
        self.views.clear()
        self.refusal = None
        self.summaries = 0

    # Pages

    def list_sessions(self, principal: Any, params: QueryParams) -> data.Json:
        found = self._found("sessions", params)
        return _page(found, params, params.get("sort", "-last_at"))

    def list_calls(self, principal: Any, params: QueryParams) -> data.Json:
        found = self._found("calls", params)
        return _page(found, params, params.get("sort", "-created_at"))

    def call(self, principal: Any, name: str) -> data.Json:
        for call in self.all_calls():
            if call["id"] == name:
                return call
        raise NotFound("There is no such call.")

    def all_calls(self) -> list[data.Json]:
        own = [
            a["call"] | {"session": name} for name, t in self.transcripts.items() for a in t["calls"] if a.get("call")
        ]
        return own + self.loose_calls

    def _found(self, of: Any, params: QueryParams, bounds: bool = True) -> list[data.Json]:
        if self.refusal is not None:
            raise self.refusal
        rows = list(self.sessions.values()) if of == "sessions" else self.all_calls()
        now = time.time_ns() // 1000
        try:
            terms = language.parse(params.get("filter", ""), BY_NAME[of], now)
        except language.Mistake as mistake:
            raise BadRequest(str(mistake), param="filter") from None
        return [row for row in rows if all(self._holds(row, term) for term in terms)]

    def _holds(self, row: data.Json, term: language.Term) -> bool:
        condition = term.condition
        values = condition.values
        if condition.field == "text":
            held = any(self._says(row, str(value).strip('"').lower()) for value in values)
        elif condition.field in ("since", "until", "first", "last"):
            held = _in_time(row, condition.field, condition.operator, float(values[0]))
        elif condition.field == "error" or isinstance(values[0], bool):
            failed = bool(row["errors"]) if "errors" in row else row["error"] is not None
            held = failed == (values[0] in (True, "yes"))
        elif isinstance(values[0], str):
            own = _texts(row, condition.field)
            held = any(_matches(text, str(value)) for text in own for value in values)
        else:
            held = any(_ORDERED[condition.operator](_number(row, condition.field), float(value)) for value in values)
        return held != condition.negated

    def _says(self, row: data.Json, words: str) -> bool:
        if words in row.get("title", "").lower():
            return True
        transcript = self.transcripts.get(row.get("session") or row["id"])
        calls = transcript["calls"] if transcript else []
        own = [a for a in calls if "session" not in row or a["call"]["id"] == row["id"]]
        return any(
            words in piece.get("text", "").lower()
            for added in own
            for message in [*added["messages"], *([added["output"]] if added["output"] else [])]
            for piece in message["pieces"]
        )

    # API

    def list_routes(self) -> list[BaseRoute]:
        return [
            Route("/api/sessions", _told(lambda q: self.list_sessions(None, q))),
            Route("/api/calls", _told(lambda q: self.list_calls(None, q))),
            Route("/api/fields", _told(lambda q: {"data": list(BY_NAME[_of(q)].values())})),
            Route("/api/suggest", _told(self._suggest)),
            Route("/api/summary", _told(self._summary)),
            Route("/api/views", self._api_views, methods=["GET", "POST"]),
            Route("/api/views/{id}", self._drop_view, methods=["DELETE"]),
            Route("/api/sessions/merge", self._merge, methods=["POST"]),
        ]

    def _suggest(self, query: QueryParams) -> data.Json:
        rows = self.sessions.values() if _of(query) == "sessions" else self.all_calls()
        known = {text for row in rows for text in _texts(row, query["field"])}
        prefix = query["prefix"].lower()
        return {"data": sorted(text for text in known if text.lower().startswith(prefix))[:20]}

    def _summary(self, query: QueryParams) -> data.Json:
        self.summaries += 1
        of = _of(query)
        rows = self._found(of, query)
        start = "last_at" if of == "sessions" else "created_at"
        until = max([row[start] for row in rows], default=data.iso(data.now()))
        since = min([row[start] for row in rows], default=data.iso(data.now() - timedelta(hours=1)))
        first, last = _at(since), _at(until) + 1_000_000
        count = int(query.get("bars", 60))
        step = max(1_000_000, -(-(last - first) // count))
        bars = [{"at": data.iso(_moment(first + n * step)), "calls": 0, "errors": 0, "cost": 0.0} for n in range(count)]
        for row in rows:
            bar = bars[min(count - 1, int((_at(row[start]) - first) // step))]
            bar["calls"] += row.get("calls", 1)
            bar["errors"] += row["errors"] if of == "sessions" else row["error"] is not None
            bar["cost"] += row["cost"] or 0
        facets = []
        for field in SESSION_FACETS if of == "sessions" else CALL_FACETS:
            tally = Counter(text for row in rows for text in _texts(row, field))
            values = [{"value": value, "count": n} for value, n in tally.most_common(8)]
            facets.append({"field": field, "values": values, "exact": True})
        return {
            "since": since, "until": data.iso(_moment(first + count * step)), "step_ms": step // 1000, "bars": bars,
            "facets": facets, "matched": len(rows), "more": False, "exact": True, "counted": len(rows),
        }  # fmt: skip

    async def _api_views(self, request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"data": self.views})
        made = await request.json()
        if made["name"] == "refuse":
            return JSONResponse({"error": {"message": "This name is refused.", "param": "name"}}, 400)
        self.views.append({"id": f"view_{len(self.views)}", **made})
        return JSONResponse(self.views[-1])

    async def _drop_view(self, request: Request) -> Response:
        self.views = [view for view in self.views if view["id"] != request.path_params["id"]]
        return JSONResponse({"id": request.path_params["id"], "deleted": True})

    async def _merge(self, request: Request) -> Response:
        asked = {"into": None} | await request.json()
        if not {*asked["sessions"], asked["into"] or asked["sessions"][0]} <= self.sessions.keys():
            return JSONResponse({"error": {"message": "There is nothing here."}}, 404)
        for name in asked["sessions"]:
            if name != asked["into"]:
                del self.sessions[name]
        return JSONResponse({"session": asked["into"], "session_id": asked["into"], "calls": 0})


def call_rows(count: int, now: datetime) -> list[data.Json]:
    """Calls of sessions that have nothing else."""
    failed = {"status": "upstream_error", "http_status": 529, "error": {"type": "overloaded", "message": "Overloaded."}}
    made = []
    for n in range(count):
        at = now - timedelta(seconds=11 * n)
        row = data.call(f"session-{n // 4}", 50_000 + n, 1, at, model=data.MODELS[n % 6], client=data.CLIENTS[n % 5])
        made.append(row | {"session": f"ses_{n // 4:026d}", "project": "default"} | (failed if n % 9 == 4 else {}))
    return made


def _told(answer: Callable[[QueryParams], Any]) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        try:
            return Response(msgspec.json.encode(answer(request.query_params)), media_type="application/json")
        except GatewayError as error:
            return JSONResponse({"error": {"message": error.message, "param": error.param}}, error.status)

    return endpoint


def _of(query: QueryParams) -> Any:
    return query["of"]


def _page(rows: list[data.Json], params: QueryParams, order: str) -> data.Json:
    name = {"active": "active_ms", "duration": "duration_ms"}.get(order.removeprefix("-"), order.removeprefix("-"))
    rows.sort(key=lambda row: (row.get(name) or (0 if not name.endswith("_at") else ""), row["id"]))
    if order.startswith("-"):
        rows.reverse()
    start = int(params.get("cursor") or 0)
    following = start + int(params.get("limit", 50))
    return {"data": rows[start:following], "next_cursor": str(following) if following < len(rows) else None}


def _texts(row: data.Json, field: str) -> list[str]:
    if field in _TEXTS and _TEXTS[field] in row:
        return list(row[_TEXTS[field]])
    if field == "id":
        return [row["id"], row["session_id"]]
    if field == "session":
        return [row["session"], row["session_id"]]
    value = row.get(field)
    if field == "status" and value not in ("live", "ok", "errors", "cut"):
        return [value, "errors" if row["error"] else "cut"]
    return [value] if value else []


def _matches(text: str, value: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in value.lower().split("*"))
    return re.fullmatch(pattern, text.lower()) is not None


def _number(row: data.Json, field: str) -> float:
    if field == "cost":
        return (row["cost"] or 0) * 1e9
    if field == "active":
        return float(row["active_ms"]) * 1000
    if field == "duration":
        return float(row["duration_ms"] or 0) * 1000
    return float(row.get(_NUMBERS.get(field, field)) or 0)


def _in_time(row: data.Json, field: str, operator: str, at: float) -> bool:
    first, last = row.get("first_at") or row["created_at"], row.get("last_at") or row["created_at"]
    if field == "since":
        return _at(last) >= at
    if field == "until":
        return _at(first) <= at
    return _ORDERED[operator](_at(first if field == "first" else last), at)


def _at(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1e6)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at / 1e6, UTC)
