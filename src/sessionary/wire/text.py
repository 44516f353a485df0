"""The words of a message: for search and for titles. Pure."""

import re

import msgspec

from sessionary.wire.message import Message, Piece

_NOISE = re.compile(
    r"<(system-reminder|environment_context|user_instructions|command-message|local-command-[a-z]+)>.*?</\1>",
    re.DOTALL,
)
_SPACE = re.compile(r"\s+")
_TITLE = 120


def plain(message: Message) -> str:
    """Everything a person could search for."""
    return "\n".join(filter(None, (_words(piece) for piece in message.pieces)))


def title(message: Message) -> str:
    """The first words a person said, without what harnesses put around them; "" where there are none."""
    said = " ".join(piece.text for piece in message.pieces if piece.type == "text")
    clean = _SPACE.sub(" ", _NOISE.sub(" ", said[:20_000])).strip()
    return clean if len(clean) <= _TITLE else clean[: _TITLE - 1].rstrip() + "…"


def _words(piece: Piece) -> str:
    match piece.type:
        case "text" | "reasoning" | "refusal":
            return piece.text
        case "tool_call":
            arguments = piece.arguments
            return f"{piece.name} {arguments if isinstance(arguments, str) else _json(arguments)}"
        case "tool_result":
            return "\n".join(filter(None, (_words(p) for p in piece.content)))
        case "audio" | "file":
            return f"{piece.name} {piece.text}".strip()
        case _:
            return ""


def _json(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, RecursionError):
        return ""
