"""Requests of the Messages format: written back they are the same; from elsewhere they are what Anthropic takes."""

import contextlib
import copy
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.wire.canonical import Params, Part, Reasoning, Request, Tool, Turn, Unsupported
from sessionary.wire.formats import FORMATS
from sessionary.wire.message import Piece
from sessionary.wire.messages import ids
from sessionary.wire.messages.request import read_request, read_turns, write_request
from tests.support import messages

Wire = dict[str, Any]
CLAUDE_CODE_USER = '{"device_id": "d", "account_uuid": "", "session_id": "s"}'


def part(type: Any, origin: Any = None, **fields: Any) -> Part:
    signature, kind = fields.pop("signature", ""), fields.pop("kind", "function")
    return Part(Piece(type, **fields), "chat", origin, signature=signature, kind=kind)


def turn(role: Any, *parts: Part) -> Turn:
    return Turn(role, list(parts))


def said(role: Any, text: str) -> Turn:
    return turn(role, part("text", text=text))


def call(id: str, name: str = "f", arguments: object = None) -> Part:
    return part("tool_call", id=id, name=name, arguments={} if arguments is None else arguments)


def result(id: str, *content: Piece, error: bool = False) -> Turn:
    return turn("tool", part("tool_result", id=id, content=list(content), error=error))


def written(*turns: Turn, system: list[Turn] | None = None, **params: Any) -> Wire:
    asked = Params(**({"model": "claude-opus-4-8", "format": "chat"} | params))
    return write_request(Request(asked, system or [], list(turns)))


def read(*messages: Wire, **fields: Any) -> Request:
    return read_request({"model": "claude-opus-4-8", "max_tokens": 10, "messages": list(messages), **fields})


# -- the same format


@given(messages.requests)
@settings(max_examples=70, deadline=None)
def test_read_and_written_a_request_is_the_same(body: Wire) -> None:
    before = copy.deepcopy(body)
    again = write_request(read_request(body))
    assert again == before
    assert body == before


@given(messages.messages, st.data())
@settings(max_examples=50, deadline=None)
def test_what_is_left_of_a_history_keeps_its_blocks(history: list[Wire], data: st.DataObject) -> None:
    """Parts that somebody took out are gone; all others are the blocks they were."""
    turns = [t for message in history for t in read_turns(message)]
    gone = data.draw(st.integers(0, len(turns) - 1))
    rest = turns[:gone] + turns[gone + 1 :]
    blocks = [b for m in history for b in _blocks(m["content"])]
    body = write_request(Request(Params("m", format="messages"), [], rest))
    assert len(blocks) >= sum(len(t.parts) for t in rest)
    for block in [b for m in body["messages"] for b in _blocks(m["content"])]:
        if rest:
            assert block in blocks


def _blocks(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def test_an_answer_that_is_sent_back_is_its_role_and_content() -> None:
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    answer |= {"content": [{"type": "text", "text": "a", "citations": None}], "usage": {}, "stop_sequence": None}
    request = Request(Params("m", format="messages"), [], [*read_turns({"role": "user", "content": "q"})])
    request.turns.extend(read_turns(answer))
    assert write_request(request)["messages"] == [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": [{"type": "text", "text": "a", "citations": None}]},
    ]


def test_a_cut_answer_goes_back_without_what_anthropic_refuses() -> None:
    answer = {
        "type": "message",
        "role": "assistant",
        "stop_reason": None,
        "content": [
            {"type": "thinking", "thinking": "cut", "signature": ""},
            {"type": "text", "text": "half"},
            {"type": "text", "text": ""},
            {"type": "tool_use", "id": "t1", "name": "f", "input": '{"a'},
        ],
    }
    body = written(said("user", "q"), *read_turns(answer), format="messages")
    assert body["messages"][1]["content"] == [
        {"type": "text", "text": "half"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"input": '{"a'}},
    ]


