"""The OpenAPI document, made from the route table and the types; the LLM routes in short."""

import copy
import re
from typing import Any

import msgspec

from sessionary import __version__
from sessionary.api import params, types
from sessionary.api.table import TABLE, Entry

QUERY = {
    "session_id": "a session's id: ours, or the one the client sent",
    "q": 'words or "phrases" in messages, or in a session\'s title; the last word may be a beginning',
    "model": "as it was asked for; * stands for anything",
    "status": "of sessions: " + ", ".join(params.SESSION_STATUSES) + "; of calls: " + ", ".join(params.CALL_STATUSES),
    "key": "a key's name; * stands for anything",
    "user": "the request's `user`; * stands for anything",
    "client": "the calling program; * stands for anything",
    "source": "how the session was found: " + ", ".join(params.SOURCES),
    "since": "what was going on then or later: ISO 8601, seconds since 1970, or an age such as 24h",
    "until": "what was going on then or earlier: the same forms",
    "sort": "a field's name, with - in front for descending",
    "limit": f"1 to {params.MOST}; 50 where it is not given",
    "cursor": "`next_cursor` of the page before",
    "project": "with the master key: one project's name",
    "raw": "1: a stream's events as they came",
}
_LLM = (
    ("post", "/v1/chat/completions", "OpenAI's chat completions, streamed and not; also without /v1"),
    ("post", "/v1/responses", "OpenAI's responses, with state for every provider; also without /v1"),
    ("get", "/v1/responses/{id}", "A response that was stored; also without /v1"),
    ("delete", "/v1/responses/{id}", "Makes a response unknown; also without /v1"),
    ("post", "/v1/responses/{id}/cancel", "Ends a response in the background; also without /v1"),
    ("get", "/v1/responses/{id}/input_items", "What a response was asked; also without /v1"),
    ("post", "/v1/responses/input_tokens", "A request's tokens, counted; also without /v1"),
    ("post", "/v1/responses/compact", "A conversation made shorter; also without /v1"),
    ("post", "/v1/conversations", "A conversation that responses can go on from; also without /v1"),
    ("get", "/v1/conversations/{id}", "A conversation; also without /v1"),
    ("post", "/v1/conversations/{id}", "Gives a conversation other metadata; also without /v1"),
    ("delete", "/v1/conversations/{id}", "Makes a conversation unknown; also without /v1"),
    ("get", "/v1/conversations/{id}/items", "A conversation's items; also without /v1"),
    ("post", "/v1/conversations/{id}/items", "Adds items to a conversation; also without /v1"),
    ("get", "/v1/conversations/{id}/items/{item}", "One item of a conversation; also without /v1"),
    ("delete", "/v1/conversations/{id}/items/{item}", "Takes an item out of a conversation; also without /v1"),
    ("post", "/v1/messages", "Anthropic's messages, streamed and not; also without /v1"),
    ("post", "/v1/messages/count_tokens", "A request's tokens, counted as Anthropic does; also without /v1"),
    ("post", "/v1/completions", "OpenAI's completions, streamed and not; also without /v1"),
    ("post", "/v1/embeddings", "OpenAI's embeddings; also without /v1"),
    ("get", "/v1/models", "The models that can be asked for; also without /v1"),
    ("get", "/v1/models/{id}", "One model; also without /v1"),
)
_REF = "#/components/schemas/"


def document() -> dict[str, Any]:
    used = {t for entry in TABLE for t in (entry.answer, entry.body) if t is not None}
    shown = sorted(used | {types.Call}, key=lambda t: t.__name__)
    _, components = msgspec.json.schema_components(shown, schema_hook=_anything, ref_template=_REF + "{name}")
    components["SessionWithCalls"] = _with_calls(components["Session"])
    components["Error"] = _ERROR
    paths: dict[str, dict[str, Any]] = {}
    for entry in TABLE:
        paths.setdefault(entry.path, {})[entry.method.lower()] = _operation(entry)
    for method, path, summary in _LLM:
        answers = {"200": {"description": "OK"}, "default": _FAILED}
        operation: dict[str, Any] = {"summary": summary, "responses": answers}
        if names := re.findall(r"\{(\w+)\}", path):
            operation["parameters"] = [_IN_PATH | {"name": name} for name in names]
        paths.setdefault(path, {})[method] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sessionary", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
        "security": [{"bearer": []}, {"header": []}],
    }


def _anything(kind: type) -> dict[str, Any]:
    """For fields that hold whatever a client sent."""
    if kind is not object:
        raise NotImplementedError
    return {"description": "any JSON value"}


def _operation(entry: Entry) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": n, "in": "query", "required": n == "q" and entry.name == "search", "description": QUERY[n]}
        | {"schema": {"type": "string"}}
        for n in entry.query
    ]
    if "{id}" in entry.path:
        parameters.append(_IN_PATH)
    kind = "text/event-stream" if entry.name == "events" else "application/json"
    answer = {"description": "OK", "content": {kind: {"schema": _schema(entry)}}}
    operation: dict[str, Any] = {
        "operationId": entry.name,
        "summary": entry.summary,
        "parameters": parameters,
        "responses": {"200": answer, "default": _FAILED},
    }
    if entry.body is not None:
        schema = {"$ref": _REF + entry.body.__name__}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if entry.needs == "nothing":
        operation["security"] = []
    return operation


def _schema(entry: Entry) -> dict[str, Any]:
    if entry.answer is types.Session:
        return {"$ref": _REF + "SessionWithCalls"}
    return {} if entry.answer is None else {"$ref": _REF + entry.answer.__name__}


def _with_calls(session: dict[str, Any]) -> dict[str, Any]:
    """One session alone has its calls where lists have their number."""
    schema = copy.deepcopy(session) | {"title": "SessionWithCalls"}
    schema["properties"] |= {
        "calls": {"type": "array", "items": {"$ref": _REF + "Call"}},
        "call_count": {"type": "integer"},
    }
    schema["required"] = [*schema["required"], "call_count"]
    return schema


_IN_PATH = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_FAILED = {"description": "Refused", "content": {"application/json": {"schema": {"$ref": _REF + "Error"}}}}
_TEXT = {"type": ["string", "null"]}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": _TEXT,
                "code": _TEXT,
                "request_id": {"type": "string"},
            },
            "required": ["message", "type", "param", "code", "request_id"],
        }
    },
    "required": ["error"],
}
