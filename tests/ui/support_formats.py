"""A session of /responses and /messages calls, as the API tells it: what chat sessions do not have."""

import base64
from datetime import datetime, timedelta
from typing import Any

from tests.ui.data import Json, added, call, iso, said, session, text
from tests.ui.support_chat import picture

NAME = "ses_formats"
FIRST = 2000


def formats_session(now: datetime) -> Json:
    start = now - timedelta(minutes=4)
    instructions = [said("system", text("You look things up before you answer."))]
    note = "data:text/plain;base64," + base64.b64encode(b"Octopuses have three hearts.").decode()
    asked = said(
        "user",
        text("<system-reminder>\nToday is Monday.\n</system-reminder>"),
        text("When did it come out?"),
        {"type": "file", "url": note, "name": "notes.txt", "media_type": "text/plain"},
    )
    ended = {"status": "ok", "finish_reason": "max_output_tokens"}
    failed = {"status": "upstream_error", "error": {"type": "server_error", "message": "It broke."}}
    script: list[tuple[int, Json, list[Json], list[Json], Json]] = [
        (1, {"endpoint": "responses"}, [asked], _tools(), {"system": instructions}),
        (1, {"endpoint": "responses"}, _results(), [text("On 7 October."), _thought("")], {"recalled": 14}),
        (2, {"endpoint": "responses", **ended}, [said("user", text("Tell more"))], [text("It was")],
         {"recalled": 18, "unprompted": True}),
        (3, {"endpoint": "messages"}, [said("user", text("Another way"))], _searched(), {"resent": 18}),
        (4, {"endpoint": "messages", **failed}, _history(), [], {}),
    ]  # fmt: skip
    calls = []
    parents = [None, 0, 1, 1, None]
    for i, (turn, fields, messages, answer, more) in enumerate(script):
        parent = parents[i]
        before = None if parent is None else _id(parent)
        made = call(NAME, FIRST + i, turn, start + timedelta(seconds=20 * i), parent_id=before, **fields)
        calls.append(added(made, messages, said("assistant", *answer) if answer else None, **more))
    row = session(4, now, id=NAME, session_id="resp-chain", title="When did it come out?", source="response")
    return {"session": row | {"first_at": calls[0]["call"]["created_at"], "last_at": iso(now)}, "calls": calls}


def _id(number: int) -> str:
    return f"call_{FIRST + number:026d}"


def _thought(words: str) -> Json:
    return {"type": "reasoning", "text": words}


def _own(name: str, kind: str, given: Any, id: str, **more: Any) -> Json:
    return {"type": "tool_call", "id": id, "name": name, "kind": kind, "arguments": given, **more}


def _got(id: str, *content: Json, **more: Any) -> Json:
    return {"type": "tool_result", "id": id, "content": list(content), **more}


def _other(value: Any) -> Json:
    return {"type": "other", "value": value}


def _tools() -> list[Json]:
    found = {"file_id": "file-1", "filename": "schedule.md", "score": 0.912, "text": "Final: Tuesday"}
    listed = [{"name": "ask", "input_schema": {}, "description": "Asks"}, {"name": "read", "input_schema": {}}]
    search = {"action": {"type": "search", "queries": ["release date"], "sources": [{"url": "https://example.org/3"}]}}
    request = {"type": "mcp_approval_request", "server_label": "wiki", "name": "erase", "arguments": '{"page": "Home"}'}
    click = {"action": {"type": "click", "button": "left", "x": 12, "y": 34}, "pending_safety_checks": []}
    return [
        _thought("I should **look it up**."),
        _own("web_search", "web_search_call", search, "ws"),
        _own("file_search", "file_search_call", {"queries": ["schedule"]}, "fs"),
        _got("fs", _other(found)),
        _own("code_interpreter", "code_interpreter_call", {"code": "print(365)", "container_id": "c"}, "ci"),
        _got("ci", text("365\n")),
        _own("mcp_list_tools", "mcp_list_tools", {}, "ml", detail="wiki"),
        _got("ml", *map(_other, listed)),
        _own("ask", "mcp_call", {"question": "when"}, "mc", detail="wiki"),
        _got("mc", _other({"type": "mcp_tool_execution_error", "content": "No such page"}), error=True),
        _other(request),
        _own("computer", "computer_call", click, "cu"),
        _own("apply_patch", "custom", "*** Begin Patch", "ap"),
        _own("shell", "shell_call", {"action": {"commands": ["uname", "whoami"]}}, "sh"),
        _other({"type": "telepathy", "thought": {"deep": True}}),
    ]


def _results() -> list[Json]:
    ran = {"stdout": "Linux\n", "stderr": "whoami: not found", "outcome": {"type": "exit", "exit_code": 127}}
    return [
        said("user", _other({"type": "mcp_approval_response", "approval_request_id": "m", "approve": True})),
        said("tool", _got("cu", {"type": "image", "url": picture()})),
        said("tool", _got("ap", text("Done"))),
        said("tool", _got("sh", _other(ran))),
    ]


def _searched() -> list[Json]:
    page = {
        "type": "web_search_result",
        "url": "https://en.example.org/wiki/Release",
        "title": "Release",
        "page_age": "May",
    }
    hits = [page | {"encrypted_content": "Eq9x" * 300}, page | {"title": "Notes", "page_age": None}]
    return [
        _own("web_search", "server_tool_use", {"query": "release"}, "s1"),
        _got("s1", _other(hits)),
        _own("web_search", "server_tool_use", {"query": "again"}, "s2"),
        _got("s2", _other({"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"})),
        text("In October."),
    ]


def _history() -> list[Json]:
    """A history that a client sent as items."""
    return [
        said("system", text("Permissions: " + "read, write. " * 60)),
        said("user", text("Begin")),
        said("assistant", _thought("Hm")),
        said("assistant", text("Begun.")),
        said("assistant", {"type": "tool_call", "id": "f", "name": "look", "arguments": {}}),
        said("tool", _got("f", text("found"))),
        said("user", _other({"type": "item_reference", "id": "msg_7"})),
    ]
