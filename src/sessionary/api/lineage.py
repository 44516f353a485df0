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
    spent = {request.id: rollups.total(request.calls) for request in every}
    along = [rollups.joined(spent[request.id] for request in path.requests) for path in paths]
    current = max(range(len(paths)), key=lambda n: (not paths[n].agent, along[n].last_at), default=None)
    node_of = {call.id: request.id for request in every for call in request.calls}
    return shapes.Tree(
        session=session,
        total=shapes.sums(rollups.joined(spent.values())),
        main=shapes.sums(rollups.joined(spent[request.id] for request in every if not request.agent)),
        nodes=[_node(request, spent[request.id]) for request in every],
        branches=[_branch(path, along[n], node_of, current=n == current) for n, path in enumerate(paths)],
        agents=_agents(every, paths, spent, node_of),
        compactions=[
            shapes.Compaction(first.origin, node_of.get(first.origin), first.id, request.id)
            for request in every
            if (first := request.calls[0]).origin_kind == "compaction"
        ],
    )


def _node(request: Request, spent: Sums) -> shapes.TreeNode:
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
        first_at=types.iso(spent.first_at),
        last_at=types.iso(spent.last_at),
        sums=shapes.sums(spent),
    )


def _branch(branch: Branch, spent: Sums, node_of: dict[str, str], *, current: bool) -> shapes.TreeBranch:
    first, fork = branch.requests[0].calls[0], branch.fork.id if branch.fork else None
    return shapes.TreeBranch(
        id=branch.id,
        fork=fork,
        fork_call=next((id for id in (first.parent, first.origin) if fork and node_of.get(id) == fork), None),
        agent=branch.agent,
        current=current,
        nodes=[request.id for request in branch.requests],
        status=spent.status,
        first_at=types.iso(spent.first_at),
        last_at=types.iso(spent.last_at),
        sums=shapes.sums(spent),
    )


def _agents(
    every: Sequence[Request], paths: Sequence[Branch], spent: dict[str, Sums], node_of: dict[str, str]
) -> list[shapes.TreeAgent]:
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
    own = {id: rollups.joined(spent[request.id] for request in agent.requests) for id, agent in found.items()}
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
        status=own.status,
        first_at=types.iso(own.first_at),
        last_at=types.iso(own.last_at),
        own=shapes.sums(own),
        total=shapes.sums(total),
    )
