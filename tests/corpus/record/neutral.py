"""Takes out of recorded calls what identifies a session, a device or a machine, and marks agents and side calls.

A body keeps its bytes but for the fields that are removed: it is taken apart and put together again as its client
does, and that this gives the same bytes is checked.
"""

import json
import re
from typing import Any

Row = dict[str, Any]
_SESSION_FIELDS = ("prompt_cache_key", "client_metadata", "session_id")
_SESSION_HEADERS = ("x-claude-code-session-id", "session-id", "x-session-id", "x-session-affinity")
_NOBODY = "00000000-0000-4000-8000-000000000000"
"""Stands where a session's id is part of a text, such as a folder's name."""
_KERNEL = re.compile(r"(Linux )?\d+\.\d+\.\d+-fc-v\d+")
_TITLE = re.compile(r"title generator|sentence-case title|generate a (?:concise|short|brief)[^\n]{0,60}title", re.I)
_OUTSIDE = re.compile(
    r"Context Extraction Assistant|\*Briefly\* summarize|one-line Git commit messages|<conversation>\\n\[User\]:"
)
"""Of programs that put what was said into one message, and want a summary or a commit's message of it."""


def neutral(rows: list[Row], headers: list[dict[str, str]]) -> list[Row]:
    """In order of time, which begins at 0."""
    pairs = sorted(zip(rows, headers, strict=True), key=lambda pair: pair[0]["at"])
    sessions = {sent[h] for _, sent in pairs for h in _SESSION_HEADERS if h in sent}
    start = pairs[0][0]["at"] if pairs else 0
    names: dict[str, str] = {}
    for row, sent in pairs:
        row["at"], row["body"] = row["at"] - start, _stripped(row["body"])
        row["agent"] = row["agent"] or _agent(sent, names)
        row["side"] = _side(json.loads(row["body"]))
        for name in ("body", "answer"):
            for session in sessions:
                row[name] = row[name].replace(session, _NOBODY)
            row[name] = _KERNEL.sub(lambda found: f"{found[1] or ''}6.12.0", row[name])
    return [row for row, _ in pairs]


def _stripped(text: str) -> str:
    body = json.loads(text)
    metadata = body.get("metadata") or {}
    found = [name for name in _SESSION_FIELDS if name in body]
    if not found and "user_id" not in metadata:
        return text
    assert _compact(body) == text, "the client writes JSON in another way"
    for name in found:
        del body[name]
    if metadata.pop("user_id", None) is not None and not metadata:
        del body["metadata"]
    return _compact(body)


def _compact(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _agent(headers: dict[str, str], names: dict[str, str]) -> str:
    """Claude Code's, Codex's and opencode's ids of agents, counted."""
    found = headers.get("x-claude-code-agent-id", "")
    if headers.get("thread-id") != headers.get("session-id"):
        found = headers.get("thread-id", "")
    if "x-parent-session-id" in headers:
        found = headers["x-session-id"]
    return names.setdefault(found, f"agent-{len(names) + 1}") if found else ""


def _side(body: Row) -> bool:
    """A call for a title or a summary outside the conversation, or to see whether there is quota left."""
    if body.get("max_tokens") == 1:
        return True
    text = json.dumps(body)[:20_000]
    return not body.get("tools") and (_OUTSIDE.search(text) is not None or _TITLE.search(text) is not None)
