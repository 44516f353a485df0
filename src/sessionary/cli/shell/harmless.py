"""What clients and models said, for a terminal that must not obey it. Pure.

Codes of a terminal (colours and moves) are dropped, as the pages drop them. Every other control character is shown
instead of being sent: as Unicode's picture of it, or as a sign that something was there. So is what turns the direction
of writing, and half a surrogate pair, which nothing can write. Only the newline and the tab stay what they are.
"""

import re

_CODES = re.compile(r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]")
_TURNS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_CONTROL = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_TURNS}\ud800-\udfff]")
_BEYOND_JSON = re.compile(rf"[\x7f-\x9f\u2028\u2029{_TURNS}]")
_PICTURES = 0x2400
"""Where Unicode has pictures of the first 32."""


def clean(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return each(_CODES.sub("", text).replace("\r\n", "\n"))


def each(text: str) -> str:
    """A character for a character: where positions in the text have to stay."""
    return _CONTROL.sub(lambda m: chr(_PICTURES + ord(m[0])) if ord(m[0]) < 32 else "\ufffd", text)


def line(text: str) -> str:
    """In one line."""
    return " ".join(clean(text).split())


def json(text: str) -> str:
    """JSON that says the same, with what a terminal would obey written as escapes: it can only be within strings."""
    return _BEYOND_JSON.sub(lambda m: f"\\u{ord(m[0]):04x}", text)
