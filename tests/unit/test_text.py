"""Titles and search text."""

import re

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


def test_no_title_runs_the_other_way() -> None:
    assert text.title(Message("user", [Piece("text", text="pay \u202e001 EUR\u202c now")])) == "pay 001 EUR now"
    arabic = "\u0645\u0631\u062d\u0628\u0627"
    assert text.title(Message("user", [Piece("text", text=f"\u2067{arabic}\u2069!")])) == f"{arabic}!"


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


def test_words_of_arguments_are_whole_words() -> None:
    """The letter of an escape is no part of the word behind it."""
    code = 'def go():\n\treturn "zebra"\r\nlast\\next'
    message = Message("assistant", [Piece("tool_call", name="write", arguments={"code": code, "n": ["\nfirst"]})])
    assert re.findall(r"\w+", text.plain(message)) == [
        *("write", "code", "def", "go", "return", "zebra", "last", "next", "n", "first")
    ]
    assert "\\treturn" in text.plain(message, escaped=True)


def test_a_person_speaks_where_more_is_said_than_a_harness_notes() -> None:
    result = Piece("tool_result", id="c", content=[Piece("text", text="42")])
    note = Piece("text", text="<system-reminder>Today is Monday.</system-reminder>")
    assert not text.spoken(Message("user", [result, note]))
    assert not text.spoken(Message("tool", [result]))
    assert not text.spoken(Message("user", [Piece("text", text=" ")]))
    assert text.spoken(Message("user", [note, Piece("text", text="Hello")]))
    assert text.spoken(Message("user", [Piece("image", url="https://example.com/a.png")]))


def test_the_words_of_a_part_that_only_one_provider_has() -> None:
    found = [
        {"type": "web_search_result", "title": "Shannon", "url": "https://example.com/s", "encrypted_content": "Eq9x"}
    ]
    ran = {"type": "bash_code_execution_result", "stdout": "109\n", "return_code": 0, "content": []}
    words = text.plain(Message("assistant", [Piece("other", value=found), Piece("other", value=ran)]))
    assert words.split() == ["Shannon", "https://example.com/s", "109"]
