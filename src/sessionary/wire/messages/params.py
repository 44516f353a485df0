"""A Messages request without its messages and system: a table of which fields say what. Pure.

Reading keeps a field's own spelling where writing would spell it otherwise; writing uses it as long as it still
says the same. What no row reads goes to `rest`.
"""

from typing import Any

import msgspec

from sessionary.wire import loose
from sessionary.wire.canonical import Params, Reasoning
from sessionary.wire.foreign import cannot
from sessionary.wire.messages import models, tools
from sessionary.wire.messages.blocks import FORMAT
from sessionary.wire.rows import Body, Row, is_count, is_flag, is_number, is_text, one

MAX_TOKENS = 4096
"""Anthropic must be told how long an answer may be; for a caller that did not say it is this much,"""
MAX_TOKENS_THINKING = 8192
"""and this much where thinking comes out of it too."""
LEAST_BUDGET = 1024
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 32768}
_SUMMARISED = {"display": "summarized"}
CARRIED = frozenset(
    {"thinking", "output_config", "container", "context_management", "mcp_servers", "inference_geo", "speed"}
    | {"cache_control"}
)
"""Fields of this format that chat callers add to their request for a Claude model."""


def read(body: Body) -> Params:
    known = {key for row in _ROWS for key in row.keys}
    said: Body = {"model": "", "format": FORMAT}
    for row in _ROWS:
        said |= row.read(body)
    params = Params(**said)
    spelled: Body = {}
    rest = {k: v for k, v in body.items() if k not in known}
    for row in _ROWS:
        given = {k: body[k] for k in row.keys if k in body}
        if given and row.write(params) != given:
            silent = not row.private and not row.read(given)
            (rest if silent else spelled).update(given)
    return msgspec.structs.replace(params, rest=rest, spelled=spelled)


def write(params: Params) -> Body:
    """Raises Unsupported."""
    own = params.format == FORMAT
    if not own:
        _check(params)
    body: Body = {}
    for row in _ROWS:
        written = row.write(params)
        if own:
            given = {k: v for k, v in params.spelled.items() if k in row.keys}
            if given and all(getattr(params, name) == value for name, value in row.read(given).items()):
                written = given
        body |= written
    if own:
        body |= {k: v for k, v in params.rest.items() if k not in body}
    elif params.format == "chat":
        body |= {k: v for k, v in params.rest.items() if k in CARRIED and v is not None}
    body.setdefault("max_tokens", _most(body))
    return body


def _most(body: Body) -> int:
    match body.get("thinking"):
        case {"type": "enabled", "budget_tokens": int(budget)}:
            return max(MAX_TOKENS_THINKING, budget + MAX_TOKENS)
        case {"type": "adaptive"}:
            return MAX_TOKENS_THINKING
    return MAX_TOKENS


def _check(params: Params) -> None:
    """What other formats ask and this one cannot."""
    chat = params.format == "chat"
    refused = {
        "n": params.n != 1,
        "logprobs" if chat else "top_logprobs": params.logprobs is not None,
        "seed": params.seed is not None,
        "frequency_penalty": bool(params.frequency_penalty),
        "presence_penalty": bool(params.presence_penalty),
        "verbosity" if chat else "text.verbosity": params.verbosity not in ("", "medium"),
        "response_format" if chat else "text.format": params.json_object,
    }
    for field, asked in refused.items():
        if asked:
            raise cannot(field, FORMAT)
    if params.temperature is not None and params.temperature > 1:
        raise cannot("temperature", FORMAT, "Anthropic takes 0 to 1")
    if params.service_tier and params.service_tier not in _TIERS_TO:
        raise cannot("service_tier", FORMAT, "Anthropic takes auto and default")


def _words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _read_tools(body: Body) -> Body:
    given = body.get("tools")
    return {"tools": tools.read(given)} if isinstance(given, list) and given else {}


def _write_choice(params: Params) -> Body:
    own = params.format == FORMAT
    choice = tools.write_choice(params.tool_choice, params.parallel_tool_calls, params.tools, own=own)
    return {"tool_choice": choice} if choice else {}


