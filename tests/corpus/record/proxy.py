"""What stands between a client and the gateway while the corpus is recorded: it passes everything on and writes down
the calls, byte for byte as the client sent and got them.

A client's base URL says which conversation it is in: `http://127.0.0.1:PORT/a/v1`, or `/a.helper/v1` where an agent
named `helper` speaks in conversation `a`. Nothing of this reaches the gateway. A request whose text has a line
`fail 500`, or another status, is answered so the first time that it comes, as an overloaded provider would.
"""

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

import zstandard
from aiohttp import ClientSession, ClientTimeout, web

ENDPOINTS = {"chat/completions": "chat.completions", "responses": "responses", "messages": "messages"}
_FAIL = re.compile(r"(?:\\n|\")fail (\d{3})\b")
_NOT_PASSED = {"host", "content-length", "content-encoding", "transfer-encoding", "connection", "accept-encoding"}
_NOT_RETURNED = {"content-length", "transfer-encoding", "connection", "date", "server"}
_AGENT = ("x-claude-code-agent-id", "thread-id")
Row = dict[str, Any]


@dataclass
class Proxy:
    gateway: str
    client: str
    rows: list[Row] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each row's request, in the same order."""
    _failed: set[str] = field(default_factory=set)

    async def start(self) -> str:
        """Its base URL."""
        self._session = ClientSession(timeout=ClientTimeout(total=300), auto_decompress=False)
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{conversation}{path:(?:/.*)?}", self._serve)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response()
        conversation, _, agent = request.match_info["conversation"].partition(".")
        path = request.match_info["path"]
        endpoint = next((e for ending, e in ENDPOINTS.items() if path.endswith("/" + ending)), "")
        at = time.time_ns() // 1000
        body = await request.read()
        if request.headers.get("content-encoding") == "zstd":
            body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        row: Row = {"client": self.client, "conversation": conversation, "at": at, "endpoint": endpoint}
        if endpoint and request.method == "POST":
            text = body.decode()
            row |= {
                "user_agent": request.headers.get("user-agent", ""),
                "body": text,
                "stream": json.loads(text).get("stream") is True,
                "http_status": 0,
                "content_type": "",
                "answer": "",
                "took": 0,
                "agent": agent,
                "side": False,
                "retry_count": int(request.headers.get("x-stainless-retry-count", "0")),
            }
            self.rows.append(row)
            self.headers.append({k.lower(): v for k, v in request.headers.items()})
            if (status := self._fault(text)) is not None:
                return self._fail(row, status)
        return await self._pass(request, path, body, row)

    def _fault(self, text: str) -> int | None:
        new = [found for found in _FAIL.findall(text) if f"{found} {text[:4000]}" not in self._failed]
        self._failed.update(f"{found} {text[:4000]}" for found in new)
        return int(new[-1]) if new else None

    def _fail(self, row: Row, status: int) -> web.Response:
        problem = {"message": "The provider is busy.", "type": "server_error", "param": None, "code": None}
        row |= {"http_status": status, "content_type": "application/json", "answer": json.dumps({"error": problem})}
        row["took"] = time.time_ns() // 1000 - row["at"]
        return web.Response(text=row["answer"], status=status, content_type="application/json")

    async def _pass(self, request: web.Request, path: str, body: bytes, row: Row) -> web.StreamResponse:
        kept = {k: v for k, v in request.headers.items() if k.lower() not in _NOT_PASSED}
        url = self.gateway + path + (f"?{request.query_string}" if request.query_string else "")
        async with self._session.request(request.method, url, data=body, headers=kept) as answer:
            given = {k: v for k, v in answer.headers.items() if k.lower() not in _NOT_RETURNED}
            response = web.StreamResponse(status=answer.status, headers=given)
            await response.prepare(request)
            whole = b""
            async for piece in answer.content.iter_any():
                whole += piece
                await response.write(piece)
            row |= {"http_status": answer.status, "content_type": answer.headers.get("content-type", "")}
            row |= {"answer": whole.decode(), "took": time.time_ns() // 1000 - row["at"]}
            await response.write_eof()
            return response
