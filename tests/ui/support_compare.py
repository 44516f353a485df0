"""Two sessions that begin alike and then part, one with two branches, long ones, and hostile ones."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from tests.ui.data import XSS, Json, added, call, iso, said, session, text
from tests.ui.support_chat import asks, gets

LEFT, RIGHT, BRANCHED = "ses_left", "ses_right", "ses_branched"
SYSTEM = "You keep a warehouse’s database healthy.\nSay what you will do before you do it.\nNever drop a table.\n"
ASKED = "The nightly export has timed out three Mondays in a row. Find out why."
PLAN = "Seq Scan on orders  (cost=0.00..431204.00 rows=12000000)\n  Filter: (created_at > now() - '7 days'::interval)"
FOUND = """The export reads **every order ever made**: its filter on `created_at` has no index.
On Mondays the backup runs at the same time, so the scan takes 34 minutes and the job is killed at 30."""
OFFER = "I would add an index on `created_at`. Shall I?"
CAREFUL = """Done: the index `orders_created_at` was built without locking the table, in 4 min 12 s.
The export now reads 61,000 rows and takes 9 seconds."""
HASTY = """Done: the index `orders_created_at` was built in 1 min 58 s.
The table was locked meanwhile. The export now reads 61,000 rows and takes 9 seconds."""
TICKET = "Write two sentences for the ticket."
SUMMARY = "The nightly export timed out because it scanned all orders. An index on created_at brings it from 34 minutes to 9 seconds."  # noqa: E501
SHORT = "The nightly export scanned all orders. With an index on created_at it takes 9 seconds."
SETTINGS: Json = {"temperature": 0.2, "max_tokens": 4096, "stream": True}
BODIES: Json = {"request": None, "response": None}

Step = tuple[int, Json, list[Json], list[Json], Json]


def pair(now: datetime) -> tuple[Json, Json]:
    """Two turns in common, an answer and a tool call that differ, a turn that only one has, and the same question."""
    index = {"sql": "CREATE INDEX CONCURRENTLY orders_created_at ON orders (created_at)", "timeout_s": 600}
    quick = {"sql": "CREATE INDEX orders_created_at ON orders (created_at)", "timeout_s": 600, "force": True}
    mini = {"model": "gpt-4o-mini", "provider": "openai", "upstream_model": "gpt-4o-mini-2024-07-18"}
    first: list[Step] = [
        (1, {"duration_ms": 4100, "cost": 0.021, "ttft_ms": 640}, [said("user", text(ASKED))],
         [asks("t1", "explain", query="SELECT * FROM orders WHERE created_at > now() - interval '7 days'")],
         {"system": [said("system", text(SYSTEM))]}),
        (1, {"duration_ms": 5200, "cost": 0.026, "ttft_ms": 610}, [gets("t1", PLAN)], [text(FOUND)], {}),
        (2, {"duration_ms": 2300, "cost": 0.012, "ttft_ms": 480}, [said("user", text("What would help?"))],
         [text(OFFER)], {}),
    ]  # fmt: skip
    left: list[Step] = [
        *first,
        (3, {"duration_ms": 6800, "cost": 0.031, "ttft_ms": 590},
         [said("user", text("Yes, add the index, but do not lock the table."))], [asks("t2", "run_sql", **index)], {}),
        (3, {"duration_ms": 4300, "cost": 0.029, "ttft_ms": 600}, [gets("t2", {"ok": True, "seconds": 252})],
         [text(CAREFUL)], {}),
        (4, {"duration_ms": 3900, "cost": 0.018, "ttft_ms": 610}, [said("user", text("Is the backup still slow?"))],
         [text("No. It reads from the replica now, and ended at 02:40.")], {}),
        (5, {"duration_ms": 2900, "cost": 0.014, "ttft_ms": 530}, [said("user", text(TICKET))], [text(SUMMARY)], {}),
        (6, {"duration_ms": 900, "cost": 0.004, "ttft_ms": 420}, [said("user", text("Thanks!"))],
         [text("You are welcome.")], {}),
    ]  # fmt: skip
    right: list[Step] = [
        *first,
        (3, {**mini, "duration_ms": 1900, "cost": 0.002, "ttft_ms": 310},
         [said("user", text("Yes, add the index."))], [asks("t2", "run_sql", **quick)], {}),
        (3, {**mini, "duration_ms": 1500, "cost": 0.002, "ttft_ms": 280}, [gets("t2", {"ok": True, "seconds": 118})],
         [text(HASTY)], {}),
        (4, {**mini, "duration_ms": 1100, "cost": 0.001, "ttft_ms": 290}, [said("user", text(TICKET))],
         [text(SHORT)], {}),
        (5, {**mini, "duration_ms": 400, "cost": 0.0004, "ttft_ms": 240}, [said("user", text("Thanks!"))],
         [text("You are welcome.")], {}),
    ]  # fmt: skip
    title = "Why the nightly export times out"
    return (
        made(LEFT, "export-monday", title, now - timedelta(hours=3), 20_000, left),
        made(RIGHT, "export-monday-mini", title + ", again", now - timedelta(hours=1), 30_000, right),
    )


def branched(now: datetime) -> Json:
    """The second question asked in two ways, each gone on from."""
    steps: list[Step] = [
        (1, {}, [said("user", text("Plan a journey to Lisbon"))], [text("By train or by plane?")], {}),
        (2, {"cost": 0.08}, [said("user", text("By train"))], [text("Through Irun, two nights.")], {}),
        (2, {"cost": 0.01, "parent": 0}, [said("user", text("By plane"))], [text("Direct, three hours.")], {}),
        (3, {"parent": 1}, [said("user", text("Book it"))], [text("The sleeper is booked.")], {}),
        (3, {"parent": 2, "cost": 0.02}, [said("user", text("Book it"))], [text("Seat 12A is booked.")], {}),
    ]
    found = made(BRANCHED, "lisbon", "Plan a journey to Lisbon", now - timedelta(minutes=30), 40_000, steps)
    found["session"]["branches"] = 1
    return found


def made(id: str, name: str, title: str, start: datetime, first: int, steps: list[Step]) -> Json:
    """A session of these calls, each of which goes on from the one before, or from the one that `parent` numbers."""
    calls: list[Json] = []
    for i, (turn, fields, messages, answer, more) in enumerate(steps):
        before = fields.get("parent", i - 1)
        own = {key: value for key, value in fields.items() if key != "parent"}
        parent = calls[before] if before >= 0 else None
        fixed: Json = {"parent_id": parent["call"]["id"] if parent else None, "session": id} | own
        row = call(name, first + i, turn, start + timedelta(seconds=40 * i), **fixed)
        one = added(row, json.loads(json.dumps(messages)), said("assistant", *answer), resent=2 * i, **more)
        _identify(one, parent["output"]["id"] if parent else "")
        calls.append(one)
    rows = [one["call"] for one in calls]
    numbers: Json = {
        "calls": len(rows), "turns": max(row["turn"] for row in rows), "errors": 0, "status": "ok",
        "cost": sum(row["cost"] for row in rows), "active_ms": sum(row["duration_ms"] for row in rows),
        **{n: sum(row[n] for row in rows) for n in ("input_tokens", "cached_tokens", "output_tokens")},
        "models": list(dict.fromkeys(row["model"] for row in rows)),
        "first_at": rows[0]["created_at"], "last_at": iso(start + timedelta(seconds=40 * len(rows))),
    }  # fmt: skip
    row = session(first, start, id=id, session_id=name, title=title, source="id", **numbers)
    return {"session": row, "calls": calls}


def _identify(one: Json, parent: str) -> None:
    """As the store does: a message's id is that of all up to it."""
    for message in [*one["messages"], one["output"]]:
        meant = json.dumps([parent, message["role"], message["pieces"]]).encode()
        parent = message["id"] = hashlib.sha256(meant).hexdigest()[:32]


