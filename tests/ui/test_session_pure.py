"""The session page's pure parts."""

import json
from pathlib import Path

from sessionary.ui import shown
from tests.ui import javascript


def test_javascript() -> None:
    javascript.passes("session")


def test_who_answered_is_who_speaks() -> None:
    for model, upstream, status, said in json.loads((Path(__file__).parent / "speakers.json").read_text()):
        assert shown.speaker({"model": model, "upstream_model": upstream, "status": status}) == said
