"""Hypothesis strategies for what clients send to /responses, and what the provider answers, as values."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.support.chats import ARGUMENTS, JSON, NAMES, PDF, PNG, WORDS

Wire = dict[str, Any]


def fields(required: Wire, optional: Wire | None = None) -> st.SearchStrategy[Wire]:
    """An object with these values or strategies."""

    def each(values: Wire) -> Wire:
        return {k: v if isinstance(v, st.SearchStrategy) else st.just(v) for k, v in values.items()}

    return st.fixed_dictionaries(each(required), optional=each(optional or {}))


IDS = st.sampled_from(["c1", "c2", "c3"])
STATUS = st.sampled_from(["completed", "incomplete"])
texts = fields({"type": "input_text", "text": WORDS})
images = st.sampled_from(
    [
        {"type": "input_image", "image_url": PNG, "detail": "auto"},
        {"type": "input_image", "image_url": "https://example.com/cat.png", "detail": "high"},
        {"type": "input_image", "file_id": "file-1", "detail": "auto"},
    ]
)
files = st.sampled_from(
    [
        {"type": "input_file", "filename": "paper.pdf", "file_data": PDF},
        {"type": "input_file", "file_url": "https://example.com/paper.pdf"},
        {"type": "input_file", "file_id": "file-2"},
    ]
)
contents = st.lists(texts | images | files, max_size=3)
tokens = fields({"token": WORDS, "logprob": -0.5, "bytes": [97], "top_logprobs": []})
output_texts = fields(
    {"type": "output_text", "text": WORDS, "annotations": []}, {"logprobs": st.lists(tokens, max_size=2)}
)
refusals = fields({"type": "refusal", "refusal": WORDS})
arguments = ARGUMENTS.map(lambda value: json.dumps(value, ensure_ascii=False)) | st.sampled_from(["", "{", "[1, 2]"])

asked_messages = fields(
    {"role": st.sampled_from(["user", "system", "developer"]), "content": WORDS | contents | st.just("")},
    {"type": "message", "status": STATUS, "id": "msg_9"},
)
said_messages = fields(
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": st.lists(output_texts | refusals, min_size=1, max_size=3),
    },
    {"phase": st.sampled_from(["commentary", "final_answer"])},
)
calls = fields(
    {"type": "function_call", "call_id": IDS, "name": NAMES, "arguments": arguments, "status": "completed"},
    {"id": "fc_1", "namespace": "crm"},
)
custom_calls = fields(
    {"type": "custom_tool_call", "call_id": IDS, "name": "apply_patch", "input": WORDS}, {"id": "ctc_1"}
)
reasonings = fields(
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": st.lists(fields({"type": "summary_text", "text": WORDS}), max_size=2),
    },
    {
        "encrypted_content": st.sampled_from(["gAAAAA==", "x:y"]),
        "content": st.lists(fields({"type": "reasoning_text", "text": WORDS}), min_size=1, max_size=2),
    },
)
own_tools = st.sampled_from(
    [
        {
            "type": "web_search_call",
            "id": "ws_1",
            "status": "completed",
            "action": {"type": "search", "query": "weather", "queries": ["weather"]},
        },
        {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["a"], "results": None},
        {
            "type": "code_interpreter_call",
            "id": "ci_1",
            "status": "completed",
            "code": "print(1)",
            "container_id": "cntr_1",
            "outputs": [{"type": "logs", "logs": "1\n"}],
        },
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo="},
        {
            "type": "mcp_call",
            "id": "mcp_1",
            "server_label": "docs",
            "name": "find",
            "arguments": '{"q": 1}',
            "output": "found",
        },
        {
            "type": "mcp_list_tools",
            "id": "mcpl_1",
            "server_label": "docs",
            "tools": [{"name": "find", "input_schema": {"type": "object"}}],
        },
        {
            "type": "computer_call",
            "id": "cu_1",
            "call_id": "call_cu",
            "status": "completed",
            "pending_safety_checks": [],
            "action": {"type": "screenshot"},
        },
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAAAcompact"},
    ]
)
outputs = WORDS | st.just("") | st.lists(texts | images | files, max_size=3)
results = fields(
    {
        "type": st.sampled_from(["function_call_output", "custom_tool_call_output"]),
        "call_id": IDS,
        "output": outputs,
    },
    {"id": "fco_1", "status": "completed"},
)
references = st.just({"type": "item_reference", "id": "msg_7"})
given_results = st.sampled_from(
    [
        {
            "type": "computer_call_output",
            "call_id": "call_cu",
            "output": {"type": "computer_screenshot", "image_url": PNG},
        },
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True},
        {"type": "local_shell_call_output", "id": "ls_1", "output": "{}"},
    ]
)
asked_items = st.one_of(
    asked_messages, said_messages, calls, custom_calls, reasonings, results, own_tools, given_results, references
)
said_items = st.one_of(said_messages, calls, custom_calls, reasonings, own_tools)

functions = fields(
    {"type": "function", "name": NAMES, "parameters": st.just({"type": "object", "properties": {}}) | st.none()},
    {"description": WORDS | st.none(), "strict": st.none() | st.booleans(), "defer_loading": True},
)
tools = st.one_of(
    functions,
    fields({"type": "namespace", "name": "crm", "description": WORDS, "tools": st.lists(functions, max_size=2)}),
    st.sampled_from(
        [
            {
                "type": "custom",
                "name": "apply_patch",
                "format": {"type": "grammar", "syntax": "lark", "definition": "s: A"},
            },
            {"type": "web_search"},
            {"type": "file_search", "vector_store_ids": ["vs_1"]},
            {"type": "code_interpreter", "container": {"type": "auto"}},
            {"type": "mcp", "server_label": "docs", "server_url": "https://example.com/mcp"},
            {"type": "image_generation"},
        ]
    ),
)
choices = st.sampled_from(
    [
        "auto",
        "none",
        "required",
        {"type": "function", "name": "run"},
        {"type": "function", "name": "auto"},
        {"type": "custom", "name": "apply_patch"},
        {"type": "web_search_preview"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "run"}]},
    ]
)
forms = st.sampled_from(
    [
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_schema", "name": "a", "schema": {"type": "object"}},
        {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True, "description": None},
    ]
)
settings = {
    "instructions": st.none() | WORDS | st.just(""),
    "stream": st.none() | st.booleans(),
    "tools": st.lists(tools, max_size=3),
    "tool_choice": choices,
    "parallel_tool_calls": st.none() | st.booleans(),
    "max_output_tokens": st.none() | st.integers(1, 4096),
    "max_tool_calls": st.none() | st.integers(1, 9),
    "temperature": st.none() | st.sampled_from([0, 0.5, 1, 1.0]),
    "top_p": st.none() | st.sampled_from([0.1, 1]),
    "text": fields({}, {"format": forms, "verbosity": st.sampled_from([None, "low", "high"])}),
    "reasoning": st.none()
    | fields(
        {},
        {
            "effort": st.sampled_from([None, "minimal", "high", "max"]),
            "summary": st.sampled_from([None, "auto", "detailed"]),
            "generate_summary": "auto",
            "context": "auto",
        },
    ),
    "include": st.none()
    | st.lists(st.sampled_from(["message.output_text.logprobs", "reasoning.encrypted_content"]), max_size=2),
    "top_logprobs": st.none() | st.integers(0, 20),
    "presence_penalty": st.sampled_from([0, 0.5]),
    "frequency_penalty": st.sampled_from([0, 0.5]),
    "truncation": st.sampled_from(["auto", "disabled"]),
    "store": st.none() | st.booleans(),
    "background": st.booleans(),
    "metadata": st.none() | st.dictionaries(WORDS, WORDS, max_size=2),
    "safety_identifier": WORDS,
    "prompt_cache_key": WORDS,
    "service_tier": st.sampled_from(["auto", "default", "flex", "priority"]),
    "user": WORDS,
    "previous_response_id": st.none() | st.just("resp_0"),
    "conversation": st.just("conv_1") | st.just({"id": "conv_1"}),
    "prompt": st.none() | st.just({"id": "pmpt_1"}),
    "unheard_of": JSON,
}
requests = fields({"model": "some-model", "input": WORDS | st.just("") | st.lists(asked_items, max_size=5)}, settings)
"""Any field that there is, and one that there is not."""

usages = fields(
    {
        "input_tokens": st.integers(0, 10**6),
        "input_tokens_details": fields({"cached_tokens": 2, "cache_write_tokens": 1}),
        "output_tokens": st.integers(0, 10**6),
        "output_tokens_details": fields({"reasoning_tokens": 3}),
        "total_tokens": 0,
    }
)
endings = st.sampled_from(
    [
        {"status": "completed"},
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
    ]
)


@st.composite
def answers(draw: st.DrawFn) -> Wire:
    """A response object as the provider has it."""
    body = {
        "id": "resp_up",
        "object": "response",
        "created_at": 1_767_225_600,
        "error": None,
        "incomplete_details": None,
        "model": "some-model-2026",
        "output": draw(st.lists(said_items, max_size=4)),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": draw(usages),
        "service_tier": "default",
    }
    return body | draw(endings)


def events(body: Wire, step: int, *, deltas: bool = True) -> list[Wire]:
    """As the provider would have streamed the answer, without the numbers of the events."""
    said: list[Wire] = [{"type": "response.created", "response": {**body, "output": [], "status": "in_progress"}}]
    for position, item in enumerate(body["output"]):
        at = {"output_index": position, "item_id": item.get("id", "")}
        begun = {
            k: [] if k in ("content", "summary") else "" if k in ("arguments", "input") else v for k, v in item.items()
        }
        said.append({"type": "response.output_item.added", "output_index": position, "item": begun})

        def tell(name: str, text: str, at: Wire, field: str = "text") -> None:
            for start in range(0, len(text), step) if deltas else ():
                said.append({"type": f"response.{name}.delta", **at, "delta": text[start : start + step]})
            said.append({"type": f"response.{name}.done", **at, field: text})

        for index, part in enumerate(item.get("summary", [])):
            tell("reasoning_summary_text", part["text"], at | {"summary_index": index})
        for index, part in enumerate(item.get("content", [])):
            field = "refusal" if part["type"] == "refusal" else "text"
            empty = {k: "" if k == field else v for k, v in part.items()}
            within = at | {"content_index": index}
            said.append({"type": "response.content_part.added", **within, "part": empty})
            tell(part["type"], part[field], within, field)
            said.append({"type": "response.content_part.done", **within, "part": part})
        if item["type"] == "function_call":
            tell("function_call_arguments", item["arguments"], at, "arguments")
        if item["type"] == "custom_tool_call":
            tell("custom_tool_call_input", item["input"], at, "input")
        said.append({"type": "response.output_item.done", "output_index": position, "item": item})
    return [*said, {"type": f"response.{body['status']}", "response": body}]
