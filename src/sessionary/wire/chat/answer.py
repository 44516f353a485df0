"""A chat completion, read into the canonical answer and written out of it. Pure.

Of several choices the first is read; the body that it came in is kept for a writer of the same format.
"""

from typing import Any

from sessionary.wire import tiers
from sessionary.wire.answer import usage_of
from sessionary.wire.canonical import Answer, Part, Stop
from sessionary.wire.chat.turns import read_turn, write_answer_message
from sessionary.wire.message import Usage

_STOPS: dict[str, Stop] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
}
_REASONS: dict[Stop, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "refusal": "content_filter",
    "content_filter": "content_filter",
    "pause": "stop",
    "error": "stop",
}


def read_answer(body: dict[str, Any]) -> Answer:
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    message = choice.get("message")
    turns = [read_turn({"role": "assistant", **message})] if isinstance(message, dict) else []
    logprobs = choice.get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    error = body.get("error")
    return Answer(
        id=_text(body.get("id")),
        model=_text(body.get("model")),
        turns=turns,
        stop="error" if error else stop_of(choice.get("finish_reason"), [p for turn in turns for p in turn.parts]),
        usage=usage_of(body.get("usage")),
        created=body["created"] if isinstance(body.get("created"), int) else 0,
        service_tier=_text(body.get("service_tier")),
        logprobs=tokens if isinstance(tokens, list) else None,
        error=(error if isinstance(error, dict) else {"message": str(error)}) if error else None,
        format="chat",
        origin=body,
    )


def stop_of(reason: Any, parts: list[Part]) -> Stop:
    """Some providers say `stop` after tool calls, or a word of their own."""
    stop = _STOPS.get(_text(reason), "stop")
    if stop == "stop" and any(part.piece.type == "tool_call" for part in parts):
        return "tool_calls"
    if stop == "stop" and any(part.piece.type == "refusal" for part in parts):
        return "refusal"
    return stop


def reason_of(stop: Stop, parts: list[Part]) -> str:
    """A refusal in words is an answer like any other; without them it is the filter's."""
    if stop == "refusal" and any(part.piece.type == "refusal" for part in parts):
        return "stop"
    return _REASONS[stop]


def write_answer(answer: Answer, asked: dict[str, Any]) -> dict[str, Any]:
    """`asked` has nothing that chat echoes."""
    if answer.format == "chat" and answer.origin is not None and read_answer(answer.origin) == answer:
        body: dict[str, Any] = answer.origin
        return body
    parts = [part for turn in answer.turns for part in turn.parts]
    body = {"id": answer.id, "object": "chat.completion", "created": answer.created, "model": answer.model}
    if parts or not answer.error:
        choice = {
            "index": 0,
            "message": write_answer_message(parts),
            "logprobs": None if answer.logprobs is None else {"content": answer.logprobs, "refusal": None},
            "finish_reason": reason_of(answer.stop, parts),
        }
        body["choices"] = [choice]
    if answer.usage is not None:
        body["usage"] = usage_as_chat(answer.usage)
    if tier := tiers.openai(answer.service_tier):
        body["service_tier"] = tier
    if answer.error:
        body["error"] = answer.error
    return body


def usage_as_chat(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
