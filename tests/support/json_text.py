"""Hypothesis strategies for JSON *text* as clients write it: odd numbers, escapes, white space, unknown fields.

Text and not values, since what is tested is that the text's own spelling survives.
"""

import json
from typing import Any

from hypothesis import strategies as st

_NUMBERS = ("0", "-0", "1", "-17", "1.0", "1.50", "-0.0", "1e5", "1E+2", "2.5e-7", "123456789012345678901234567890")
_CHARACTERS = (
    "a", "Z", " ", "0", "'", "é", "日", "😀", "\u2028", "\u00a0", "{", "}", "[", ",", ":", "\ue801",
    r"\"", r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t",
    r"\u0000", r"\u00e9", r"\u00E9", r"\ud83d\ude00", r"\uD83D\uDE00", r"\u2029",
)  # fmt: skip
_HALVES = (r"\ud800", r"\uDBff", r"\udc00", r"\uDFFF")
_SPACES = st.sampled_from(["", "", "", " ", "\n  ", "\t", "\r\n"])

plain_strings = st.lists(st.sampled_from(_CHARACTERS), max_size=8).map(lambda c: '"' + "".join(c) + '"')
strings = st.lists(st.sampled_from(_CHARACTERS * 3 + _HALVES), max_size=8).map(lambda c: '"' + "".join(c) + '"')
scalars = st.one_of(strings, st.sampled_from(_NUMBERS), st.sampled_from(["true", "false", "null"]))


def literal(value: Any) -> str:
    return json.dumps(value)


def objects(fields: st.SearchStrategy[list[tuple[str, str]]]) -> st.SearchStrategy[str]:
    """`fields`: names and values as JSON text."""
    return st.tuples(fields, _SPACES).map(
        lambda drawn: (
            "{"
            + drawn[1]
            + f"{drawn[1]},{drawn[1]}".join(f"{name}{drawn[1]}:{drawn[1]}{value}" for name, value in drawn[0])
            + drawn[1]
            + "}"
        )
    )


def arrays(items: st.SearchStrategy[str], *, min_size: int = 0, max_size: int = 4) -> st.SearchStrategy[str]:
    return st.tuples(st.lists(items, min_size=min_size, max_size=max_size), _SPACES).map(
        lambda drawn: "[" + drawn[1] + f"{drawn[1]},{drawn[1]}".join(drawn[0]) + drawn[1] + "]"
    )


def _unique(names: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    return st.lists(st.tuples(names, values), max_size=4, unique_by=lambda field: json.loads(field[0]))


values = st.recursive(
    scalars, lambda inner: arrays(inner) | objects(_unique(plain_strings, inner)), max_leaves=8
)  # fmt: skip


def _fields(
    known: dict[str, st.SearchStrategy[str]], others: st.SearchStrategy[str] = values
) -> st.SearchStrategy[str]:
    """An object with these fields and some unknown ones, in any order."""
    named = st.tuples(*(v.map(lambda text, k=k: (literal(k), text)) for k, v in known.items()))
    unknown = st.lists(
        st.tuples(plain_strings.filter(lambda name: json.loads(name) not in known), others),
        max_size=2,
        unique_by=lambda field: json.loads(field[0]),
    )
    return objects(st.tuples(named, unknown).map(lambda both: [*both[0], *both[1]]).flatmap(st.permutations))


def _one(text: str) -> st.SearchStrategy[str]:
    return st.just(literal(text))


parts = st.one_of(
    _fields({"type": _one("text"), "text": strings}),
    _fields({"type": _one("text"), "text": strings, "cache_control": _one("ephemeral")}),
    _fields({"type": _one("image_url"), "image_url": _fields({"url": _one("data:image/png;base64,iVBORw0KGgo=")})}),
    _fields({"type": _one("input_audio"), "input_audio": _fields({"data": _one("UklGRg=="), "format": _one("wav")})}),
    _fields({"type": _one("file"), "file": _fields({"file_id": strings, "filename": strings})}),
    values,
)
contents = st.one_of(strings, arrays(parts), st.just("null"))
tool_calls = arrays(
    _fields(
        {
            "id": strings,
            "type": _one("function"),
            "function": _fields({"name": strings, "arguments": st.one_of(strings, values.map(literal))}),
        }
    )
)
messages = st.one_of(
    _fields({"role": st.sampled_from(["user", "system", "developer"]).map(literal), "content": contents}),
    _fields({"role": _one("assistant"), "content": contents, "tool_calls": tool_calls}),
    _fields({"role": _one("assistant"), "content": contents, "refusal": st.just("null"), "reasoning_content": strings}),
    _fields({"role": _one("assistant"), "function_call": _fields({"name": strings, "arguments": strings})}),
    _fields({"role": _one("tool"), "tool_call_id": strings, "content": contents}),
    _fields({}),
)
tools = arrays(_fields({"type": _one("function"), "function": _fields({"name": strings, "parameters": values})}))
_long = st.integers(400, 700).map(lambda n: literal("long " * (n // 5)))
chats = st.one_of(
    _fields({"model": strings, "messages": arrays(messages, min_size=1)}, values | _long),
    _fields({"model": strings, "messages": arrays(messages), "tools": tools, "metadata": values}, values | _long),
).map(lambda text: text.encode())
completions = _fields({"model": strings, "prompt": strings | values}, values | _long).map(lambda text: text.encode())
answers = _fields(
    {
        "id": strings,
        "choices": arrays(_fields({"index": st.just("0"), "message": messages, "logprobs": values}), min_size=1),
        "usage": values,
    }
).map(lambda text: text.encode())
