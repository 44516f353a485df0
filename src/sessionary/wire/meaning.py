"""What a message means: the bytes that the message tree hashes, equal across formats. Pure.

A meaning is a list, piece by piece, and a history's is all of its messages' in a row: where one format has an answer
of three items, or a message for each tool's result, and another has one message, their histories are the same.

Clients rewrite history between turns, so the meaning leaves out what they change: cache marks, null and empty
fields, key order and number form in tool arguments, reasoning, white space at the end of a text, the notes that
harnesses put into it, and of spoken answers all but the id. Any other character counts, and so do the ids of tool
calls. What a format says beside its pieces counts too, as `rest`.
"""

import ast
import contextlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from sessionary.ids import digest
from sessionary.wire import loose
from sessionary.wire.message import Message, Piece, Role

VERSION = 2
"""Of the rules below; raise it with them, and re-hash what is stored (`sessionary rehash`)."""

Meaning = tuple[bytes, ...]
"""Piece by piece; empty for a message that does not count."""
NOTHING: Meaning = ()
Read = tuple[Message, Meaning]

_NO_REST: Mapping[str, Any] = {}
_encoder = msgspec.json.Encoder(order="deterministic")
SILENCE: Meaning = (_encoder.encode(["assistant", "", None]),)
"""Of an answer that says nothing."""
_NOTES = re.compile(
    r"(?:(?<!\s)\s+)?<(system-reminder|system_reminder|system_warning|environment_context|environment_details)>"
    r".*?(?:</\1>\s*|\Z)",
    re.DOTALL,
)
"""What harnesses put into a text and change from turn to turn: reminders, the date, the state of a folder, what is
left of a budget. White space before it is read once, from where it begins: it may be as long as a request."""

_WRITTEN = "\nCalling tools:\n"
_FENCED = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)
_MOST_WRITTEN = 50_000


def fold(node: bytes, meaning: Meaning) -> bytes:
    """The node of a history to which a message with this meaning is added."""
    for piece in meaning:
        node = digest(node, piece)
    return node


def answer_key(project: int, said: Meaning) -> bytes | None:
    """By what an answer means, wherever it stands; None where it says nothing."""
    if said in (NOTHING, SILENCE):
        return None
    return fold(_answers(project), said)


@lru_cache(maxsize=1024)
def _answers(project: int) -> bytes:
    """What a project's answer keys hang on."""
    return digest(b"sessionary-answer", project.to_bytes(8, "big"))


def prefill(message: Message) -> str:
    """The text with which a request begins its own answer, where `message`, its last, does that."""
    match message:
        case Message(role="assistant", pieces=[Piece(type="text", text=text)]):
            return text
    return ""


def prefilled(begun: str, answer: Message) -> Meaning:
    """What an answer means together with its beginning: clients send back both as one text. Nothing where there is no
    beginning, or the two are no one text."""
    match [piece for piece in answer.pieces if piece.type != "reasoning"]:
        case [Piece(type="text", text=text), *rest] if begun:
            return of(Message("assistant", [Piece("text", text=begun + text), *rest]))
    return NOTHING


def opaque(role: Role, value: Any) -> tuple[Message, Meaning]:
    """What is no message: a bare string is its text, anything else is shown as it is. With its meaning."""
    if isinstance(value, str):
        message = Message(role, [Piece("text", text=value)])
        return message, of(message)
    return Message(role, [Piece("other", value=value)]), (_encoder.encode(["?", plain(value)]),)


def of(message: Message, rest: Mapping[str, Any] = _NO_REST) -> Meaning:
    """`rest`: fields of the wire form that the pieces do not show and that mean something. Empty ones do not."""
    pieces = [encoded for piece in message.pieces for encoded in _piece(message, piece)]
    if not pieces and message.role == "assistant":
        pieces = [*SILENCE]
    if said := {k: plain(v) for k, v in rest.items() if not empty(v)}:
        pieces.append(_encoder.encode([message.role, "", None, said]))
    return tuple(pieces)


