"""Items: what they show, and what they mean (`wire/meaning`). Pure; any bytes are read.

Reasoning and references have no meaning: clients send them back, or not. Nor have system messages inside the input.
"""

from sessionary.wire import loose, meaning
from sessionary.wire.message import Message, Piece, Role
from sessionary.wire.responses.item_ids import kind_of
from sessionary.wire.responses.items import read_item

_SHOWN = frozenset(
    {"type", "role", "content", "call_id", "name", "namespace", "arguments", "input", "output"}
    # Beside what is said: servers put it into items, and clients drop it or send it back as they like.
    | {"id", "status", "phase", "caller", "created_by", "cache_control", "prompt_cache_breakpoint"}
)
_PASSING = frozenset({"reasoning", "item_reference", "compaction_trigger"})


def read_message(raw: bytes) -> meaning.Read:
    """The message, and its meaning: nothing where it does not count."""
    return _read(raw, "user")


def read_answer(raw: bytes) -> meaning.Read:
    """The same for an item of an answer, which may leave its role out."""
    return _read(raw, "assistant")


def _read(raw: bytes, speaker: Role) -> meaning.Read:
    item = loose.read_any(raw)
    if not isinstance(item, dict):
        return meaning.opaque(speaker, item)
    kind = kind_of(item)
    if kind == "message" and not item.get("role"):
        item = {**item, "role": speaker}
    turn = read_item(item)
    message = Message(turn.role, [part.piece for part in turn.parts])
    if kind in _PASSING or (turn.role == "system" and speaker == "user"):
        return message, meaning.NOTHING
    if kind not in ("message", "function_call", "custom_tool_call") and not kind.endswith("_call_output"):
        said = {k: v for k, v in item.items() if k not in ("status", "created_by") and not meaning.empty(v)}
        return message, meaning.of(Message(turn.role, [Piece("other", value=said)]))
    return message, meaning.of(message, {k: v for k, v in item.items() if k not in _SHOWN})
