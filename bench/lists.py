"""How long the lists take: the server's time for pages, filters, orders, search and summaries, on a full database.

Each question is asked as the API asks it, through `Views` and `ListViews` in this process, first by the master key and
then by the key of a small project. Shown are the median and the 99th percentile of the process's CPU time in
milliseconds, how many rows came, and whether there are more. `bench/fill.py` makes the database.

usage: uv run python bench/lists.py DATABASE [--rounds 20] [--only WORD]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.datastructures import QueryParams

from sessionary.api.list_views import ListViews
from sessionary.api.views import Views
from sessionary.auth import Principal
from sessionary.store import lists
from sessionary.store.engine import open_engine

MASTER = Principal(None, "default", 1, "master", "master")
SMALL = Principal(3, "project-3", 3, "key_0001", "small")
SESSION_FILTERS = (
    "model:gpt-5-0",
    "model:claude-*",
    "model:claude-old",
    "client:aider*",
    "user:user-49000",
    "key:key-0150",
    "status:errors",
    "cost>0.3",
    "cost>0.49 status:cut",
    "tokens>100k",
    "active>2m error:yes",
    "tag:evaluation",
    "since:24h",
    "until:30d",
    "since:31d until:30d",
    "wall>20h",
    "-client:codex* model:gpt-5-1",
    "the",
    "refund",
    "xylophone",
    "absentword",
    'text:"please refund"',
    "refund -error",
    "-the",
    "title:w1",
    "id:absent",
)
CALL_FILTERS = (
    "model:gpt-5-0",
    "model:claude-old",
    "user:user-49000",
    "status:errors",
    "error:timeout",
    "cost>0.04",
    "cost>0.0499",
    "duration>29s",
    "provider:anthropic stream:yes",
    "since:24h",
    "until:30d",
    "refund",
    "xylophone",
    "the",
    "http:500",
)
Ask = Callable[[Principal], Any]


def questions(views: Views, extra: ListViews) -> dict[str, Ask]:
    def asked(method: Callable[..., Any], **query: str) -> Ask:
        return lambda who: method(who, QueryParams(query))

    deep = views.sessions(MASTER, QueryParams(filter="until:60d", limit="1")).next_cursor or ""
    found: dict[str, Ask] = {
        "sessions": asked(views.sessions),
        "sessions, deep page": asked(views.sessions, cursor=deep),
    }
    found |= {f"sessions {f}": asked(views.sessions, filter=f) for f in SESSION_FILTERS}
    for sort in lists.SESSION_SORTS:
        found |= {f"sessions by {way}{sort}": asked(views.sessions, sort=way + sort) for way in ("-", "")}
    found["sessions by -cost, model:claude-old"] = asked(views.sessions, sort="-cost", filter="model:claude-old")
    found["sessions by -cost, status:cut"] = asked(views.sessions, sort="-cost", filter="status:cut")
    found["calls"] = asked(views.calls)
    found |= {f"calls {f}": asked(views.calls, filter=f) for f in CALL_FILTERS}
    found |= {f"calls by -{sort}": asked(views.calls, sort="-" + sort) for sort in lists.CALL_SORTS}
    for words in ("the", "refund", "xylophone", "absentword", "w1 refund", "w2", '"the refund"'):
        found[f"search {words}"] = asked(views.search, q=words)
    for of in ("sessions", "calls"):
        for f in ("", "since:24h", "since:7d model:gpt-5-0", "cost>0.01", "refund", "status:errors"):
            found[f"summary of {of} {f}"] = asked(extra.summary, of=of, filter=f)
    for field in ("model", "user", "tag"):
        found[f"suggest {field}"] = asked(
            extra.suggest, of="sessions", field=field, prefix="user-49" if field == "user" else "c"
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    engine = open_engine(f"sqlite:///{given.database}", read_only=True)
    for name, ask in questions(Views(engine), ListViews(engine)).items():
        if given.only not in name:
            continue
        shown = [f"{name:45}"]
        for who in (MASTER, SMALL):
            times = []
            for _ in range(given.rounds):
                start = time.process_time()
                answer = ask(who)
                times.append((time.process_time() - start) * 1000)
            times.sort()
            rows = len(answer.data) if hasattr(answer, "data") else answer.matched
            more = "+" if getattr(answer, "next_cursor", None) or getattr(answer, "more", False) else " "
            shown.append(f"{statistics.median(times):8.1f} {times[int(len(times) * 0.99)]:8.1f} {rows:6}{more}")
        print("  ".join(shown), flush=True)


if __name__ == "__main__":
    main()
