"""What is made anew from a session's calls is what the drain had added up, call after call.

Branches are compared where calls have messages: that a body which cannot be read is no branch is seen in the end only.
"""

import json
import random
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary.record.exchange import Begin, Context, Finish, Record, Status
from sessionary.store import keys, reads, schema
from sessionary.store.rollups import recompute
from sessionary.store.writes import transaction
from tests.support.adversary.corpus import generate
from tests.support.recorded import SECOND, SYSTEM, Log, assistant, user
from tests.support.threaded import thread

STATUSES: list[Status] = ["ok", "ok", "ok", "upstream_error", "timeout", "client_closed", "interrupted", "rejected"]
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


def kept(log: Log, *besides: str) -> dict[str, list[Any]]:
    """All that is kept by session, but for when it was written, and the columns `besides`."""
    with log.engine.connect() as connection:
        sessions = connection.execute(sa.select(schema.sessions).order_by(schema.sessions.c.id)).mappings()
        found: dict[str, list[Any]] = {
            "sessions": [{k: v for k, v in row.items() if k not in ("updated_at", *besides)} for row in sessions]
        }
        for table in (schema.facets, schema.session_bodies):
            found[table.name] = sorted(tuple(row) for row in connection.execute(sa.select(table)))
    return found


def again(log: Log) -> None:
    with log.engine.connect() as connection:
        rows = connection.execute(sa.select(schema.sessions.c.project, schema.sessions.c.id)).all()
    with transaction(log.engine) as connection:
        assert all(recompute(connection, row.project, row.id, 1) for row in rows)


@pytest.mark.parametrize("seed", range(8))
def test_it_is_what_the_drain_adds_up(log: Log, seed: int) -> None:
    rng = random.Random(seed)
    plain = seed % 2 == 0
    besides = () if plain else ("branches",)
    histories: dict[str, list[Any]] = {s: [SYSTEM] for s in ("a", "b", "c")}
    running: list[tuple[Begin, str, list[Any]]] = []
    for n in range(rng.randint(8, 30)):
        session = rng.choice(list(histories))
        messages = [*histories[session], user(f"{seed}.{n}")]
        body: dict[str, Any] = {"model": rng.choice(["gpt-4o", "own-model", "gpt-4o-mini"]), "messages": messages}
        if rng.random() < 0.3:
            body["tools"] = TOOLS
        begin = log.begin(
            session,
            body if plain or rng.random() < 0.8 else b"no json",
            key_id=rng.choice(["master", "key_gone"]),
            user=rng.choice(["", "ann", "ben"]),
            client=rng.choice(["openai-python", "curl"]),
            agent=f"agent {n}" if not plain and rng.random() < 0.1 else "",
            tags=rng.choice([[], ["eu"]]),
        )
        records: list[Record] = [begin]
        running.append((begin, session, messages))
        rng.shuffle(running)
        while running and rng.random() < 0.6:
            done, its, asked = running.pop()
            at = log.at + (len(records) + 1) * SECOND
            records.append(ended(log, done, at, rng))
            if records[-1].status == "ok" and not done.agent:
                histories[its] = [*asked, assistant(f"answer {at}")]
        log.store(*records)
        if rng.random() < 0.2:
            check(log, *besides)
    found = check(log, *besides)
    assert sum(row["calls"] for row in found["sessions"]) >= 8
    assert sum(row["agents"] for row in found["sessions"]) == sum("agent" in facet for facet in found["facets"])


def check(log: Log, *besides: str) -> dict[str, list[Any]]:
    before = kept(log, *besides)
    again(log)
    assert kept(log, *besides) == before
    return before


def ended(log: Log, begin: Begin, at: int, rng: random.Random) -> Finish:
    usage = {"prompt_tokens": rng.randint(1, 99), "completion_tokens": rng.randint(1, 99)}
    if rng.random() < 0.3:
        usage["prompt_tokens_details"] = {"cached_tokens": 1}  # type: ignore[assignment]
    status = rng.choice(STATUSES)
    choice = {"index": 0, "message": assistant(f"answer {at}"), "finish_reason": "stop"}
    answer = {"id": "x", "choices": [choice], "usage": usage}
    body = b"" if status in ("timeout", "rejected") else json.dumps(answer).encode()
    return log.finish(begin, body, status, at=at)


