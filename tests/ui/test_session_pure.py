"""The session page's pure parts."""

from tests.ui import javascript


def test_javascript() -> None:
    javascript.passes("session")