def _piece(message: Message, piece: Piece) -> Iterable[bytes]:
    """None for what does not count. Who says it is told by the piece where only one can: formats differ in whose
    message it is in."""
    match piece.type:
        case "reasoning":
            return
        case "text" | "refusal":
            text, calls = _written_calls(piece.text) if message.role == "assistant" else (piece.text, [])
            if text := spoken(message.role, text):
                name = message.name if message.role != "tool" else ""
                said = _json(text) if message.role == "assistant" else None
                yield _encoder.encode([message.role, name, text if said is None else {"json": said}])
            for call in calls:
                yield from _piece(message, call)
        case "tool_result":
            inner = [_identity(p, "tool") for p in piece.content]
            said = {"id": piece.id, "error": piece.error, "content": [plain(i) for i in inner if i is not None]}
            yield _encoder.encode(["tool", "", said])
        case _:
            role = "assistant" if piece.type == "tool_call" else message.role
            yield _encoder.encode([role, message.name if role == "user" else "", plain(_identity(piece, role))])


def _written_calls(text: str) -> tuple[str, list[Piece]]:
    """An answer's text, and the tool calls that smolagents writes into it when it sends the answer back. Code that it
    runs is in the text already, up to the mark at which the model was stopped."""
    text = text.rstrip().removesuffix("</code>")
    if _WRITTEN[1:] not in text:
        return text, []
    said, marked, written = f"\n{text.rstrip()}".partition(f"{_WRITTEN}[")
    if not marked or not written.endswith("]") or len(written) >= _MOST_WRITTEN:
        return text, []
    try:
        calls = ast.literal_eval(f"[{written}")
        pieces = [
            Piece("tool_call", id=str(c["id"]), name=str(c["function"]["name"]), arguments=c["function"]["arguments"])
            for c in calls
            if c["function"]["name"] != "python_interpreter"
        ]
        for piece in pieces:  # Python can write what JSON cannot: then it is the text that it is
            _encoder.encode([piece.id, piece.name, plain(piece.arguments, exact=True)])
    except (ValueError, SyntaxError, TypeError, KeyError, OverflowError, RecursionError, MemoryError):
        return text, []
    return said[1:].rstrip().removesuffix("</code>"), pieces


def _json(text: str) -> Any:
    """What an answer in JSON says, however it is written; None for any other. Programs parse it, and write it anew."""
    fenced = _FENCED.fullmatch(text) if text.startswith("```") else None
    text = fenced[1] if fenced else text
    return plain(loose.read_object(text), exact=True) if text.startswith("{") else None


def spoken(role: Role, text: str) -> str:
    """A text without what clients change in it."""
    if role in ("user", "tool") and "<" in text:
        text = _NOTES.sub("", text)
    return text.rstrip()


def arguments(given: Any) -> Any:
    """A tool call's arguments, parsed. A model that means none may say "", which clients send back as "{}"."""
    if isinstance(given, str) and given.strip():
        with contextlib.suppress(*loose.FAILURES):  # a model's broken JSON stays the text that it is
            return loose.decode(given)
    elif given is None or isinstance(given, str):
        return {}
    return given


def media_type(url: str) -> str:
    return url[5:80].split(";", 1)[0].split(",", 1)[0] if url.startswith("data:") else ""


def empty(value: Any) -> bool:
    return value is None or value in ([], {}, "")


def plain(value: Any, *, exact: bool = False) -> Any:
    """Without cache marks and null fields; a whole float is the integer. In tool arguments a null means something."""
    if isinstance(value, dict):
        return {
            str(k): plain(v, exact=exact or k == "arguments")
            for k, v in value.items()
            if exact or (k not in ("cache_control", "caller") and v is not None)
        }
    if isinstance(value, list):
        return [plain(v, exact=exact) for v in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _identity(piece: Piece, role: Role) -> Any:
    if piece.type in ("text", "refusal"):
        return spoken(role, piece.text) or None
    if piece.type == "audio" and piece.id:
        return {"type": "audio", "id": piece.id}  # sent back as its id alone
    if piece.kind:
        piece = msgspec.structs.replace(piece, kind="", detail="")
    return msgspec.to_builtins(piece)
