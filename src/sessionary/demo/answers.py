"""Answers as providers of the three formats write them: whole, and as the events of a stream. Pure.

A reply is pieces in the order in which the model made them; each format has its own way to put them.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

Wire = dict[str, Any]
_PIECES = 20
"""Into so many deltas a text is streamed."""


class Think(msgspec.Struct, frozen=True):
    """Reasoning, or the summary of it that the provider shows."""

    text: str


class Say(msgspec.Struct, frozen=True):
    text: str
    sources: tuple[tuple[str, str], ...] = ()
    """Web pages that it names: address and title. Responses only."""


class Use(msgspec.Struct, frozen=True):
    """A tool call. `given` is its arguments, or the text that a tool without arguments takes."""

    name: str
    given: Wire | str
    id: str = ""


class Search(msgspec.Struct, frozen=True):
    """A look at the web by the provider's own tool. Responses only."""

    query: str


class Audio(msgspec.Struct, frozen=True):
    """Spoken. Chat only."""

    transcript: str
    data: str
    """Base64."""


class Refuse(msgspec.Struct, frozen=True):
    text: str


Piece = Think | Say | Use | Search | Audio | Refuse


class Tokens(msgspec.Struct, frozen=True):
    """`input` has what was cached and written to the cache, `output` has the reasoning."""

    input: int
    output: int
    cached: int = 0
    written: int = 0
    reasoning: int = 0


class Reply(msgspec.Struct, frozen=True):
    id: str
    model: str
    created: int
    """Seconds."""
    pieces: tuple[Piece, ...]
    stop: str
    """As the format spells it."""
    tokens: Tokens
    above: str = ""
    """The response that it goes on from. Responses only."""


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _text(pieces: tuple[Piece, ...]) -> str:
    return "".join(p.text for p in pieces if isinstance(p, Say))


