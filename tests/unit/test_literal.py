"""A message parted from its text and made whole again is the very same bytes."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sessionary.wire import literal


@given(st.binary(max_size=500) | st.text(max_size=500).map(lambda t: json.dumps({"content": t * 3}).encode()))
def test_any_bytes_come_back(raw: bytes) -> None:
    frame, text = literal.part(raw)
    assert literal.whole(frame, text) == raw


def test_the_same_text_in_another_form_is_the_same_text() -> None:
    words = 'He said "so" — and left.\n' * 9
    forms = [
        {"role": "assistant", "content": words, "refusal": None, "annotations": []},
        {"role": "assistant", "content": words},
        {"role": "assistant", "content": [{"type": "text", "text": words}]},
    ]
    parted = [literal.part(json.dumps(form).encode()) for form in forms]
    assert len({text for _, text in parted}) == 1
    assert len({frame for frame, _ in parted}) == 3


def test_messages_that_differ_in_text_alone_share_a_frame() -> None:
    frames = {literal.part(json.dumps({"role": "user", "content": w * 100}).encode())[0] for w in "abc"}
    assert len(frames) == 1


def test_a_short_message_stays_whole() -> None:
    assert literal.part(b'{"role":"user","content":"hi"}')[1] is None
