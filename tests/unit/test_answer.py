"""Tokens in the spellings that providers have."""

import json
from typing import Any

import pytest

from sessionary.wire.answer import Answer, inspect, usage_of
from sessionary.wire.message import Usage

BOTH = {"prompt_tokens": 100, "completion_tokens": 20}


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        (BOTH, Usage(100, 20)),
        (BOTH | {"prompt_tokens_details": None, "completion_tokens_details": None}, Usage(100, 20)),
        (BOTH | {"prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0}}, Usage(100, 20, cached=64)),
        (BOTH | {"completion_tokens_details": {"reasoning_tokens": 15}}, Usage(100, 20, reasoning=15)),
        (BOTH | {"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36}, Usage(100, 20, cached=64)),
        (
            BOTH | {"cache_read_input_tokens": 60, "cache_creation_input_tokens": 30},
            Usage(100, 20, cached=60, cache_write=30),
        ),
        (
            BOTH | {"prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30}},
            Usage(100, 20, cached=60, cache_write=30),
        ),
        (BOTH | {"prompt_tokens_details": {"cache_creation_tokens": 30}}, Usage(100, 20, cache_write=30)),
        (
            BOTH | {"prompt_tokens_details": {"cached_tokens": 0}, "prompt_cache_hit_tokens": 64},
            Usage(100, 20, cached=64),
        ),
        (BOTH | {"cached_tokens": 64}, Usage(100, 20, cached=64)),
        # counted beside the prompt, and beside the answer
        (BOTH | {"cache_read_input_tokens": 500}, Usage(600, 20, cached=500)),
        (
            BOTH | {"total_tokens": 150, "completion_tokens_details": {"reasoning_tokens": 30}},
            Usage(100, 50, reasoning=30),
        ),
        (
            BOTH | {"total_tokens": 135, "completion_tokens_details": {"reasoning_tokens": 15}},
            Usage(100, 35, reasoning=15),
        ),
        (
            BOTH | {"total_tokens": 120, "completion_tokens_details": {"reasoning_tokens": 15}},
            Usage(100, 20, reasoning=15),
        ),
        # embeddings, and odd numbers
        ({"prompt_tokens": 8, "total_tokens": 8}, Usage(8, 0)),
        ({"prompt_tokens": 8.0, "completion_tokens": None}, Usage(8, 0)),
        (BOTH | {"prompt_tokens_details": {"cached_tokens": -1}}, Usage(100, 20)),
        # no counts
        ({}, None),
        (None, None),
        ([1], None),
        ({"prompt_tokens": None, "completion_tokens": "12"}, None),
        ({"prompt_tokens": True}, None),
        ({"prompt_tokens": 10**400}, None),
        ({"prompt_tokens": -1}, None),
    ],
)  # fmt: skip
def test_usage(sent: Any, counted: Usage | None) -> None:
    assert usage_of(sent) == counted


def test_an_answer_is_inspected() -> None:
    body = {"id": "c1", "choices": [{"finish_reason": "stop"}, {"finish_reason": "length"}], "usage": BOTH}
    assert inspect(json.dumps(body).encode(), "chat.completions") == Answer(Usage(100, 20), "stop", "c1")


def test_half_a_surrogate_pair_hides_nothing() -> None:
    body = (
        rb'{"id":"c1","choices":[{"message":{"content":"\ud83d"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}'
    )
    assert inspect(body, "chat.completions") == Answer(Usage(1, 0), "stop", "c1")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b'{"id":1,"choices":{},"usage":[]}', b'{"choices":[1]}', b"<html>"]
)
def test_what_says_nothing(body: bytes) -> None:
    assert inspect(body, "chat.completions") == Answer()


def test_a_response_may_say_that_it_failed() -> None:
    failed = {"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "It broke."}}
    assert inspect(json.dumps(failed).encode(), "responses").failure == ("server_error", "It broke.")
    assert inspect(b'{"status": "failed"}', "responses").failure == ("response_failed", "")
    assert inspect(b'{"status": "completed", "error": null}', "responses").failure is None
    assert inspect(json.dumps(failed).encode(), "chat.completions").failure is None