def test_more_values_than_are_kept(log: Log) -> None:
    for n in range(55):
        log.chat("a", [user("hi")], body={"model": f"m{n}"})
    assert len(check(log)["sessions"][0]["models"]) == 50


def test_what_goes_on_from_another_session(log: Log) -> None:
    """By the answer that it names. In its own session it comes from nothing, and there it is nobody's follower."""
    first = log.chat("a", [user("hi")])
    for session, text in (("b", "one"), ("b", "two"), ("a", "three"), ("a", "four")):
        log.chat(session, [user(text)], context=Context(parent=first))
    found = {row["session_id"]: (row["branches"], row["turns"]) for row in check(log)["sessions"]}
    assert found == {"a": (1, 3), "b": (1, 2)}


def test_branches(log: Log) -> None:
    start = [user("hi"), assistant("Yes.")]
    log.chat("a", start[:1])
    log.chat("a", [*start, user("one")])
    log.chat("a", [*start, user("other")])
    log.chat("a", [*start, user("other")], "Another.")
    log.chat("a", [*start, user("other"), assistant("Another."), user("more")])
    log.chat("a", [user("anew")])
    (row,) = check(log)["sessions"]
    assert (row["calls"], row["branches"], row["agents"]) == (6, 2, 0)


@pytest.mark.parametrize("together", [True, False])
def test_what_agents_said_first_is_no_branch_beside_what_people_say(log: Log, together: bool) -> None:
    begun = [
        log.begin("a", {"model": "m", "messages": [user(text)]}, agent=agent)
        for text, agent in [("look", "scout"), ("hi", ""), ("look again", "scout"), ("anew", "")]
    ]
    for records in [begun] if together else [[one] for one in begun]:
        log.store(*records)
    (row,) = check(log)["sessions"]
    assert (row["agents"], row["branches"]) == (1, 1)


def test_branches_of_one_round(log: Log) -> None:
    """Several that go on from what an earlier round has stored."""
    first = log.chat("a", [user("hi")])
    begun = [
        log.begin("a", {"model": "m", "messages": [user(text)]}, context=Context(parent=first))
        for text in ("one", "two", "three")
    ]
    log.store(*begun)
    (row,) = check(log)["sessions"]
    assert (row["calls"], row["branches"]) == (4, 2)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("first", "last", "expected"), [("ok", "client_closed", "cut"), ("interrupted", "ok", "ok")])
def test_what_ended_last_may_be_stored_first(
    log: Log, first: Status, last: Status, expected: str, together: bool
) -> None:
    one, other = (log.begin("a", {"model": "m", "messages": [user(text)]}) for text in ("one", "other"))
    later = log.finish(other, b"", last, at=log.at + 9 * SECOND)
    earlier = log.finish(one, b"", first, at=log.at + 5 * SECOND)
    for records in [[one, other, later, earlier]] if together else [[one, other], [later], [earlier]]:
        log.store(*records)
    assert check(log)["sessions"][0]["status"] == expected


def test_what_no_column_can_hold(log: Log) -> None:
    log.chat("a", [user("hi")], body={"model": "m\0"}, tags=["t\0"], user="\ud83d", client="c\0")
    (row,) = check(log)["sessions"]
    assert (row["models"], row["tags"], row["users"]) == (["m\ufffd"], ["t\ufffd"], ["?"])


def test_keys_have_their_names(log: Log) -> None:
    keys.create(log.engine, "default", "ci", None, None)
    (id,) = (id for id, name in reads.key_names(log.engine).items() if name == "ci")
    log.chat("a", [user("hi")], key_id=id)
    again(log)
    assert kept(log)["sessions"][0]["keys"] == ["ci"]
    assert (1, "key", "ci", kept(log)["sessions"][0]["id"]) in kept(log)["facets"]


def test_conversations_of_all_kinds(log: Log) -> None:
    """Agents, side calls, retries, compactions. Of a request that two attempts answered, and both were gone on from,
    the drain does not see that it forks."""
    thread(log.engine, generate(7, 1200), 7)
    counted = {row["id"]: row["branches"] for row in kept(log)["sessions"]}
    check(log, "branches")
    made = {row["id"]: row["branches"] for row in kept(log)["sessions"]}
    assert all(made[id] >= counted[id] for id in counted)
    assert sum(made[id] != counted[id] for id in counted) <= 0.02 * len(counted)
    assert sum(made.values()) > 0
    assert sum(row["agents"] for row in kept(log)["sessions"]) > 0
