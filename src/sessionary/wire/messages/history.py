"""Messages and canonical turns. Pure.

A part read from here has its whole message as origin. Turns that still say what that message says are written as
the message; otherwise each part is, and neighbours of one role become one message, as Anthropic wants them: tool
results first in the user's message that follows the calls. What Anthropic would refuse is left out even of a
message of its own: empty texts, reasoning that another provider made, reasoning that a cut left unsigned.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from sessionary.wire.canonical import Part, Turn, Unsupported
from sessionary.wire.message import Piece, Role
from sessionary.wire.messages import blocks
from sessionary.wire.messages.blocks import FORMAT

Wire = dict[str, Any]
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_OPENING: Wire = {"role": "user", "content": "."}
"""Before an answer that nothing was said before: a conversation starts with the user."""


class _Origin(dict[str, Any]):
    """A message, and the turns that it was read into."""

    turns: list[Turn]


class _Entry(msgspec.Struct):
    role: str
    content: list[Any]
    whole: Wire | None = None
    """The message as it came, where it may go back so."""


def read_turns(message: Wire, field: str = "messages") -> list[Turn]:
    """A turn for each tool result, and one for what stands between them. Raises Unsupported."""
    role = _ROLES.get(str(message.get("role")))
    if role is None:
        raise Unsupported(f"{field}.role", "must be user, assistant or system")
    origin = _Origin(message)
    turns: list[Turn] = []
    origin.turns = turns
    for part in _parts(origin):
        result = role == "user" and part.piece.type == "tool_result"
        if turns and not result and turns[-1].role == role:
            turns[-1].parts.append(part)
        else:
            turns.append(Turn("tool" if result else role, [part]))
    if not turns:
        turns.append(Turn(role, [Part(Piece("text"), FORMAT, origin)]))
    return turns[:]


def _parts(message: Wire) -> list[Part]:
    return [part for block in _content(message) for part in blocks.parts(block, message)]


def _content(message: Wire) -> list[Any]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def write_system(turns: list[Turn]) -> Any:
    """The `system` field; None where there is nothing to say. Raises Unsupported."""
    if len(turns) == 1 and (origin := _origin(turns[0])) is not None and _untouched(turns, origin):
        return origin["content"]
    content: list[Any] = []
    for turn in turns:
        for part in turn.parts:
            if part.piece.type not in ("text", "refusal", "reasoning"):
                raise Unsupported(blocks.field(part), "a system message to Anthropic is text")
        content += _written(turn)
    return _short(content)


def split_system(turns: list[Turn]) -> tuple[list[Turn], list[Turn]]:
    """Instructions in the middle of the history that another format had, and the rest.

    Only the newest of Anthropic's models take a message of role `system`, and not everywhere: from elsewhere they go
    to the front.
    """
    moved = [turn for turn in turns if turn.role == "system" and _origin(turn) is None]
    return moved, [turn for turn in turns if turn.role != "system" or _origin(turn) is not None]


def write_messages(turns: list[Turn]) -> list[Wire]:
    """Raises Unsupported."""
    merged: list[_Entry] = []
    for entry in _entries(turns):
        last = merged[-1] if merged else None
        if last is None or last.role != entry.role or entry.role == "system" or (last.whole and entry.whole):
            merged.append(entry)
        else:
            last.content, last.whole = [*last.content, *entry.content], None
    if not merged or (merged[0].role == "assistant" and merged[0].whole is None):
        return [_OPENING, *map(_message, merged)]
    return [_message(entry) for entry in merged]


def _entries(turns: list[Turn]) -> Iterator[_Entry]:
    at = 0
    while at < len(turns):
        turn = turns[at]
        origin = _origin(turn)
        if origin is not None:
            same = turns[at : at + len(_read(origin))]
            if _untouched(same, origin):
                answer = origin.get("type") == "message"
                whole = {"role": "assistant", "content": origin["content"]} if answer else dict(origin)
                yield _Entry(whole["role"], _content(whole), whole)
                at += len(same)
                continue
        if content := _written(turn):
            yield _Entry("user" if turn.role == "tool" else turn.role, content)
        at += 1


def _message(entry: _Entry) -> Wire:
    if entry.whole is not None:
        return entry.whole
    ordered = sorted(entry.content, key=lambda block: not _is_result(block)) if entry.role == "user" else entry.content
    return {"role": entry.role, "content": _short(ordered)}


def _is_result(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "tool_result"


def _short(content: list[Any]) -> Any:
    match content:
        case []:
            return None
        case [{"type": "text", "text": str(text), **rest}] if not rest:
            return text
    return content


def _origin(turn: Turn) -> Wire | None:
    """The message that it was read from."""
    for part in turn.parts:
        if part.format == FORMAT and isinstance(part.origin, dict) and "role" in part.origin:
            return part.origin
    return None


def _untouched(turns: list[Turn], origin: Wire) -> bool:
    content, before = _content(origin), _read(origin)
    same = len(turns) == len(before) and all(now is then for now, then in zip(turns, before, strict=True))
    return bool(content) and (same or turns == before) and all(_takes(block, origin) for block in content)


def _read(origin: Wire) -> list[Turn]:
    return origin.turns if isinstance(origin, _Origin) else read_turns(origin)


def _takes(block: Any, message: Wire) -> bool:
    """Whether Anthropic takes the block back."""
    cut = message.get("type") == "message" and not message.get("stop_reason")
    match block:
        case {"type": "text", "text": ""} | "":
            return False
        case {"type": "thinking", "thinking": str()} | {"type": "redacted_thinking"}:
            (part,) = blocks.parts(block, message)
            return part.format == FORMAT and not (cut and not part.signature)
        case {"type": "tool_use", "input": given}:
            return isinstance(given, dict)
    return True


def _written(turn: Turn) -> list[Any]:
    if turn.role == "assistant":
        for part in turn.parts:
            if part.piece.type in ("image", "audio", "file") and part.format != FORMAT:
                raise Unsupported(blocks.field(part), "an answer's message to Anthropic has text and tool calls alone")
    unused: dict[int, list[Any]] = {}
    return [block for part in turn.parts if (block := _block(part, unused)) is not None]


def _block(part: Part, unused: dict[int, list[Any]]) -> Any:
    """As it came, where it came from here and may go back; `unused`: the blocks of each origin not yet written."""
    origin = part.origin
    if part.format != FORMAT or not isinstance(origin, dict):
        return blocks.written(part, asking=True)
    if "role" not in origin:
        return origin if _takes(origin, {}) else blocks.written(part, asking=True)
    left = unused.setdefault(id(origin), _content(origin)[:])
    for at, block in enumerate(left):
        if part in blocks.parts(block, origin):
            del left[at]
            if _takes(block, origin):
                return block
            unsigned = part.piece.type == "reasoning" and not part.signature
            return None if unsigned else blocks.written(part, asking=True)
    return blocks.written(part, asking=True)
