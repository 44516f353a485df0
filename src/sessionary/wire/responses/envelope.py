"""The response object around an answer's items: every field, with what is in effect where nothing was said. Pure.

Numbers are never null, except the limits that are not set. Source: OpenAI's OpenAPI document and Open Responses,
which wants the fields that OpenAI leaves out. OpenAI takes no null for some of those: what was not said is an empty
text, and what nobody counted is zero.
"""

from typing import Any

from sessionary.ids import answer_of
from sessionary.wire import loose, tiers
from sessionary.wire.canonical import Failed, Stop
from sessionary.wire.message import Usage

Body = dict[str, Any]

_DEFAULTS: Body = {
    "background": False,
    "frequency_penalty": 0,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0,
    "previous_response_id": None,
    "prompt_cache_key": "",
    "safety_identifier": "",
    "store": True,
    "temperature": 1,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1,
    "truncation": "disabled",
}
_WHERE_SAID = ("context_management", "moderation", "prompt", "prompt_cache_options", "prompt_cache_retention", "user")
_CODES = frozenset(
    {"server_error", "rate_limit_exceeded", "invalid_prompt", "data_residency_mismatch", "bio_policy"}
    | {"vector_store_timeout", "invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url"}
    | {"image_too_large", "image_too_small", "image_parse_error", "image_content_policy_violation"}
    | {"invalid_image_mode", "image_file_too_large", "unsupported_image_media_type", "empty_image_file"}
    | {"failed_to_download_image", "image_file_not_found"}
)
"""Those that the published schema knows; clients that check it refuse any other."""


def envelope(
    asked: Body,
    *,
    id: str,
    created: int,
    model: str,
    status: str,
    output: list[Any],
    usage: Usage | None = None,
    incomplete: str = "",
    error: Body | None = None,
    service_tier: str = "",
    completed_at: int | None = None,
) -> Body:
    """`incomplete`: why, where the status says so."""
    said = {k: default if asked.get(k) is None else asked[k] for k, default in _DEFAULTS.items()}
    return {
        "id": id,
        "object": "response",
        "created_at": created,
        "completed_at": (created if completed_at is None else completed_at) if status == "completed" else None,
        "status": status,
        "incomplete_details": {"reason": incomplete} if incomplete else None,
        "error": error,
        "model": model,
        "instructions": asked.get("instructions"),
        "output": output,
        "usage": write_usage(usage or Usage(0, 0)),
        "reasoning": {"effort": None, "summary": None} | _dict(asked.get("reasoning")),
        "text": _text(asked.get("text")),
        "tools": [_tool(tool) for tool in _list(asked.get("tools"))],
        "service_tier": tiers.openai(service_tier) or _tier(asked.get("service_tier")),
        **said,
        **{k: asked[k] for k in _WHERE_SAID if asked.get(k) is not None},
        **conversation(asked.get("conversation")),
    }


def of(asked: Body, call_id: str, created: int, status: str) -> Body:
    """The object of a response that has said nothing yet."""
    model = asked.get("model")
    named = model if isinstance(model, str) else ""
    id = answer_of(call_id)
    return envelope(asked, id=id, created=created, model=named, status=status, output=[])


def conversation(said: Any) -> Body:
    found = said.get("id") if isinstance(said, dict) else said
    return {"conversation": {"id": found}} if isinstance(found, str) else {}


def _tier(said: Any) -> str:
    known = tiers.openai(said) if isinstance(said, str) else ""
    return known if known not in ("", "auto") else "default"


def _text(said: Any) -> Body:
    text = {"format": {"type": "text"}, "verbosity": "medium"}
    text |= {k: v for k, v in _dict(said).items() if v is not None}
    form = text["format"]
    if isinstance(form, dict) and form.get("type") == "json_schema":
        said_of_it = {k: v for k, v in form.items() if v is not None}
        text["format"] = {"description": "", "strict": False, **said_of_it}
    return text


def _tool(tool: Any) -> Any:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        return tool
    return {
        **tool,
        **{k: tool.get(k) for k in ("name", "description", "parameters")},
        "strict": bool(tool.get("strict")),
    }


def ending(stop: Stop, *, refused: bool) -> tuple[str, str]:
    """The status, and why it is incomplete. A refusal in words is an answer; without them it is the filter's."""
    match stop:
        case "length":
            return "incomplete", "max_output_tokens"
        case "content_filter":
            return "incomplete", "content_filter"
        case "refusal" if not refused:
            return "incomplete", "content_filter"
        case "error":
            return "failed", ""
    return "completed", ""


def error_of(message: str, *names: str) -> Body:
    """`names`: what the provider called it; the first that clients know."""
    code = next((name for name in names if name in _CODES), None)
    if code is None and any("rate_limit" in name for name in names):
        code = "rate_limit_exceeded"
    return {"code": code or "server_error", "message": message}


def error_event(failed: Failed, number: int) -> bytes:
    """The end of a stream that others had begun; flat as OpenAI has it and nested as Open Responses has it."""
    said = {"code": failed.code or failed.type, "message": failed.message, "param": None}
    event = {"type": "error", "sequence_number": number, **said, "error": {"type": failed.type, **said}}
    return b"event: error\ndata: " + loose.encode(event) + b"\n\ndata: [DONE]\n\n"


def write_usage(usage: Usage) -> Body:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def read_usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    given, made = _int(usage.get("input_tokens")), _int(usage.get("output_tokens"))
    if not given and not made:  # nobody counted: the field is not optional
        return None
    read, wrote = _dict(usage.get("input_tokens_details")), _dict(usage.get("output_tokens_details"))
    return Usage(
        input=given or 0,
        output=made or 0,
        cached=_int(read.get("cached_tokens")) or 0,
        cache_write=_int(read.get("cache_write_tokens")) or 0,
        reasoning=_int(wrote.get("reasoning_tokens")) or 0,
    )


def _int(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 1 << 53 else None


def _dict(value: Any) -> Body:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
