"""A conversation made short by the model's own summary, for providers that cannot do it. Pure.

What comes back is what OpenAI's `response.compaction` is: the user's messages as they were, and one item that stands
for the rest. Its `encrypted_content` is the summary, marked as ours; sent back, it is told to any model as text.
"""

import base64
import binascii
from typing import Any

from sessionary.wire import loose
from sessionary.wire.canonical import Answer, Part, Request, Turn
from sessionary.wire.message import Piece, Usage
from sessionary.wire.responses import item_ids
from sessionary.wire.responses.envelope import write_usage
from sessionary.wire.responses.resource import resource

Item = dict[str, Any]
_MARK = "sessionary:summary:"
_TOLD = "Summary of the conversation before this point, which stands for everything that is left out of it:\n\n"
_ASKED = (
    "Below is a conversation between a user and an assistant. Write a summary that lets the assistant go on with it "
    "without having seen it: what the user wants, facts and decisions with their exact names, numbers, paths and "
    "quotations, what was done with which result, and what is still to do. Write only the summary, in the language "
    "of the conversation.\n\n"
)
_SPEAKERS = {"user": "User", "assistant": "Assistant", "tool": "Tool", "system": "Instructions"}


def summary_of(item: Item) -> str | None:
    """What an item of ours stands for, as it is told to a model; None for any other item."""
    said = item.get("encrypted_content")
    if not isinstance(said, str) or not said.startswith(_MARK):
        return None
    try:
        text = base64.b64decode(said.removeprefix(_MARK), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return _TOLD + text


def request(asked: Request) -> Request:
    """The request for a summary of what `asked` would have told the model."""
    told = "\n\n".join(filter(None, (_told(turn) for turn in (*asked.system, *asked.turns))))
    turn = Turn("user", [Part(Piece("text", text=_ASKED + told), "chat", None)])
    return Request(type(asked.params)(model=asked.params.model), [], [turn])


def write(answer: Answer, asked: Request, answer_id: str, created: int) -> Item:
    """The `response.compaction` of a summary."""
    kept: list[Item] = []
    for turn in asked.turns:
        if turn.role == "user" and isinstance(turn.origin, dict) and turn.origin.get("type", "message") == "message":
            id = item_ids.made("message", answer_id, len(kept))
            kept.append(resource(id, turn.origin))
    text = "".join(part.piece.text for turn in answer.turns for part in turn.parts if part.piece.type == "text")
    sealed = _MARK + base64.b64encode(text.encode("utf-8", "replace")).decode()
    id = item_ids.made("compaction", answer_id, len(kept))
    return {
        "id": answer_id,
        "object": "response.compaction",
        "created_at": answer.created or created,
        "output": [*kept, {"id": id, "type": "compaction", "encrypted_content": sealed}],
        "usage": write_usage(answer.usage or Usage(0, 0)),
    }


def _told(turn: Turn) -> str:
    said = "\n".join(filter(None, (_piece(part.piece) for part in turn.parts)))
    return f"{_SPEAKERS[turn.role]}: {said}" if said else ""


def _piece(piece: Piece) -> str:
    match piece.type:
        case "text" | "refusal":
            return piece.text
        case "tool_call":
            return f"[calls {piece.name} with {_text(piece.arguments)}]"
        case "tool_result":
            return "[result] " + "\n".join(_piece(inner) for inner in piece.content)
        case "image" | "audio" | "file":
            return f"[{piece.type}{' ' + piece.name if piece.name else ''}]"
        case "other":
            return _text(piece.value)
    return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else loose.encode(value).decode()
