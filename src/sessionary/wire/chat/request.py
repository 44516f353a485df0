"""Requests to /chat/completions, read into the canonical form and written out of it. Pure.

A field is a row of the table in `chat/params`; messages are `chat/turns`, tools `chat/tools`.
"""

from typing import Any

from sessionary.wire import foreign
from sessionary.wire.canonical import Request, Unsupported
from sessionary.wire.chat import params
from sessionary.wire.chat.turns import read_turn, write_turns

_CARRIED = frozenset({"prompt_cache_key", "prompt_cache_retention", "safety_identifier"})
"""Fields of the Responses API that chat has under the same name."""


def read_request(body: dict[str, Any]) -> Request:
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise Unsupported("messages", "must be a list of messages")
    turns = [read_turn(message) for message in messages]
    lead = next((n for n, turn in enumerate(turns) if turn.role != "system"), len(turns))
    return Request(params.read({k: v for k, v in body.items() if k != "messages"}), turns[:lead], turns[lead:])


def write_request(request: Request) -> dict[str, Any]:
    """Raises Unsupported."""
    foreign.check(request.params, "chat", _CARRIED)
    turns = [*request.system, *request.turns]
    foreign.check_items(turns, "chat")
    foreign.check_files(turns, "chat")
    messages = write_turns(turns)
    body = params.write(request.params)
    if request.params.format == "responses":
        body |= {k: v for k, v in request.params.rest.items() if k in _CARRIED and v is not None}
    return {"model": body.pop("model"), "messages": messages, **body}
