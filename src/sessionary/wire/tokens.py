"""Counting tokens where a provider did not. An estimate: the tokenizer is OpenAI's o200k whatever the model."""

from functools import cache

import bpe_openai

from sessionary.wire import text
from sessionary.wire.message import Message, Usage

_PER_MESSAGE = 4
_PER_IMAGE = 765


@cache
def _tokenizer() -> bpe_openai.Encoding:
    return bpe_openai.get_encoding("o200k_base")


def count(words: str) -> int:
    return len(_tokenizer().encode_ordinary(words.encode("utf-8", "replace").decode()))


def estimate(inputs: list[Message], output: Message) -> Usage:
    """Framing of a message costs about four tokens; an image as much as a usual one in detail."""
    asked = sum(count(text.plain(m)) + _PER_MESSAGE + _PER_IMAGE * _images(m) for m in inputs)
    return Usage(input=asked, output=count(text.plain(output)), estimated=True)


def _images(message: Message) -> int:
    return sum(piece.type == "image" for piece in message.pieces)


