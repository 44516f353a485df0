"""Whole lists as files for spreadsheets: sessions or calls, as their list has them, row by row as CSV (RFC 4180).

The rows are those of the list, page after page, each asked for when the one before is sent: a file costs no more memory
than a page. `MOST` rows and no more. What clients wrote may begin with what a spreadsheet takes for a formula: such a
text gets an apostrophe in front, which spreadsheets show as text.
"""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sessionary.api import params, types
from sessionary.api.answers import HEADERS, principal
from sessionary.api.views import Views

MOST = 100_000
"""Rows of a file."""
KIND = "text/csv"
ASKED = (*params.FILTERS, "sort", "project")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
SESSIONS: tuple[str, ...] = (
    *("id", "session_id", "title", "project", "status", "source", "first_at", "last_at", "turns", "calls", "errors"),
    *("branches", "agents", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "cost", "unpriced"),
    *("active_ms", "models", "clients", "keys", "users", "tags"),
)
CALLS: tuple[str, ...] = (
    *("id", "session", "session_id", "project", "created_at", "turn", "status", "http_status", "error", "endpoint"),
    *("model", "provider", "deployment", "upstream_model", "stream", "finish_reason", "input_tokens", "cached_tokens"),
    *("output_tokens", "reasoning_tokens", "cost", "duration_ms", "ttft_ms"),
    *("key", "user", "client", "agent", "source"),
)
Page = types.SessionPage | types.CallPage
View = Callable[..., Page]


class Sheets:
    def __init__(self, views: Views) -> None:
        self._views = views

    async def sessions_csv(self, request: Request) -> Response:
        return await self._sheet(request, "sessions", self._views.sessions, SESSIONS)

    async def calls_csv(self, request: Request) -> Response:
        return await self._sheet(request, "calls", self._views.calls, CALLS)

    async def _sheet(self, request: Request, name: str, view: View, columns: Sequence[str]) -> Response:
        """The first page is asked for before the answer begins: what is wrong with the question is its status."""
        params.only(request.query_params, *ASKED)
        who, asked = principal(request), QueryParams({**request.query_params, "limit": str(params.MOST)})
        first = await asyncio.to_thread(view, who, asked)

        async def parts() -> AsyncIterator[str]:
            yield written([columns])
            page, got = first, 0
            while True:
                yield written(rows(page.data[: MOST - got], columns))
                got += len(page.data)
                if page.next_cursor is None or got >= MOST:
                    return
                page = await asyncio.to_thread(view, who, QueryParams({**asked, "cursor": page.next_cursor}))

        named = {"content-disposition": f'attachment; filename="{name}.csv"'}
        return StreamingResponse(parts(), headers=HEADERS | named, media_type=KIND)


def rows(data: Sequence[Any], columns: Sequence[str]) -> list[list[str]]:
    return [[cell(getattr(row, column)) for column in columns] for row in data]


def written(lines: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


def cell(value: Any) -> str:
    """Several values stand in one, with semicolons; an error is its message; what is not known is empty."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return str(value)
        case dict():
            return harmless(value.get("message") or value.get("type") or "")
        case list():
            return harmless("; ".join(value))
    return harmless(str(value))


def harmless(text: str) -> str:
    """No formula, however a spreadsheet reads it."""
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text
