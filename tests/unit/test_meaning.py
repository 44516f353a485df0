"""One canonical message for three formats: histories that mean the same have the same node, others have not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.ids import root_node
from sessionary.wire import meaning
from sessionary.wire.message import Message, Piece
from sessionary.wire.reading import read

Wire = dict[str, Any]
TEXTS = st.sampled_from(["a", "A", " a", "日本", '{"x": 1}', "<b>", "1"])
ARGUMENTS = st.dictionaries(
    st.sampled_from(["x", "y"]), st.sampled_from([1, "1", None, [1.5], {"z": True}]), max_size=2
)


@st.composite
def turns(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """What is said: ("user", text), ("assistant", text, calls), ("results", [(id, text)])."""
    said: list[tuple[Any, ...]] = []
    number = 0
    for _ in range(draw(st.integers(1, 3))):
        said.append(("user", draw(TEXTS)))
        calls = []
        for _ in range(draw(st.integers(0, 2))):
            number += 1
            calls.append((f"call_{number}", draw(st.sampled_from(["f", "g"])), draw(ARGUMENTS)))
        said.append(("assistant", draw(TEXTS), calls))
        if calls:
            said.append(("results", [(id, draw(TEXTS)) for id, _, _ in calls]))
            said.append(("assistant", draw(TEXTS), []))
    return said


def chat(said: list[Any]) -> list[Wire]:
    found: list[Wire] = []
    for who, *rest in said:
        match who:
            case "user":
                found.append({"role": "user", "content": rest[0]})
            case "assistant":
                calls = [
                    {"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps(a)}}
                    for i, n, a in rest[1]
                ]
                found.append({"role": "assistant", "content": rest[0]} | ({"tool_calls": calls} if calls else {}))
            case _:
                found += [{"role": "tool", "tool_call_id": i, "content": text} for i, text in rest[0]]
    return found


def responses(said: list[Any]) -> list[Wire]:
    found: list[Wire] = []
    for who, *rest in said:
        match who:
            case "user":
                found.append({"role": "user", "content": [{"type": "input_text", "text": rest[0]}]})
            case "assistant":
                found.append({"type": "reasoning", "id": "rs_1", "summary": []})
                text = [{"type": "output_text", "text": rest[0], "annotations": []}]
                found.append({"type": "message", "id": "msg_1", "role": "assistant", "content": text})
                found += [
                    {"type": "function_call", "id": "fc_1", "call_id": i, "name": n, "arguments": json.dumps(a)}
                    for i, n, a in rest[1]
                ]
            case _:
                found += [{"type": "function_call_output", "call_id": i, "output": text} for i, text in rest[0]]
    return found


def messages(said: list[Any]) -> list[Wire]:
    found: list[Wire] = []
    for who, *rest in said:
        match who:
            case "user":
                found.append({"role": "user", "content": rest[0]})
            case "assistant":
                blocks: list[Wire] = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
                blocks.append({"type": "text", "text": rest[0], "cache_control": {"type": "ephemeral"}})
                blocks += [{"type": "tool_use", "id": i, "name": n, "input": a} for i, n, a in rest[1]]
                found.append({"role": "assistant", "content": blocks})
            case _:
                results = [{"type": "tool_result", "tool_use_id": i, "content": text} for i, text in rest[0]]
                found.append({"role": "user", "content": results})
    return found


def node(said: list[Wire], format: str) -> bytes:
    at = root_node(1)
    for message in said:
        at = meaning.fold(at, read(json.dumps(message).encode(), format, answer=False)[1])
    return at


def nodes(said: list[Any]) -> set[bytes]:
    return {node(chat(said), "chat"), node(responses(said), "responses"), node(messages(said), "messages")}


@settings(max_examples=120)
@given(turns())
def test_a_history_has_one_node_in_every_format(said: list[Any]) -> None:
    assert len(nodes(said)) == 1


@settings(max_examples=70)
@given(turns(), turns())
def test_histories_that_say_something_else_have_other_nodes(one: list[Any], other: list[Any]) -> None:
    assert (nodes(one) == nodes(other)) == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


def meant(text: str, role: str = "user") -> meaning.Meaning:
    return meaning.of(Message(role, [Piece("text", text=text)]))  # type: ignore[arg-type]


def test_what_harnesses_add_means_nothing() -> None:
    plain = meant("Fix it")
    assert meant("<system-reminder>\nToday is Monday.\n</system-reminder>\nFix it") == plain
    assert meant("Fix it\n\n<system-reminder>one</system-reminder>\n<system-reminder>two</system-reminder>") == plain
    assert meant("Fix it\n<environment_details>\ncwd: /x\n</environment_details>") == plain
    assert meant("<environment_context>\n<cwd>/x</cwd>\n</environment_context>") == meaning.NOTHING
    assert meant("Fix <b>it</b>") != plain
    result = Message("tool", [Piece("tool_result", id="t", content=[Piece("text", text="42")])])
    noted = Piece("text", text="42\n<system_warning>Token usage: 1/2</system_warning>")
    assert meaning.of(Message("tool", [Piece("tool_result", id="t", content=[noted])])) == meaning.of(result)


def test_a_model_that_speaks_of_a_reminder_means_it() -> None:
    assert meant("<system-reminder>x</system-reminder>", "assistant") != meant("", "assistant")


CALLS = "[{'id': 'call_1', 'type': 'function', 'function': {'name': 'f', 'arguments': %s}}]"


def test_tool_calls_that_are_written_as_text_are_tool_calls() -> None:
    call = Message("assistant", [Piece("tool_call", id="call_1", name="f", arguments={"x": None})])
    assert meant("Calling tools:\n" + CALLS % "{'x': None}", "assistant") == meaning.of(call)
    said = Message("assistant", [Piece("text", text="I look."), *call.pieces])
    assert meant("I look.\nCalling tools:\n" + CALLS % "{'x': None}", "assistant") == meaning.of(said)
    assert meant("Calling tools:\n" + CALLS % "{'x': None}") != meaning.of(call)  # a person's words


@pytest.mark.parametrize("value", ["{1j}", "'\\ud800'", "f(1)", "{", "[" * 500, str(10**30)])
def test_what_python_can_write_and_json_cannot_is_a_text(value: str) -> None:
    assert meant("Calling tools:\n" + CALLS % value, "assistant")


def test_long_texts_are_read_once() -> None:
    """Each of these would take hours, were it read anew from every place."""
    size = 2_000_000
    assert meant(" " * size + "x<") == meant(" " * size + "x<  ")
    assert meant("a" + " " * size + "<system-reminder>x</system-reminder>") == meant("a")
    assert meant("\nCalling tools:\n[x" * (size // 18), "assistant")


def test_an_answer_and_its_beginning_are_one_text() -> None:
    begun = Message("assistant", [Piece("text", text='{"word":')])
    answer = Message("assistant", [Piece("text", text=' "tea"}')])
    assert meaning.prefilled(meaning.prefill(begun), answer) == meant('{"word": "tea"}', "assistant")
    assert meaning.prefilled("", answer) == meaning.NOTHING
    assert meaning.prefill(Message("user", begun.pieces)) == ""


def test_an_answers_key_is_the_projects_own() -> None:
    said = meant("x", "assistant")
    assert meaning.answer_key(1, said) != meaning.answer_key(2, said)
    assert meaning.answer_key(1, meaning.SILENCE) is None
    assert meaning.answer_key(1, meaning.NOTHING) is None
