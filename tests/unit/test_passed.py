"""Calls of which it cannot be said what a provider was sent."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from sessionary.errors import NotFound
from sessionary.passed import PassedOn
from sessionary.providers.routing import Router
from sessionary.settings import Settings
from sessionary.state.walk import State

ASKED = [0, 1000, 200]
"""An attempt, as the calls table has it where it was the last."""


@pytest.mark.parametrize(
    ("row", "attempt", "code"),
    [
        ({}, None, "not_sent"),
        ({"attempts": [ASKED]}, 1, "not_sent"),
        ({"attempts": [ASKED], "unkept": "key"}, None, "unkept"),
        ({"attempts": [ASKED], "provider": "of-a-later-version"}, None, "deployment_gone"),
        ({"attempts": [ASKED], "upstream_model": None}, None, "deployment_gone"),
    ],
)
async def test_there_is_none(row: dict[str, Any], attempt: int | None, code: str) -> None:
    usual = {
        "provider": "openai",
        "deployment": "eu",
        "upstream_model": "gpt-4o",
        "model": "m",
        "attempts": [],
        "unkept": "",
    }
    call = SimpleNamespace(**usual | row)
    passed = PassedOn(sa.create_engine("sqlite://"), cast(State, None), Router(Settings(), {"OPENAI_API_KEY": "x"}))
    with pytest.raises(NotFound) as refused:
        await passed.of(call, attempt)
    assert refused.value.code == code
