"""What is asked when a session is replayed, and what that may cost. Blocking: called in threads.

The calls on one branch are asked again in their order, each with the history that it had: what was said there, not what
the other model has said since. So each answer can be held against the one that was given then, and no tool has to run
again. What agents did on the way is in that history, as results of tools; they are not asked again.
"""

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
_ENDPOINTS = frozenset({"chat.completions", "completions", "responses", "messages"})
_UNKEPT = "What was said in it was not kept."
_DELETED = "What was said in it has been deleted."
_LIVE = "It has not ended."
_EDITED = "Items were put into its conversation by hand."
_OTHER = "It has no messages that another model could answer."
_AGENT = "sessionary-replay/1"
_ALONE = frozenset({"background", "conversation"})
"""Fields that are not sent again: a replay is waited for, and is no turn of a conversation."""


class Plan(msgspec.Struct, frozen=True):
    session: Row
    model: str
    branch: str
    """The last call on it."""
    calls: list[Row]
    """Those that are asked again, in order."""
    left_out: dict[str, str]
    """Calls of the branch that are not, and why."""
    cost: int | None
    """Nano-dollars that the same tokens cost with the model; None where its price is not known."""


def plan(connection: sa.Connection, session: Row, model: str, target: Target, branch: str = "") -> Plan:
    """`branch`: the id of any call on it; "" is the one that people were on last. Raises BadRequest."""
    every = requests(reads.session_calls(connection, session.project, session.id))
    path = _path(_branch(every, branch))
    calls = [request.call for request in path]
    there = present(connection, schema.exchanges, "call_id", session.project, [call.id for call in calls])
    turns = [call.id for call in calls if call.conversation]
    recipes = tree.recipes_of(connection, session.project, turns)
    edited = {call.id for call in calls if call.id in recipes and recipes[call.id].above > call.above}
    kept = {row.call_id for row in there}
    left_out = {call.id: why for call in calls if (why := _why_not(call, kept, edited))}
    calls = [call for call in calls if call.id not in left_out]
    return Plan(session, model, path[-1].call.id, calls, left_out, _cost(calls, target))


def _branch(every: Sequence[Request], named: str) -> Branch:
    if named:
        found = next((r.branch for r in every if any(call.id == named for call in r.calls)), None)
        if found is None:
            raise BadRequest("There is no such branch in this session.", param="branch")
        return found
    main = [path for path in branches(every) if not path.agent]
    if not main:
        raise BadRequest("Nothing was asked in this session that could be asked again.", code="nothing_to_replay")
    return max(main, key=lambda path: max(call.created_at for call in path.requests[-1].calls))


def _path(branch: Branch) -> list[Request]:
    """From its beginning, which may be on another branch, to its end."""

    def up() -> Iterator[Request]:
        at: Request | None = branch.requests[-1]
        seen: set[int] = set()
        while at is not None and id(at) not in seen:
            seen.add(id(at))
            if at.agent == branch.agent:
                yield at
            at = at.parent

    return [*up()][::-1]


def _why_not(call: Row, kept: set[str], edited: set[str]) -> str:
    """ "" where it can be asked again. `edited`: calls before which items were put into their conversations."""
    if call.status == "live":
        return _LIVE
    if call.unkept:
        return _UNKEPT
    if call.id not in kept:
        return _DELETED
    if call.endpoint not in _ENDPOINTS:
        return _OTHER
    return _EDITED if call.id in edited else ""


def _cost(calls: Sequence[Row], target: Target) -> int | None:
    now = time.time_ns() // 1000
    costs = [prices.cost(target.provider.name, target.deployment.model, _usage(c), target.price, now) for c in calls]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None


def _usage(call: Row) -> Usage:
    return Usage(
        input=call.input_tokens or 0,
        output=call.output_tokens or 0,
        cached=call.cached_tokens or 0,
        reasoning=call.reasoning_tokens or 0,
    )


def request(connection: sa.Connection, call: Row, replay: incoming.Replay, model: str) -> Incoming:
    """What is asked: the call's request as it was sent, of the other model. Raises Emptied."""
    body = tree.request_body(connection, call)
    head = Head(_headers(connection, call))
    sent = incoming.read(call.endpoint, head, body).fields
    fields = {name: value for name, value in sent.items() if name not in _ALONE}
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
