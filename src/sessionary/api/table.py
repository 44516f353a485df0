"""Every route of the API: method, path, what it needs, what it answers. Routing and the OpenAPI document read it."""

import msgspec

from sessionary.api import admin_types, audit_views, health, list_types, params, replay_types, thread_types, types
from sessionary.api.permissions import Needs
from sessionary.passed import ProviderRequest


class Entry(msgspec.Struct, frozen=True):
    method: str
    path: str
    """As documented; a session's `{id}` may contain slashes."""
    name: str
    """Of the method that answers, of one of the handlers in `routes`."""
    needs: Needs
    """See `permissions`."""
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
        "/api/sessions/{id}/outline",
        "outline",
        "read",
        "Every call of a session, in order, without what was said; or what is new of them",
        types.Outline,
        ("since",),
    ),
    Entry(
        "GET",
        "/api/sessions/{id}/transcript",
        "transcript",
        "read",
        "What each call added to a session, in order: all calls, those that are named, or a page of them",
        types.Transcript,
        ("calls", "limit", "cursor"),
    ),
    Entry(
        "GET",
        "/api/sessions/{id}/export",
        "export",
        "read",
        "A whole session as a file",
        query=("format",),
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
        "GET",
        "/api/sessions/{id}/replay",
        "replay_plan",
        "read",
        "What would be asked again if the session were replayed, and about what that would cost",
        replay_types.ReplayPlan,
        ("model", "branch"),
    ),
    Entry(
        "POST",
        "/api/sessions/{id}/replay",
        "replay",
        "write",
        "Ask the calls of a session again, of a model, in a session of their own; server-sent events tell how it goes",
        body=replay_types.NewReplay,
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
    Entry("GET", "/api/calls/{id}/headers", "headers", "read", "A call's headers, and its answer's", types.Headers),
    Entry("GET", "/api/calls/{id}/request", "call_request", "read", "The request's body, as it was sent"),
    Entry(
        "GET",
        "/api/calls/{id}/provider_request",
        "provider_request",
        "read",
        "What the provider was sent for it: translated, with what was said before in front",
        ProviderRequest,
        ("attempt",),
    ),
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
    Entry("GET", "/api/fields", "fields", "read", "The fields that a filter may name", list_types.Fields, ("of",)),
    Entry(
        "GET",
        "/api/suggest",
        "suggest",
        "read",
        "Values of a field, for typing a filter: at most 20",
        list_types.Suggestions,
        ("of", "field", "prefix", "project"),
    ),
    Entry(
        "GET",
        "/api/summary",
        "summary",
        "read",
        "What a filter matches, over time and by the commonest values",
        list_types.Summary,
        ("of", "bars", "project", *params.FILTERS),
    ),
    Entry("GET", "/api/views", "saved_views", "read", "Saved lists", list_types.SavedViews, ("project",)),
    Entry(
        "POST",
        "/api/views",
        "save_view",
        "write",
        "Save a list's parameters under a name",
        list_types.View,
        ("project",),
        body=list_types.NewView,
    ),
    Entry("DELETE", "/api/views/{id}", "delete_view", "write", "Delete a saved list", types.Deleted, ("project",)),
    Entry("GET", "/api/search", "search", "read", "Full-text search over messages", types.HitPage, params.SEARCH),
    Entry(
        "GET",
        "/api/events",
        "events",
        "read",
        "Server-sent events: a session's fields, whenever it changed; of one session also answers, while they are said",
        query=("session_id",),
    ),
    Entry("GET", "/api/projects", "projects", "read", "Projects, with their use", admin_types.ProjectList),
    Entry(
        "POST",
        "/api/projects",
        "create_project",
        "master",
        "Make a project",
        admin_types.Project,
        body=admin_types.NewProject,
    ),
    Entry(
        "GET",
        "/api/keys",
        "keys",
        "read",
        "Keys, with their use; never the keys themselves",
        admin_types.KeyList,
        ("project",),
    ),
    Entry(
        "POST",
        "/api/keys",
        "create_key",
        "master",
        "Make a key; this answer is the only one that has it",
        admin_types.CreatedKey,
        body=admin_types.NewKey,
    ),
    Entry("GET", "/api/keys/{id}", "key", "read", "One key, with its use", admin_types.Key),
    Entry(
        "PATCH",
        "/api/keys/{id}",
        "patch_key",
        "master",
        "Rename a key, or change what it may do",
        admin_types.Key,
        body=admin_types.KeyPatch,
    ),
    Entry("DELETE", "/api/keys/{id}", "revoke_key", "master", "Revoke a key", admin_types.Key),
    Entry(
        "GET",
        "/api/models",
        "models",
        "read",
        "The models that can be asked for: what serves them, their prices and their use",
        admin_types.ModelList,
        ("project",),
    ),
    Entry(
        "GET",
        "/api/audit",
        "audit",
        "read",
        "Who did what to keys, projects and what is stored, newest first",
        audit_views.AuditPage,
        ("action", "actor", "target", "since", "until", "limit", "cursor", "project"),
    ),
)
