"""A session with all that threading finds: agents within agents, attempts, a branch, a side call, a compaction."""

from datetime import datetime, timedelta
from typing import Any

from tests.ui.data import Json, added, call, iso, said, session, text
from tests.ui.support_chat import asks, gets

NAME, ID = "checkout-refactor", "ses_threads"
FIRST = 7001
BUSY = {
    "status": "upstream_error",
    "http_status": 529,
    "duration_ms": 900,
    "error": {"type": "overloaded_error", "message": "Overloaded."},
    "cost": None,
}


def call_id(nth: int) -> str:
    return f"call_{FIRST + nth:026d}"


def spawned(nth: int, tool: str, name: str, parent: str = "") -> Json:
    origin = {"kind": "spawn", "call_id": call_id(nth), "tool_call_id": tool}
    return {
        "agent": tool, "agent_name": name, "agent_parent": parent, "origin": origin, "parent_id": None,
        "source": "content", "rule": "content.spawn", "candidates": [[call_id(nth), ID, 1]],
    }  # fmt: skip


def on(nth: int | None, **more: Any) -> Json:
    found = {"source": "content", "rule": "content"} if nth is not None else {"source": "none", "rule": "none"}
    return {"parent_id": None if nth is None else call_id(nth), **found, **more}


def threads_session(now: datetime) -> Json:
    start = now - timedelta(minutes=20)
    user = lambda words: [said("user", text(words))]  # noqa: E731
    explore = {"agent": "toolu_1", "agent_name": "Explore", "agent_parent": ""}
    compacted = {"kind": "compaction", "call_id": call_id(10), "tool_call_id": None}
    side = {"side": True, "model": "gpt-4o-mini", "cost": 0.0001, "duration_ms": 400, **on(None)}
    # seconds, turn, fields, messages, answer
    script: list[tuple[float, int, Json, list[Json], list[Json], Json]] = [
        (0, 1, on(None), user("Move the checkout to the new tax service, and have the call sites found first."),
         [text("Two agents look at it."),
          asks("toolu_1", "Task", prompt="Find every call of tax()", subagent_type="Explore"),
          asks("toolu_2", "Task", prompt="Read the new service’s contract", subagent_type="Plan")], {}),
        (0.4, 0, side, user("Generate a title for this conversation"), [text("Checkout on the new tax service")], {}),
        (5, 1, spawned(0, "toolu_1", "Explore"), user("Find every call of tax()"),
         [asks("toolu_3", "Task", prompt="Look in legacy/ as well")], {}),
        (6, 1, spawned(0, "toolu_2", "Plan"), user("Read the new service’s contract"),
         [text("It wants amounts in **minor units**.")], {}),
        (8, 1, spawned(2, "toolu_3", "Explore", "toolu_1"), user("Look in legacy/ as well"),
         [text("Two calls in `legacy/`.")], {}),
        (12, 1, on(2, **explore), [gets("toolu_3", "Two calls in legacy/")],
         [text("Eleven calls of `tax()`: nine in `checkout/`, two in `legacy/`.")], {}),
        (20, 1, on(0), [gets("toolu_1", "Eleven calls"), gets("toolu_2", "Minor units")],
         [text("I would begin with `checkout/total.py`. Shall I?")], {}),
        (80, 2, on(6, **BUSY), user("Yes, but keep the old one behind a flag"), [], {}),
        (82, 2, on(6, ambiguous=True, candidates=[[call_id(6), ID, 5], [call_id(3), "ses_other", 5]]),
         user("Yes, but keep the old one behind a flag"), [text("Done, behind `TAX_V2`.")], {"retry": True}),
        (120, 3, on(6), user("No, first show me the plan"), [text("1. the flag\n2. `total.py`\n3. the tests")], {}),
        (300, 4, on(9), user("Summarise the conversation so far so that it can be continued"),
         [text("Summary: the tax service, eleven calls, a flag, minor units. " * 4)], {}),
        (900, 5, on(None) | {"origin": compacted, "source": "content", "rule": "content.compaction"},
         user("This session is continued from a summary. Go on."), [text("The tests come next.")], {}),
    ]  # fmt: skip
    calls = []
    for nth, (seconds, turn, fields, messages, answer, more) in enumerate(script):
        made = call(NAME, FIRST + nth, turn, start + timedelta(seconds=seconds), **fields)
        calls.append(added(made, messages, said("assistant", *answer) if answer else None, **more))
    continues = {"session": "ses_before", "session_id": "checkout-0", "call_id": "call_before"}
    row = session(
        5, now, id=ID, session_id=NAME, title="Move the checkout to the new tax service", source="content", status="ok",
        calls=len(calls), turns=5, errors=1, branches=1, agents=3, continues=continues,
        first_at=calls[0]["call"]["created_at"], last_at=iso(now), clients=["Claude Code 2.1.7"],
    )  # fmt: skip
    return {"session": row, "calls": calls}
