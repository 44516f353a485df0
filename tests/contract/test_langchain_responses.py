"""LangChain's `ChatOpenAI(use_responses_api=True)` on a provider that keeps no state."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from tests.contract.chain import TOOL_RESULT, check_chain, check_replay, look_up
from tests.support.server import Server


def model(server: Server, **options: Any) -> ChatOpenAI:
    given = {"openai_api_base": server.base_url, "openai_api_key": server.key, "model": "gpt-4o", **options}
    return ChatOpenAI(use_responses_api=True, **given)


def ask(llm: Any, given: Any, *, stream: bool, **options: Any) -> AIMessage:
    if not stream:
        answer: AIMessage = llm.invoke(given, **options)
        return answer
    first, *rest = llm.stream(given, **options)
    return sum(rest, first)  # type: ignore[no-any-return]


def id_of(answer: AIMessage) -> str:
    return str(answer.response_metadata["id"])


def test_a_chain_of_ids(demo_server: Server, *, stream: bool) -> None:
    llm = model(demo_server)
    answers = [ask(llm, "My name is Ada.", stream=stream)]
    for turn in (2, 3):
        answers.append(ask(llm, "Go on.", stream=stream, previous_response_id=id_of(answers[-1])))
        assert f"turn {turn}" in answers[-1].text
    session = check_chain(demo_server, [id_of(a) for a in answers])
    assert (session["turns"], session["title"]) == (3, "My name is Ada.")
    assert answers[0].usage_metadata is not None
    assert answers[0].usage_metadata["input_tokens"] > 0


def test_a_tool_call_and_its_result(demo_server: Server, *, stream: bool) -> None:
    """The client cuts what the chain knows, so that the result goes alone."""
    llm = model(demo_server, use_previous_response_id=True).bind_tools([look_up])
    messages: list[AnyMessage] = [HumanMessage("Find cats")]
    asked = ask(llm, messages, stream=stream)
    (call,) = asked.tool_calls
    assert call["name"] == "look_up"
    messages += [asked, ToolMessage(look_up(**call["args"]), tool_call_id=call["id"])]
    done = ask(llm, messages, stream=stream)
    assert TOOL_RESULT in done.text
    messages += [done, HumanMessage("Thanks")]
    last = ask(llm, messages, stream=stream, tool_choice="none")
    assert "turn 2" in last.text
    session = check_chain(demo_server, [id_of(a) for a in (asked, done, last)])
    assert session["turns"] == 2


@pytest.mark.parametrize("form", ["metadata", "header"])
def test_a_history_sent_again(demo_server: Server, session_id: str, *, stream: bool, form: str) -> None:
    named = {"litellm_session_id": session_id}
    options: dict[str, Any] = {"extra_body": {"metadata": named}}
    if form == "header":
        options = {"default_headers": {"x-session-id": session_id}}
    llm = model(demo_server, **options).bind_tools([look_up])
    messages: list[AnyMessage] = [HumanMessage("Find cats")]
    for _ in range(2):
        asked = ask(llm, messages, stream=stream)
        (call,) = asked.tool_calls
        messages += [asked, ToolMessage(look_up(**call["args"]), tool_call_id=call["id"])]
        messages += [ask(llm, messages, stream=stream), HumanMessage("And dogs")]
        assert TOOL_RESULT in messages[-2].text
    session = check_replay(demo_server, session_id, calls=4)
    assert session["turns"] == 2
