"""Every route of the API: method, path, what it needs, what it answers. Routing and the OpenAPI document read it."""

from typing import Literal

import msgspec

from sessionary.api import health, params, thread_types, types

Needs = Literal["nothing", "read", "write"]
"""`read` and `write` need a key, or a browser's login; both reach only what belongs to the key's project."""


class Entry(msgspec.Struct, frozen=True):
    method: str
    path: str
    """As documented; a session's `{id}` may contain slashes."""
    name: str
    """Of the method of `routes.Api` that answers."""
    needs: Needs
    summary: str
    answer: type | None = None
    query: tuple[str, ...] = ()
    body: type | None = None


_LIST = params.FILTERS + params.PAGING
TABLE = (
    Entry("GET", "/api/openapi.json", "document", "nothing", "This document"),
    Entry("GET", "/api/sessions", "sessions", "read", "Sessions, newest activity first", types.SessionPage, _LIST),
    Entry(
        "GET",
        "/api/sessions/{id}/transcript",
        "transcript",
        "read",
        "What each call added to a session, in order",
        types.Transcript,
    ),
    Entry(
        "GET",
        "/api/sessions/{id}/tree",
        "tree",
        "read",
        "A session as a tree: requests, attempts, branches, agents, compactions, and what each adds up to",
        thread_types.Tree,
    ),
    Entry(
        "POST",
        "/api/sessions/merge",
        "merge",
        "write",
        "Make sessions one; the others' ids stay names of it",
        thread_types.Corrected,
        body=thread_types.Merge,
    ),
    Entry(
        "POST",
        "/api/sessions/{id}/split",
        "split",
        "write",
        "Make a call, and what goes on from it, a session of their own",
        thread_types.Corrected,
        body=thread_types.Split,
    ),
    Entry("GET", "/api/sessions/{id}", "session", "read", "One session, with its calls in order", types.Session),
    Entry(
        "PATCH",
        "/api/sessions/{id}",
        "patch_session",
        "write",
        "Rename or tag a session",
        types.Session,
        body=types.SessionPatch,
    ),
    Entry(
        "DELETE",
        "/api/sessions/{id}",
        "delete_session",
        "write",
        "Delete a session, its calls, and the texts that nothing else needs",
        types.Deleted,
    ),
    Entry("GET", "/api/calls", "calls", "read", "Calls, newest first", types.CallPage, _LIST),
    Entry("GET", "/api/calls/{id}", "call", "read", "One call", types.Call),
    Entry("GET", "/api/calls/{id}/evidence", "evidence", "read", "Why a call is in its session", thread_types.Evidence),
    Entry(
        "POST",
        "/api/calls/{id}/move",
        "move",
        "write",
        "Put a call, and what goes on from it in its session, into another session",
        thread_types.Corrected,
        body=thread_types.Move,
    ),
    Entry("GET", "/api/calls/{id}/request", "call_request", "read", "The request's body, as it was sent"),
    Entry(
        "GET",
        "/api/calls/{id}/response",
        "call_response",
        "read",
        "The answer's body; of a stream, the answer it added up to, or its events as they came",
        query=("raw",),
    ),
    Entry(
        "GET",
        "/api/health",
        "health",
        "read",
        "How calls find their sessions: shares by rule, day and client, and clients whose histories are not found",
        health.Health,
        ("project",),
    ),
    Entry("GET", "/api/search", "search", "read", "Full-text search over messages", types.HitPage, params.SEARCH),
    Entry(
        "GET",
        "/api/events",
        "events",
        "read",
        "Server-sent events: a session's fields, whenever it changed",
        query=("session_id",),
    ),
)