def _cut(text: str) -> Iterator[str]:
    step = max(8, -(-len(text) // _PIECES))
    for at in range(0, len(text), step):
        yield text[at : at + step]


def _event(data: Wire, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return head.encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"


# Chat


def chat_message(pieces: tuple[Piece, ...]) -> Wire:
    """As a client sends it back."""
    message: Wire = {"role": "assistant", "content": _text(pieces) or None}
    if used := [_chat_tool(p) for p in pieces if isinstance(p, Use)]:
        message["tool_calls"] = used
    return message


def chat(reply: Reply) -> Wire:
    message = {**chat_message(reply.pieces), "refusal": None, "annotations": []}
    for piece in reply.pieces:
        match piece:
            case Think(text):
                message["reasoning_content"] = text
            case Audio(transcript, data):
                message["audio"] = {"id": f"audio_{reply.id[-12:]}", "data": data, "transcript": transcript}
                message["audio"]["expires_at"] = reply.created + 3600
            case Refuse(text):
                message["refusal"] = text
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.stop}
    head = {"id": reply.id, "object": "chat.completion", "created": reply.created, "model": reply.model}
    return {**head, "choices": [choice], "usage": _chat_usage(reply.tokens), "service_tier": "default"}


def _chat_tool(use: Use) -> Wire:
    given = use.given if isinstance(use.given, str) else _json(use.given)
    return {"id": use.id, "type": "function", "function": {"name": use.name, "arguments": given}}


def _chat_usage(t: Tokens) -> Wire:
    return {
        "prompt_tokens": t.input,
        "completion_tokens": t.output,
        "total_tokens": t.input + t.output,
        "prompt_tokens_details": {"cached_tokens": t.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": t.reasoning, "audio_tokens": 0},
    }


def chat_stream(reply: Reply) -> list[bytes]:
    head = {"id": reply.id, "object": "chat.completion.chunk", "created": reply.created, "model": reply.model}

    def chunk(delta: Wire, stop: str | None = None) -> bytes:
        return _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": stop}], "usage": None})

    events = [chunk({"role": "assistant", "content": ""})]
    number = 0
    for piece in reply.pieces:
        match piece:
            case Think(text):
                events += [chunk({"reasoning_content": part}) for part in _cut(text)]
            case Say(text):
                events += [chunk({"content": part}) for part in _cut(text)]
            case Refuse(text):
                events += [chunk({"refusal": part}) for part in _cut(text)]
            case Use():
                whole = _chat_tool(piece)
                function = whole["function"]
                begun = {"index": number, **whole, "function": {**function, "arguments": ""}}
                events.append(chunk({"tool_calls": [begun]}))
                for part in _cut(function["arguments"]):
                    events.append(chunk({"tool_calls": [{"index": number, "function": {"arguments": part}}]}))
                number += 1
    events.append(chunk({}, reply.stop))
    events.append(_event({**head, "choices": [], "usage": _chat_usage(reply.tokens)}))
    return [*events, b"data: [DONE]\n\n"]


# Messages


def message_blocks(pieces: tuple[Piece, ...]) -> list[Wire]:
    blocks: list[Wire] = []
    for n, piece in enumerate(pieces):
        match piece:
            case Think(text):
                blocks.append({"type": "thinking", "thinking": text, "signature": f"EqQBCkYIBRgC{len(text):06x}{n}=="})
            case Say(text):
                blocks.append({"type": "text", "text": text})
            case Use(name, given, id):
                blocks.append({"type": "tool_use", "id": id, "name": name, "input": given})
    return blocks


def message(reply: Reply) -> Wire:
    return {**_message_head(reply), "content": message_blocks(reply.pieces), "stop_reason": reply.stop}


def _message_head(reply: Reply) -> Wire:
    head = {"id": reply.id, "type": "message", "role": "assistant", "model": reply.model, "content": []}
    return {**head, "stop_reason": None, "stop_sequence": None, "usage": _message_usage(reply.tokens)}


def _message_usage(t: Tokens) -> Wire:
    return {
        "input_tokens": t.input - t.cached - t.written,
        "cache_creation_input_tokens": t.written,
        "cache_read_input_tokens": t.cached,
        "output_tokens": t.output,
        "service_tier": "standard",
    }


def message_stream(reply: Reply) -> list[bytes]:
    head = _message_head(reply)
    head["usage"] = {**head["usage"], "output_tokens": 1}
    events = [_event({"type": "message_start", "message": head}, "message_start")]
    for index, block in enumerate(message_blocks(reply.pieces)):
        match block:
            case {"type": "thinking", "thinking": text, "signature": proof}:
                start: Wire = {"type": "thinking", "thinking": "", "signature": ""}
                deltas = [{"type": "thinking_delta", "thinking": part} for part in _cut(text)]
                deltas.append({"type": "signature_delta", "signature": proof})
            case {"type": "text", "text": text}:
                start = {"type": "text", "text": ""}
                deltas = [{"type": "text_delta", "text": part} for part in _cut(text)]
            case _:
                start = {**block, "input": {}}
                deltas = [{"type": "input_json_delta", "partial_json": part} for part in _cut(_json(block["input"]))]
        at = {"index": index}
        events.append(_event({"type": "content_block_start", **at, "content_block": start}, "content_block_start"))
        events += [_event({"type": "content_block_delta", **at, "delta": d}, "content_block_delta") for d in deltas]
        events.append(_event({"type": "content_block_stop", **at}, "content_block_stop"))
    end = {"delta": {"stop_reason": reply.stop, "stop_sequence": None}, "usage": _message_usage(reply.tokens)}
    events.append(_event({"type": "message_delta", **end}, "message_delta"))
    return [*events, _event({"type": "message_stop"}, "message_stop")]


# Responses


def items(reply: Reply) -> list[Wire]:
    found: list[Wire] = []
    for n, piece in enumerate(reply.pieces):
        end = f"{reply.id[-20:]}{n:02d}"
        match piece:
            case Think(text):
                summary = [{"type": "summary_text", "text": text}]
                sealed = f"gAAAAAB{end}"
                found.append({"id": f"rs_{end}", "type": "reasoning", "summary": summary, "encrypted_content": sealed})
            case Say(text, sources):
                notes = [_citation(text, *source) for source in sources]
                content = [{"type": "output_text", "text": text, "annotations": notes, "logprobs": []}]
                about = {"id": f"msg_{end}", "type": "message", "status": "completed", "role": "assistant"}
                found.append({**about, "content": content})
            case Use(name, str(given), id):
                about = {"id": f"ctc_{end}", "type": "custom_tool_call", "status": "completed"}
                found.append({**about, "call_id": id, "name": name, "input": given})
            case Use(name, given, id):
                about = {"id": f"fc_{end}", "type": "function_call", "status": "completed"}
                found.append({**about, "call_id": id, "name": name, "arguments": _json(given)})
            case Search(query):
                about = {"id": f"ws_{end}", "type": "web_search_call", "status": "completed"}
                found.append({**about, "action": {"type": "search", "query": query}})
            case Refuse(text):
                about = {"id": f"msg_{end}", "type": "message", "status": "completed", "role": "assistant"}
                found.append({**about, "content": [{"type": "refusal", "refusal": text}]})
    return found


def _citation(text: str, url: str, title: str) -> Wire:
    end = len(text)
    return {"type": "url_citation", "url": url, "title": title, "start_index": max(0, end - 1), "end_index": end}


def response(reply: Reply) -> Wire:
    t = reply.tokens
    usage = {
        "input_tokens": t.input,
        "input_tokens_details": {"cached_tokens": t.cached},
        "output_tokens": t.output,
        "output_tokens_details": {"reasoning_tokens": t.reasoning},
        "total_tokens": t.input + t.output,
    }
    short = reply.stop not in ("", "completed")
    return {
        **_response_head(reply),
        "status": "incomplete" if short else "completed",
        "incomplete_details": {"reason": reply.stop} if short else None,
        "output": items(reply),
        "usage": usage,
    }


def _response_head(reply: Reply) -> Wire:
    return {
        "id": reply.id,
        "object": "response",
        "created_at": reply.created,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": reply.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": reply.above or None,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }


def response_stream(reply: Reply) -> list[bytes]:
    number = 0
    events: list[bytes] = []

    def tell(kind: str, **fields: Any) -> None:
        nonlocal number
        events.append(_event({"type": kind, **fields, "sequence_number": number}, kind))
        number += 1

    tell("response.created", response=_response_head(reply))
    tell("response.in_progress", response=_response_head(reply))
    for index, item in enumerate(items(reply)):
        where = {"output_index": index, "item_id": item["id"]}
        tell("response.output_item.added", output_index=index, item=_begun(item))
        match item["type"]:
            case "message":
                (part,) = item["content"]
                kind, field = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
                empty = {**part, field: ""} | ({"annotations": []} if field == "text" else {})
                tell("response.content_part.added", **where, content_index=0, part=empty)
                for piece in _cut(part[field]):
                    tell(f"response.{kind}.delta", **where, content_index=0, delta=piece)
                tell(f"response.{kind}.done", **where, content_index=0, **{field: part[field]})
                tell("response.content_part.done", **where, content_index=0, part=part)
            case "reasoning":
                (part,) = item["summary"]
                empty = {**part, "text": ""}
                tell("response.reasoning_summary_part.added", **where, summary_index=0, part=empty)
                for piece in _cut(part["text"]):
                    tell("response.reasoning_summary_text.delta", **where, summary_index=0, delta=piece)
                tell("response.reasoning_summary_text.done", **where, summary_index=0, text=part["text"])
                tell("response.reasoning_summary_part.done", **where, summary_index=0, part=part)
            case "function_call":
                for piece in _cut(item["arguments"]):
                    tell("response.function_call_arguments.delta", **where, delta=piece)
                tell("response.function_call_arguments.done", **where, arguments=item["arguments"])
            case "custom_tool_call":
                for piece in _cut(item["input"]):
                    tell("response.custom_tool_call_input.delta", **where, delta=piece)
                tell("response.custom_tool_call_input.done", **where, input=item["input"])
            case "web_search_call":
                for state in ("in_progress", "searching", "completed"):
                    tell(f"response.web_search_call.{state}", **where)
        tell("response.output_item.done", output_index=index, item=item)
    whole = response(reply)
    tell(f"response.{whole['status']}", response=whole)
    return events


def _begun(item: Wire) -> Wire:
    empty: Wire = {"message": {"content": []}, "reasoning": {"summary": []}, "function_call": {"arguments": ""}}
    empty["custom_tool_call"] = {"input": ""}
    return {**item, "status": "in_progress", **empty.get(item["type"], {})}
