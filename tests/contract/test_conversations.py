"""Conversations, references to items, and counting in them, by the OpenAI library, over two workers.

The upstreams are a second gateway on its demo provider, reached by each format: none of them keeps state for us.
"""

import json
from collections.abc import Iterator

import openai
import pytest

from tests.support.server import Server, running_server, wait_for

CONFIG = """
models:
  - {{name: by-chat, model: openai-compatible/demo, base_url: {url}/v1, api_key: {key}, formats: [chat]}}
  - {{name: by-responses, model: openai/demo, base_url: {url}/v1, api_key: {key}, formats: [responses]}}
  - {{name: by-messages, model: anthropic/demo, base_url: {url}, api_key: {key}, formats: [messages]}}
"""
MODELS = ("by-chat", "by-responses", "by-messages")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, demo_server: Server) -> Iterator[Server]:
    config = CONFIG.format(url=demo_server.base_url, key=demo_server.key)
    path = tmp_path_factory.mktemp("conversations")
    with running_server(path, env={"SESSIONARY_WORKERS": "2"}, config=config) as server:
        yield server


@pytest.fixture
def client(gateway: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def texts(client: openai.OpenAI, conversation: str) -> list[str]:
    found = []
    for item in client.conversations.items.list(conversation, order="asc"):
        assert item.type == "message"
        found.append("".join(getattr(part, "text", "") for part in item.content))
    return found


@pytest.mark.parametrize("model", MODELS)
def test_turns_follow_each_other(client: openai.OpenAI, gateway: Server, model: str, *, stream: bool) -> None:
    conversation = client.conversations.create(metadata={"topic": "names"})
    assert conversation.id.startswith("conv_")
    for n in range(1, 6):
        if stream:
            with client.responses.stream(model=model, input=f"number {n}", conversation=conversation.id) as events:
                for _ in events:
                    pass
                answer = events.get_final_response()
        else:
            answer = client.responses.create(model=model, input=f"number {n}", conversation=conversation.id)
        assert f"turn {n} of" in answer.output_text, answer.output_text
        assert answer.conversation is not None
        assert answer.conversation.id == conversation.id
    session = gateway.session(conversation.id, calls=5)
    assert session["turns"] == 5
    assert session["source"] == "conversation"
    said = texts(client, conversation.id)
    assert said[::2] == [f"number {n}" for n in range(1, 6)]
    assert "turn 5 of" in said[-1]


def test_items_put_in_by_hand_are_what_the_model_sees(client: openai.OpenAI, gateway: Server) -> None:
    conversation = client.conversations.create(
        items=[
            {"type": "message", "role": "user", "content": "before the first call"},
            {"type": "message", "role": "assistant", "content": "I see"},
        ]
    )
    first = client.responses.create(model="by-chat", input="one", conversation=conversation.id)
    assert "turn 2 of" in first.output_text
    added = client.conversations.items.create(
        conversation.id,
        items=[
            {"type": "message", "role": "user", "content": "put in between"},
            {"type": "message", "role": "assistant", "content": "noted"},
        ],
    )
    assert [item.id for item in added.data] == [added.first_id, added.last_id]
    second = client.responses.create(model="by-messages", input="two", conversation={"id": conversation.id})
    assert "turn 4 of" in second.output_text
    said = texts(client, conversation.id)
    assert said[0] == "before the first call"
    assert said[4:6] == ["put in between", "noted"]
    assert len(said) == 8
    kept = gateway.session(conversation.id, calls=2)
    asked = gateway.get(f"/api/calls/call_{second.id[5:]}/request")
    assert asked == {"model": "by-messages", "input": "two", "conversation": {"id": conversation.id}}
    calls = gateway.transcript(kept["id"])["calls"]
    assert [len(call["messages"]) for call in calls] == [3, 3]


def test_an_item_that_is_removed_is_not_seen_any_more(client: openai.OpenAI) -> None:
    conversation = client.conversations.create()
    client.responses.create(model="by-responses", input="one", conversation=conversation.id)
    client.responses.create(model="by-responses", input="two", conversation=conversation.id)
    items = list(client.conversations.items.list(conversation.id, order="asc"))
    assert len({item.id for item in items}) == 4
    first = client.conversations.items.retrieve(str(items[0].id), conversation_id=conversation.id)
    assert first.type == "message"
    assert client.conversations.items.delete(str(items[0].id), conversation_id=conversation.id).id == conversation.id
    assert [item.id for item in client.conversations.items.list(conversation.id, order="asc")] == [
        item.id for item in items[1:]
    ]
    third = client.responses.create(model="by-responses", input="three", conversation=conversation.id)
    assert "turn 2 of" in third.output_text
    assert len(texts(client, conversation.id)) == 5
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.retrieve(str(items[0].id), conversation_id=conversation.id)


def test_lists_are_paged(client: openai.OpenAI) -> None:
    items = [{"type": "message", "role": "user", "content": f"item {n}"} for n in range(20)]
    conversation = client.conversations.create(items=items)  # type: ignore[arg-type]
    newest = client.conversations.items.list(conversation.id, limit=3)
    assert newest.has_more
    assert newest.data[0].id == newest.first_id
    assert len(list(client.conversations.items.list(conversation.id, limit=3))) == 20
    oldest = client.conversations.items.list(conversation.id, limit=2, order="asc", after=str(newest.last_id))
    assert len(oldest.data) == 2
    assert not oldest.has_more


def test_metadata_and_the_end_of_a_conversation(client: openai.OpenAI) -> None:
    conversation = client.conversations.create(metadata={"topic": "a"})
    assert client.conversations.update(conversation.id, metadata={"topic": "b"}).metadata == {"topic": "b"}
    assert client.conversations.retrieve(conversation.id).metadata == {"topic": "b"}
    assert client.conversations.delete(conversation.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(conversation.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="by-chat", input="Hello", conversation=conversation.id)


def test_foreign_and_unknown_conversations_are_alike(client: openai.OpenAI, gateway: Server) -> None:
    theirs = json.loads(gateway.cli("keys", "create", "--project", "elsewhere", "--json"))["key"]
    conversation = client.conversations.create(items=[{"type": "message", "role": "user", "content": "secret"}])
    unknown = "conv_" + "0" * (len(conversation.id) - 5)

    def told(id: str, path: str = "") -> tuple[int, str]:
        answer = gateway.request("GET", f"/v1/conversations/{id}{path}", key=theirs)
        return answer.status, answer.body.decode().replace(id, "ID").replace(answer.headers["x-request-id"], "R")

    assert told(conversation.id) == told(unknown)
    assert told(conversation.id, "/items") == told(unknown, "/items")
    assert told(unknown)[0] == 404


def test_both_kinds_of_state_at_once_are_refused(client: openai.OpenAI) -> None:
    conversation = client.conversations.create()
    first = client.responses.create(model="by-chat", input="one")
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(
            model="by-chat", input="two", conversation=conversation.id, previous_response_id=first.id
        )
    assert refused.value.param == "conversation"


def test_a_turn_that_failed_is_no_part_of_it(client: openai.OpenAI) -> None:
    conversation = client.conversations.create()
    client.responses.create(model="by-chat", input="one", conversation=conversation.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="no-such-model", input="lost", conversation=conversation.id)
    assert (
        "turn 2 of" in client.responses.create(model="by-chat", input="two", conversation=conversation.id).output_text
    )


@pytest.mark.parametrize("drained", [False, True], ids=["at-once", "stored"])
@pytest.mark.parametrize("model", MODELS)
def test_references_stand_for_items(client: openai.OpenAI, gateway: Server, model: str, *, drained: bool) -> None:
    first = client.responses.create(model=model, input="one")
    (said,) = first.output
    (asked,) = client.responses.input_items.list(first.id).data
    if drained:
        wait_for(lambda: gateway.request("GET", f"/api/calls/call_{first.id[5:]}").status == 200)
    for _ in range(4):  # on either worker
        second = client.responses.create(
            model=model,
            input=[
                {"type": "item_reference", "id": str(asked.id)},
                {"type": "item_reference", "id": str(said.id)},
                {"role": "user", "content": "two"},
            ],
        )
        assert "turn 2 of" in second.output_text
    third = client.responses.create(model=model, input="three", previous_response_id=second.id)
    assert "turn 3 of" in third.output_text
    with pytest.raises(openai.NotFoundError) as refused:
        client.responses.create(model=model, input=[{"type": "item_reference", "id": "msg_" + "0" * 27}])
    assert refused.value.param == "input"


def test_tokens_are_counted_with_what_was_said_before(client: openai.OpenAI) -> None:
    conversation = client.conversations.create()
    client.responses.create(model="by-chat", input="some words " * 50, conversation=conversation.id)
    alone = client.responses.input_tokens.count(model="by-chat", input="Hello")
    within = client.responses.input_tokens.count(model="by-chat", input="Hello", conversation=conversation.id)
    assert within.input_tokens > alone.input_tokens + 100
