"""Credentials that a provider quotes."""

import json
from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from sessionary.relay.hiding import Hiding, credentials, unmistakable

KEY = "sk-proj/4f9c2b7d1e8a6035"
GIVEN = credentials(KEY, "https://gateway:p%40ss-w0rd-of-it@host/v1")
BASIC = b64encode(b"gateway:p@ss-w0rd-of-it")


def shown(pieces: list[bytes], secrets: tuple[bytes, ...]) -> bytes:
    hiding = Hiding(secrets)
    return b"".join([*map(hiding.feed, pieces), hiding.close()])


QUOTES = st.sampled_from(
    [KEY.encode(), KEY.replace("/", "\\/").encode(), BASIC, b"p@ss-w0rd-of-it", b"p%40ss-w0rd-of-it"]
)
TEXTS = st.lists(
    QUOTES | st.binary(max_size=20) | st.sampled_from([b"sk-", b"sk-proj/4f9c", b"p@ss", b"\n\n"]), max_size=6
)


@given(TEXTS, st.data())
def test_none_is_shown_in_whatever_pieces_it_comes(texts: list[bytes], data: st.DataObject) -> None:
    said = b"".join(texts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=8)))
    pieces = [said[a:b] for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True)]
    told = shown(pieces, GIVEN)
    assert told == shown([said], GIVEN)
    assert not any(secret in told for secret in GIVEN)


def test_what_is_no_credential_passes() -> None:
    said = json.dumps({"choices": [{"message": {"content": "skip, sketch, sk-"}}]}).encode()
    assert shown([said], GIVEN) == said


def test_an_answer_may_say_what_somebody_chose_for_a_password() -> None:
    given = credentials("not-needed", "http://production:administrator@host/v1")
    assert b"production" in given
    assert unmistakable(given) == (b64encode(b"production:administrator"),)
    assert set(unmistakable(credentials("sk-proj-4f9c2b7d1e8a6035", None))) == {b"sk-proj-4f9c2b7d1e8a6035"}
