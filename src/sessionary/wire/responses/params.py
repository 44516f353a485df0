"""A request to /responses without its input: a table of which fields say what. Pure.

Reading keeps a field's own spelling where writing would spell it otherwise (a null, a default said aloud, a tool
in a namespace); writing uses it as long as it still says the same. What no row reads goes to `rest`.
"""

import msgspec

from sessionary.wire.canonical import Params, Reasoning
from sessionary.wire.foreign import cannot
from sessionary.wire.responses import tools
from sessionary.wire.rows import Body, Row, is_count, is_flag, is_number, is_text, one

LOGPROBS = "message.output_text.logprobs"
ENCRYPTED = "reasoning.encrypted_content"
LEAST_OUTPUT = 16
"""Fewer tokens are refused."""
_ELSEWHERE: Body = {"stop": [], "top_k": None, "seed": None, "n": 1}
"""What `Params` can say and this format cannot, with the value that says nothing."""
_TIERS = {"standard_only": "default"}


def read(body: Body) -> Params:
    said: Body = {}
    for row in _ROWS:
        said |= row.read(body)
    params = msgspec.structs.replace(Params("", format="responses"), **said)
    spelled: Body = {}
    known = {key for row in _ROWS for key in row.keys}
    rest = {k: v for k, v in body.items() if k not in known}
    for row in _ROWS:
        given = {k: body[k] for k in row.keys if k in body}
        if given and row.write(params) != given:
            (spelled if row.read(given) or row.quiet(given) else rest).update(given)
    return msgspec.structs.replace(params, rest=rest, spelled=spelled)


def write(params: Params) -> Body:
    """Raises Unsupported."""
    own = params.format == "responses"
    for name, silent in _ELSEWHERE.items():
        if getattr(params, name) != silent:
            raise cannot("stop_sequences" if name == "stop" and params.format == "messages" else name, "responses")
    body: Body = {}
    for row in _ROWS:
        written = row.write(params)
        given = {k: v for k, v in params.spelled.items() if own and k in row.keys}
        if given and all(getattr(params, name) == value for name, value in row.read(given).items()):
            written = given
        body |= written
    return body | ({k: v for k, v in params.rest.items() if k not in body} if own else {})


def _write_most(params: Params) -> Body:
    most = params.max_output
    if most is None:
        return {}
    return {"max_output_tokens": most if params.format == "responses" else max(most, LEAST_OUTPUT)}


def _read_tools(body: Body) -> Body:
    found = tools.read(body.get("tools"))
    return {"tools": found} if found else {}


def _read_choice(body: Body) -> Body:
    choice = tools.read_choice(body.get("tool_choice"))
    return {} if choice is None else {"tool_choice": choice}


def _write_choice(params: Params) -> Body:
    return {} if params.tool_choice is None else {"tool_choice": tools.write_choice(params.tool_choice, params.tools)}


def _read_text(body: Body) -> Body:
    text = body.get("text")
    if not isinstance(text, dict):
        return {}
    said: Body = {"verbosity": text["verbosity"]} if text.get("verbosity") and is_text(text["verbosity"]) else {}
    match text.get("format"):
        case {"type": "json_schema", "schema": dict()}:
            said["json_schema"] = {k: v for k, v in text["format"].items() if k != "type" and v is not None}
        case {"type": "json_object"}:
            said["json_object"] = True
    return said


def _write_text(params: Params) -> Body:
    text: Body = {}
    if params.json_schema is not None:
        text["format"] = {"type": "json_schema", "name": "answer", **params.json_schema}
    elif params.json_object:
        text["format"] = {"type": "json_object"}
    if params.verbosity:
        text["verbosity"] = params.verbosity
    return {"text": text} if text else {}


def _plain_text(given: Body) -> bool:
    text = given.get("text")
    if not isinstance(text, dict):
        return text is None
    return text.get("format") in (None, {"type": "text"}) and set(text) <= {"format", "verbosity"}


