"""Adding up the deltas of a stream. Pure; linear in what is added, however many the pieces.

By kind: strings are joined, objects merged field by field, lists of objects merged by their `index`, anything
else replaced. So fields that nobody here knows are kept too. `add` grows a sum in place; `total` reads it.
"""

from typing import Any

_ONCE = frozenset({"role", "id", "type", "format"})
"""Strings that a delta repeats rather than continues."""

_REPEATED = _ONCE | {"name"}


class _Text:
    def __init__(self) -> None:
        self.parts: list[str] = []

    def whole(self) -> str:
        if len(self.parts) > 1:
            self.parts[:] = ["".join(self.parts)]
        return self.parts[0] if self.parts else ""


class _Items:
    def __init__(self) -> None:
        self.items: list[Any] = []
        self._by_index: dict[int, dict[str, Any]] = {}

    def add(self, item: Any, *, calls: bool) -> None:
        """`calls`: the items are tool calls, which some providers send without index, or all with the same."""
        if not isinstance(item, dict):
            self.items.append(add(None, item))
            return
        index = item.get("index")
        if not isinstance(index, int):
            slot = self.items[-1] if calls and self.items and not _opens(item) else None
        else:
            slot = self._by_index.get(index)
        if not isinstance(slot, dict) or (calls and _is_another(slot, item)):
            slot = {}
            self.items.append(slot)
        if isinstance(index, int):
            self._by_index[index] = slot
        add(slot, item)

    def grown(self, item: Any) -> Any:
        """What an item that was added is part of; None where another such would not be."""
        index = item.get("index") if isinstance(item, dict) and not _opens(item) else None
        return self._by_index.get(index) if isinstance(index, int) else None

    def in_order(self) -> list[Any]:
        if all(isinstance(i, dict) and isinstance(i.get("index"), int) for i in self.items):
            return sorted(self.items, key=lambda i: i["index"])
        return self.items


def _opens(call: dict[str, Any]) -> bool:
    function = call.get("function")
    return bool(call.get("id")) or (isinstance(function, dict) and bool(function.get("name")))


def _is_another(slot: dict[str, Any], call: dict[str, Any]) -> bool:
    function = call.get("function")
    named = isinstance(function, dict) and bool(function.get("name"))
    return named and bool(call.get("id")) and bool(slot.get("id")) and total(slot["id"]) != call["id"]


def add(old: Any, new: Any, key: str = "") -> Any:
    """The sum with `new` added to it: `old` itself, grown, where both are of one kind. A null adds nothing."""
    if new is None:
        return old
    if isinstance(new, str):
        return _add_text(old, new, key)
    if isinstance(new, dict):
        fields = old if isinstance(old, dict) else {}
        for name, value in new.items():
            before = fields.get(name)
            if type(value) is str and type(before) is _Text and name not in _REPEATED:
                before.parts.append(value)  # the next piece of a text: nearly all there is
            else:
                fields[name] = add(before, value, name)
        return fields
    if isinstance(new, list):
        items = old if isinstance(old, _Items) else _Items()
        if isinstance(old, _Text) and old.whole():  # content that went from text to parts
            items.items.append({"type": "text", "text": old})
        for item in new:
            items.add(item, calls=key == "tool_calls")
        return items
    return new


def _add_text(old: Any, new: str, key: str) -> Any:
    if isinstance(old, _Items):
        if new:
            old.add({"type": "text", "text": new}, calls=False)
        return old
    text = old if isinstance(old, _Text) else _Text()
    if key in _ONCE and text.whole():
        return text
    if key == "name" and text.whole() == new:
        return text
    text.parts.append(new)
    return text


def again(sum: Any, new: Any, name: str = "") -> list[tuple[tuple[str | int, ...], list[str] | None]]:
    """What `new`, which was added to `sum`, would change if it were added once more: texts, each with its path in `new`
    and the pieces that it joins; with None whatever is no text."""
    if isinstance(new, str):
        if name in _ONCE and isinstance(sum, _Text):
            return []
        return [((), sum.parts if isinstance(sum, _Text) and name not in _REPEATED else None)]
    changed: list[tuple[tuple[str | int, ...], list[str] | None]] = []
    if isinstance(new, dict):
        for key, value in new.items():
            if value is not None:
                into = sum.get(key) if isinstance(sum, dict) else None
                changed += [((key, *path), pieces) for path, pieces in again(into, value, key)]
    elif isinstance(new, list):
        for n, item in enumerate(new):
            into = sum.grown(item) if isinstance(sum, _Items) else None
            changed += [((n,), None)] if into is None else []
            changed += [((n, *path), pieces) for path, pieces in again(into, item)]
    return changed


def total(sum: Any) -> Any:
    """The plain value."""
    if isinstance(sum, _Text):
        return sum.whole()
    if isinstance(sum, _Items):
        return [total(item) for item in sum.in_order()]
    if isinstance(sum, dict):
        return {k: total(v) for k, v in sum.items()}
    return sum
