"""Web search, the one tool of a provider's own that two formats have: Responses and Messages, each in the other. Pure.

How much is read for it and what of that is shown (`search_context_size`, `search_content_types`, `max_uses`,
`external_web_access`) is each provider's own business and is left out; where it may be read is not.
"""

import re
from typing import Any

from sessionary.wire.canonical import Tool
from sessionary.wire.foreign import cannot

Wire = dict[str, Any]
_RESPONSES = re.compile(r"web_search(_preview)?(_\d{4}_\d\d_\d\d)?")
_MESSAGES = re.compile(r"web_search_\d{8}")
_ANTHROPIC = "web_search_20250305"
"""The version that every model and every way to Claude has."""
_SAYABLE = {
    "responses": frozenset(
        {"type", "filters", "user_location", "search_context_size", "external_web_access", "search_content_types"}
    ),
    "messages": frozenset({"type", "name", "allowed_domains", "user_location", "max_uses", "cache_control"}),
}
"""Fields that have an equal, or may be left out."""


def for_messages(tool: Tool) -> Wire | None:
    """None for another tool. Raises Unsupported."""
    if tool.format != "responses" or not _RESPONSES.fullmatch(tool.kind):
        return None
    given = _known(tool, "messages")
    filters = given.get("filters") or {}
    if not isinstance(filters, dict) or set(filters) - {"allowed_domains"}:
        raise cannot("tools", "messages", "web search takes `allowed_domains` as its only filter")
    domains = filters.get("allowed_domains")
    return _said({"type": _ANTHROPIC, "name": "web_search", "allowed_domains": domains, "user_location": _place(given)})


def for_responses(tool: Tool) -> Wire | None:
    """None for another tool. Raises Unsupported."""
    if tool.format != "messages" or not _MESSAGES.fullmatch(tool.kind):
        return None
    given = _known(tool, "responses")
    domains = given.get("allowed_domains")
    filters = {"allowed_domains": domains} if domains else None
    return _said({"type": "web_search", "filters": filters, "user_location": _place(given)})


def _known(tool: Tool, target: str) -> Wire:
    given: Wire = tool.origin if isinstance(tool.origin, dict) else {}
    for name, value in given.items():
        if name not in _SAYABLE[tool.format] and value:
            raise cannot("tools", "messages" if target == "messages" else "responses", f"web search without {name!r}")
    return given


def _place(given: Wire) -> Wire | None:
    place = given.get("user_location")
    return {"type": "approximate", **_said(place)} if isinstance(place, dict) and _said(place) else None


def _said(fields: Wire) -> Wire:
    return {name: value for name, value in fields.items() if value is not None}
