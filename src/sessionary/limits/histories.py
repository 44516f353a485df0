"""Which call a request that names no session goes on from, told cheaply: by the bytes of what it sends back. Pure.

A client that goes on sends again what it sent before, then the model's answer, then what is new. So the request that
came before is what stands in front of the last answer. Where a client rewrites its history this finds nothing, or the
wrong session for one call: the drain, which reads the answers, puts it right when it settles (`counters`).
"""

import hashlib
from collections.abc import Mapping

import msgspec

_FIELDS = {"chat.completions": "messages", "messages": "messages", "responses": "input"}
_SIZE = 16
_CLIENTS = ("", "message", "item_reference")
"""Types of items that are not the model's, beside what ends so:"""
_OUTPUT = "_output"
_items = msgspec.json.Decoder(list[msgspec.Raw])


class History(msgspec.Struct, frozen=True):
    whole: bytes
    """Of the request: what the next one has in front of the answer."""
    before: bytes | None
    """Of the request that this one goes on from; None: it sends back no answer."""


class _Head(msgspec.Struct):
    role: str = ""
    type: str = ""


_head = msgspec.json.Decoder(_Head)


def history(endpoint: str, fields: Mapping[str, msgspec.Raw], user: str) -> History | None:
    """None where there are no messages. `user`: content never joins what different ones said."""
    try:
        items = _items.decode(fields[_FIELDS[endpoint]])
    except (KeyError, ValueError, RecursionError):
        return None
    so_far = hashlib.sha256(user.encode("utf-8", "surrogatepass"))
    before, was_answer = None, False
    for item in items:
        is_answer = _is_answer(item)
        if is_answer and not was_answer:
            before = so_far.digest()[:_SIZE]
        was_answer = is_answer
        so_far.update(hashlib.sha256(item).digest())
    return History(so_far.digest()[:_SIZE], before)


def _is_answer(item: msgspec.Raw) -> bool:
    try:
        head = _head.decode(item)
    except (ValueError, RecursionError):
        return False
    if head.role:
        return head.role == "assistant"
    return head.type not in _CLIENTS and not head.type.endswith(_OUTPUT)
