"""Requests to /messages, read into the canonical form and written out of it. Pure.

A field is a row of the table in `messages/params`; messages are `messages/history`, tools `messages/tools`.
"""

from typing import Any

import msgspec

from sessionary.wire import foreign
from sessionary.wire.canonical import Request, Turn, Unsupported
from sessionary.wire.messages import history, params
from sessionary.wire.messages.blocks import FORMAT
from sessionary.wire.messages.history import read_turns

__all__ = ["read_request", "read_turns", "write_request"]

Body = dict[str, Any]


def read_request(body: Body) -> Request:
    """Raises Unsupported."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise Unsupported("messages", "must be a list of messages")
    turns = [turn for at, message in enumerate(messages) for turn in read_turns(message, f"messages.{at}")]
    system = _read_system(body.get("system"))
    asked = params.read({k: v for k, v in body.items() if k not in ("messages", "system")})
    if not system and "system" in body:
        asked = msgspec.structs.replace(asked, spelled={**asked.spelled, "system": body["system"]})
    return Request(asked, system, turns)


def _read_system(system: Any) -> list[Turn]:
    if not isinstance(system, str | list):
        return []
    turns = read_turns({"role": "system", "content": system})
    return turns if any(part.piece.text or part.piece.type != "text" for turn in turns for part in turn.parts) else []


def write_request(request: Request) -> Body:
    """Raises Unsupported."""
    foreign.check(request.params, FORMAT, params.CARRIED if request.params.format == "chat" else frozenset())
    foreign.check_items(request.turns, FORMAT)
    moved, turns = history.split_system(request.turns)
    system = history.write_system([*request.system, *moved])
    messages = history.write_messages(turns)
    body = params.write(request.params)
    if system is None and request.params.format == FORMAT and "system" in request.params.spelled:
        body["system"] = request.params.spelled["system"]
    elif system is not None:
        body["system"] = system
    if request.params.format != FORMAT and _answers_unthought_calls(messages):
        _stop_budget(body)
    return {"model": body.pop("model"), "max_tokens": body.pop("max_tokens"), **body, "messages": messages}


def _answers_unthought_calls(messages: list[Body]) -> bool:
    """Whether the last answer called tools and has no thinking before: it was another provider's."""
    if len(messages) < 2 or messages[-1]["role"] != "user":
        return False
    said, given = messages[-2].get("content"), messages[-1].get("content")
    if not isinstance(said, list) or not isinstance(given, list) or not said:
        return False
    kinds = [block.get("type") for block in said if isinstance(block, dict)]
    return "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking")


def _stop_budget(body: Body) -> None:
    """Anthropic refuses a thinking budget there; an adaptive model decides for itself."""
    thinking = body.get("thinking")
    if isinstance(thinking, dict) and thinking.get("type") == "enabled":
        del body["thinking"]
