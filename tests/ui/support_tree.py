"""A made-up session's tree and evidence, found by the server's own rules from the calls as the API tells them."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import msgspec

from sessionary.api import evidence, lineage
from tests.ui.data import Json

SUMS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")


def tree_of(transcript: Json) -> Any:
    return msgspec.to_builtins(lineage.tree(transcript["session"], rows(transcript)))


def evidence_of(transcript: Json, call: Json) -> Any:
    """`call["candidates"]`, which the API's calls do not have, are `(call, session, depth)`."""
    every = {row.id: row for row in rows(transcript)}
    row = every[call["id"]]
    related = {(1, id): every[id] for _, id in evidence.mentioned(row) if id in every}
    return msgspec.to_builtins(evidence.evidence(row, related, None))


def rows(transcript: Json) -> list[Any]:
    """As those of the calls table."""
    every = [added["call"] for added in transcript["calls"]]
    retries = {added["call"]["id"] for added in transcript["calls"] if added["retry"]}
    made = []
    leaf = ""
    for call in sorted(every, key=lambda call: (call["created_at"], call["id"])):
        leaf = leaf if call["id"] in retries else call["id"]
        origin = call["origin"] or {"kind": None, "call_id": None, "tool_call_id": None}
        begun = int(datetime.fromisoformat(call["created_at"]).timestamp() * 1e6)
        made.append(
            SimpleNamespace(
                **{
                    name: call[name] for name in ("id", "turn", "status", "agent", "agent_name", "agent_parent", "side")
                },
                **{name: call[name] for name in ("source", "rule", "ambiguous", *SUMS)},
                project=1,
                parent=call["parent_id"],
                leaf_node=leaf,
                origin=origin["call_id"],
                origin_kind=origin["kind"],
                origin_tool=origin["tool_call_id"],
                created_at=begun,
                finished_at=None if call["duration_ms"] is None else begun + int(call["duration_ms"] * 1000),
                cost=None if call["cost"] is None else int(call["cost"] * 1e9),
                session=transcript["session"]["id"],
                session_text=transcript["session"]["session_id"],
                home=None,
                base_depth=max(0, call["turn"] * 2 - 2),
                input_depth=max(1, call["turn"] * 2 - 1),
                evidence={"candidates": call["candidates"]} if "candidates" in call else None,
            )
        )
    return made
