"""Counting tokens where a provider did not. An estimate: the tokenizer is OpenAI's o200k whatever the model.

Its tables are loaded at the first count: most gateways never need them.
"""

import warnings
from functools import cache
from typing import Any

from sessionary.wire import text
from sessionary.wire.message import Message, Usage

_PIECE = 40_000
"""Characters at a time: the tokenizer refuses texts of 200,000 tokens, and a character has up to four."""
_PER_MESSAGE = 4
_PER_IMAGE = 765


@cache
def _tokenizer() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of importlib.resources, as it reads its tables
        import bpe_openai  # type: ignore[import-untyped]

        return bpe_openai.get_encoding("o200k_base")


def count(words: str) -> int:
    words = words.encode("utf-8", "replace").decode()
    pieces = (words[at : at + _PIECE] for at in range(0, len(words), _PIECE))
    return sum(len(_tokenizer().encode_ordinary(piece)) for piece in pieces)


def estimate(inputs: list[Message], output: list[Message]) -> Usage:
    """Framing of a message costs about four tokens; an image as much as a usual one in detail."""
    asked = sum(count(text.plain(m)) + _PER_MESSAGE + _PER_IMAGE * _images(m) for m in inputs)
    return Usage(input=asked, output=sum(count(text.plain(m)) for m in output), estimated=True)


def _images(message: Message) -> int:
    return sum(piece.type == "image" for piece in message.pieces)
