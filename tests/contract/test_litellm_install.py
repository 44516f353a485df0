"""The real LiteLLM SDK after `install()`: what reaches the wire on every path it has, and what it answers with."""

import asyncio
import copy
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import litellm
import pytest

import sessionary
import sessionary.integrations.litellm as sessions
from tests.support.capture import gateway_like, response_id, root, session_headers
from tests.support.sdk_loop import sdk_loop
from tests.support.upstream import FakeUpstream

pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_")  # the SDK's own, in its streams
METADATA = {"litellm_session_id": "mine", "tags": ["a"]}
MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = ("openai/gpt-4o", "litellm_proxy/gpt-4o", "hosted_vllm/x", "anthropic/claude-sonnet-4-5", "claude-sonnet-4-5")
NATIVE = ("openai/gpt-4o", "litellm_proxy/gpt-4o", "hosted_vllm/x")
TURNED = ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5", "openai/chat_completions/gpt-4o", "together_ai/x")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL", "OPENAI_API_BASE", "LITELLM_PROXY_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    sessions.install()
    yield
    sessions.uninstall()


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with sdk_loop() as loop:
        yield loop


@pytest.fixture(scope="module")
def one_gateway(loop: asyncio.AbstractEventLoop) -> Iterator[FakeUpstream]:
    """The SDK keeps a client, with its connections, for each address that it ever called."""
    with gateway_like() as server:
        yield server


@pytest.fixture
def gateway(one_gateway: FakeUpstream) -> FakeUpstream:
    one_gateway.reset()
    return one_gateway


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, gateway: FakeUpstream, loop: asyncio.AbstractEventLoop) -> Any:
    """`call("completion" | "responses", **arguments)` in either way: the whole answer, or the list of events.

    The SDK writes into what it is given, so it is given copies.
    """
    common = {"api_base": root(gateway), "api_key": "k", "num_retries": 0}

    def sync(name: str, **arguments: Any) -> Any:
        answer = getattr(litellm, name)(**{**common, **copy.deepcopy(arguments)})
        return list(answer) if arguments.get("stream") else answer

    async def asynchronous(name: str, **arguments: Any) -> Any:
        answer = await getattr(litellm, f"a{name}")(**{**common, **copy.deepcopy(arguments)})
        return [event async for event in answer] if arguments.get("stream") else answer

    if request.param == "sync":
        return sync
    return lambda name, **arguments: loop.run_until_complete(asynchronous(name, **arguments))


@pytest.mark.parametrize("model", CHAT)
def test_completion(call: Any, gateway: FakeUpstream, model: str, *, stream: bool) -> None:
    call("completion", model=model, messages=MESSAGES, metadata=METADATA, stream=stream)
    assert [session_headers(r) for r in gateway.requests] == [{"x-litellm-session-id": "mine"}]


@pytest.mark.parametrize("model", NATIVE)
def test_responses_that_the_sdk_passes_on(call: Any, gateway: FakeUpstream, model: str, *, stream: bool) -> None:
    first = call("responses", model=model, input="hi", metadata=METADATA, stream=stream)
    given = first[-1].response.id if stream else first.id
    call("responses", model=model, input="and", metadata=METADATA, previous_response_id=given, stream=stream)
    assert [r.path.removeprefix("/v1") for r in gateway.requests] == ["/responses"] * 2
    assert gateway.bodies[1]["previous_response_id"] == response_id(0)
    assert session_headers(gateway.requests[0]) == {"x-litellm-session-id": "mine"}
    assert session_headers(gateway.requests[1]) == {"x-litellm-session-id": "mine", "x-previous-response-id": given}


@pytest.mark.parametrize("model", TURNED)
def test_responses_that_the_sdk_makes_chat_calls_of(
    call: Any, gateway: FakeUpstream, model: str, *, stream: bool
) -> None:
    """Three turns; each answer's id is the gateway's, from its first event on."""
    previous: str | None = None
    for turn in range(3):
        answer = call(
            "responses", model=model, input="hi", metadata=METADATA, previous_response_id=previous, stream=stream
        )
        received = gateway.requests[-1]
        assert received.path.rpartition("/v1/")[2].lstrip("/") in ("messages", "chat/completions")
        assert "previous_response_id" not in received.json
        expected = {"x-litellm-session-id": "mine"}
        assert session_headers(received) == (expected | {"x-previous-response-id": previous} if previous else expected)
        if stream:
            ids = [sessions.inner_id(event.response.id) for event in answer if hasattr(event, "response")]
            assert set(ids) == {response_id(turn)}
            previous = answer[0].response.id
        else:
            assert answer.previous_response_id == previous
            previous = answer.id
        assert previous == response_id(turn)


def test_a_tool_result_alone_goes_on_from_its_call(call: Any, gateway: FakeUpstream) -> None:
    item = {"type": "function_call_output", "call_id": "toolu_1", "output": "42"}
    call("responses", model=TURNED[0], input=[item], previous_response_id="resp_x")
    assert session_headers(gateway.requests[0]) == {"x-previous-response-id": "resp_x"}
    (block,) = gateway.bodies[0]["messages"][0]["content"]
    assert (block["type"], block["tool_use_id"]) == ("tool_result", "toolu_1")