def test_empty_texts_are_left_out() -> None:
    body = write_request(
        read({"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "q"}]})
    )
    assert body["messages"] == [{"role": "user", "content": "q"}]


def test_system_messages_inside_the_history_stay_where_they_are() -> None:
    history = [{"role": "user", "content": "q"}, {"role": "system", "content": "s"}, {"role": "user", "content": "r"}]
    request = read(*history)
    assert [t.role for t in request.turns] == ["user", "system", "user"]
    assert write_request(request)["messages"] == history


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": ["hi"]}, "messages"),
        ({"model": "m", "messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
    ],
)
def test_what_is_no_request_is_refused(body: Wire, field: str) -> None:
    with pytest.raises(Unsupported) as refused:
        read_request(body)
    assert refused.value.field == field


# -- read


def test_each_tool_result_is_a_turn_and_what_stands_between_them_is_the_users() -> None:
    results = [{"type": "tool_result", "tool_use_id": f"t{n}", "content": "r"} for n in (1, 2)]
    turns = read({"role": "user", "content": [*results, {"type": "text", "text": "and?"}]}).turns
    assert [(t.role, t.parts[0].piece.type) for t in turns] == [
        ("tool", "tool_result"),
        ("tool", "tool_result"),
        ("user", "text"),
    ]


def test_the_fields_of_a_request() -> None:
    params = read(
        {"role": "user", "content": "q"},
        stream=True,
        temperature=0.5,
        top_k=3,
        stop_sequences=["END"],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        thinking={"type": "enabled", "budget_tokens": 2000, "display": "summarized"},
        output_config={"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        metadata={"user_id": "u"},
        service_tier="standard_only",
        mcp_servers=[1],
    ).params
    assert params == Params(
        model="claude-opus-4-8",
        stream=True,
        tool_choice="required",
        parallel_tool_calls=False,
        max_output=10,
        temperature=0.5,
        top_k=3,
        stop=["END"],
        json_schema={"name": "answer", "schema": {"type": "object"}, "strict": True},
        reasoning=Reasoning(effort="high", budget=2000, summary="auto"),
        user="u",
        service_tier="default",
        format="messages",
        rest={"mcp_servers": [1]},
    )


@pytest.mark.parametrize("user", [CLAUDE_CODE_USER, "user_a_account_b_session_c"])
def test_the_device_and_account_of_claude_code_are_for_anthropic_alone(user: str) -> None:
    request = read({"role": "user", "content": "q"}, metadata={"user_id": user})
    assert request.params.user == ""
    assert request.params.rest == {}
    assert write_request(request)["metadata"] == {"user_id": user}


@pytest.mark.parametrize(
    ("thinking", "reasoning"),
    [
        ({"type": "adaptive"}, Reasoning(adaptive=True)),
        ({"type": "disabled"}, Reasoning(effort="none")),
        ({"type": "enabled", "budget_tokens": 1024}, Reasoning(budget=1024)),
    ],
)
def test_thinking(thinking: Wire, reasoning: Reasoning) -> None:
    assert read({"role": "user", "content": "q"}, thinking=thinking).params.reasoning == reasoning


def test_tools_of_anthropic_are_of_their_own_kind() -> None:
    given = [{"name": "f", "input_schema": {"type": "object"}}, {"type": "web_search_20250305", "name": "web_search"}]
    assert [t.kind for t in read({"role": "user", "content": "q"}, tools=given).params.tools] == [
        "function",
        "web_search_20250305",
    ]


# -- written from another format


def test_neighbours_of_one_role_become_one_message_results_first() -> None:
    body = written(
        said("user", "one"),
        said("user", "two"),
        turn("assistant", part("text", text="calling"), call("a"), call("b")),
        result("a", Piece("text", text="ra")),
        said("user", "by the way"),
        result("b", Piece("text", text="rb"), error=True),
    )
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "calling"},
                {"type": "tool_use", "id": "a", "name": "f", "input": {}},
                {"type": "tool_use", "id": "b", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "ra"},
                {"type": "tool_result", "tool_use_id": "b", "content": "rb", "is_error": True},
                {"type": "text", "text": "by the way"},
            ],
        },
    ]


def test_a_conversation_starts_with_the_user() -> None:
    assert [m["role"] for m in written(said("assistant", "hello"))["messages"]] == ["user", "assistant"]
    assert [m["role"] for m in written(system=[said("system", "s")])["messages"]] == ["user"]


def test_a_prefill_stays_last() -> None:
    body = written(said("user", "q"), said("assistant", "The answer is ("))
    assert body["messages"][-1] == {"role": "assistant", "content": "The answer is ("}


def test_instructions_in_the_middle_go_to_the_front() -> None:
    body = written(said("user", "q"), said("system", "late"), said("user", "r"), system=[said("system", "early")])
    assert body["system"] == [{"type": "text", "text": "early"}, {"type": "text", "text": "late"}]
    assert [m["role"] for m in body["messages"]] == ["user"]


def test_cache_marks_of_chat_are_kept() -> None:
    mark = {"type": "ephemeral"}
    origin = {"type": "text", "text": "q", "cache_control": mark}
    body = written(turn("user", part("text", origin, text="q")))
    assert body["messages"][0]["content"] == [{"type": "text", "text": "q", "cache_control": mark}]


