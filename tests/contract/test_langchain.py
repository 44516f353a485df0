"""LangChain's ChatOpenAI with `openai_api_base` and `extra_body`, as its users write it."""

from typing import Any

import pytest
from langchain_core.messages import BaseMessage, convert_to_messages
from langchain_openai import ChatOpenAI

from tests.contract.conversation import MODEL, Messages, check, talk
from tests.support.server import Server
from tests.support.upstream import FakeUpstream


@pytest.mark.parametrize("form", ["metadata", "field"])
def test_two_calls_are_one_session(
    shared_server: Server, upstream: FakeUpstream, session_id: str, stream: bool, form: str
) -> None:
    id_field = {"litellm_session_id": session_id}
    options: dict[str, Any] = {
        "openai_api_base": shared_server.base_url,
        "openai_api_key": shared_server.key,
        "model": MODEL,
        "extra_body": {"metadata": id_field} if form == "metadata" else id_field,
    }
    llm = ChatOpenAI(**options)

    def ask(messages: Messages) -> str:
        history: list[BaseMessage] = convert_to_messages(messages)
        if not stream:
            return str(llm.invoke(history).content)
        return "".join(str(chunk.content) for chunk in llm.stream(history))

    talk(ask)
    check(shared_server, upstream, session_id, stream=stream)
