"""The demo provider: answers every model without an account, the same answer for the same request.

It exists so that the examples people have run as they stand: plain and streamed, with tools (`demo_tools` says which
it calls; then it speaks of the result), JSON output, embeddings, token usage.
"""

import asyncio
import base64
import hashlib
import math
import random
import struct
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from sessionary.providers import demo_formats, demo_tools
from sessionary.providers.fitting import fit
from sessionary.settings.tree import Format
from sessionary.wire import loose

PAUSE = 0.008
"""Seconds between the pieces of a stream, so that streaming can be seen."""
_JSON = {"content-type": "application/json"}
_FORMATS: dict[str, Format] = {"responses": "responses", "messages": "messages"}
_CREATED = 1_767_225_600

_OPENINGS = (
    "Here is a short answer from the demo provider.",
    "This is the demo provider speaking, so take the facts lightly.",
    "A demonstration answer, made without any model.",
)
_BODIES = (
    "The lighthouse keeper wrote one line each evening, and on the morning of the storm she read them back in order.",
    "Three things matter here: what was asked, what was answered before, and what is new in this turn.",
    "A small robot learned to fold paper cranes; by the hundredth it had stopped counting and begun to talk to them.",
    "If you look at the session page, you will find this text under the turn that asked for it.",
)
_CLOSINGS = (
    "Set a provider's key, for instance `OPENAI_API_KEY`, to talk to a real model.",
    "Ask again in the same session to see how turns are grouped.",
    "Every word of this exchange is in the log.",
)


