"""Whether an object names a field twice. JSON lets one, and of two values each reader takes which it likes."""

import json
from collections.abc import Mapping

import msgspec

from sessionary.wire import loose

Raw = msgspec.Raw
_object = msgspec.json.Decoder(dict[str, Raw])
_FAILURES = loose.FAILURES


def repeats(body: bytes, fields: Mapping[str, Raw]) -> bool:
    """Whether the object has a key twice: then taking it apart would lose one of them.

    The fields account for every byte beside white space; where they do not, the keys are counted one by one.
    """
    spare = len(body) - _size(fields)
    if not spare or (spare == 2 * len(fields) - 1 and body == _spaced(fields)):
        return False
    compact = _compact(body)
    if len(compact) == _size(_object.decode(compact)):
        return False
    counted = 0

    def count(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal counted
        counted = len(pairs)  # the outermost object is the last to be complete
        return {}

    try:
        json.loads(body, object_pairs_hook=count)
    except _FAILURES:
        return True
    return counted != len(fields)


def _size(fields: Mapping[str, Raw]) -> int:
    """Bytes of the object, without white space between its fields."""
    return len(msgspec.json.encode([*fields])) + len(fields) + sum(map(len, fields.values()))


def _spaced(fields: Mapping[str, Raw]) -> bytes:
    """The object as Python's json module writes it, where its names are ASCII."""
    parts: list[bytes | Raw] = [b"{"]
    for name, value in fields.items():
        parts += (msgspec.json.encode(name), b": ", value, b", ")
    parts[-1] = b"}"
    return b"".join(parts)


def _compact(body: bytes) -> bytes:
    """Without white space, where it is strict JSON."""
    try:
        return msgspec.json.format(body, indent=-1)
    except _FAILURES:
        return body
