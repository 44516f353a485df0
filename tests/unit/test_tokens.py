"""Counting where the provider did not."""

from sessionary.wire import tokens
from sessionary.wire.message import Message, Piece


def test_count() -> None:
    assert tokens.count("") == 0
    assert tokens.count("Hello, world!") == 4
    assert tokens.count("<|endoftext|>") > 1  # text, not the end of it
    assert tokens.count("half \ud83d") > 0


def test_texts_of_any_length_are_counted() -> None:
    assert tokens.count("word " * 300_000) > 290_000
    assert tokens.count("\U000e0001" * 60_000) > 60_000  # several tokens a character


def test_estimate_is_marked_and_grows() -> None:
    short = [Message("user", [Piece("text", text="Hello")])]
    long = [*short, Message("tool", [Piece("tool_result", content=[Piece("text", text="words " * 50)])])]
    output = Message("assistant", [Piece("text", text="Hi there")])
    one, two = tokens.estimate(short, [output]), tokens.estimate(long, [output])
    assert one.estimated
    assert 0 < one.input < two.input
    assert one.output == two.output == 2


def test_an_image_counts() -> None:
    image = Message("user", [Piece("image", url="data:image/png;base64," + "A" * 10_000)])
    assert 100 < tokens.estimate([image], [Message("assistant", [])]).input < 2000
