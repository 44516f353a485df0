"""What requests' headers say by themselves: read once for all that have the same, and for no others."""

import hashlib

from sessionary.heads import Heads

CLIENT = [(b"user-agent", b"OpenAI/Python 1.99.0"), (b"authorization", b"Bearer sk-a"), (b"x_session-id", b"s-1")]


def test_requests_with_the_same_headers_share_what_these_say() -> None:
    heads = Heads()
    one = heads.of([*CLIENT, (b"content-length", b"17")])
    assert heads.of([(b"content-length", b"1"), *CLIENT]) is one
    assert one.headers == {"user-agent": "OpenAI/Python 1.99.0", "authorization": "Bearer sk-a", "x-session-id": "s-1"}
    assert (one.client, one.named.own and one.named.own.text) == ("OpenAI Python 1.99.0", "s-1")
    assert one.key == hashlib.sha256(b"sk-a").digest()
    assert one.recorded == {"user-agent": "OpenAI/Python 1.99.0"}
    assert "authorization" not in one.to_upstream


def test_others_do_not() -> None:
    heads = Heads()
    one = heads.of(CLIENT)
    for other in (
        CLIENT[:2],
        CLIENT[::-1],
        [*CLIENT, (b"x-a", b"")],
        [*CLIENT[:1], (b"authorization", b"Bearer sk-b")],
    ):
        assert heads.of(other) is not one
    assert heads.of(CLIENT) is one


def test_a_repeated_header_counts_as_it_came_first() -> None:
    assert Heads().of([(b"x_y", b"1"), (b"x-y", b"2")]).headers == {"x-y": "1"}


def test_few_are_kept_and_none_that_is_long() -> None:
    heads = Heads()
    first, long = heads.of(CLIENT), [(b"x-a", b"b" * 10_000)]
    assert heads.of(long) is not heads.of(long)
    for n in range(2000):
        heads.of([(b"x-n", b"%d" % n)])
    assert heads.of(CLIENT) is not first
    assert len(heads._known) <= 1024
