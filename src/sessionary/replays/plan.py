"""What is asked when a session is replayed, and what that may cost. Blocking: called in threads.

The calls on one branch are asked again in their order, each with the history that it had: what was said there, not what
the other model has said since. So each answer can be held against the one that was given then, and no tool has to run
again. What agents did on the way is in that history, as results of tools; they are not asked again.
"""

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary import ids, incoming
from sessionary.errors import BadRequest
from sessionary.heads import Head
from sessionary.incoming import Incoming
from sessionary.providers.routing import Target
from sessionary.store import reads, schema, tree
from sessionary.store.branches import Branch, Request, branches, requests
from sessionary.store.questions import present
from sessionary.wire import prices
from sessionary.wire.message import Usage

Row = Any
"""Of a call."""
DELETED = "What was said in it has been deleted."
_ENDPOINTS = frozenset({"chat.completions", "completions", "responses", "messages"})
_UNKEPT = "What was said in it was not kept."
_LIVE = "It has not ended."
_EDITED = "Items were put into its conversation by hand."
_FORGOTTEN = "The response that it goes on from has been deleted."
_OTHER = "It has no messages that another model could answer."
_MCP = "It lets the provider act on other servers (MCP), with what its client may do there."
_ACTS = re.compile(rb'"mcp_servers"\s*:|"type"\s*:\s*"mcp')
"""In a request, outside of its texts: in those quotes have a backslash."""
_AGENT = "sessionary-replay/1"
_ALONE = frozenset({"background", "conversation"})
"""Fields that are not sent again: a replay is waited for, and is no turn of a conversation."""


class Plan(msgspec.Struct, frozen=True):
    session: Row
    project_name: str
    model: str
    calls: list[Row]
    """Those that are asked again, in order."""
    left_out: dict[str, str]
    """Calls of the branch that are not, and why."""
    last: str
    """The last call that was looked at."""
    cost: int | None
    """Nano-dollars that the same tokens cost with the model, as far as they are known; None where its price is not."""


def plan(
    connection: sa.Connection, session: Row, model: str, target: Target, branch: str = "", until: str = ""
) -> Plan:
    """`branch`: the id of any call on it; "" is the one that people were on last. `until`: instead of that, the last
    call that is asked. Raises BadRequest."""
    every = requests(reads.session_calls(connection, session.project, session.id))
    path = _path(_named(every, until, "until") if until else _branch(every, branch).requests[-1])
    calls = [request.call for request in path]
    why_not = _Why(connection, session.project, calls)
    left_out = {call.id: why for call in calls if (why := why_not.of(call))}
    asked = [call for call in calls if call.id not in left_out]
    names = sa.select(schema.projects.c.name).where(schema.projects.c.id == session.project)
    name = str(connection.scalar(names))
    return Plan(session, name, model, asked, left_out, path[-1].id, _cost(asked, target))


class _Why:
    """Some calls cannot be asked again."""

    def __init__(self, connection: sa.Connection, project: int, calls: Sequence[Row]) -> None:
        self._recipes = tree.recipes_of(connection, project, [call.id for call in calls])
        before = {call.parent for call in calls if call.above and call.parent}
        forgotten = present(connection, schema.forgotten, "call_id", project, before)
        self._forgotten = {row.call_id for row in forgotten}
        lifted = {hashed for recipe in self._recipes.values() for hashed in recipe.lifted.values()}
        bodies = tree.load_bodies(connection, project, lifted)
        self._acting = {hashed for hashed, body in bodies.items() if _ACTS.search(body)}

    def of(self, call: Row) -> str:
        """ "" where it can."""
        recipe = self._recipes.get(call.id)
        if call.status == "live":
            return _LIVE
        if call.unkept:
            return _UNKEPT
        if recipe is None:
            return DELETED
        if call.endpoint not in _ENDPOINTS:
            return _OTHER
        if call.parent in self._forgotten:
            return _FORGOTTEN
        if call.conversation and recipe.above > call.above:
            return _EDITED
        if _ACTS.search(recipe.shell) or not self._acting.isdisjoint(recipe.lifted.values()):
            return _MCP
        return ""


def _named(every: Sequence[Request], call_id: str, parameter: str) -> Request:
    found = next((r for r in every if r.branch is not None and any(call.id == call_id for call in r.calls)), None)
    if found is None:
        raise BadRequest("There is no such branch in this session.", param=parameter)
    return found


def _branch(every: Sequence[Request], named: str) -> Branch:
    if named and (found := _named(every, named, "branch").branch) is not None:
        return found
    main = [path for path in branches(every) if not path.agent]
    if not main:
        raise BadRequest("Nothing was asked in this session that could be asked again.", code="nothing_to_replay")
    return max(main, key=lambda path: max(call.created_at for call in path.requests[-1].calls))


def _path(last: Request) -> list[Request]:
    """From the beginning, which may be on another branch, to `last`."""

    def up() -> Iterator[Request]:
        at: Request | None = last
        seen: set[int] = set()
        while at is not None and id(at) not in seen:
            seen.add(id(at))
            if at.agent == last.agent:
                yield at
            at = at.parent

    return [*up()][::-1]


def _cost(calls: Sequence[Row], target: Target) -> int | None:
    now = time.time_ns() // 1000
    provider, model = target.provider.name, target.deployment.model
    known = [call for call in calls if call.input_tokens is not None]
    costs = [prices.cost(provider, model, _usage(call), target.price, now) for call in known]
    return sum(filter(None, costs)) if costs and None not in costs else None


def _usage(call: Row) -> Usage:
    return Usage(
        input=call.input_tokens or 0,
        output=call.output_tokens or 0,
        cached=call.cached_tokens or 0,
        reasoning=call.reasoning_tokens or 0,
    )


def request(connection: sa.Connection, call: Row, replay: incoming.Replay, model: str) -> Incoming:
    """What is asked: the call's request as it was sent, of the other model; where that was none, as it was, and with
    the same problem. Raises Emptied."""
    body = tree.request_body(connection, call)
    head = Head(_headers(connection, call))
    sent = incoming.read(call.endpoint, head, body)
    if not sent.fields:
        return msgspec.structs.replace(sent, replay=replay)
    fields = {name: value for name, value in sent.fields.items() if name not in _ALONE}
    fields["model"] = msgspec.Raw(msgspec.json.encode(model))
    again = incoming.read(call.endpoint, head, msgspec.json.encode(fields))
    return msgspec.structs.replace(again, replay=replay)


def _headers(connection: sa.Connection, call: Row) -> dict[str, str]:
    """Those that say how the request is meant to be read, and what it goes on from where its body does not."""
    sent, _ = tree.headers(connection, call)
    kept = {name: value for name, value in sent.items() if name.startswith(("anthropic-", "openai-"))}
    if call.above and call.parent:
        kept["x-previous-response-id"] = ids.answer_of(call.parent)
    return {**kept, "content-type": "application/json", "user-agent": _AGENT}
