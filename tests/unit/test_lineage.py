"""A session's tree: its sums add up, agents are nested, and its making takes steps in proportion to the calls."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import msgspec
import pytest
from hypothesis import given

from sessionary.api import types
from sessionary.api.lineage import tree
from sessionary.api.thread_types import Sums, Tree
from sessionary.store import rollups
from tests.support.rows import name, row, sessions

SESSION = types.Session(
    *("ses_a", "a", "id", "title", "default", "ok", 0, 0, 0, 0, 0, 0, 0, None, [], [], [], "", "", 0, 0, 0.0),
    *([], [], 0, 0, None, None),
)


def made(calls: list[Any]) -> Tree:
    return tree(SESSION, calls)


def added(parts: list[Sums]) -> dict[str, Any]:
    costs = [p.cost for p in parts if p.cost is not None]
    fields = [f for f in Sums.__struct_fields__ if f != "cost"]
    sums: dict[str, Any] = {f: sum(getattr(p, f) for p in parts) for f in fields}
    return sums | {"cost": round(sum(costs), 12) if costs else None}


def test_an_agents_cost_is_part_of_its_starters() -> None:
    calls = [
        row(0),
        row(1, origin=name(0), origin_kind="spawn", origin_tool="t1", agent="x", agent_name="Explore"),
        row(2, name(1), agent="x", agent_parent=""),
        row(3, origin=name(2), origin_kind="spawn", origin_tool="t2", agent="y", agent_parent="x", status="timeout"),
        row(4, name(0), turn=2),
        row(5, name(4), side=True, turn=0),
        row(6, origin=name(4), origin_kind="compaction", turn=3),
    ]
    found = made(calls)
    x, y = found.agents
    assert (x.id, x.name, x.parent, x.call_id, x.node, x.tool_call_id) == ("x", "Explore", "", name(0), name(0), "t1")
    assert (y.name, y.parent, y.call_id, y.tool_call_id, y.status) == ("y", "x", name(2), "t2", "errors")
    assert (x.own.calls, x.total.calls, y.total.calls) == (2, 3, 1)
    assert (x.own.errors, x.total.errors, x.total.cost) == (0, 1, 21e-9)
    assert (found.total.calls, found.main.calls) == (7, 4)
    assert [(b.id, b.agent, b.nodes, b.current) for b in found.branches] == [
        (name(0), "", [name(0), name(4), name(6)], True),
        (name(1), "x", [name(1), name(2)], False),
        (name(3), "y", [name(3)], False),
    ]
    assert [msgspec.structs.astuple(c) for c in found.compactions] == [(name(4), name(4), name(6), name(6))]
    side = found.nodes[5]
    assert (side.side, side.turn, side.branch, side.parent) == (True, 0, None, name(4))
    assert found.nodes[3].origin == types.Origin("spawn", name(2), "t2")


def test_a_fork_tells_which_attempt_it_goes_on_from() -> None:
    calls = [row(0, leaf_node=b"x"), row(1, leaf_node=b"x"), row(2, name(0)), row(3, name(1))]
    first, second = made(calls).branches
    assert (first.fork, first.fork_call) == (None, None)
    assert (second.fork, second.fork_call) == (name(0), name(1))
    assert (first.current, second.current) == (False, True)
    assert made(calls).nodes[0].attempts == [name(0), name(1)]


def test_agents_that_a_client_names_by_paths_are_nested_by_them() -> None:
    calls = [row(n, agent=a) for n, a in enumerate(["plan", "plan/search", "plan/search/fetch", "lone/one"])]
    found = made(calls).agents
    assert [(a.parent, a.name, a.total.calls) for a in found] == [
        ("", "plan", 3),
        ("plan", "search", 2),
        ("plan/search", "fetch", 1),
        ("", "one", 1),
    ]


def test_agents_that_started_each_other_are_cut_somewhere() -> None:
    calls = [row(n, agent=a, agent_parent=p) for n, (a, p) in enumerate([("a", "b"), ("b", "a"), ("c", "c")])]
    found = made(calls).agents
    assert [a.parent for a in found] == ["", "a", ""]
    assert [a.total.calls for a in found] == [2, 1, 1]


@given(sessions())
def test_everything_adds_up(calls: list[Any]) -> None:
    found = made(calls)
    total = added([found.total])
    assert found.total.calls == len(calls)
    assert found.total.errors == sum(c.status in rollups.FAILED for c in calls)
    assert added([n.sums for n in found.nodes]) == total
    assert added([found.main, *(a.own for a in found.agents)]) == total
    assert added([found.main, *(a.total for a in found.agents if not a.parent)]) == total
    assert added([*(b.sums for b in found.branches), *(n.sums for n in found.nodes if n.branch is None)]) == total
    agents = {a.id: a for a in found.agents}
    for agent in found.agents:
        assert added([agent.total]) == added([agent.own, *(a.total for a in found.agents if a.parent == agent.id)])
        assert agent.parent == "" or agent.parent in agents
    nodes = {n.id: n for n in found.nodes}
    assert all(n.parent is None or n.parent in nodes for n in found.nodes)
    assert [n for b in found.branches for n in b.nodes] != [] or not any(b.current for b in found.branches)
    assert sum(b.current for b in found.branches) == (1 if found.branches else 0)
    msgspec.json.encode(found)


SHAPES: dict[str, Callable[[int], Any]] = {
    "one after another": lambda n: row(n, name(n - 1) if n else None),
    "all from the first": lambda n: row(n, name(0) if n else None),
    "attempts at one request": lambda n: row(n, leaf_node=b"x"),
    "tried again and again": lambda n: row(n, origin=name(n - 1), origin_kind="retry"),
    "threads from nothing": row,
    "an agent each": lambda n: row(n, origin=name(0), origin_kind="spawn", agent=f"a{n}"),
    "agents that start agents": lambda n: row(
        n, origin=name(n - 1), origin_kind="spawn", agent=f"a{n}", agent_parent=f"a{n - 1}"
    ),
    "attempts, and what goes on from each": lambda n: row(n, name(n - 1)) if n % 2 else row(n, leaf_node=b"x"),
    "backwards": lambda n: row(n, name(n + 1)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_calls_are_twice_the_steps(shape: str) -> None:
    few, many = (steps([SHAPES[shape](n) for n in range(count)]) for count in (200, 400))
    assert few > 1000
    assert many <= 2.1 * few


def steps(calls: list[Any]) -> int:
    """Lines of Python that run while the tree is made."""
    count = 0

    def line(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        made(calls)
    finally:
        sys.settrace(before)
    return count
