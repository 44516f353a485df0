"""The OpenAPI document, made from the route table and the types; the LLM routes in short."""

import copy
import re
from typing import Any

import msgspec

from sessionary import __version__
from sessionary.api import fields, params, sheets, types
from sessionary.api.surface import LLM
from sessionary.api.table import TABLE, Entry

QUERY = {
    "filter": "such as `model:gpt* cost>0.5 -client:curl`: see GET /api/fields",
    "attempt": "which of the call's attempts, 0 for the first; the last unless that is said",
    "of": "sessions or calls",
    "field": "a field that suggests values: see GET /api/fields",
    "prefix": "what the values begin with",
    "bars": "about how many bars there are to be, 1 to 400",
    "session_id": "a session's id: ours, or the one the client sent",
    "session": "one session's id: ours, or the one the client sent",
    "q": 'words or "phrases" in messages, or in a session\'s title; the last word may be a beginning',
    "model": "as it was asked for; * stands for anything",
    "status": "of sessions: " + ", ".join(params.SESSION_STATUSES) + "; of calls: " + ", ".join(params.CALL_STATUSES),
    "key": "a key's name; * stands for anything",
    "user": "the request's `user`; * stands for anything",
    "client": "the calling program, any version or with its version that one; * stands for anything",
    "source": "how the session was found: " + ", ".join(fields.SOURCES),
    "since": "what was going on then or later: ISO 8601, seconds since 1970, or an age such as 24h",
    "until": "what was going on then or earlier: the same forms",
    "sort": "a field's name, with - in front for descending",
    "limit": f"1 to {params.MOST}; 50 where it is not given",
    "cursor": "`next_cursor` of the page before",
    "project": "with the master key: one project's name",
    "format": "json; jsonl: a line for the session, then one a call; markdown: for people; openai: the last request's "
    "messages and its answer, as chat completions has them",
    "calls": "calls of the session: at most 100 ids, with commas between them",
    "action": "what was done: such as `key.create`, or `key` for everything that was done to keys",
    "actor": "who did it: a key's id or name, `master`, `command` or `gateway`",
    "target": "the id of what it was done to",
    "raw": "1: a stream's events as they came",
    "branch": "the id of a call: the branch that it is on; without one, the newest",
}
_OF = {("replay_plan", "model"): "the one that is to answer"}
"""Parameters that mean something else there."""
_KINDS = {
    **dict.fromkeys(("events", "replay"), "text/event-stream"),
    **dict.fromkeys(("sessions_csv", "calls_csv"), sheets.KIND),
}
"""Of answers that are no JSON."""
_REQUIRED = {("search", "q"), ("replay_plan", "model")}
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
    for listed in LLM:
        method, path = listed.method.lower(), "/v1" + listed.path
        answers = {"200": {"description": "OK"}, "default": _FAILED}
        operation: dict[str, Any] = {"summary": f"{listed.summary}; also without /v1", "responses": answers}
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
        {"name": n, "in": "query", "required": (entry.name, n) in _REQUIRED, "schema": {"type": "string"}}
        | {"description": _OF.get((entry.name, n)) or QUERY[n]}
        for n in entry.query
    ]
    if "{id}" in entry.path:
        parameters.append(_IN_PATH)
    kind = _KINDS.get(entry.name, "application/json")
    schema = {"type": "string"} if kind == sheets.KIND else _schema(entry)
    answer = {"description": "OK", "content": {kind: {"schema": schema}}}
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
