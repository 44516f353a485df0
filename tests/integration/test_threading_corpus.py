"""Real clients, with nothing that names a session: every conversation is one session, and no two are the same.

The calls were recorded once, see `tests/corpus/README.md`. Each client alone, in rounds of one record and in one of
all; then all of them at once, each with a key of its own, since they were told the same by the same demo, to the
letter. `pytest -s` shows what came of each client.
"""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary import ids
from sessionary.drain.seen import Seen
from sessionary.record.exchange import Begin, Finish, Record
from sessionary.store import keys, schema
from tests.support import corpus, threaded
from tests.support.corpus import Recorded

START = 1_790_000_000_000_000


def records(path: Path, project: int) -> tuple[list[Record], dict[str, Recorded]]:
    """What the spool would have of a client's calls, and the call behind each id."""
    found: list[Record] = []
    calls: dict[str, Recorded] = {}
    for n, call in enumerate(corpus.load(path)):
        call_id = f"call_{path.name.split('.')[0]}_{n:04d}"
        own = ids.session_id(project, call_id)
        headers = {"x-stainless-retry-count": str(call.retry_count)} if call.retry_count else {}
        begin = Begin(
            call_id=call_id,
            at=START + call.at,
            project=project,
            key_id=f"key_{path.name.split('.')[0]}",
            session_id=own,
            session_text=own,
            source="none",
            rule="none",
            endpoint=call.endpoint,
            model="m",
            stream=call.stream,
            client=call.user_agent,
            user="",
            headers=headers,
            body=call.body.encode(),
        )
        ok = call.http_status < 400
        finish = Finish(
            call_id=call_id,
            at=START + call.at + max(1, call.took),
            status="ok" if ok else "upstream_error",
            http_status=call.http_status,
            provider="p",
            deployment="d",
            upstream_model="m",
            ttft=None,
            error_type="" if ok else "server_error",
            error_message="",
            attempts=[],
            headers={"content-type": call.content_type},
            body=call.answer.encode(),
        )
        found += [begin, finish]
        calls[call_id] = call
    return found, calls


def stored(engine: sa.Engine, found: list[Record], size: int) -> dict[str, sa.Row[Any]]:
    found = sorted(found, key=lambda record: (getattr(record, "at", 0), isinstance(record, Begin)))
    seen = Seen()
    for start in range(0, len(found), size):
        some = [r for r in found[start : start + size] if isinstance(r, Begin | Finish)]
        threaded.store(engine, some, {}, seen)
    with engine.connect() as connection:
        return {row.id: row for row in connection.execute(sa.select(schema.calls))}


def faults(calls: dict[str, Recorded], rows: dict[str, sa.Row[Any]]) -> list[str]:
    """What is not as it was: calls that were not found to go on from another, sessions with several conversations."""
    told: list[str] = []
    begun: set[tuple[str, str]] = set()
    conversations: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for call_id, call in calls.items():
        row, mine = rows[call_id], (call.client, call.conversation)
        conversations[row.session].add(mine)
        if mine in begun and row.source == "none" and not call.side and (call.agent or answered(call)):
            told.append(f"{call_id} of {mine} was not found")
        begun.add(mine)
    return told + [f"{session} has {sorted(named)}" for session, named in conversations.items() if len(named) > 1]


def report(calls: dict[str, Recorded], rows: dict[str, sa.Row[Any]]) -> str:
    """A line a client: what was recorded, and by which rules its calls were found."""
    lines = [f"{'':15}{'conversations':>14}{'calls':>7}{'agents':>8}{'side':>6}  found by"]
    for client in sorted({call.client for call in calls.values()}):
        mine = {i: call for i, call in calls.items() if call.client == client}
        rules = Counter(rows[i].rule for i in mine)
        agents = len({rows[i].agent for i in mine} - {""})
        counts = f"{len({call.conversation for call in mine.values()}):>14}{len(mine):>7}{agents:>8}"
        counts += f"{sum(call.side for call in mine.values()):>6}"
        lines.append(f"{client:15}{counts}  " + ", ".join(f"{rule} {n}" for rule, n in rules.most_common()))
    return "\n".join(lines)


def answered(call: Recorded) -> bool:
    """Whether its history has an answer: one that has none begins a session, since nothing tells where it belongs."""
    body = json.loads(call.body)
    said = body.get("messages", body.get("input"))
    kinds = ("function_call", "reasoning", "custom_tool_call")
    return isinstance(said, list) and any(m.get("role") == "assistant" or m.get("type") in kinds for m in said)


@pytest.mark.parametrize("path", corpus.clients(), ids=lambda path: path.name.split(".")[0])
@pytest.mark.parametrize(("kind", "size"), [("sqlite", 1), ("sqlite", 1000), ("postgresql", 1000)], indirect=["kind"])
def test_each_client_threads_wholly(engine: sa.Engine, path: Path, size: int) -> None:
    """`size`: records that are stored at a time."""
    found, calls = records(path, keys.ensure_project(engine, "default"))
    assert faults(calls, stored(engine, found, size)) == []


def test_all_clients_at_once_in_one_project(engine: sa.Engine) -> None:
    project = keys.ensure_project(engine, "default")
    every = [records(path, project) for path in corpus.clients()]
    assert len(every) >= 12
    calls = {i: call for _, some in every for i, call in some.items()}
    rows = stored(engine, [record for found, _ in every for record in found], 50)
    print("\n" + report(calls, rows))
    assert faults(calls, rows) == []
    agents = [i for i, call in calls.items() if call.agent]
    assert agents
    assert all(rows[i].agent for i in agents)
    assert not any(rows[i].side for i, call in calls.items() if not call.side)
