"""Conversations that are made to mislead threading, and what must be true of it all the same.

Two conversations taken for one are worse than one taken for two: across users none, within a key one in a thousand.
The table of what each rule and each kind of adversary came to is printed: `pytest -s`.
"""

import pytest
import sqlalchemy as sa

from tests.support.adversary.corpus import KINDS, generate
from tests.support.threaded import score, thread

CALLS = {"sqlite": 5_000, "postgresql": 1_500}
"""`bench/threads.py` takes as many as are wanted."""
SEED = 1


@pytest.mark.timeout(400)
def test_conversations_are_told_apart_and_kept_together(engine: sa.Engine, kind: str) -> None:
    calls = generate(SEED, CALLS[kind])
    assert len(calls) >= CALLS[kind]
    judged = score(calls, thread(engine, calls, SEED))
    print(judged.report())
    assert {call.kind for call in calls} == KINDS.keys()
    assert judged.across == []
    assert len(judged.within) <= 0.001 * len(calls)
    assert judged.total.recall >= 0.99
    assert judged.kept_apart
    assert judged.named >= 0.99 * judged.total.linked
    for rule in ("content", "content.edited", "content.spawn", "content.compaction", "content.retry"):
        assert judged.rules[rule].linked > 0
        assert judged.rules[rule].precision >= 0.99
