"""A session's calls as people see them: requests with their attempts, and the branches that these are on. Pure.

- A *request* is what was asked once, however often it was tried: calls that ask the same of the same agent after the
  same history, and calls that try a failed one again, are its *attempts*.
- A *branch* is a path of requests of one agent. The first request that goes on from another goes on with its branch;
  each further one begins a branch, which *forks* there. What goes on from nothing begins a branch, too.
- A call that carries the summary of an earlier one (compaction) goes on from it.
- Side calls (a title, a topic), and calls without messages (embeddings), are on no branch.

Rows are those of the calls table, of one session, by (created_at, id). A call may be older than what it goes on from:
clocks are set back. What it comes from may be of another session, or deleted: then it comes from nothing. The work is
linear in the calls, and a circle of parents, which only a damaged store has, is cut somewhere.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Call = Any
"""A row with `id`, `parent`, `origin`, `origin_kind`, `agent`, `side`, `leaf_node`, `status`."""


@dataclass(slots=True, eq=False)
class Request:
    calls: list[Call]
    """Its attempts, in order of time."""
    agent: str
    side: bool
    parent: "Request | None" = None
    branch: "Branch | None" = None

    @property
    def id(self) -> str:
        """Of its first call: it stays, however many attempts follow."""
        return str(self.calls[0].id)

    @property
    def call(self) -> Call:
        """The attempt that counts: the last that succeeded, else the last."""
        return next((c for c in reversed(self.calls) if c.status == "ok"), self.calls[-1])


@dataclass(slots=True, eq=False)
class Branch:
    fork: Request | None
    """What it goes on from, where another request did that before; or another agent's, which started it there."""
    requests: list[Request] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.requests[0].id

    @property
    def agent(self) -> str:
        return self.requests[0].agent


def requests(calls: Sequence[Call]) -> list[Request]:
    """In order of their first attempts, with their branches."""
    at = {call.id: n for n, call in enumerate(calls)}
    retried = [_retried(call, calls, at) for call in calls]
    before = [_before(call, at) if again is None else again for call, again in zip(calls, retried, strict=True)]
    same: dict[tuple[object, ...], Request] = {}
    of: list[Request | None] = [None] * len(calls)
    for n, came in in_order(before):
        call, parent = calls[n], None if came is None else of[came]
        if parent is not None and retried[n] is not None:
            request = parent
        else:
            new = Request([], call.agent, bool(call.side), parent)
            asked = (id(parent), call.leaf_node, call.agent, new.side) if call.leaf_node is not None else (n,)
            request = same.setdefault(asked, new)
        request.calls.append(call)
        of[n] = request
    every = list({id(request): request for request in of if request is not None}.values())
    for request in every:
        request.calls.sort(key=lambda call: at[call.id])
    _branch(every)
    return every


def branches(every: Sequence[Request]) -> list[Branch]:
    """In order of their first requests."""
    return [r.branch for r in every if r.branch is not None and r.branch.requests[0] is r]


def further(found: Sequence[Branch]) -> int:
    """How many of the branches are beside the first: where an agent went on twice from the same, and where the one
    that people talk to began anew. That an agent is started is no branch."""
    main = sum(1 for b in found if not b.agent)
    forked = sum(1 for b in found if b.agent and b.fork is not None and b.fork.agent == b.agent)
    return max(0, main - 1) + forked


def _retried(call: Call, calls: Sequence[Call], at: dict[str, int]) -> int | None:
    """The place of the call that this one tries again, of the same agent."""
    if call.origin_kind != "retry" or call.origin == call.id or call.origin not in at:
        return None
    failed = calls[at[call.origin]]
    return at[failed.id] if failed.agent == call.agent and bool(failed.side) == bool(call.side) else None


def _before(call: Call, at: dict[str, int]) -> int | None:
    """The place of the call that this one goes on from; None where it begins something."""
    compacted = call.origin if call.origin_kind == "compaction" else None
    return next((at[id] for id in (call.parent, compacted) if id in at and id != call.id), None)


def in_order(before: Sequence[int | None]) -> Iterator[tuple[int, int | None]]:
    """Every place with the one before it, which comes earlier; by age among those that wait for the same."""
    after: list[list[int]] = [[] for _ in before]
    begin: list[int] = []
    for n, came in enumerate(before):
        (begin if came is None else after[came]).append(n)
    seen = [False] * len(before)
    for start in (*begin, *range(len(before))):  # the latter finds circles
        waiting = deque([] if seen[start] else [start])
        while waiting:
            n = waiting.popleft()
            seen[n] = True
            yield n, before[n]
            waiting.extend(m for m in after[n] if not seen[m])


def _branch(every: Sequence[Request]) -> None:
    place = {id(request): n for n, request in enumerate(every)}
    followed: set[int] = set()
    for n, came in in_order([None if r.parent is None else place[id(r.parent)] for r in every]):
        request, parent = every[n], None if came is None else every[came]
        if request.side or (parent is None and all(call.leaf_node is None for call in request.calls)):
            continue
        goes_on = parent is not None and parent.branch is not None and parent.agent == request.agent
        if parent is not None and goes_on and id(parent) not in followed:
            followed.add(id(parent))
            request.branch = parent.branch
        else:
            request.branch = Branch(parent)
        assert request.branch is not None
        request.branch.requests.append(request)
