"""Bodies of the Messages format, for property tests: any that Anthropic's reference allows, and its streams."""

from typing import Any

from hypothesis import strategies as st

from sessionary.wire import loose

Wire = dict[str, Any]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
CALL_IDS = st.from_regex(r"toolu_[a-zA-Z0-9]{4}", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)
INPUTS = st.dictionaries(NAMES, VALUES, max_size=3)
MARKS = st.fixed_dictionaries({}, optional={"cache_control": st.just({"type": "ephemeral"})})
DATA = st.sampled_from(["AAAA", "aGVsbG8="])


def block(**fields: Any) -> st.SearchStrategy[Wire]:
    known = {k: v if isinstance(v, st.SearchStrategy) else st.just(v) for k, v in fields.items()}
    return st.tuples(st.fixed_dictionaries(known), MARKS).map(lambda both: both[0] | both[1])


def bare(**fields: Any) -> st.SearchStrategy[Wire]:
    return st.fixed_dictionaries({k: v if isinstance(v, st.SearchStrategy) else st.just(v) for k, v in fields.items()})


text = block(type="text", text=TEXTS)
image = block(
    type="image",
    source=bare(type="base64", media_type="image/png", data=DATA)
    | bare(type="url", url="https://example.com/a.png")
    | bare(type="file", file_id="file_1"),
)
document = block(
    type="document",
    title=TEXTS,
    citations=bare(enabled=True),
    source=bare(type="base64", media_type="application/pdf", data=DATA)
    | bare(type="text", media_type="text/plain", data=TEXTS)
    | bare(type="url", url="https://example.com/a.pdf")
    | bare(type="file", file_id="file_2")
    | bare(type="content", content=st.lists(text, min_size=1, max_size=2)),
)
search_result = block(type="search_result", source="https://e.com", title=TEXTS, content=st.lists(text, max_size=1))
tool_result = st.one_of(
    block(type="tool_result", tool_use_id=CALL_IDS),
    block(type="tool_result", tool_use_id=CALL_IDS, content=TEXTS, is_error=st.booleans()),
    block(type="tool_result", tool_use_id=CALL_IDS, content=st.lists(text | image | document, max_size=3)),
)
citation = bare(
    type="char_location", cited_text=TEXTS, document_index=0, document_title="d", start_char_index=0, end_char_index=1
)
cited = bare(
    type="text",
    text=TEXTS,
    citations=st.lists(citation, min_size=1, max_size=2),
)
thinking = bare(type="thinking", thinking=TEXTS | st.just(""), signature=st.from_regex(r"E[a-z]{4}", fullmatch=True))
redacted = bare(type="redacted_thinking", data=st.from_regex(r"E[a-z]{4}", fullmatch=True))
tool_use = bare(type="tool_use", id=CALL_IDS, name=NAMES, input=INPUTS)
server_tool_use = bare(type="server_tool_use", id="srvtoolu_1", name="web_search", input=INPUTS)
server_result = bare(
    type="web_search_tool_result",
    tool_use_id="srvtoolu_1",
    content=st.lists(
        bare(type="web_search_result", url="https://e.com", title=TEXTS, encrypted_content="E", page_age="1 day"),
        max_size=2,
    ),
)
mcp_use = bare(type="mcp_tool_use", id="mcptoolu_1", name=NAMES, server_name=NAMES, input=INPUTS)
mcp_result = bare(type="mcp_tool_result", tool_use_id="mcptoolu_1", is_error=False, content=st.lists(text, max_size=1))
compaction = bare(type="compaction", content=TEXTS)

asked_blocks = st.one_of(text, image, document, tool_result, search_result)
said_blocks = st.one_of(
    bare(type="text", text=TEXTS),
    cited,
    thinking,
    redacted,
    tool_use,
    server_tool_use,
    server_result,
    mcp_use,
    mcp_result,
    compaction,
)

user = bare(role="user", content=TEXTS | st.lists(asked_blocks, min_size=1, max_size=4))
assistant = bare(role="assistant", content=TEXTS | st.lists(said_blocks, min_size=1, max_size=5))
system = bare(role="system", content=TEXTS | st.lists(text, min_size=1, max_size=2))
messages = st.lists(st.one_of(user, assistant, system), min_size=1, max_size=6)

tools = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"name": NAMES, "input_schema": bare(type="object", properties=st.just({}))},
            optional={
                "type": st.sampled_from(["custom", None]),
                "description": TEXTS,
                "strict": st.booleans(),
                "cache_control": st.just({"type": "ephemeral"}),
                "eager_input_streaming": st.booleans(),
            },
        ),
        bare(type="web_search_20250305", name="web_search", max_uses=3),
        bare(type="bash_20250124", name="bash"),
    ),
    max_size=3,
)
parallel = st.fixed_dictionaries({}, optional={"disable_parallel_tool_use": st.booleans()})
choices = st.tuples(
    st.sampled_from([{"type": "auto"}, {"type": "any"}, {"type": "none"}, {"type": "tool", "name": "f"}]), parallel
).map(lambda both: both[0] | both[1])
display = st.fixed_dictionaries({}, optional={"display": st.sampled_from(["summarized", "omitted", None])})
thinkings = st.tuples(
    st.sampled_from(
        [
            {"type": "enabled", "budget_tokens": 1024},
            {"type": "adaptive"},
            {"type": "disabled"},
            {"type": "between_tools"},
        ]
    ),
    display,
).map(lambda both: both[0] | both[1])
forms = bare(type="json_schema", schema=bare(type="object", properties=st.just({}), additionalProperties=False))

