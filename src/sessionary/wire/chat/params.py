"""A chat request without its messages: a table of which fields say what. Pure.

Reading keeps a field's own spelling where writing would spell it otherwise (`max_tokens`, a null, one stop word);
writing uses it as long as it still says the same. What no row reads goes to `rest`.
"""

import msgspec

from sessionary.wire.canonical import Params, Reasoning
from sessionary.wire.chat import tools
from sessionary.wire.rows import Body, Row, is_count, is_flag, is_number, is_text, one

_KEPT_HERE = frozenset({"store", "metadata"})
"""What other formats say of keeping the call is for the gateway, which keeps it; few chat providers take them."""


def read(body: Body) -> Params:
    known = {key for row in _ROWS for key in row.keys}
    said: Body = {"model": ""}
    for row in _ROWS:
        said |= row.read(body)
    params = Params(**said)
    spelled: Body = {}
    rest = {k: v for k, v in body.items() if k not in known}
    for row in _ROWS:
        given = {k: body[k] for k in row.keys if k in body}
        if given and row.write(params) != given:
            silent = not row.read(given)  # nothing that `Params` can say: other formats must know of it
            (rest if silent else spelled).update(given)
    return msgspec.structs.replace(params, rest=rest, spelled=spelled)


def write(params: Params) -> Body:
    body: Body = {}
    own = params.format == "chat"
    for row in _ROWS:
        written = row.write(params)
        if own:
            given = {k: v for k, v in params.spelled.items() if k in row.keys}
            if given and all(getattr(params, name) == value for name, value in row.read(given).items()):
                written = given
        body |= written
    if not own:
        body = {k: v for k, v in body.items() if k not in _KEPT_HERE}
        body |= {"stream_options": {"include_usage": True}} if params.stream else {}
    return body | {k: v for k, v in params.rest.items() if own and k not in body}


def _read_most(body: Body) -> Body:
    found = [body[k] for k in ("max_completion_tokens", "max_tokens") if is_count(body.get(k))]
    return {"max_output": found[0]} if found else {}


def _read_stop(body: Body) -> Body:
    match body.get("stop"):
        case str(word):
            return {"stop": [word]}
        case [*words] if words and all(isinstance(word, str) for word in words):
            return {"stop": words}
    return {}


def _read_logprobs(body: Body) -> Body:
    if body.get("logprobs") is not True:
        return {}
    most = body.get("top_logprobs")
    return {"logprobs": most if is_count(most) else 0}


def _write_logprobs(params: Params) -> Body:
    if params.logprobs is None:
        return {}
    return {"logprobs": True} | ({"top_logprobs": params.logprobs} if params.logprobs else {})


def _read_form(body: Body) -> Body:
    match body.get("response_format"):
        case {"type": "json_schema", "json_schema": dict(schema)} if isinstance(schema.get("schema"), dict):
            return {"json_schema": {k: v for k, v in schema.items() if v is not None}}
        case {"type": "json_object"}:
            return {"json_object": True}
    return {}


def _write_form(params: Params) -> Body:
    if params.json_schema is not None:
        schema = {"name": "answer", **params.json_schema}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    return {"response_format": {"type": "json_object"}} if params.json_object else {}


def _read_reasoning(body: Body) -> Body:
    effort = body.get("reasoning_effort")
    return {"reasoning": Reasoning(effort=effort)} if isinstance(effort, str) and effort else {}


def _write_reasoning(params: Params) -> Body:
    """A budget is rounded to an effort. Thinking that Messages turns off is a chat model's default."""
    asked = params.reasoning
    if asked is None or (params.format == "messages" and asked.effort == "none"):
        return {}
    if asked.effort:
        return {"reasoning_effort": asked.effort}
    if asked.budget is None:
        return {}
    return {"reasoning_effort": "low" if asked.budget <= 2048 else "medium" if asked.budget <= 8192 else "high"}


def _read_metadata(body: Body) -> Body:
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        return {}
    texts = {k: v for k, v in metadata.items() if isinstance(v, str)}
    return {"metadata": texts} if texts else {}


def _read_tools(body: Body) -> Body:
    found = tools.read(body)
    return {"tools": found} if found else {}


def _read_choice(body: Body) -> Body:
    choice = tools.read_choice(body)
    return {} if choice is None else {"tool_choice": choice}


_ROWS = (
    one("model", "model", is_text),
    one("stream", "stream", is_flag, default=False),
    Row(("tools", "functions"), _read_tools, lambda p: tools.write(p.tools)),
    Row(("tool_choice", "function_call"), _read_choice, lambda p: tools.write_choice(p.tool_choice, p.tools)),
    one("parallel_tool_calls", "parallel_tool_calls", is_flag),
    Row(
        ("max_completion_tokens", "max_tokens"),
        _read_most,
        lambda p: {} if p.max_output is None else {"max_completion_tokens": p.max_output},
    ),
    one("temperature", "temperature", is_number),
    one("top_p", "top_p", is_number),
    one("top_k", "top_k", is_count),
    Row(("stop",), _read_stop, lambda p: {"stop": p.stop} if p.stop else {}),
    Row(("response_format",), _read_form, _write_form),
    Row(("reasoning_effort",), _read_reasoning, _write_reasoning),
    one("verbosity", "verbosity", is_text, default=""),
    Row(("logprobs", "top_logprobs"), _read_logprobs, _write_logprobs),
    one("seed", "seed", is_count),
    one("n", "n", is_count, default=1),
    one("frequency_penalty", "frequency_penalty", is_number),
    one("presence_penalty", "presence_penalty", is_number),
    one("user", "user", is_text, default=""),
    one("service_tier", "service_tier", is_text, default=""),
    one("store", "store", is_flag),
    Row(("metadata",), _read_metadata, lambda p: {"metadata": p.metadata} if p.metadata else {}),
)
