"""Trouble with each request is a few lines in the log."""

import asyncio
import logging

import pytest

from sessionary.repeated import Repeated
from tests.support.server import wait_for

log = logging.getLogger("sessionary.tests")


async def test_it_is_told_when_it_begins_how_often_it_comes_and_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    trouble = Repeated(log, logging.ERROR, every=0.02)
    for _ in range(3):
        trouble.tell("it is away")
    trouble.tell("it is full")
    assert caplog.messages == ["it is away", "it is full"]
    await asyncio.to_thread(wait_for, lambda: len(caplog.messages) >= 5, what="the end of both")
    ended = "not again within 0.02 s: "
    assert sorted(caplog.messages) == [
        "it is away", "it is away (2 more within 0.02 s)", "it is full", f"{ended}it is away", f"{ended}it is full"
    ]  # fmt: skip
    assert [r.levelname for r in caplog.records].count("ERROR") == 3
    trouble.tell("it is away")
    assert caplog.messages[5:] == ["it is away"]
