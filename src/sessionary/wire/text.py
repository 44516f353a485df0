"""The words of a message: for search and for titles. Pure.

What comes out can be stored anywhere: no NUL, which PostgreSQL refuses, and no surrogates, which UTF-8 does.
"""

import re

from sessionary.wire import loose
from sessionary.wire.message import Message, Piece

_NOISE = re.compile(
    r"<(system-reminder|system_reminder|environment_context|environment_details|user_instructions|user_info"
    r"|project_layout|additional_data|INSTRUCTIONS|command-message|command-args|local-command-[a-z]+)>"
    r".*?(?:</\1>|\Z)",
    re.DOTALL,
)
"""What harnesses put around a person's words. A block that is not closed is noise to its end."""
_WRAPPING = re.compile(r"</?(?:user_query|user_message|task|command-name)>")
_TOLD = frozenset(
    {"text", "title", "url", "filename", "query", "name", "arguments", "content", "output", "error", "message"}
    | {"stdout", "stderr", "logs", "summary", "operation", "path", "diff", "source", "tools", "description"}
)
"""Of a provider's own part, the fields that hold words."""
_SPACE = re.compile(r"\s+")
TURNED = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""What makes text run the other way than its letters do: in one line, among others, it would say another thing."""
_ESCAPE = re.compile(r'\\[\\"/bfnrt]')
"""In JSON: the letter of one is no part of the word behind it."""
_MOST = 200_000
_TITLE = 120


def plain(message: Message, *, escaped: bool = False) -> str:
    """Everything a person could search for. `escaped`: as it was up to schema 0007, with the escapes of JSON."""
    return _storable("\n".join(filter(None, (_words(piece, escaped) for piece in message.pieces))))


def title(message: Message) -> str:
    """The first words a person said, without what harnesses put around them; "" where there are none."""
    said = (_clean(piece.text[:_MOST]) for piece in message.pieces if piece.type == "text")
    clean = " ".join(filter(None, said))
    return clean if len(clean) <= _TITLE else clean[: _TITLE - 1].rstrip() + "…"


def spoken(message: Message) -> bool:
    """Whether a person speaks in it: a harness's notes beside a tool's results are nobody's words."""
    if message.role != "user":
        return False
    return any(_clean(p.text[:_MOST]) if p.type == "text" else p.type != "tool_result" for p in message.pieces)


def said(words: str) -> str:
    """What a person said, in one line, without what harnesses put around it."""
    return _clean(words[:_MOST])


def _clean(said: str) -> str:
    clean = _SPACE.sub(" ", _WRAPPING.sub(" ", _NOISE.sub(" ", _storable(said)))).strip()
    return clean if clean.isascii() else TURNED.sub("", clean)


def _storable(words: str) -> str:
    words = words.replace("\0", " ") if "\0" in words else words
    return words if words.isascii() else str(loose.joined(words))


def _words(piece: Piece, escaped: bool) -> str:
    match piece.type:
        case "text" | "reasoning" | "refusal":
            return piece.text
        case "tool_call":
            return f"{piece.name} {_arguments(piece.arguments, escaped)}"
        case "tool_result":
            return "\n".join(filter(None, (_words(p, escaped) for p in piece.content)))
        case "audio" | "file":
            return f"{piece.name} {piece.text}".strip()
        case "other":
            return _told(piece.value)
        case _:
            return ""


def _arguments(arguments: object, escaped: bool) -> str:
    if isinstance(arguments, str):
        return arguments
    written = loose.encode(arguments).decode()
    return written if escaped else _ESCAPE.sub(" ", written)


def _told(value: object) -> str:
    """The words of a part that only one provider has: not its ids, marks and ciphers."""
    match value:
        case str(words):
            return words
        case list(several):
            return "\n".join(filter(None, map(_told, several)))
        case dict(fields):
            return "\n".join(filter(None, (_told(v) for k, v in fields.items() if k in _TOLD)))
    return ""
