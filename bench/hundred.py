"""What a session of a hundred turns, each of which sends all that was said before, takes in the store.

Put through the drain's `Round`, in this process, and tidied as the drain tidies when it is idle, which it is between
the turns of a session. What is said is English: the project's own documentation, cut up. Everything that a call leaves
counts, indexes and search included.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measuring import ROOT
from sessionary import ids
from sessionary.drain.drain import TIDY_EVERY
from sessionary.drain.intake import Intake, Item
from sessionary.drain.round import Round
from sessionary.record.exchange import Begin, Finish
from sessionary.spool.reader import Cursor
from sessionary.store import keys, search
from sessionary.store.engine import open_engine
from sessionary.store.migrate import upgrade
from sessionary.store.used import used
from sessionary.store.writes import transaction

TURNS = 100
SECOND = 1_000_000
AT = 1_790_000_000 * SECOND


@dataclass(frozen=True)
class Kept:
    sent: int
    """Bytes of requests and answers."""
    stored: int

    @property
    def ratio(self) -> float:
        return self.sent / self.stored

    def __str__(self) -> str:
        return f"{self.sent / 1e6:.1f} MB sent, {self.stored / 1e3:.0f} KB stored, {self.ratio:.1f} times less"


def records(project: int) -> Iterator[Begin | Finish]:
    book = "\n".join(path.read_text() for path in sorted((ROOT / "docs").glob("*/*.md")))
    each = len(book) // TURNS
    said: list[dict[str, Any]] = [{"role": "system", "content": "You are a helpful assistant."}]
    for n in range(TURNS):
        page, at = book[n * each : (n + 1) * each], AT + n * 60 * SECOND
        said.append({"role": "user", "content": page[: each // 4]})
        answer = {"role": "assistant", "content": page[each // 4 :]}
        body = json.dumps({"model": "gpt-4o-mini", "messages": said}, separators=(",", ":")).encode()
        begin = Begin(
            ids.new_call_id(at // 1000), at, project, "master", ids.session_id(project, "hundred"), "hundred", "id",
            "x-session-id", "chat.completions", "gpt-4o-mini", False, "openai-python/2.1", "",
            {"user-agent": "bench", "content-type": "application/json"}, body,
        )  # fmt: skip
        done = {
            "id": f"chatcmpl-{n}",
            "object": "chat.completion",
            "created": at // SECOND,
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": len(body) // 4, "completion_tokens": each // 5, "total_tokens": len(body) // 4},
        }
        yield begin
        yield Finish(
            begin.call_id, at + SECOND, "ok", 200, "openai", "openai/gpt-4o-mini", "gpt-4o-mini", SECOND // 2, "", "",
            [], {"content-type": "application/json", "x-request-id": f"req_{n}"}, json.dumps(done).encode(),
        )  # fmt: skip
        said.append(answer)


def hundred_turns() -> Kept:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'sessionary.db'}"
        upgrade(url)
        engine = open_engine(url)
        made = list(records(keys.ensure_project(engine, "default")))
        with engine.connect() as connection:
            empty = used(connection)
        for start in range(0, len(made), 2):
            with transaction(engine) as connection:
                round = Round(connection, {"master": "master"}, made[start].at)
                round.run(Intake([Item(r.at, "bench", r, Cursor()) for r in made[start : start + 2]]))
                assert round.set_aside == 0
            if start // 2 % TIDY_EVERY == TIDY_EVERY - 1:
                with transaction(engine) as connection:
                    search.tidy(connection)
        with engine.connect() as connection:
            stored = used(connection) - empty
        engine.dispose()
    return Kept(sum(len(r.body) for r in made), stored)
