"""What was said, in a form of its own, and how clients write it in the three formats."""

import json
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal

from tests.support.adversary import texts

Format = Literal["chat.completions", "responses", "messages"]
FORMATS: tuple[Format, ...] = ("chat.completions", "responses", "messages")
Json = dict[str, Any]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@dataclass(frozen=True)
class Tool:
    """A tool's call."""

    id: str
    name: str
    arguments: Json


@dataclass(frozen=True)
class Said:
    """One message. `by`: the call that gave it as its answer; "" for what no model said."""

    role: Literal["user", "assistant", "tool"]
    text: str = ""
    tools: tuple[Tool, ...] = ()
    of: str = ""
    """Of a tool's result: the tool call's id."""
    thought: str = ""
    image: bool = False
    by: str = ""
    item: str = ""
    """The answer's id as an item of the Responses format."""


@dataclass(frozen=True)
class Style:
    """How a client writes a request. The first of each is what most do."""

    parts: bool = False
    """A text is one part of a list."""
    nulls: bool = False
    """Fields that are null or empty."""
    loose: int | None = None
    """Seed: tool arguments in another key order and number form."""
    thoughts: bool = False
    """Reasoning is sent back."""
    ids: bool = False
    """Ids and status of items are sent back (Responses)."""
    cached: bool = False
    """A cache mark on the newest message."""
    trimmed: bool = False
    """White space at the end of answers is cut."""

    @classmethod
    def drawn(cls, rng: Random) -> "Style":
        bits = [rng.random() < 0.4 for _ in range(6)]
        loose = rng.randrange(1 << 30) if rng.random() < 0.4 else None
        return cls(bits[0], bits[1], loose, bits[2], bits[3], bits[4], bits[5])


def request(format: Format, system: str, said: list[Said], style: Style, **beside: Any) -> Json:
    """`beside`: the body's other fields."""
    if style.trimmed:
        said = [replace(m, text=m.text.rstrip()) if m.by else m for m in said]
    writer = {"chat.completions": _chat, "responses": _responses, "messages": _messages}[format]
    return writer(system, said, style, beside)


def answer(format: Format, said: Said, call_id: str, model: str, wrote: str = "") -> bytes:
    """The provider's body. `wrote`: the beginning that the request gave, which the answer does not repeat."""
    said = replace(said, text=said.text.removeprefix(wrote))
    if format == "messages":
        content = _blocks(said, Style(thoughts=True))
        stop = "tool_use" if said.tools else "end_turn"
        usage = {"input_tokens": 20, "output_tokens": 10}
        head = {"id": f"msg_{call_id[-12:]}", "type": "message", "role": "assistant", "model": model}
        body: Json = head | {"content": content, "stop_reason": stop, "stop_sequence": None, "usage": usage}
    elif format == "responses":
        output = _items(said, Style(thoughts=True, ids=True))
        usage = {"input_tokens": 20, "output_tokens": 10, "total_tokens": 30}
        head = {"id": f"resp_{call_id[-12:]}", "object": "response", "status": "completed", "model": model}
        body = head | {"output": output, "usage": usage}
    else:
        message = _assistant(said, Style(nulls=True, thoughts=True))
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if said.tools else "stop"}
        usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
        head = {"id": f"chatcmpl-{call_id[-12:]}", "object": "chat.completion", "model": model}
        body = head | {"choices": [choice], "usage": usage}
    return json.dumps(body).encode()


def cut(format: Format, text: str, call_id: str, model: str) -> bytes:
    """A stream that was broken off after `text`."""
    half = len(text) // 2
    pieces = [text[:half], text[half:]]
    events: list[Json] = []
    if format == "chat.completions":
        head = {"id": f"chatcmpl-{call_id[-12:]}", "object": "chat.completion.chunk", "model": model}
        deltas: list[Json] = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]
        events = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    elif format == "messages":
        message = {"id": f"msg_{call_id[-12:]}", "type": "message", "role": "assistant", "model": model, "content": []}
        usage = {"input_tokens": 20, "output_tokens": 1}
        events = [{"type": "message_start", "message": message | {"usage": usage}}]
        events += [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}]
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
        events += [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
    else:
        response = {"id": f"resp_{call_id[-12:]}", "object": "response", "status": "in_progress", "output": []}
        item = {"type": "message", "id": f"msg_{call_id[-8:]}", "role": "assistant", "content": []}
        part = {"type": "output_text", "text": "", "annotations": []}
        at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        events = [{"type": "response.created", "response": response | {"model": model}}]
        events += [{"type": "response.output_item.added", "output_index": 0, "item": item}]
        events += [{"type": "response.content_part.added", **at, "part": part}]
        events += [{"type": "response.output_text.delta", **at, "delta": piece} for piece in pieces]
    named = format != "chat.completions"
    lines = [(f"event: {e['type']}\n" if named else "") + f"data: {json.dumps(e)}\n\n" for e in events]
    return "".join(lines).encode()


# -- chat completions


def _chat(system: str, said: list[Said], style: Style, beside: Json) -> Json:
    messages: list[Json] = [{"role": "system", "content": _text(system, style)}] if system else []
    for m in said:
        if m.role == "assistant":
            messages.append(_assistant(m, style))
        elif m.role == "tool":
            messages.append({"role": "tool", "tool_call_id": m.of, "content": m.text})
        else:
            image = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}] if m.image else []
            content = [{"type": "text", "text": m.text}, *image] if image else _text(m.text, style)
            messages.append({"role": "user", "content": content})
    if style.cached and isinstance(messages[-1]["content"], str):
        _mark(messages[-1])
    return {"messages": messages, **beside}


