"""What a support agent did: tools, reasoning, a failure and its retry, a pause. The session of the pictures."""

import base64
import json
import struct
import zlib
from datetime import datetime, timedelta
from typing import Any

from tests.ui.data import TITLES, Json, added, call, iso, said, session, text

NAME = "support-88213"
FIRST = 1000
CHARGES = {
    "charges": [
        {"id": "ch_71", "amount": "49.90 EUR", "at": "2026-11-20T09:14:02Z"},
        {"id": "ch_72", "amount": "49.90 EUR", "at": "2026-11-20T09:14:06Z"},
    ],
    "customer": "Okafor",
}
SYSTEM = "You are a careful support agent.\nNever refund more than was charged. Today is 24 November 2026.\n" * 6
THOUGHT = (
    "Two captures, four seconds apart, equal amounts: a **duplicate**. "
    "The policy allows it without approval, but I should read it first."
)
FOUND = """I found **two captures four seconds apart** for the same amount:

- `ch_71` at 09:14:02
- `ch_72` at 09:14:06

Shall I refund the second one?"""
ANSWER = """The duplicate charge of **49.90 EUR** is refunded (`re_19ac`). It reaches the card in 3–5 working days.

| charge | at | state |
|---|---|---|
| `ch_71` | 09:14:02 | kept |
| `ch_72` | 09:14:06 | **refunded** |

Here is the message I would send:

```text
Hello Ms. Okafor,
we charged your card twice for order 88213. The second charge has been
refunded today. We are sorry for the trouble.
```

1. Send it now
2. Or change the tone first, see [the guide](https://example.com/tone)"""
SUMMARY = """## Summary

The customer was charged twice; the second charge was refunded.

```python
client.refunds.create(charge="ch_72", amount=4990, reason="duplicate")"""
TIMED_OUT = {
    "status": "upstream_error",
    "http_status": 504,
    "duration_ms": 30_100,
    "error": {"type": "timeout_error", "message": "The provider did not answer in time."},
    "attempts": [{"deployment": "eu-1", "status": 504}, {"deployment": "eu-2", "status": 504}],
} | dict.fromkeys(
    ("cost", "ttft_ms", "finish_reason", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
)
QUICK = {"duration_ms": 4420}
CLOSED = {"status": "client_closed", "duration_ms": 1200, "cost": 0.004, "finish_reason": None}


def agent_session(now: datetime) -> Json:
    start = now - timedelta(minutes=16)
    first = {"parent_id": None, "duration_ms": 3100, "cost": 0.0412, "finish_reason": "tool_calls", "cached_tokens": 0}
    system = said("system", text(SYSTEM))
    asked = text("Refund the duplicate charge on order 88213 and tell the customer. The receipt is attached.")
    receipt = {"type": "image", "url": picture(), "media_type": "image/png"}
    elsewhere = {"type": "image", "url": "https://cdn.example.com/receipt-88213.png"}
    thought = {"type": "reasoning", "text": THOUGHT}
    find = asks("call_a", "find_charges", order=88213, window_days=30)
    policy = asks("call_b", "read_policy", topic="refunds")
    refund = asks("call_c", "issue_refund", order=88213, capture="ch_72", amount="49.90 EUR", reason="duplicate")
    rules = "Refunds under 200 EUR need no approval.\nAbove that, ask finance-approvals."
    refunded = {"status": "refunded", "id": "re_19ac", "at": "2026-11-24T14:03:24Z"}
    summary = text("Thanks! Now write a summary for the ticket with a code sample of the refund call.")

    # turn, seconds after the start, the call's own fields, messages, answer, what else
    script: list[tuple[int, float, Json, list[Json], list[Json], Json]] = [
        (1, 0, first, [said("user", asked, receipt, elsewhere)], [thought, find], {"system": [system]}),
        (1, 3.6, {"duration_ms": 2100, "cost": 0.0121}, [gets("call_a", CHARGES)], [text(FOUND)], {"resent": 3}),
        (2, 72, {"duration_ms": 4400}, [said("user", text("Yes, go ahead"))],
         [thought, text("I will read the policy and issue the refund."), policy, refund], {"resent": 5}),
        (2, 77, QUICK, [gets("call_b", rules), gets("call_c", refunded)], [text(ANSWER)], {"resent": 7}),
        (3, 842, TIMED_OUT, [said("user", text("Send it"))], [], {"resent": 10}),
        (3, 880, {"duration_ms": 3900, "cost": 0.0542, "parent_id": f"call_{FIRST + 3:026d}"}, [],
         [text("Done. The message was sent to the customer at 14:16.")], {"resent": 11, "retry": True}),
        (4, 930, CLOSED, [said("user", summary)], [text(SUMMARY)], {"resent": 12}),
    ]  # fmt: skip
    calls = []
    for i, (turn, seconds, fields, messages, answer, more) in enumerate(script):
        made = call(NAME, FIRST + i, turn, start + timedelta(seconds=seconds), **fields)
        calls.append(added(made, messages, said("assistant", *answer) if answer else None, **more))
    numbers = {"calls": 7, "turns": 4, "errors": 1, "cost": 0.2323, "active_ms": 49_000}
    tokens = {"input_tokens": 83220, "cached_tokens": 67224, "output_tokens": 1872, "reasoning_tokens": 1284}
    who = {"models": ["claude-sonnet-4-5"], "clients": ["openai-python"], "keys": ["support-bot"]}
    what = {"id": "ses_agent", "session_id": NAME, "title": TITLES[0], "status": "errors", "source": "id"}
    times = {"first_at": calls[0]["call"]["created_at"], "last_at": iso(now)}
    return {"session": session(1, now, **what, **numbers, **tokens, **who, **times), "calls": calls}


def asks(name: str, tool: str, **arguments: Any) -> Json:
    return {"type": "tool_call", "id": name, "name": tool, "arguments": arguments}


def gets(name: str, result: str | Json) -> Json:
    shown = result if isinstance(result, str) else json.dumps(result)
    return said("tool", {"type": "tool_result", "id": name, "content": [text(shown)]})


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
