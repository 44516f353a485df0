"""A session's tree: requests, branches, agents and compactions, with what each adds up to. Pure; linear in the calls.

`store.branches` says what is a request and what is a branch. An agent is nested under the call that started it; its
total has those of the agents under it. Agents that a client names by paths ("planner/researcher") are nested by these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sessionary.api import thread_types as shapes
from sessionary.api import types
from sessionary.store import rollups
from sessionary.store.branches import Branch, Request, branches, in_order, requests
from sessionary.store.rollups import Sums


@dataclass(slots=True)
class _Agent:
    id: str
    requests: list[Request] = field(default_factory=list)
    parent: str = ""
    name: str = ""
    start: Any = None
    """The first of its calls that says what started it."""


def tree(session: types.Session, calls: Sequence[Any]) -> shapes.Tree:
    """`calls`: all rows of the session, by (created_at, id)."""
    every = requests(calls)
    paths = branches(every)
    node_of = {call.id: request.id for request in every for call in request.calls}
    current = max(paths, key=lambda b: (not b.agent, max(map(_last, b.requests))), default=None)
    return shapes.Tree(
        session=session,
        total=shapes.sums(rollups.total(calls)),
        main=shapes.sums(rollups.total(call for call in calls if not call.agent)),
        nodes=[_node(request) for request in every],
        branches=[_branch(branch, current=branch is current) for branch in paths],
        agents=_agents(every, paths, node_of),
        compactions=[
            shapes.Compaction(r.calls[0].origin, node_of.get(r.calls[0].origin), r.calls[0].id, r.id)
            for r in every
            if r.calls[0].origin_kind == "compaction"
        ],
    )


def _last(request: Request) -> int:
    return max(map(rollups.last, request.calls))


def _node(request: Request) -> shapes.TreeNode:
    call = request.call
    return shapes.TreeNode(
        id=request.id,
        call_id=call.id,
        attempts=[attempt.id for attempt in request.calls],
        parent=request.parent.id if request.parent else None,
        branch=request.branch.id if request.branch else None,
        agent=request.agent,
        turn=call.turn,
        side=request.side,
        status=call.status,
        origin=types.origin(request.calls[0]),
        first_at=types.iso(request.calls[0].created_at),
        last_at=types.iso(_last(request)),
        sums=shapes.sums(rollups.total(request.calls)),
    )


def _branch(branch: Branch, *, current: bool) -> shapes.TreeBranch:
    calls = [call for request in branch.requests for call in request.calls]
    first = branch.requests[0].calls[0]
    attempts = {call.id for call in branch.fork.calls} if branch.fork else set()
    return shapes.TreeBranch(
        id=branch.id,
        fork=branch.fork.id if branch.fork else None,
        fork_call=next((id for id in (first.parent, first.origin) if id in attempts), None),
        agent=branch.agent,
        current=current,
        nodes=[request.id for request in branch.requests],
        status=rollups.status(calls),
        first_at=types.iso(min(call.created_at for call in calls)),
        last_at=types.iso(max(map(rollups.last, calls))),
        sums=shapes.sums(rollups.total(calls)),
    )


def _agents(every: Sequence[Request], paths: Sequence[Branch], node_of: dict[str, str]) -> list[shapes.TreeAgent]:
    """In order of their first calls."""
    found: dict[str, _Agent] = {}
    for request in every:
        if request.agent:
            agent = found.setdefault(request.agent, _Agent(request.agent))
            agent.requests.append(request)
            for call in request.calls:
                agent.parent = agent.parent or call.agent_parent
                agent.name = agent.name or call.agent_name
                if agent.start is None and call.origin_kind == "spawn":
                    agent.start = call
    own = {id: rollups.total(call for r in agent.requests for call in r.calls) for id, agent in found.items()}
    total = _totals(found, own)
    of: dict[str, list[str]] = {}
    for branch in paths:
        of.setdefault(branch.agent, []).append(branch.id)
    return [_agent(agent, own[id], total[id], of.get(id, []), node_of) for id, agent in found.items()]


def _totals(found: dict[str, _Agent], own: dict[str, Sums]) -> dict[str, Sums]:
    """Settles each agent's parent, which is one of `found` or the main one; returns the sums with what is nested."""
    place = {id: n for n, id in enumerate(found)}
    agents = list(found.values())
    for agent in agents:
        parent = agent.parent or agent.id.rpartition("/")[0]
        agent.parent = parent if parent in found and parent != agent.id else ""
    total = {id: Sums() for id in found}
    above: dict[str, _Agent] = {}
    for n, _ in in_order([place.get(agent.parent) for agent in agents]):
        if agents[n].parent not in above:  # agents that started each other
            agents[n].parent = ""
        above[agents[n].id] = agents[n]
    for id, agent in reversed(above.items()):
        total[id].join(own[id])
        if agent.parent:
            total[agent.parent].join(total[id])
    return total


def _agent(agent: _Agent, own: Sums, total: Sums, paths: list[str], node_of: dict[str, str]) -> shapes.TreeAgent:
    calls = [call for request in agent.requests for call in request.calls]
    start = agent.start
    return shapes.TreeAgent(
        id=agent.id,
        name=agent.name or agent.id.rpartition("/")[2],
        parent=agent.parent,
        call_id=start.origin if start else None,
        node=node_of.get(start.origin) if start else None,
        tool_call_id=start.origin_tool if start else None,
        nodes=[request.id for request in agent.requests],
        branches=paths,
        status=rollups.status(calls),
        first_at=types.iso(min(call.created_at for call in calls)),
        last_at=types.iso(max(map(rollups.last, calls))),
        own=shapes.sums(own),
        total=shapes.sums(total),
    )
