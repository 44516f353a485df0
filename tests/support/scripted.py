"""Answers of a provider that speaks any of the three formats, spelled by hand: the same answer in each.

`reply` answers a request by the model's name, which is the name of an answer in SAID or of a fault in FAULTS.
"""

import json
from collections.abc import Callable
from typing import Any

from tests.support.items import events as responses_events
from tests.support.messages import events as messages_events
from tests.support.messages import sse
from tests.support.upstream import Received, Reply

Wire = dict[str, Any]
Part = tuple[str, ...]
"""("thought" | "text" | "refusal", the text) or ("call", id, name, arguments)"""

SAID: dict[str, tuple[list[Part], str]] = {
    "text": ([("text", "Hello, you.")], "stop"),
    "call": ([("call", "call_1", "get_weather", '{"city":"Turin"}')], "tool_calls"),
    "calls": (
        [
            ("text", "Let me look."),
            ("call", "call_1", "get_weather", '{"city":"Turin"}'),
            ("call", "call_2", "get_weather", '{"city":"Lima"}'),
        ],
        "tool_calls",
    ),
    "reasoning": ([("thought", "Hm, let me see."), ("text", "Four.")], "stop"),
    "reasoned-call": ([("thought", "Hm."), ("call", "call_1", "get_weather", "{}")], "tool_calls"),
    "refusal": ([("refusal", "I will not do that.")], "refusal"),
    "structured": ([("text", '{"city":"Turin"}')], "stop"),
    "length": ([("text", "Once upon a")], "length"),
    "cut-call": ([("call", "call_1", "get_weather", '{"city":"Tu')], "length"),
    "filtered": ([("text", "Well, ")], "content_filter"),
    "nothing": ([], "stop"),
}
_CHAT_REASONS = {"refusal": "stop"}
_MESSAGES_REASONS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal"}
STREAM = {"content-type": "text/event-stream; charset=utf-8"}
JSON = {"content-type": "application/json"}


def chat(model: str) -> Wire:
    parts, stop = SAID[model]
    message: Wire = {"role": "assistant", "content": _joined(parts, "text") or None, "refusal": None}
    if refused := _joined(parts, "refusal"):
        message["refusal"] = refused
    if thought := _joined(parts, "thought"):
        message["reasoning_content"] = thought
    calls = [part for part in parts if part[0] == "call"]
    if calls:
        message["tool_calls"] = [
            {"id": call[1], "type": "function", "function": {"name": call[2], "arguments": call[3]}} for call in calls
        ]
    reason = _CHAT_REASONS.get(stop, stop)
    return {
        "id": "chatcmpl-up",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": f"{model}-2026",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


def chat_events(body: Wire) -> list[bytes]:
    (choice,) = body["choices"]
    message = choice["message"]
    deltas: list[Wire] = [{"role": "assistant", "content": ""}]
    for field in ("reasoning_content", "content", "refusal"):
        deltas += [{field: piece} for piece in _cut(message.get(field) or "")]
    for index, call in enumerate(message.get("tool_calls", [])):
        given = call["function"]["arguments"]
        deltas.append({"tool_calls": [{"index": index, **call, "function": {**call["function"], "arguments": ""}}]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in _cut(given)]
    head = {**body, "object": "chat.completion.chunk", "usage": None}
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
    chunks.append({**head, "choices": [], "usage": body["usage"]})
    return [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks] + [b"data: [DONE]\n\n"]


def responses(model: str) -> Wire:
    parts, stop = SAID[model]
    status = "incomplete" if stop in ("length", "content_filter") else "completed"
    output: list[Wire] = []
    for n, part in enumerate(parts):
        match part:
            case ("thought", text):
                summary = [{"type": "summary_text", "text": text}]
                output.append({"type": "reasoning", "id": f"rs_{n}", "summary": summary, "encrypted_content": "gA=="})
            case ("text", text):
                output.append(_message(n, status, {"type": "output_text", "text": text, "annotations": []}))
            case ("refusal", text):
                output.append(_message(n, status, {"type": "refusal", "refusal": text}))
            case (_, call, name, given):
                called = {"type": "function_call", "id": f"fc_{n}", "call_id": call, "name": name, "arguments": given}
                output.append(called | {"status": status})
    reason = "max_output_tokens" if stop == "length" else stop
    return {
        "id": "resp_up",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "model": f"{model}-2026",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 11,
            "input_tokens_details": {"cached_tokens": 2},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 1},
            "total_tokens": 18,
        },
    }