def _read_reasoning(body: Body) -> Body:
    asked = body.get("reasoning")
    if not isinstance(asked, dict):
        return {}
    summary = asked.get("summary") or asked.get("generate_summary")
    effort, summary = (said if isinstance(said, str) else "" for said in (asked.get("effort"), summary))
    return {"reasoning": Reasoning(effort=effort, summary=summary)} if effort or summary else {}


def _no_reasoning(given: Body) -> bool:
    asked = given.get("reasoning")
    return asked is None or (isinstance(asked, dict) and all(value is None for value in asked.values()))


def _write_reasoning(params: Params) -> Body:
    """A budget is rounded to an effort. Messages shows its thinking unasked; here a summary must be asked for."""
    asked = params.reasoning
    if asked is None or (params.format == "messages" and asked.effort == "none"):
        return {}
    effort = asked.effort
    if not effort and asked.budget is not None:
        effort = "low" if asked.budget <= 2048 else "medium" if asked.budget <= 8192 else "high"
    summary = asked.summary or ("auto" if params.format == "messages" else "")
    written = {k: v for k, v in {"effort": effort, "summary": summary}.items() if v}
    return {"reasoning": written} if written else {}


def _read_logprobs(body: Body) -> Body:
    most, include = body.get("top_logprobs"), body.get("include")
    most = most if is_count(most) else 0
    wanted = isinstance(include, list) and LOGPROBS in include
    return {"logprobs": most} if wanted or most else {}


def _write_logprobs(params: Params) -> Body:
    """What a client of Messages is to send back with its next request has to be asked for."""
    include = [] if params.logprobs is None else [LOGPROBS]
    if params.format == "messages" and _write_reasoning(params):
        include.append(ENCRYPTED)
    return ({"include": include} if include else {}) | ({"top_logprobs": params.logprobs} if params.logprobs else {})


def _no_logprobs(given: Body) -> bool:
    return not given.get("include") and not given.get("top_logprobs")


def _write_store(params: Params) -> Body:
    """Other formats' requests are not kept by the provider unless they ask for it; here they would be."""
    if params.store is None:
        return {} if params.format == "responses" else {"store": False}
    return {"store": params.store}


def _read_metadata(body: Body) -> Body:
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        return {}
    texts = {k: v for k, v in metadata.items() if isinstance(v, str)}
    return {"metadata": texts} if texts else {}


_ROWS = (
    one("model", "model", is_text),
    one("stream", "stream", is_flag, default=False),
    Row(("tools",), _read_tools, lambda p: {"tools": tools.write(p.tools)} if p.tools else {}),
    Row(("tool_choice",), _read_choice, _write_choice),
    one("parallel_tool_calls", "parallel_tool_calls", is_flag),
    Row(
        ("max_output_tokens",),
        lambda body: {"max_output": body["max_output_tokens"]} if is_count(body.get("max_output_tokens")) else {},
        _write_most,
    ),
    one("temperature", "temperature", is_number),
    one("top_p", "top_p", is_number),
    Row(("text",), _read_text, _write_text, quiet=_plain_text),
    Row(("reasoning",), _read_reasoning, _write_reasoning, quiet=_no_reasoning),
    Row(("include", "top_logprobs"), _read_logprobs, _write_logprobs, quiet=_no_logprobs),
    one("frequency_penalty", "frequency_penalty", is_number),
    one("presence_penalty", "presence_penalty", is_number),
    one("user", "user", is_text, default=""),
    Row(
        ("service_tier",),
        lambda body: {"service_tier": body["service_tier"]} if isinstance(body.get("service_tier"), str) else {},
        lambda p: {"service_tier": _TIERS.get(p.service_tier, p.service_tier)} if p.service_tier else {},
    ),
    Row(("store",), lambda body: {"store": body["store"]} if is_flag(body.get("store")) else {}, _write_store),
    Row(("metadata",), _read_metadata, lambda p: {"metadata": p.metadata} if p.metadata else {}),
)
