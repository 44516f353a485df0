"""What is packed is unpacked the same; the dictionary of stored values never changes."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from sessionary.store import pack


@given(st.binary(max_size=20_000) | st.text(max_size=9000).map(lambda t: (t * 3).encode()))
def test_any_bytes_come_back(data: bytes) -> None:
    packed = pack.pack(data)
    assert pack.unpack(packed) == data
    assert len(packed) <= len(data) + 1


def test_the_dictionary_is_the_one_that_stored_values_need() -> None:
    known = "7f1a4d0bebac046d8d007257b6bfd99ec8013d9d81e850683c57c722805b39d9"
    assert hashlib.sha256(pack._DICTIONARY).hexdigest() == known


def test_a_usual_answer_shrinks_to_a_fifth() -> None:
    shell = (
        b'{"id":"chatcmpl-9fYx","object":"chat.completion","created":1764000000,"model":"gpt-4o","choices":[{"index":0,'
        b'"message":0,"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":214,"completion_tokens":42,'
        b'"total_tokens":256,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0}},"service_tier":"default"}'
    )
    assert len(pack.pack(shell)) * 5 <= len(shell)