async def answer(endpoint: str, body: bytes) -> tuple[int, dict[str, str], AsyncIterator[bytes]]:
    """Status, headers, and the body in chunks.

    `endpoint` is `chat/completions`, `responses`, `messages`, `completions` or `embeddings`.
    """
    request = _object(body)
    if (format := _FORMATS.get(endpoint)) is not None:
        return await demo_formats.answer(format, request, answer)
    seed = hashlib.sha256(body).hexdigest()
    if endpoint == "embeddings":
        return 200, _JSON, _whole(_embeddings(request))
    if endpoint == "completions":
        return _completion(request, seed)
    messages = [m for m in _list(request.get("messages")) if isinstance(m, dict)]
    if not messages:
        problem: dict[str, Any] = {
            "message": "'messages' must be a list that is not empty",
            "type": "invalid_request_error",
        }
        return 400, _JSON, _whole({"error": problem | {"param": "messages", "code": None}})
    message = _message(request, messages, random.Random(_text_seed(messages)))
    usage = _usage(messages, message)
    finish = "tool_calls" if "tool_calls" in message else "stop"
    head = {"id": f"chatcmpl-demo{seed[:24]}", "created": _CREATED, "model": str(request.get("model", "demo"))}
    if request.get("stream") is True:
        wants = _dict(request.get("stream_options")).get("include_usage") is True
        return (
            200,
            {"content-type": "text/event-stream; charset=utf-8"},
            _stream(head, message, finish, usage if wants else None),
        )
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return 200, _JSON, _whole({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


def _message(request: dict[str, Any], messages: list[dict[str, Any]], rng: random.Random) -> dict[str, Any]:
    if (call := demo_tools.call(request, messages, rng)) is not None:
        return {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}
    form = _dict(request.get("response_format"))
    if form.get("type") == "json_schema":
        schema = _dict(_dict(form.get("json_schema")).get("schema"))
        content = msgspec.json.encode(fit(schema, _said(messages))).decode()
    elif form.get("type") == "json_object":
        content = msgspec.json.encode({"answer": rng.choice(_BODIES), "asked": _said(messages)[:80]}).decode()
    elif (result := demo_tools.result(messages)) is not None:
        content = f"The tool answered: {_content(result)[:400]}\n\n{rng.choice(_CLOSINGS)}"
    else:
        turns = sum(m.get("role") == "user" for m in messages)
        content = (
            f"{rng.choice(_OPENINGS)}\n\n> {_said(messages)[:200]}\n\n{rng.choice(_BODIES)}\n\n"
            f"This is turn {turns} of our conversation. {rng.choice(_CLOSINGS)}"
        )
    return {"role": "assistant", "content": content, "refusal": None, "annotations": []}


async def _stream(
    head: dict[str, Any], message: dict[str, Any], finish: str, usage: dict[str, Any] | None
) -> AsyncIterator[bytes]:
    def event(delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        chunk = {**head, "object": "chat.completion.chunk", "choices": [choice]}
        return b"data: " + msgspec.json.encode(chunk | ({"usage": None} if usage else {})) + b"\n\n"

    yield event({"role": "assistant", "content": None if "tool_calls" in message else ""})
    for call in message.get("tool_calls", []):
        kind, field = ("custom", "input") if call["type"] == "custom" else ("function", "arguments")
        yield event({"tool_calls": [{"index": 0, **call, kind: {**call[kind], field: ""}}]})
        given = call[kind][field]
        step = max(12, math.ceil(len(given) / 60))
        for at in range(0, len(given), step):
            yield event({"tool_calls": [{"index": 0, kind: {field: given[at : at + step]}}]})
            await asyncio.sleep(PAUSE)
    for piece in _pieces(message["content"]) if message["content"] else []:
        yield event({"content": piece})
        await asyncio.sleep(PAUSE)
    yield event({}, finish)
    if usage:
        last = {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}
        yield b"data: " + msgspec.json.encode(last) + b"\n\n"
    yield b"data: [DONE]\n\n"


def _completion(request: dict[str, Any], seed: str) -> tuple[int, dict[str, str], AsyncIterator[bytes]]:
    prompt = request.get("prompt")
    prompt = prompt if isinstance(prompt, str) else msgspec.json.encode(prompt).decode()
    text = random.Random(prompt).choice(_BODIES)
    usage = _counted(_tokens(prompt), 0, _tokens(text))
    model = str(request.get("model", "demo"))
    head = {"id": f"cmpl-demo{seed[:24]}", "object": "text_completion", "created": _CREATED, "model": model}

    def choice(words: str, reason: str | None) -> dict[str, Any]:
        return {"index": 0, "text": words, "logprobs": None, "finish_reason": reason}

    if request.get("stream") is not True:
        return 200, _JSON, _whole({**head, "choices": [choice(text, "stop")], "usage": usage})

    async def stream() -> AsyncIterator[bytes]:
        for piece in _pieces(text):
            yield b"data: " + msgspec.json.encode({**head, "choices": [choice(piece, None)]}) + b"\n\n"
            await asyncio.sleep(PAUSE)
        yield b"data: " + msgspec.json.encode({**head, "choices": [choice("", "stop")]}) + b"\n\n"
        if _dict(request.get("stream_options")).get("include_usage") is True:
            yield b"data: " + msgspec.json.encode({**head, "choices": [], "usage": usage}) + b"\n\n"
        yield b"data: [DONE]\n\n"

    return 200, {"content-type": "text/event-stream; charset=utf-8"}, stream()


def _embeddings(request: dict[str, Any]) -> dict[str, Any]:
    given = request.get("input")
    texts = given if isinstance(given, list) and not (given and isinstance(given[0], int)) else [given]
    size = request.get("dimensions")
    size = size if isinstance(size, int) and 0 < size <= 4096 else 256
    data = []
    for index, text in enumerate(texts):
        rng = random.Random(str(text))
        vector = [rng.gauss(0, 1) for _ in range(size)]
        length = math.sqrt(sum(x * x for x in vector))
        unit: Any = [round(x / length, 8) for x in vector]
        if request.get("encoding_format") == "base64":  # what the official clients ask for
            unit = base64.b64encode(struct.pack(f"<{size}f", *unit)).decode()
        data.append({"object": "embedding", "index": index, "embedding": unit})
    tokens = sum(_tokens(str(t)) for t in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": request.get("model"), "data": data, "usage": usage}


async def _whole(value: object) -> AsyncIterator[bytes]:
    yield msgspec.json.encode(value)


def _pieces(text: str) -> list[str]:
    words = text.split(" ")
    step = math.ceil(len(words) / 60)
    cut = [" ".join(words[n : n + step]) for n in range(0, len(words), step)]
    return [piece if n == 0 else f" {piece}" for n, piece in enumerate(cut)]


def _usage(messages: list[dict[str, Any]], message: dict[str, Any]) -> dict[str, Any]:
    """A history that was answered before counts as cached, from 64 tokens on, as with real providers."""
    counts = [_tokens(msgspec.json.encode(m).decode()) for m in messages]
    answered = max((n for n, m in enumerate(messages) if m.get("role") == "assistant"), default=-1)
    cached = sum(counts[: answered + 1]) // 64 * 64
    return _counted(sum(counts), cached, _tokens(msgspec.json.encode(message).decode()))


def _counted(asked: int, cached: int, answered: int) -> dict[str, Any]:
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _tokens(text: str) -> int:
    return max(1, (len(text) + 3) // 4)


def _text_seed(messages: list[dict[str, Any]]) -> str:
    return hashlib.sha256(b"\0".join(_content(m).encode("utf-8", "replace") for m in messages)).hexdigest()


def _said(messages: list[dict[str, Any]]) -> str:
    return next((_content(m) for m in reversed(messages) if m.get("role") == "user"), "")


def _content(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return " ".join(str(_dict(part).get("text", "")) for part in _list(content)).strip()


def _object(body: bytes) -> dict[str, Any]:
    try:
        return _dict(loose.decode(body))
    except loose.FAILURES:
        return {}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
