"""A begun call as the row of the calls table that it becomes, and the end of one that nobody told. Pure."""

from functools import lru_cache
from typing import Any

import msgspec

from sessionary.drain.link import Placed
from sessionary.drain.requests import Parsed
from sessionary.ids import scope
from sessionary.record.exchange import Finish
from sessionary.store import schema

_UNKNOWN = dict.fromkeys(c.name for c in schema.calls.c)
_scope = lru_cache(maxsize=1024)(scope)
SUMMARY_WANTED = bytes(16)
"""In `summary_key`, of a call that asks for a summary and has no answer yet."""


def begun(parsed: Parsed, placed: Placed, turn: int, *, summary: bool) -> dict[str, Any]:
    begin, leaf = parsed.begin, parsed.steps[-1] if parsed.steps else parsed.base
    agent, agent_name, agent_parent = placed.agent(begin)
    origin = placed.origin
    home = begin.session_id if begin.source not in ("none", "response") and placed.session != begin.session_id else None
    return {
        **_UNKNOWN,
        "project": begin.project,
        "id": begin.call_id,
        "session": placed.session,
        "source": placed.source,
        "rule": placed.rule,
        "key_id": begin.key_id,
        "parent": placed.parent.id if placed.parent else None,
        "turn": turn,
        "base_depth": placed.base_depth,
        "above": parsed.base.depth if parsed.base else 0,
        "conversation": begin.context.conversation or None,
        "edit": begin.context.edit if begin.context.conversation else None,
        "endpoint": begin.endpoint,
        "stream": begin.stream,
        "client": begin.client,
        "user": begin.user,
        "agent": agent[:200],
        "agent_name": agent_name[:200],
        "agent_parent": agent_parent[:200],
        "model": begin.model,
        "status": "live",
        "created_at": begin.at,
        "estimated": False,
        "home": home,
        "origin": origin.call.id if origin else None,
        "origin_kind": origin.kind if origin else None,
        "origin_tool": (origin.tool_call or None) if origin else None,
        "side": placed.side,
        "ambiguous": placed.ambiguous,
        "continued": False,
        "scope": _scope(begin.key_id, begin.user, placed.source),
        "evidence": placed.evidence(),
        "prompt_key": parsed.prompt_key,
        "unkept": begin.unkept or ("client" if begin.private else ""),
        "summary_key": SUMMARY_WANTED if summary else None,
        "leaf": leaf.id if leaf else None,
        "leaf_node": leaf.node if leaf else None,
        "input_depth": leaf.depth if leaf else 0,
        "writer": parsed.writer,
        "new": True,
    }


def interrupted(call_id: str, now: int, why: str) -> Finish:
    """The end of a call that is known to be over; the text that it had by then is kept."""
    return Finish(
        call_id=call_id,
        at=now,
        status="interrupted",
        http_status=0,
        provider="",
        deployment="",
        upstream_model="",
        ttft=None,
        error_type="interrupted",
        error_message=why,
        attempts=[],
        headers={},
        body=b"",
    )


def with_a_gap(finish: Finish) -> Finish:
    """The end of a call of whose answer a piece was lost: what is left must not pass for all of it."""
    why = "A piece of the answer was damaged in the spool."
    return msgspec.structs.replace(finish, status="interrupted", error_type="damaged", error_message=why)
