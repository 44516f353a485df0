"""`completion` and `responses`, with the LiteLLM SDK's arguments, over the OpenAI library.

    import sessionary as litellm

    litellm.completion(
        model="openai/gpt-4o",
        messages=[{"role": "user", "content": "Hello"}],
        api_base="http://127.0.0.1:4000",
        api_key="sk-...",
        metadata={"litellm_session_id": "my-session"},
    )

Answers and exceptions are the OpenAI library's. Without `api_base` the environment says where the gateway is
(`SESSIONARY_BASE_URL`, then the names other clients use), else it is `http://127.0.0.1:4000`.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, overload

from sessionary.client.answers import AsyncChunks, Chunks, readable
from sessionary.client.arguments import Call, prepare
from sessionary.client.library import clients, library

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI
    from openai.types.chat import ChatCompletion, ChatCompletionChunk
    from openai.types.responses import Response, ResponseStreamEvent

Messages = Iterable[Mapping[str, Any]]
Input = str | Iterable[Mapping[str, Any]]


@overload
def completion(
    model: str, messages: Messages = ..., *, stream: Literal[True], **params: Any
) -> "Chunks[ChatCompletionChunk]": ...
@overload
def completion(
    model: str, messages: Messages = ..., *, stream: Literal[False] | None = ..., **params: Any
) -> "ChatCompletion": ...
@overload
def completion(model: str, messages: Messages = ..., *, stream: bool | None = ..., **params: Any) -> Any: ...
def completion(model: str, messages: Messages = (), *, stream: bool | None = None, **params: Any) -> Any:
    """A chat completion. `params` are the LiteLLM SDK's: `api_base`, `api_key`, `metadata`, `tools`, ..."""
    call = _chat({**params, "model": model, "messages": list(messages), "stream": stream})
    answer = _sync(call).chat.completions.create(**call.options)
    return Chunks(answer) if stream else readable(answer)


@overload
async def acompletion(
    model: str, messages: Messages = ..., *, stream: Literal[True], **params: Any
) -> "AsyncChunks[ChatCompletionChunk]": ...
@overload
async def acompletion(
    model: str, messages: Messages = ..., *, stream: Literal[False] | None = ..., **params: Any
) -> "ChatCompletion": ...
@overload
async def acompletion(model: str, messages: Messages = ..., *, stream: bool | None = ..., **params: Any) -> Any: ...
async def acompletion(model: str, messages: Messages = (), *, stream: bool | None = None, **params: Any) -> Any:
    """`completion` for asyncio."""
    call = _chat({**params, "model": model, "messages": list(messages), "stream": stream})
    answer = await (await _async(call)).chat.completions.create(**call.options)
    return AsyncChunks(answer) if stream else readable(answer)


@overload
def responses(input: Input, model: str, *, stream: Literal[True], **params: Any) -> "Chunks[ResponseStreamEvent]": ...
@overload
def responses(input: Input, model: str, *, stream: Literal[False] | None = ..., **params: Any) -> "Response": ...
@overload
def responses(input: Input, model: str, *, stream: bool | None = ..., **params: Any) -> Any: ...
def responses(input: Input, model: str, *, stream: bool | None = None, **params: Any) -> Any:
    """A response. `params` are the LiteLLM SDK's: `previous_response_id`, `instructions`, `tools`, `api_base`, ..."""
    call = _response({**params, "model": model, "input": _items(input), "stream": stream})
    answer = _sync(call).responses.create(**call.options)
    return Chunks(answer) if stream else readable(answer)


@overload
async def aresponses(
    input: Input, model: str, *, stream: Literal[True], **params: Any
) -> "AsyncChunks[ResponseStreamEvent]": ...
@overload
async def aresponses(input: Input, model: str, *, stream: Literal[False] | None = ..., **params: Any) -> "Response": ...
@overload
async def aresponses(input: Input, model: str, *, stream: bool | None = ..., **params: Any) -> Any: ...
async def aresponses(input: Input, model: str, *, stream: bool | None = None, **params: Any) -> Any:
    """`responses` for asyncio."""
    call = _response({**params, "model": model, "input": _items(input), "stream": stream})
    answer = await (await _async(call)).responses.create(**call.options)
    return AsyncChunks(answer) if stream else readable(answer)


def _items(given: Input) -> Any:
    return given if isinstance(given, str) else list(given)


def _chat(given: dict[str, Any]) -> Call:
    return prepare(library().resources.chat.Completions.create, given)


def _response(given: dict[str, Any]) -> Call:
    library()
    return prepare(import_module("openai.resources.responses").Responses.create, given)


def _sync(call: Call) -> "OpenAI":
    client = clients().sync(call.where)
    return client if call.retries is None else client.with_options(max_retries=call.retries)


async def _async(call: Call) -> "AsyncOpenAI":
    client = await clients().asynchronous(call.where)
    return client if call.retries is None else client.with_options(max_retries=call.retries)