def test_images_and_documents() -> None:
    body = written(
        turn(
            "user",
            part("image", url="data:image/png;base64,AAAA"),
            part("image", url="https://e.com/a.png", detail="low"),
            part("file", url="data:application/pdf;base64,AAAA", name="a.pdf"),
            part("file", url="data:text/plain;base64,aGk="),
            part("file", url="https://e.com/a.pdf"),
        )
    )
    assert body["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://e.com/a.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
            "title": "a.pdf",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
        {"type": "document", "source": {"type": "url", "url": "https://e.com/a.pdf"}},
    ]


def test_results_of_tools_may_have_images() -> None:
    body = written(
        said("user", "q"), turn("assistant", call("a")), result("a", Piece("image", url="https://e.com/a.png"))
    )
    assert body["messages"][-1]["content"][0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://e.com/a.png"}}
    ]


def test_reasoning_goes_back_to_its_maker_alone() -> None:
    block = {"type": "thinking", "thinking": "mine", "signature": "E1"}
    theirs = part("reasoning", text="theirs", signature="gAAA")
    mine = Part(Piece("reasoning", text="mine"), "messages", block, "E1")
    body = written(said("user", "q"), turn("assistant", theirs, mine, part("text", text="a")))
    assert body["messages"][1]["content"] == [block, {"type": "text", "text": "a"}]


def test_reasoning_of_others_that_this_format_carried_is_not_sent_to_anthropic() -> None:
    thinking = {"type": "thinking", "thinking": "x", "signature": "sessionary:responses:signed:gAAA"}
    history = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": [thinking, {"type": "text", "text": "a"}]},
    ]
    request = read(*history)
    assert (request.turns[1].parts[0].format, request.turns[1].parts[0].signature) == ("responses", "gAAA")
    assert write_request(request)["messages"][1] == {"role": "assistant", "content": "a"}


@pytest.mark.parametrize(
    ("given", "thinking", "effort"),
    [
        ({"model": "claude-opus-4-8"}, {"type": "adaptive", "display": "summarized"}, "high"),
        ({"model": "claude-opus-4-8", "format": "responses"}, {"type": "adaptive"}, "high"),
        ({"model": "claude-sonnet-4-5-20250929"}, {"type": "enabled", "budget_tokens": 16384}, None),
        ({"model": "claude-3-7-sonnet-latest", "max_output": 4000}, {"type": "enabled", "budget_tokens": 2000}, None),
        ({"model": "claude-haiku-4-5", "max_output": 900}, None, None),
        ({"model": "claude-mythos-preview"}, {"type": "adaptive", "display": "summarized"}, "high"),
        ({"model": "glm-9"}, {"type": "enabled", "budget_tokens": 16384}, None),
    ],
)
def test_an_effort_is_asked_as_the_model_takes_it(given: Wire, thinking: Wire | None, effort: str | None) -> None:
    body = written(said("user", "q"), reasoning=Reasoning(effort="high"), **given)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort
    if thinking and "budget_tokens" in thinking:
        assert body["max_tokens"] > thinking["budget_tokens"]


def test_no_budget_where_calls_that_another_provider_made_are_answered() -> None:
    turns = said("user", "q"), turn("assistant", call("a")), result("a", Piece("text", text="r"))
    for model, kept in (("claude-sonnet-4-5", False), ("claude-opus-4-8", True)):
        body = written(*turns, model=model, reasoning=Reasoning(effort="low"))
        assert ("thinking" in body) is kept


def test_how_long_an_answer_may_be_where_nobody_said() -> None:
    assert written(said("user", "q"))["max_tokens"] == 4096
    assert written(said("user", "q"), reasoning=Reasoning(effort="low"))["max_tokens"] == 8192
    assert written(said("user", "q"), max_output=5)["max_tokens"] == 5