def long(id: str, now: datetime, turns: int, part: int) -> Json:
    """`turns` turns of two calls each, which are `part` turns the same as those of any other."""
    steps: list[Step] = []
    for i in range(turns):
        own = f"{id}: " if i >= part else ""
        words = f"Step {i} of the {['index', 'export', 'backup', 'report'][i % 4]} number {i * 7919 % 1009}"
        steps.append((i + 1, {}, [said("user", text(words))], [asks(f"t{i}", "look", step=i)], {}))
        answer = f"{own}Step {i} is done. " + "It went as planned, and nothing was lost. " * 8
        steps.append((i + 1, {}, [gets(f"t{i}", "ok")], [text(answer)], {}))
    first = 1_000_000 if id.endswith("1") else 2_000_000
    return made(id, id, f"A long way {id}", now - timedelta(hours=90), first, steps)


def hostile(now: datetime) -> tuple[Json, Json]:
    sides = []
    for n, id in enumerate(("ses_bad1", "ses_bad2")):
        steps: list[Step] = []
        for i, payload in enumerate(XSS):
            tool = asks(f"t{i}", payload, **{payload: [payload, n], "n": {payload: n}})
            told = f"{payload} number {n} of this" if i % 2 else payload
            who: Json = {"model": payload, "error": {"type": payload, "message": f"{payload} {n}"}, "status": "ok"}
            asked = [said("user", text(told))] + ([gets(f"t{i - 1}", f"{payload} {n}")] if i else [])
            steps.append((i + 1, who, asked, [text(f"{n} {payload}"), tool], {"system": [said("system", text(told))]}))
        sides.append(made(id, XSS[n], " ".join(XSS[n:]), now, 50_000 + 1000 * n, steps))
    return sides[0], sides[1]


def request(added: Json, **fields: Any) -> None:
    """Gives a call a body of its own."""
    added["request"] = fields
