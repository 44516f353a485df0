"""Events of a stream that are alike but for a piece of text, as nearly all of an answer's are. Pure.

One that was read shows the form of those that follow; of what fits the form the text alone is taken, and nothing is
parsed. A form is no guess: it is used where the event, with another text in that place, was read as just that.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from sessionary.wire import loose

_MARK = "~"
_TRIES = 8
"""Forms that nothing has fitted, before no more are looked for."""


class Alike:
    def __init__(self) -> None:
        self._form: _Form | None = None
        self._texts: list[str] = []
        self._tries = _TRIES

    def takes(self, data: str) -> bool:
        """Whether the event is as the last one that was shown, but for its text, which is added then."""
        if self._form is None or (text := self._form.text(data)) is None:
            return False
        self._texts.append(text)
        self._tries = _TRIES
        return True

    def show(
        self, data: str, value: dict[str, Any], path: Sequence[str | int], texts: list[str], padding: str = ""
    ) -> None:
        """An event that was read: its `value` has a text at `path`, which was added to `texts`, and what it says beside
        that may be said again without a difference. `padding`: a field that says nothing."""
        self._form = None
        if self._tries > 0:
            self._tries -= 1
            self._form, self._texts = _form(data, value, path, padding), texts

    def forget(self) -> None:
        """An event that was none of these: what follows has another place."""
        self._form = None


class _Form:
    __slots__ = ("_before", "_behind", "_joint")

    def __init__(self, before: str, joint: str, behind: str | None) -> None:
        """`joint` is what follows the text, up to the padding where there is one, which `behind` follows."""
        self._before = before
        self._joint = joint
        self._behind = behind

    def text(self, data: str) -> str | None:
        """None where it does not fit."""
        if not data.startswith(self._before):
            return None
        text, joint, rest = data[len(self._before) :].rpartition(self._joint)
        if not joint or (rest if self._behind is None else not self._ends(rest)):
            return None
        if '"' not in text and "\\" not in text:
            return text
        try:
            return msgspec.json.decode(f'"{text}"', type=str)
        except loose.FAILURES:  # it is more than a text, or one that is written strangely
            return None

    def _ends(self, rest: str) -> bool:
        assert self._behind is not None
        padding = rest.removesuffix(self._behind)
        return len(padding) < len(rest) and '"' not in padding and "\\" not in padding


def _form(data: str, value: dict[str, Any], path: Sequence[str | int], padding: str) -> _Form | None:
    """None where the event is written in a way that is not looked for."""
    *outer, name = path
    holder: Any = value
    for step in outer:
        holder = holder[step]
    start, end = _place(data, str(name), holder[name])
    before, joint, behind, pad = data[:start], data[end:], None, value.get(padding)
    if isinstance(pad, str):
        start, end = _place(joint, padding, pad)
        joint, behind = joint[:start], joint[end:]
    if not joint or behind == "":
        return None
    said = holder[name], pad
    holder[name] = _MARK
    if behind is not None:
        value[padding] = _MARK
    try:
        marked = before + _MARK + joint + (_MARK + behind if behind is not None else "")
        return _Form(before, joint, behind) if msgspec.json.decode(marked) == value else None
    except loose.FAILURES:
        return None
    finally:
        holder[name] = said[0]
        if behind is not None:
            value[padding] = said[1]


def _place(data: str, name: str, text: str) -> tuple[int, int]:
    """Where the text of a field is; what comes of it where it is not found does not stand the test."""
    for colon in (":", ": "):
        field = f'"{name}"{colon}"{text}"'
        at = data.rfind(field)
        if at >= 0:
            end = at + len(field) - 1
            return end - len(text), end
    return 0, 0
