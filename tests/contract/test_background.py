"""Responses that are made in the background, by the OpenAI library, over two workers."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Reply, chat_events

CONFIG = """
models:
  - {{name: by-chat, model: openai-compatible/demo, base_url: {url}/v1, api_key: {key}, formats: [chat]}}
  - {{name: by-responses, model: openai/demo, base_url: {url}/v1, api_key: {key}, formats: [responses]}}
  - {{name: by-messages, model: anthropic/demo, base_url: {url}, api_key: {key}, formats: [messages]}}
  - {{name: slow, model: openai-compatible/slow, base_url: {slow}, api_key: none}}
  - {{name: nowhere, model: openai-compatible/demo, base_url: "http://127.0.0.1:9/v1", api_key: none}}
retries: 0
"""
EVENTS = {"content-type": "text/event-stream"}
MODELS = ("by-chat", "by-responses", "by-messages")


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, demo_server: Server, shared_upstream: FakeUpstream
) -> Iterator[Server]:
    config = CONFIG.format(url=demo_server.base_url, key=demo_server.key, slow=shared_upstream.base_url)
    path = tmp_path_factory.mktemp("background")
    with running_server(path, env={"SESSIONARY_WORKERS": "2"}, config=config) as server:
        yield server


@pytest.fixture
def client(gateway: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def ended(client: openai.OpenAI, id: str) -> openai.types.responses.Response:
    def found() -> openai.types.responses.Response | None:
        response = client.responses.retrieve(id)
        return response if response.status not in ("queued", "in_progress") else None

    response = wait_for(found, 15)
    assert response is not None
    return response


@pytest.mark.parametrize("model", MODELS)
def test_it_is_polled_until_it_is_there(client: openai.OpenAI, gateway: Server, model: str) -> None:
    queued = client.responses.create(model=model, input="Hello", background=True)
    assert queued.status == "queued"
    assert queued.background is True
    assert queued.output == []
    done = ended(client, queued.id)
    assert done.id == queued.id
    assert done.status == "completed"
    assert "turn 1 of" in done.output_text
    assert done.background is True
    more = client.responses.create(model=model, input="More", previous_response_id=queued.id)
    assert "turn 2 of" in more.output_text
    call = wait_for(lambda: _stored(gateway, queued.id))
    assert call["status"] == "ok"


@pytest.mark.parametrize("model", MODELS)
def test_its_stream_is_taken_up_again(client: openai.OpenAI, model: str) -> None:
    first: list[Any] = []
    stream = client.responses.create(model=model, input="Hello", background=True, stream=True)
    for event in stream:
        first.append(event)
        if len(first) == 5:
            break
    stream.close()
    assert [event.type for event in first[:3]] == ["response.created", "response.queued", "response.in_progress"]
    id = first[0].response.id
    rest = list(client.responses.retrieve(id, stream=True, starting_after=first[-1].sequence_number))
    assert rest[-1].type == "response.completed"
    numbers = [event.sequence_number for event in first + rest]
    assert numbers == list(range(len(numbers)))
    again = list(client.responses.retrieve(id, stream=True))
    assert [event.to_dict() for event in again] == [event.to_dict() for event in first + rest]
    assert client.responses.retrieve(id).output_text == rest[-1].response.output_text


def test_it_is_cancelled(gateway: Server, client: openai.OpenAI, upstream: FakeUpstream, *, stream: bool) -> None:
    for asked_before in range(3):  # asked of either worker
        if stream:
            upstream.script(lambda asked: Reply(pieces=chat_events(asked.json)[:3], headers=EVENTS, hang=True))
            with client.responses.create(model="slow", input="Hello", background=True, stream=True) as events:
                id = next(iter(events)).response.id  # type: ignore[union-attr]
        else:
            upstream.script(Reply(silent=True))
            id = client.responses.create(model="slow", input="Hello", background=True).id
            assert client.responses.retrieve(id).status == "in_progress"
        wait_for(lambda n=asked_before: len(upstream.requests) > n, what="the call")  # type: ignore[misc]
        assert client.responses.cancel(id).status == "cancelled"
        assert client.responses.retrieve(id).status == "cancelled"
        assert client.responses.cancel(id).status == "cancelled"
        call = wait_for(lambda id=id: _stored(gateway, id))  # type: ignore[misc]
        assert call["status"] == "client_closed"
        assert call["error"]["type"] == "cancelled"
        assert client.responses.retrieve(id).status == "cancelled"


def test_the_mark_by_which_a_worker_cancels_goes_with_the_call(
    gateway: Server, client: openai.OpenAI, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(silent=True))
    id = client.responses.create(model="slow", input="Hello", background=True).id
    mark = gateway.data_dir / "cancelled" / f"call_{id[5:]}"
    mark.parent.mkdir(exist_ok=True)
    mark.touch()
    assert ended(client, id).status == "cancelled"
    wait_for(lambda: not mark.exists(), what="the end of the mark")


def _stored(gateway: Server, id: str) -> dict[str, Any] | None:
    answer = gateway.request("GET", f"/api/calls/call_{id[5:]}")
    return dict(answer.json) if answer.status == 200 and answer.json["status"] != "live" else None


def test_a_failure_is_told(client: openai.OpenAI) -> None:
    queued = client.responses.create(model="nowhere", input="Hello", background=True)
    failed = ended(client, queued.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == "server_error"
    streamed = list(client.responses.create(model="nowhere", input="Hello", background=True, stream=True))
    assert streamed[-1].type == "response.failed"


def test_what_cannot_be_done_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="by-chat", input="Hello", background=True, store=False)
    assert refused.value.param == "background"
    waited = client.responses.create(model="by-chat", input="Hello")
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(waited.id)
    with pytest.raises(openai.BadRequestError):
        list(client.responses.retrieve(waited.id, stream=True))


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_nobody_serves_is_refused_at_once(client: openai.OpenAI, gateway: Server, *, stream: bool) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.responses.create(model="no-such", input="hi", background=True, stream=stream)
    assert refused.value.code == "model_not_found"
    call = gateway.call(refused.value.response.headers["x-call-id"])
    assert (call["status"], call["http_status"]) == ("rejected", 404)


def test_after_a_kill_it_has_failed(tmp_path: Path, upstream: FakeUpstream, *, stream: bool) -> None:
    config = CONFIG.format(url="http://127.0.0.1:9", key="none", slow=upstream.base_url)
    with running_server(tmp_path, config=config) as server:
        if stream:
            upstream.script(lambda asked: Reply(pieces=chat_events(asked.json)[:3], headers=EVENTS, hang=True))
        else:
            upstream.script(Reply(silent=True))
        with openai.OpenAI(api_key=server.key, base_url=server.base_url) as client:
            made: Any = client.responses.create(model="slow", input="Hello", background=True, stream=stream)
            id = next(iter(made)).response.id if stream else made.id
        wait_for(lambda: upstream.requests, what="the call")
        server.kill9()
        server.start()
        found = wait_for(lambda: _of(server, id, "failed"), 10)
        assert found["error"]["code"] == "server_error"


def _of(server: Server, id: str, status: str) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
        body = server.request("GET", f"/v1/responses/{id}").json
        return dict(body) if body.get("status") == status else None
    return None
