"""Ids of items, from which the call that an item came from can be told, and items that are an id alone. Pure.

- What we write ourselves: `msg_`, `fc_`, `rs_`, ..., the 26 characters of the answer's own id, the item's position.
- What a client put into a call: the same with `in_` before them.
- What a provider named that speaks this format: its own id, `_`, and the 26 characters. The provider gets its own
  back, for it may have signed it; of the others it gets none.
"""

import re
from collections.abc import Mapping
from typing import Any

from sessionary.wire import loose

Item = dict[str, Any]

_PREFIXES = {
    "message": "msg",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "tool_search_call": "tsc",
    "reasoning": "rs",
    "image_generation_call": "ig",
    "compaction": "cmp",
}
_OURS = re.compile(r"[a-z]+_(?:in_)?([0-9a-v]{26})\d+")
_NATIVE = re.compile(r"(.+)_([0-9a-v]{26})", re.DOTALL)
_MAYBE = re.compile(rb'_[0-9a-v]{26}\d*"')
_REFERENCE = re.compile(rb'"item_reference"|\{\s*"id"\s*:\s*"[^"]*"\s*\}')
_LONGEST_REFERENCE = 1000
_NAMING = ("id", "approval_request_id")
"""Fields of an item that name an item."""


def made(kind: str, answer_id: str, position: int) -> str:
    return f"{_PREFIXES.get(kind, 'item')}_{answer_id.removeprefix('resp_')}{position}"


def asked(call_id: str, position: int) -> str:
    return f"msg_in_{call_id.removeprefix('call_')}{position}"


def named(native: str, answer_id: str) -> str:
    return f"{native}_{answer_id.removeprefix('resp_')}"


def call_of(item_id: str) -> str:
    """The call; "" for an id that is not ours."""
    if found := _OURS.fullmatch(item_id):
        return f"call_{found[1]}"
    if found := _NATIVE.fullmatch(item_id):
        return f"call_{found[2]}"
    return ""


def kind_of(item: Item) -> str:
    """What has no type is a message; or a reference, where it has an id and nothing else."""
    return str(item.get("type") or ("item_reference" if item.keys() == {"id"} else "message"))


def referred(item: Any) -> str:
    """The id of the item that `item` stands for; "" where it is one itself."""
    if not isinstance(item, dict) or kind_of(item) != "item_reference":
        return ""
    named = item.get("id")
    return named if isinstance(named, str) else ""


def references(body: bytes) -> list[str]:
    """The ids by which a request names items instead of sending them."""
    if _REFERENCE.search(body) is None:
        return []
    try:
        items = loose.decode(body)["input"]
    except (*loose.FAILURES, KeyError, TypeError):
        return []
    return [id for item in items if (id := referred(item))] if isinstance(items, list) else []


def resolved(raw: bytes, known: Mapping[str, bytes]) -> bytes:
    """One item, where it is a reference the item that it stands for."""
    return known.get(referred(loose.decode(raw)), raw) if known and len(raw) < _LONGEST_REFERENCE else raw


def with_items(body: bytes, known: Mapping[str, bytes]) -> bytes:
    """The request with the items themselves in place of references."""
    asked = loose.decode(body)
    return loose.encode({**asked, "input": [_item(item, known) for item in asked["input"]]})


def _item(item: Any, known: Mapping[str, bytes]) -> Any:
    raw = known.get(referred(item))
    if raw is None:
        return item
    value = loose.decode(raw)
    return {"type": "message", "role": "user", "content": value} if isinstance(value, str) else value


def to_provider(body: dict[str, Any]) -> dict[str, Any]:
    """A request with the ids of items that its provider knows."""
    items = body.get("input")
    return {**body, "input": [_restored(item) for item in items]} if isinstance(items, list) else body


def may_hold(body: bytes) -> bool:
    """Whether a request names items by ids of ours; cheap, and sometimes wrongly true."""
    return _MAYBE.search(body) is not None


def _restored(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    for name in _NAMING:
        given = item.get(name)
        if not isinstance(given, str):
            continue
        if _OURS.fullmatch(given):
            item = {key: value for key, value in item.items() if key != name}
        elif found := _NATIVE.fullmatch(given):
            item = {**item, name: found[1]}
    return item