def _assistant(said: Said, style: Style) -> Json:
    message: Json = {"role": "assistant", "content": _text(said.text, style) if said.text or not said.tools else None}
    if said.tools:
        message["tool_calls"] = [
            {"id": t.id, "type": "function", "function": {"name": t.name, "arguments": _arguments(t, style)}}
            for t in said.tools
        ]
    if style.nulls:
        message |= {"refusal": None, "annotations": []}
    if style.thoughts and said.thought:
        message["reasoning_content"] = said.thought
    return message


def _text(text: str, style: Style) -> Any:
    return [{"type": "text", "text": text}] if style.parts else text


def _arguments(tool: Tool, style: Style) -> str:
    return texts.shown(tool.arguments, Random(style.loose) if style.loose is not None else None)


# -- responses


def _responses(system: str, said: list[Said], style: Style, beside: Json) -> Json:
    items: list[Json] = []
    for m in said:
        if m.role == "assistant":
            items += _items(m, style)
        elif m.role == "tool":
            items.append({"type": "function_call_output", "call_id": m.of, "output": m.text})
        else:
            image = [{"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}] if m.image else []
            parts = [{"type": "input_text", "text": m.text}, *image]
            items.append({"role": "user", "content": parts if image or style.parts else m.text})
            if style.nulls:
                items[-1] = {"type": "message", **items[-1]}
    instructions = {"instructions": system} if system else {}
    return {"input": items, "store": False, **instructions, **beside}


def _items(said: Said, style: Style) -> list[Json]:
    items: list[Json] = []
    named = said.item if style.ids else ""
    if style.thoughts and said.thought:
        sealed = {"encrypted_content": f"gAAAA{said.thought[::-1]}"}
        items.append({"type": "reasoning", "id": f"rs_{said.item}", "summary": [], **sealed})
    if said.text or not said.tools:
        part = {"type": "output_text", "text": said.text, **({"annotations": []} if style.nulls or named else {})}
        message = {"type": "message", "role": "assistant", "content": [part]}
        items.append(message | ({"id": f"msg_{named}", "status": "completed"} if named else {}))
    for n, t in enumerate(said.tools):
        item = {"type": "function_call", "call_id": t.id, "name": t.name, "arguments": _arguments(t, style)}
        items.append(item | ({"id": f"fc_{n}{named}", "status": "completed"} if named else {}))
    return items


# -- messages


def _messages(system: str, said: list[Said], style: Style, beside: Json) -> Json:
    messages: list[Json] = []
    for n, m in enumerate(said):
        if m.role == "assistant":
            blocks = _blocks(m, style)
            plain = len(blocks) == 1 and blocks[0]["type"] == "text" and not style.parts
            messages.append({"role": "assistant", "content": blocks[0]["text"] if plain else blocks})
        elif m.role == "tool":
            block = {"type": "tool_result", "tool_use_id": m.of, "content": _text(m.text, style)}
            if n and said[n - 1].role == "tool":
                messages[-1]["content"].append(block)
            else:
                messages.append({"role": "user", "content": [block]})
        else:
            source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
            image = [{"type": "image", "source": source}] if m.image else []
            content = [{"type": "text", "text": m.text}, *image] if image else _text(m.text, style)
            messages.append({"role": "user", "content": content})
    if style.cached:
        _mark(messages[-1])
    prompt = {"system": _text(system, style)} if system else {}
    return {"messages": messages, "max_tokens": 4096, **prompt, **beside}


def _blocks(said: Said, style: Style) -> list[Json]:
    blocks: list[Json] = []
    if style.thoughts and said.thought:
        blocks.append({"type": "thinking", "thinking": said.thought, "signature": f"Er{said.thought[::-1]}=="})
    if said.text:
        blocks.append({"type": "text", "text": said.text})
    shuffled = Random(style.loose) if style.loose is not None else None
    for t in said.tools:
        given = t.arguments if shuffled is None else texts.reform(t.arguments, shuffled)
        blocks.append({"type": "tool_use", "id": t.id, "name": t.name, "input": given})
    return blocks


def _mark(message: Json) -> None:
    """A cache mark on the message's last block."""
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    blocks[-1] = blocks[-1] | {"cache_control": {"type": "ephemeral"}}
    message["content"] = blocks