requests = st.fixed_dictionaries(
    {"model": st.sampled_from(["claude-opus-4-8", "claude-sonnet-4-5"]), "max_tokens": st.integers(1, 9999)}
    | {"messages": messages},
    optional={
        "system": TEXTS | st.lists(text, min_size=1, max_size=3) | st.sampled_from(["", [], None]),
        "stream": st.booleans(),
        "temperature": st.floats(0, 1) | st.none(),
        "top_p": st.floats(0, 1),
        "top_k": st.integers(1, 50),
        "stop_sequences": st.lists(TEXTS, max_size=2) | st.none(),
        "tools": tools | st.none(),
        "tool_choice": choices,
        "thinking": thinkings,
        "output_config": st.fixed_dictionaries(
            {},
            optional={
                "effort": st.sampled_from(["low", "medium", "high", "xhigh", "max", None]),
                "format": forms | st.none(),
                "task_budget": bare(type="tokens", total=20000),
            },
        ),
        "output_format": forms,
        "metadata": st.sampled_from([{}, {"user_id": "u1"}, {"user_id": None}, {"user_id": '{"session_id": "s"}'}]),
        "service_tier": st.sampled_from(["auto", "standard_only"]),
        "mcp_servers": st.just([{"type": "url", "url": "https://e.com", "name": "m"}]),
        "container": st.just("c1"),
        "context_management": st.just({"edits": []}),
        "cache_control": st.just({"type": "ephemeral"}),
        "speed": st.just("fast"),
        "anything": VALUES,
    },
)

counts = st.integers(0, 999)
usages = st.fixed_dictionaries(
    {"input_tokens": counts, "output_tokens": st.integers(1, 999)},
    optional={
        "cache_creation_input_tokens": counts | st.none(),
        "cache_read_input_tokens": counts | st.none(),
        "cache_creation": st.just({"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 0}),
        "server_tool_use": st.just({"web_search_requests": 1}),
        "output_tokens_details": bare(thinking_tokens=counts),
        "service_tier": st.sampled_from(["standard", "priority", "batch", None]),
    },
)
REASONS = ["end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "compaction"]
answers = st.fixed_dictionaries(
    {
        "id": st.just("msg_01"),
        "type": st.just("message"),
        "role": st.just("assistant"),
        "model": st.just("claude-opus-4-8"),
        "content": st.lists(said_blocks | bare(type="text", text=""), max_size=5),
        "stop_reason": st.sampled_from([*REASONS, "model_context_window_exceeded"]),
        "stop_sequence": st.none() | st.just("END"),
        "usage": usages,
    },
    optional={
        "container": st.none() | st.just({"id": "c1", "expires_at": "2026-01-01T00:00:00Z"}),
        "stop_details": st.just({"type": "refusal", "category": "cyber"}),
        "context_management": st.just({"applied_edits": []}),
    },
)


def events(body: Wire, piece: int = 3) -> list[Wire]:
    """As the provider would have streamed the answer."""
    usage = body["usage"]
    empty = body | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage | {"output_tokens": 1}}
    late = {k: empty.pop(k) for k in ("container", "stop_details") if k in empty}
    found: list[Wire] = [{"type": "message_start", "message": empty}]
    for index, given in enumerate(body["content"]):
        start, deltas = _block(given, piece)
        found.append({"type": "content_block_start", "index": index, "content_block": start})
        found += [{"type": "ping"}] if index == 0 else []
        found += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        found.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": body["stop_reason"], "stop_sequence": body["stop_sequence"], **late}
    return [*found, {"type": "message_delta", "delta": ended, "usage": usage}, {"type": "message_stop"}]


def _block(given: Wire, piece: int) -> tuple[Wire, list[Wire]]:
    match given:
        case {"type": "text", "text": said}:
            start = {"type": "text", "text": ""} | ({"citations": []} if "citations" in given else {})
            start |= {k: v for k, v in given.items() if k not in ("text", "citations")}
            cited = [{"type": "citations_delta", "citation": citation} for citation in given.get("citations", [])]
            return start, [{"type": "text_delta", "text": part} for part in _cut(said, piece)] + cited
        case {"type": "thinking", "thinking": said, "signature": proof}:
            deltas = [{"type": "thinking_delta", "thinking": part} for part in _cut(said, piece)]
            return given | {"thinking": "", "signature": ""}, [*deltas, {"type": "signature_delta", "signature": proof}]
        case {"input": value}:
            said = loose.encode(value).decode() if value else ""
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in ["", *_cut(said, piece)]]
            return given | {"input": {}}, deltas
        case {"type": "compaction", "content": said}:
            return {"type": "compaction", "content": ""}, [{"type": "compaction_delta", "content": said}]
    return given, []


def _cut(said: str, piece: int) -> list[str]:
    return [said[at : at + piece] for at in range(0, len(said), piece)]


def sse(found: list[Wire]) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), loose.encode(e)) for e in found)