def test_tools_and_the_choice_among_them() -> None:
    tool = Tool("function", "f", "does", {"type": "object"}, True, "chat", {})
    bare = Tool("function", "g", "", None, None, "chat", {})
    body = written(said("user", "q"), tools=[tool, bare], tool_choice="f", parallel_tool_calls=False)
    assert body["tools"] == [
        {"name": "f", "description": "does", "input_schema": {"type": "object"}, "strict": True},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert body["tool_choice"] == {"type": "tool", "name": "f", "disable_parallel_tool_use": True}
    assert "tool_choice" not in written(said("user", "q"), tools=[bare], parallel_tool_calls=True)
    assert "tool_choice" not in written(said("user", "q"), tool_choice="auto", parallel_tool_calls=False)


def test_a_schema_for_the_answer() -> None:
    body = written(said("user", "q"), json_schema={"name": "n", "schema": {"type": "object"}, "strict": True})
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": {"type": "object"}}}


def test_fields_of_anthropic_in_a_chat_request() -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    body = written(said("user", "q"), rest={"thinking": thinking, "prompt_cache_key": "k"})
    assert body["thinking"] == thinking
    assert "prompt_cache_key" not in body


AUDIO = turn("user", part("audio", {"type": "input_audio"}, url="data:audio/wav;base64,AA"))
FILE = turn("user", part("file", {"type": "file"}, id="file-1"))
SHEET = turn("user", part("file", {"type": "file"}, url="data:application/vnd.ms-excel;base64,AA"))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": 0}, "logprobs"),
        ({"seed": 1}, "seed"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"verbosity": "low"}, "verbosity"),
        ({"json_object": True}, "response_format"),
        ({"json_object": True, "format": "responses"}, "text.format"),
        ({"temperature": 1.5}, "temperature"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [Tool("custom", "f", "", None, None, "chat", {})]}, "tools"),
        ({"tools": [Tool("file_search", "", "", None, None, "responses", {})]}, "tools"),
        ({"rest": {"logit_bias": {"1": 2}}}, "logit_bias"),
        ({"turns": [AUDIO]}, "messages.content.input_audio"),
        ({"turns": [FILE]}, "messages.content.file"),
        ({"turns": [SHEET]}, "messages.content.file"),
        ({"turns": [turn("assistant", part("image", url="https://e.com/a.png"))]}, "messages.content.image"),
        ({"turns": [turn("system", part("image", url="https://e.com/a.png"))]}, "messages.content.image"),
        ({"turns": [turn("user", part("other", value={"type": "x"}))]}, "messages.content.other"),
        ({"turns": [turn("assistant", part("tool_call", id="1", kind="web_search"))]}, "messages.content.tool_call"),
    ],
)
def test_what_anthropic_cannot_do_is_refused_by_name(asked: Wire, field: str) -> None:
    turns = asked.pop("turns", [said("user", "q")])
    with pytest.raises(Unsupported) as refused:
        written(*turns, **asked)
    assert refused.value.field == field


def test_texts_of_white_space_are_left_out() -> None:
    blank = turn("assistant", part("text", text="\n"), call("a"))
    body = written(said("user", "q"), said("user", " "), blank, result("a", Piece("text", text="r")))
    assert [m["content"] for m in body["messages"]] == [
        "q",
        [{"type": "tool_use", "id": "a", "name": "f", "input": {}}],
        [{"type": "tool_result", "tool_use_id": "a", "content": "r"}],
    ]


KINDS = ["text", "thinking", "redacted_thinking", "image", "document", "tool_use", "tool_result", "x_tool_result", "x"]
FIELDS = ["text", "thinking", "signature", "data", "source", "id", "name", "input", "tool_use_id", "content", "title"]
anything = messages.VALUES | st.dictionaries(st.sampled_from(FIELDS), messages.VALUES, max_size=2)
odd_block = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS) | messages.VALUES}, optional=dict.fromkeys(FIELDS, anything)
)
odd_message = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", None])},
    optional={"content": anything | st.lists(odd_block | messages.VALUES, max_size=3), "name": anything},
)
SAYS = ["system", "tools", "tool_choice", "thinking", "output_config", "metadata", "stop_sequences", "max_tokens"]


@given(st.lists(odd_message, max_size=3), st.dictionaries(st.sampled_from(SAYS), anything | st.lists(anything)))
@settings(max_examples=70, deadline=None)
def test_odd_requests_are_translated_or_refused(history: list[Wire], fields: Wire) -> None:
    body = {"model": "m", "messages": history, **fields}
    for format in FORMATS.values():
        with contextlib.suppress(Unsupported):
            json.dumps(format.write_request(read_request(body)))


# -- ids


@given(st.text(max_size=12) | st.text(max_size=4).map(ids.written))
@settings(max_examples=70)
def test_ids_of_calls_fit_and_come_back(id: str) -> None:
    found = ids.written(id)
    assert ids.read(found) == id
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", found)


@pytest.mark.parametrize("id", ["toolu_01A", "call_abc", "fc-1"])
def test_ids_that_fit_are_kept(id: str) -> None:
    assert ids.written(id) == id
