"""A session as a document for people: Markdown, call by call. Pure.

What was said stands as it was said; what tools were asked and gave is in fences that are longer than any in them. Only
control characters, and those that turn the direction of writing, are shown instead of being obeyed by a terminal.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from sessionary.api import types
from sessionary.wire import loose
from sessionary.wire.message import Message, Piece

_TICKS = re.compile(r"`{3,}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PICTURES = 0x2400
"""Where Unicode has pictures of the first 32."""
_ROLES = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}
Said = types.Shown | Message


def head(session: types.Session) -> str:
    facts = [
        f"Session `{_inline(session.session_id)}`",
        f"{session.first_at} to {session.last_at}",
        f"{session.calls:,} {'call' if session.calls == 1 else 'calls'}",
        f"{session.input_tokens:,} input tokens ({session.cached_tokens:,} cached), {session.output_tokens:,} output",
        "" if session.cost is None else f"${session.cost:.4f}",
        ", ".join(f"`{_inline(model)}`" for model in session.models),
    ]
    title = _inline(session.title) or _inline(session.session_id)
    return _shown(f"# {title}\n\n" + "".join(f"- {fact}\n" for fact in facts if fact))


def call(added: types.Added, names: dict[str, str]) -> str:
    """`names`: of tools, by the ids of their calls; it learns those of this call."""
    one = added.call
    blocks: list[str] = []
    if added.system:
        blocks += _message("system", "System", [p for message in added.system for p in message.pieces], names)
    if one.unkept:
        blocks.append("*What was said here is not kept.*")
    if added.emptied:
        blocks.append("*What was said here was deleted.*")
    elif added.retry:
        blocks.append("*Asked again.*")
    else:
        for message in added.messages:
            blocks += _message(message.role, message.name, message.pieces, names)
    if added.output is not None:
        blocks += _message("assistant", "", added.output.pieces, names)
    if one.error is not None:
        blocks.append(f"**Failed:** {_inline(one.error['message'] or one.error['type'] or one.status)}")
    elif one.status not in ("ok", "live"):
        blocks.append(f"**Ended:** {one.status}")
    who = f", agent {_inline(one.agent_name or one.agent)}" if one.agent else ""
    about = f"{'Side call' if one.side else f'Turn {one.turn}'}, {_inline(one.model)}{who}, {one.created_at}"
    return _shown("".join(f"\n{block}\n" for block in ("---", f"*{about}*", *blocks)))


def _shown(text: str) -> str:
    return _CONTROL.sub(lambda m: chr(_PICTURES + ord(m[0])) if ord(m[0]) < 32 else "\ufffd", text)


def _message(role: str, name: str, pieces: list[Piece], names: dict[str, str]) -> Iterator[str]:
    written = [block for piece in pieces for block in _piece(piece, names)]
    if written:
        named = f" ({_inline(name)})" if name and role != "system" else ""
        yield f"### {_ROLES[role]}{named}"
        yield from written


def _piece(piece: Piece, names: dict[str, str]) -> Iterator[str]:
    match piece.type:
        case "text" | "refusal":
            if piece.text.strip():
                yield piece.text.strip("\n")
        case "reasoning":
            if piece.text.strip():
                yield "\n".join(f"> {line}".rstrip() for line in f"*Reasoning*\n\n{piece.text.strip()}".split("\n"))
        case "tool_call":
            names[piece.id] = piece.name or piece.kind
            yield f"**Calls `{_inline(names[piece.id])}`**"
            yield _fenced(piece.arguments)
        case "tool_result":
            failed = ", an error" if piece.error else ""
            yield f"**Result of `{_inline(names.get(piece.id) or piece.name or 'a tool')}`**{failed}"
            for part in piece.content:
                yield from [_fenced(part.text)] if part.type == "text" else _piece(part, names)
        case "image" | "audio" | "file":
            yield _linked(piece)
        case _:
            yield _fenced(piece.value)


def _linked(piece: Piece) -> str:
    named = _inline(piece.name) or piece.type
    if piece.url.startswith(("http://", "https://")):
        address = re.sub(r"[\s()<>\[\]]", lambda m: f"%{ord(m[0]):02X}", piece.url)
        return f"{'!' if piece.type == 'image' else ''}[{named}]({address})"
    return f"*[{named}{f', {_inline(piece.media_type)}' if piece.media_type else ''}]*"


def _fenced(value: Any) -> str:
    text, language = value, ""
    if not isinstance(value, str):
        text, language = msgspec.json.format(loose.encode(value), indent=2).decode(), "json"
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _inline(text: str) -> str:
    """In one line, and without what would end a code span."""
    return " ".join(text.replace("`", "'").split())