def _read_thinking(body: Body) -> Body:
    said: Body = {}
    match body.get("thinking"):
        case {"type": "enabled", "budget_tokens": int(budget)}:
            said["budget"] = budget
        case {"type": "adaptive"}:
            said["adaptive"] = True
        case {"type": "disabled"}:
            said["effort"] = "none"
    if said and body["thinking"].get("display") == "summarized":
        said["summary"] = "auto"
    config = body.get("output_config")
    config = config if isinstance(config, dict) else {}
    if isinstance(config.get("effort"), str) and config["effort"] and "effort" not in said:
        said["effort"] = config["effort"]
    found: Body = {"reasoning": Reasoning(**said)} if said else {}
    for form in (body.get("output_format"), config.get("format")):
        match form:
            case {"type": "json_schema", "schema": dict(schema)}:
                found["json_schema"] = {"name": "answer", "schema": schema, "strict": True}
    return found


def _write_thinking(params: Params) -> Body:
    thinking, effort = _thinking(params)
    config: Body = {"effort": effort} if effort else {}
    if params.json_schema is not None:
        config["format"] = {"type": "json_schema", "schema": params.json_schema.get("schema") or {"type": "object"}}
    return ({"thinking": thinking} if thinking else {}) | ({"output_config": config} if config else {})


def _thinking(params: Params) -> tuple[Body, str]:
    """The `thinking` field, and the effort."""
    asked = params.reasoning
    if asked is None:
        return {}, ""
    display = _SUMMARISED if asked.summary else {}
    if asked.effort == "none":
        return {"type": "disabled"}, ""
    if asked.budget is not None:
        return {"type": "enabled", "budget_tokens": asked.budget} | display, asked.effort
    effort = "low" if asked.effort == "minimal" else asked.effort
    if asked.adaptive:
        return {"type": "adaptive"} | display, effort
    if params.format == FORMAT or not effort:
        return {}, effort
    if models.thinks_adaptively(params.model):  # newer models say what they thought only where that is asked for
        return {"type": "adaptive"} | (_SUMMARISED if params.format == "chat" else display), effort
    budget = _BUDGETS.get(asked.effort, _BUDGETS["high"])
    if params.max_output is not None:  # the answer needs room beside it
        budget = min(budget, max(params.max_output // 2, LEAST_BUDGET), params.max_output - 1)
    return ({"type": "enabled", "budget_tokens": budget}, "") if budget >= LEAST_BUDGET else ({}, "")


def _read_user(body: Body) -> Body:
    match body.get("metadata"):
        case {"user_id": str(user)} if user and not _names_a_device(user):
            return {"user": user}
    return {}


def _names_a_device(user: str) -> bool:
    """Claude Code's: its device, account and session, which are for Anthropic alone."""
    if user.startswith("user_") and "_session_" in user:
        return True
    try:
        return user.startswith("{") and isinstance(loose.decode(user), dict)
    except loose.FAILURES:
        return False


_TIERS_OF = {"auto": "auto", "standard_only": "default"}
_TIERS_TO = {"auto": "auto", "default": "standard_only", "priority": "auto", "scale": "auto"}


def _read_tier(body: Body) -> Body:
    tier = body.get("service_tier")
    return {"service_tier": _TIERS_OF[tier]} if isinstance(tier, str) and tier in _TIERS_OF else {}


_ROWS = (
    one("model", "model", is_text),
    one("max_tokens", "max_output", is_count),
    one("stream", "stream", is_flag, default=False),
    Row(
        ("tools",),
        _read_tools,
        lambda p: {"tools": tools.write(p.tools, p.model)} if p.tools else {},
    ),
    Row(("tool_choice",), lambda b: tools.read_choice(b.get("tool_choice")), _write_choice),
    one("temperature", "temperature", is_number),
    one("top_p", "top_p", is_number),
    one("top_k", "top_k", is_count),
    one("stop_sequences", "stop", _words, default=[]),
    Row(("thinking", "output_config", "output_format"), _read_thinking, _write_thinking),
    Row(("metadata",), _read_user, lambda p: {"metadata": {"user_id": p.user}} if p.user else {}, private=True),
    Row(
        ("service_tier",),
        _read_tier,
        lambda p: {"service_tier": _TIERS_TO.get(p.service_tier, "auto")} if p.service_tier else {},
    ),
)
