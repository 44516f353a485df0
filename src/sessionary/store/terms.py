"""What a list is narrowed to, as plain values: `api.language` makes these from text, `store.conditions` SQL of them."""

from typing import Any, Literal

import msgspec

Operator = Literal[":", "=", ">", ">=", "<", "<="]
Value = str | int | float | bool


class Condition(msgspec.Struct, frozen=True):
    """One field compared with values, any of which will do. Texts have gone through `writes.clean`.

    Numbers are counts, nano-dollars, or microseconds (durations, and times since 1970), as in the schema. Of a text `:`
    lets `*` stand for anything, in any case; `=` takes it as it is. `negated` takes what the rest does not.
    """

    field: str
    operator: Operator
    values: tuple[Value, ...]
    negated: bool = False


def plain(of: Literal["sessions", "calls"], **named: Any) -> tuple[Condition, ...]:
    """Conditions that narrow a list by single values, as parameters of their own do: `session_id`, `q`, `model`,
    `client`, `key`, `user`, `status`, `source`, `since`, `until`. "" and None narrow nothing."""
    renamed = {"session_id": "id" if of == "sessions" else "session", "q": "text"}
    literal = ("session_id", "status", "source", "since", "until")
    return tuple(
        Condition(renamed.get(name, name), "=" if name in literal else ":", (value,))
        for name, value in named.items()
        if value not in ("", None)
    )
