"""The OpenAPI document of the read API and, in short, of the LLM routes."""

from typing import Any

import msgspec

from sessionary import __version__
from sessionary.api import types

_FILTERS = {
    "session_id": "ours, or the id the client sent",
    "q": "words or \"phrases\" in messages or title",
    "model": "as asked for; * matches anything",
    "status": "live, ok, errors or cut; for calls their own status",
    "key": "a key's name",
    "user": "the `user` of the request",
    "client": "the calling program",
    "source": "id, harness, response, conversation, content or none",
    "since": "ISO 8601, seconds since 1970, or an age such as 24h",
    "until": "the same",
    "sort": "a field, with - in front for descending",
    "limit": "1 to 200",
    "cursor": "`next_cursor` of the page before",
    "project": "master key only: one project",
}
_SHOWN: list[type] = [types.SessionPage, types.CallPage, types.Call, types.Session, types.Transcript, types.HitPage]
_READS: list[tuple[str, str, type | None, bool]] = [
    ("/api/sessions", "Sessions, newest activity first", types.SessionPage, True),
    ("/api/sessions/{id}", "One session, with its calls in order", None, False),
    ("/api/sessions/{id}/transcript", "What each call added", types.Transcript, False),
    ("/api/calls", "Calls, newest first", types.CallPage, True),
    ("/api/calls/{id}", "One call", types.Call, False),
    ("/api/calls/{id}/request", "The request's body as it was sent", None, False),
    ("/api/calls/{id}/response", "The answer's body; a stream's assembled, its events with ?raw=1", None, False),
    ("/api/search", "Full-text search over messages", types.HitPage, True),
    ("/api/events", "Server-sent events: every session that changes", None, False),
]
_LLM = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")


def document() -> dict[str, Any]:
    schemas, components = msgspec.json.schema_components(_SHOWN, ref_template="#/components/schemas/{name}")
    by_type = dict(zip(_SHOWN, schemas, strict=True))
    paths: dict[str, Any] = {}
    for path, summary, answer, filtered in _READS:
        schema = by_type[answer] if answer is not None else {}
        paths[path] = {"get": _operation(path, summary, schema, _FILTERS if filtered else {})}
    session = paths["/api/sessions/{id}"]
    session["patch"] = _operation("/api/sessions/{id}", "Rename or tag a session: {title?, tags?}", {}, {})
    session["delete"] = _operation("/api/sessions/{id}", "Delete a session and what only it needs", {}, {})
    for path in _LLM:
        paths[path] = {"post": _operation(path, "As OpenAI defines it; with and without /v1", {}, {})}
    paths["/v1/models"] = {"get": _operation("/v1/models", "The models that can be asked for", {}, {})}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sessionary", "version": __version__},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{"key": []}],
    }


def _operation(path: str, summary: str, schema: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": n, "in": "query", "description": d, "schema": {"type": "string"}} for n, d in query.items()
    ]
    if "{id}" in path:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": {"type": "string"}})
    answer = {"description": "OK", "content": {"application/json": {"schema": schema}}}
    return {"summary": summary, "parameters": parameters, "responses": {"200": answer}}