def _message(n: int, status: str, part: Wire) -> Wire:
    return {"type": "message", "id": f"msg_{n}", "role": "assistant", "status": status, "content": [part]}


def messages(model: str) -> Wire:
    parts, stop = SAID[model]
    content: list[Wire] = []
    for part in parts:
        match part:
            case ("thought", text):
                content.append({"type": "thinking", "thinking": text, "signature": "Eabc"})
            case ("text" | "refusal", text):
                content.append({"type": "text", "text": text})
            case (_, call, name, given):
                whole = json.loads(given) if given.endswith("}") else {}
                content.append({"type": "tool_use", "id": call, "name": name, "input": whole})
    return {
        "id": "msg_up",
        "type": "message",
        "role": "assistant",
        "model": f"{model}-2026",
        "content": content,
        "stop_reason": _MESSAGES_REASONS.get(stop, stop),
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "cache_read_input_tokens": 2, "output_tokens": 7, "service_tier": "standard"},
    }


_ERRORS: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "invalid_request_error"),
    401: ("invalid_api_key", "authentication_error"),
    403: ("permission_denied", "permission_error"),
    404: ("model_not_found", "not_found_error"),
    413: ("too_large", "request_too_large"),
    429: ("rate_limit_exceeded", "rate_limit_error"),
    500: ("server_error", "api_error"),
    503: ("server_is_overloaded", "overloaded_error"),
}


def error(path: str, status: int) -> Wire:
    code, type = _ERRORS[status]
    if path.endswith("/messages"):
        return {"type": "error", "error": {"type": type, "message": "So it is."}, "request_id": "req_1"}
    return {"error": {"message": "So it is.", "type": "some_error", "param": None, "code": code}}


def stream(path: str, model: str) -> list[bytes]:
    """The events of an answer, one by one."""
    if path.endswith("/messages"):
        return [sse([event]) for event in messages_events(messages(model))]
    if path.endswith("/responses"):
        numbered = enumerate(responses_events(responses(model), 4))
        return [sse([{**event, "sequence_number": number}]) for number, event in numbered]
    return chat_events(chat(model))


def whole(path: str, model: str) -> Wire:
    spoken: Callable[[str], Wire] = chat
    if path.endswith("/messages"):
        spoken = messages
    if path.endswith("/responses"):
        spoken = responses
    return spoken(model)


def _broken(path: str) -> bytes:
    """How each format says in a stream that it failed."""
    failed = error(path, 503)
    if path.endswith("/messages"):
        return sse([failed])
    if path.endswith("/responses"):
        response = {
            **responses("text"),
            "status": "failed",
            "output": [],
            "error": {"code": "server_error", "message": "No."},
        }
        return sse([{"type": "response.failed", "response": response}])
    return b"data: " + json.dumps(failed).encode() + b"\n\n"


def _failed(path: str) -> Wire:
    """How each format says so in a whole answer, with the status 200."""
    failed = error(path, 503)
    if path.endswith("/responses"):
        why = {"code": "server_error", "message": "No."}
        return {**responses("text"), "status": "failed", "output": [], "error": why}
    return failed


FAULTS = ("page", "page-502", "fails", "breaks", "hangs-up", *(f"status-{status}" for status in _ERRORS))


def reply(request: Received) -> Reply:
    model, path = request.json["model"], request.path.split("?")[0]
    if model.startswith("status-"):
        status = int(model.removeprefix("status-"))
        return Reply(json.dumps(error(path, status)).encode(), status=status, headers=JSON)
    if model.startswith("page"):
        return Reply(b"<html>No.</html>", status=502 if "502" in model else 200, headers={"content-type": "text/html"})
    if model == "fails" and not request.json.get("stream"):
        return Reply(json.dumps(_failed(path)).encode(), headers=JSON)
    if model in FAULTS:
        begun = stream(path, "calls")
        begun = begun[: len(begun) // 2]
        match model:
            case "fails":
                return Reply(pieces=[*begun, _broken(path)], headers=STREAM)
            case "breaks":
                return Reply(pieces=begun, headers=STREAM)
        return Reply(pieces=begun, headers=STREAM, reset=True)
    if request.json.get("stream"):
        return Reply(b"".join(stream(path, model)), headers=STREAM)
    return Reply(json.dumps(whole(path, model)).encode(), headers=JSON)


def _joined(parts: list[Part], kind: str) -> str:
    return "".join(part[1] for part in parts if part[0] == kind)


def _cut(text: str) -> list[str]:
    return [text[at : at + 4] for at in range(0, len(text), 4)]
