"""Answers of the API."""

import msgspec
import pytest

from sessionary.api.answers import encoded


class Some(msgspec.Struct):
    name: str
    calls: list[dict[str, int]] | int
    last: bool = True


@pytest.mark.parametrize("calls", [[], *([{"n": n} for n in range(count)] for count in (1, 200, 201, 1000)), 1000])
def test_many_calls_are_encoded_as_few_are(calls: list[dict[str, int]] | int) -> None:
    assert encoded(Some("a", calls)) == msgspec.json.encode(Some("a", calls))