@pytest.mark.parametrize(
    "named",
    [
        {"metadata": {"session_id": "mine"}},
        {"litellm_metadata": {"litellm_session_id": "mine"}},
        {"litellm_session_id": "mine"},
        {"extra_body": {"litellm_session_id": "mine"}},
        {"extra_body": {"metadata": {"litellm_session_id": "mine"}}},
    ],
)
def test_every_place_an_id_is_given_in(call: Any, gateway: FakeUpstream, named: dict[str, Any]) -> None:
    call("completion", model="openai/gpt-4o", messages=MESSAGES, **named)
    assert session_headers(gateway.requests[0]) == {"x-litellm-session-id": "mine"}


def test_an_id_that_no_header_can_hold(call: Any, gateway: FakeUpstream) -> None:
    call("completion", model="openai/gpt-4o", messages=MESSAGES, metadata={"litellm_session_id": "日"})
    assert session_headers(gateway.requests[0]) == {"baggage": "session.id=%E6%97%A5"}


def test_headers_of_the_call_stay(call: Any, gateway: FakeUpstream) -> None:
    own = {"x-session-id": "own", "x-other": "1"}
    call("completion", model="openai/gpt-4o", messages=MESSAGES, metadata=METADATA, extra_headers=own)
    assert session_headers(gateway.requests[0]) == {"x-session-id": "own"}
    assert gateway.requests[0].headers["x-other"] == "1"
    assert own == {"x-session-id": "own", "x-other": "1"}


@pytest.mark.parametrize("model", ["openai/gpt-4o", "anthropic/claude-sonnet-4-5"])
def test_the_active_session(call: Any, gateway: FakeUpstream, model: str, *, stream: bool) -> None:
    with sessionary.session("active", name="n", base_url=root(gateway)):
        call("completion", model=model, messages=MESSAGES, stream=stream)
        call("completion", model=model, messages=MESSAGES, stream=stream, metadata=METADATA)
        sessions.uninstall()
        call("completion", model=model, messages=MESSAGES, stream=stream)
    active = {"x-session-id": "active", "x-session-name": "n"}
    assert [session_headers(r) for r in gateway.requests] == [active, {"x-litellm-session-id": "mine"}, active]


def test_calls_without_a_session_are_not_touched(call: Any, gateway: FakeUpstream) -> None:
    call("completion", model="openai/gpt-4o", messages=MESSAGES, metadata={"other": "x"})
    assert session_headers(gateway.requests[0]) == {}


def test_only_the_gateway_is_told(call: Any, gateway: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions.install("http://127.0.0.1:1/elsewhere")
    call("completion", model="openai/gpt-4o", messages=MESSAGES, metadata=METADATA)
    assert session_headers(gateway.requests[-1]) == {}
    sessions.install(root(gateway) + "/v1")
    call("completion", model="openai/gpt-4o", messages=MESSAGES, metadata=METADATA)
    assert session_headers(gateway.requests[-1]) == {"x-litellm-session-id": "mine"}
    sessions.install()
    monkeypatch.setenv("ANTHROPIC_BASE_URL", root(gateway))
    call("completion", model="anthropic/claude-sonnet-4-5", messages=MESSAGES, metadata=METADATA, api_base=None)
    assert session_headers(gateway.requests[-1]) == {"x-litellm-session-id": "mine"}


def test_arguments_by_position(gateway: FakeUpstream) -> None:
    litellm.completion("openai/gpt-4o", MESSAGES, api_base=root(gateway), api_key="k", metadata=dict(METADATA))
    litellm.responses("hi", "openai/gpt-4o", api_base=root(gateway), api_key="k", metadata=dict(METADATA))
    assert [session_headers(r) for r in gateway.requests] == [{"x-litellm-session-id": "mine"}] * 2


def test_a_router(call: Any, gateway: FakeUpstream) -> None:
    params = {"model": "openai/gpt-4o", "api_base": root(gateway), "api_key": "k"}
    router = litellm.Router([{"model_name": "m", "litellm_params": params}], num_retries=0)
    router.completion(model="m", messages=MESSAGES, metadata=dict(METADATA))
    assert session_headers(gateway.requests[0]) == {"x-litellm-session-id": "mine"}


def test_uninstall_leaves_the_sdk_as_it_was() -> None:
    sessions.uninstall()
    before = [getattr(litellm, name) for name in sessions.FUNCTIONS]
    sessions.install()
    sessions.install()
    assert all(getattr(litellm, n) is not old for n, old in zip(sessions.FUNCTIONS, before, strict=True))
    sessions.uninstall()
    sessions.uninstall()
    assert [getattr(litellm, name) for name in sessions.FUNCTIONS] == before
    assert sys.modules["litellm.main"].completion is before[0]


def test_names_that_were_imported_before(gateway: FakeUpstream) -> None:
    program = f"""
from litellm import completion, responses
import sessionary.integrations.litellm
sessionary.integrations.litellm.install()
common = dict(api_base={root(gateway)!r}, api_key="k", metadata={METADATA!r})
completion(model="openai/gpt-4o", messages={MESSAGES!r}, **common)
responses(model="anthropic/claude-sonnet-4-5", input="hi", **common)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert [session_headers(r) for r in gateway.requests] == [{"x-litellm-session-id": "mine"}] * 2
