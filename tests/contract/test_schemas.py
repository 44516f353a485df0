"""Every body and every stream is what the published API descriptions say, whichever format the provider speaks.

Over real HTTP: each client format against a scripted provider of each other format, and against a second gateway
whose demo provider speaks all three. What is held against what is in `published`, the order of events in `order`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support import order, scripted
from tests.support.published import wrong_answer, wrong_error, wrong_in_stream
from tests.support.server import Answer, Server, running_server
from tests.support.upstream import FakeUpstream

Wire = dict[str, Any]
FORMATS = ("chat", "responses", "messages")
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
NAMES = [*scripted.SAID, *scripted.FAULTS]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def config(upstream: str, second: Server) -> str:
    styles = {"chat": "openai-compatible", "responses": "openai", "messages": "anthropic"}
    lines = ["retries: 0", "models:"]
    for format, style in styles.items():
        bases = {True: upstream, False: second.base_url + "/v1"}
        bases = {own: base.removesuffix("/v1") if format == "messages" else base for own, base in bases.items()}
        named = [(name, name, bases[True]) for name in NAMES] + [("demo", "demo", bases[False])]
        lines += [
            f"  - {{name: {format}-{name}, model: {style}/{model}, base_url: {base}, api_key: {second.key},"
            f" formats: [{format}]}}"
            for name, model, base in named
        ]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream, demo_server: Server
) -> Iterator[Server]:
    shared_upstream.default = scripted.reply
    path: Path = tmp_path_factory.mktemp("schemas")
    with running_server(path, config=config(shared_upstream.base_url, demo_server)) as server:
        yield server


def asked(format: str, model: str, *, stream: bool, **more: Any) -> Wire:
    """A request with a function to call, unless `tools` says otherwise."""
    function = {"name": "get_weather", "description": "Tells the weather.", "parameters": SCHEMA}
    given = {
        "chat": {
            "messages": [{"role": "user", "content": "Well?"}],
            "stream_options": {"include_usage": True} if stream else None,
            "tools": [{"type": "function", "function": function}],
        },
        "responses": {"input": "Well?", "instructions": "Be brief.", "tools": [{"type": "function", **function}]},
        "messages": {
            "messages": [{"role": "user", "content": "Well?"}],
            "max_tokens": 300,
            "tools": [{"name": "get_weather", "input_schema": SCHEMA}],
        },
    }
    body = {**given[format], "model": model, "stream": stream, **more}
    return {key: value for key, value in body.items() if value is not None}


def stream_is_valid(format: str, answer: Answer) -> None:
    assert answer.headers["content-type"].startswith("text/event-stream")
    found, done = order.events_of(answer.body)
    assert [line for _, event in found for line in wrong_in_stream(format, event)] == []
    assert done == (format != "messages" and "error" not in found[-1][1])
    match format:
        case "chat" if "error" not in found[-1][1]:
            order.chat(found, usage=True)
        case "responses":
            order.responses(found)
        case "messages":
            order.messages(found)


def answer_is_valid(format: str, answer: Answer, *, stream: bool) -> None:
    assert answer.status == 200, answer.body
    if stream:
        return stream_is_valid(format, answer)
    assert answer.headers["content-type"] == "application/json"
    assert wrong_answer(format, answer.json) == []
    return None


@pytest.mark.parametrize("name", scripted.SAID)
@pytest.mark.parametrize(("caller", "speaks"), [(a, b) for a in FORMATS for b in FORMATS if a != b])
def test_translated_answers(gateway: Server, caller: str, speaks: str, name: str, *, stream: bool) -> None:
    body = asked(caller, f"{speaks}-{name}", stream=stream)
    answer_is_valid(caller, gateway.post(PATHS[caller], body), stream=stream)


@pytest.mark.parametrize("fault", ["fails", "breaks", "hangs-up"])
@pytest.mark.parametrize(("caller", "speaks"), [(a, b) for a in FORMATS for b in FORMATS if a != b])
def test_streams_that_fail(gateway: Server, caller: str, speaks: str, fault: str) -> None:
    answer = gateway.post(PATHS[caller], asked(caller, f"{speaks}-{fault}", stream=True))
    assert answer.status == 200
    stream_is_valid(caller, answer)
    found, _ = order.events_of(answer.body)
    assert found[-1][0] in ("", "error", "response.failed")


@pytest.mark.parametrize(("caller", "speaks"), [(a, b) for a in FORMATS for b in FORMATS if a != b])
def test_answers_that_failed(gateway: Server, caller: str, speaks: str) -> None:
    """Of the formats only Responses has an answer that failed; in the others it is an error."""
    answer = gateway.post(PATHS[caller], asked(caller, f"{speaks}-fails", stream=False))
    if caller == "responses":
        assert answer.json["status"] == "failed"
        return answer_is_valid(caller, answer, stream=False)
    assert answer.status == 502
    assert answer.json["error"]["message"] in ("No.", "So it is.")
    assert wrong_error(caller, answer.json) == []
    return None


@pytest.mark.parametrize("page", ["page", "page-502"])
@pytest.mark.parametrize(("caller", "speaks"), [(a, b) for a in FORMATS for b in FORMATS if a != b])
def test_answers_of_something_else(gateway: Server, caller: str, speaks: str, page: str) -> None:
    """Of a proxy on the way to the provider."""
    answer = gateway.post(PATHS[caller], asked(caller, f"{speaks}-{page}", stream=False))
    assert answer.status == 502
    assert wrong_error(caller, answer.json) == []


@pytest.mark.parametrize("fault", ["breaks", "hangs-up"])
@pytest.mark.parametrize("format", ["responses", "messages"])
def test_streams_that_break_on_their_way_through(gateway: Server, format: str, fault: str) -> None:
    """What the provider said passes as it is; the end that it owes is ours."""
    answer = gateway.post(PATHS[format], asked(format, f"{format}-{fault}", stream=True))
    found, done = order.events_of(answer.body)
    name, last = found[-1]
    assert (name, done) == ("error", format == "responses")
    assert wrong_in_stream(format, last) == []
    if format == "responses":
        assert [event["sequence_number"] for _, event in found] == list(range(len(found)))


@pytest.mark.parametrize("status", [name for name in scripted.FAULTS if name.startswith("status-")])
@pytest.mark.parametrize("caller", FORMATS)
@pytest.mark.parametrize("speaks", FORMATS)
def test_errors_of_the_provider(gateway: Server, caller: str, speaks: str, status: str, *, stream: bool) -> None:
    answer = gateway.post(PATHS[caller], asked(caller, f"{speaks}-{status}", stream=stream))
    assert answer.status == int(status.removeprefix("status-"))
    assert answer.headers["content-type"] == "application/json"
    assert wrong_error(caller, answer.json) == []


NAMED = {"name": "a", "schema": SCHEMA}
REQUESTS: dict[str, dict[str, Wire]] = {
    "text": {format: {"tools": None} for format in FORMATS},
    "call": {format: {} for format in FORMATS},
    "structured": {
        "chat": {
            "tools": None,
            "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
        },
        "responses": {"tools": None, "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}},
        "messages": {"tools": None, "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    },
}


@pytest.mark.parametrize("wanted", REQUESTS)
def test_a_second_gateway_as_the_provider(gateway: Server, wanted: str) -> None:
    """All that it says is ours as well: in the same format it passes as it is."""

    def ask(cell: tuple[str, str, bool]) -> tuple[tuple[str, str, bool], Answer]:
        caller, speaks, stream = cell
        body = asked(caller, f"{speaks}-demo", stream=stream, **REQUESTS[wanted][caller])
        return cell, gateway.post(PATHS[caller], body)

    cells = [(caller, speaks, stream) for caller in FORMATS for speaks in FORMATS for stream in (False, True)]
    with ThreadPoolExecutor(len(cells)) as pool:
        for (caller, _, stream), answer in pool.map(ask, cells):
            answer_is_valid(caller, answer, stream=stream)
