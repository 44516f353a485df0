"""The fields of a request, as a table: which `Params` each means, and how it is written again. Pure."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sessionary.wire.canonical import Params

Body = dict[str, Any]


def all_null(given: Body) -> bool:
    return all(value is None for value in given.values())


class Row(NamedTuple):
    keys: tuple[str, ...]
    read: Callable[[Body], Body]
    """The values in `Params` that the keys say; {} where they say nothing."""
    write: Callable[[Params], Body]
    private: bool = False
    """What the row does not read is nobody else's business either."""
    quiet: Callable[[Body], bool] = all_null
    """Whether keys that say nothing mean nothing either, to any provider."""


def one(key: str, name: str, accepts: Callable[[Any], bool], default: Any = None) -> Row:
    """A field that means one of `Params` as it is."""

    def said(body: Body) -> Body:
        return {name: body[key]} if key in body and accepts(body[key]) else {}

    def written(params: Params) -> Body:
        value = getattr(params, name)
        return {} if value == default else {key: value}

    return Row((key,), said, written)


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
