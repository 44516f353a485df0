"""Titles and search text."""

import pytest

from sessionary.wire import text
from sessionary.wire.message import Message, Piece


def title(*texts: str) -> str:
    return text.title(Message("user", [Piece("text", text=t) for t in texts]))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("  Hello,\n  world ", "Hello, world"),
        ("<system-reminder>Today is Tuesday</system-reminder>\nFix the bug", "Fix the bug"),
        ("<system-reminder>" + "x" * 50_000 + "</system-reminder>Fix the bug", "Fix the bug"),
        ("Fix it <system-reminder>a</system-reminder>now<system-reminder>b</system-reminder>", "Fix it now"),
        ("Fix it <system-reminder>cut off", "Fix it"),
        ("<environment_context><cwd>/x</cwd></environment_context>", ""),
        ("<command-message>init is running</command-message><command-name>/init</command-name>", "/init"),
        ("<user_query>Why?</user_query>", "Why?"),
        ("a <b>bold</b> word", "a <b>bold</b> word"),
        ("nul\0 and \ud83d half", "nul and � half"),
        ("", ""),
    ],
)
def test_title(said: str, expected: str) -> None:
    assert title(said) == expected


def test_title_of_several_parts() -> None:
    assert title("<system-reminder>agents</system-reminder>", "<system-reminder>date", "Fix the bug") == "Fix the bug"


def test_a_long_title_is_cut() -> None:
    found = title("word " * 100)
    assert len(found) <= 120
    assert found.endswith("…")


def test_a_title_needs_words() -> None:
    assert (
        text.title(Message("user", [Piece("image", url="x"), Piece("tool_result", content=[Piece("text", text="y")])]))
        == ""
    )


def test_everything_that_can_be_searched() -> None:
    message = Message(
        "assistant",
        [
            Piece("reasoning", text="Hm"),
            Piece("text", text="Yes"),
            Piece("tool_call", name="weather", arguments={"city": "Zürich"}),
            Piece("tool_call", name="broken", arguments='{"a'),
            Piece("tool_result", content=[Piece("text", text="18 degrees")]),
            Piece("file", name="a.pdf"),
            Piece("image", url="data:image/png;base64,AAAA"),
            Piece("text", text="\0\ud800"),
        ],
    )
    assert text.plain(message).split("\n") == [
        "Hm",
        "Yes",
        'weather {"city":"Zürich"}',
        'broken {"a',
        "18 degrees",
        "a.pdf",
        " �",
    ]
