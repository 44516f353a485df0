"""Compressed answers: the same for any chunking, in bounded pieces, and never a foreign error."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary.relay.unpacking import Packed, Unpacking

PACKED = {
    "gzip": gzip.compress,
    "x-gzip": lambda data: gzip.compress(data) + gzip.compress(b"and more"),
    "deflate": zlib.compress,
}


def unpacked(encoding: str, data: bytes, size: int) -> bytes:
    unpacking = Unpacking(encoding)
    pieces = [piece for at in range(0, len(data), size) for piece in unpacking.feed(data[at : at + size])]
    unpacking.close()
    assert all(0 < len(piece) <= 65536 for piece in pieces)
    return b"".join(pieces)


@given(st.sampled_from(sorted(PACKED)), st.binary(max_size=300), st.integers(1, 50))
def test_any_chunking_gives_the_same(encoding: str, data: bytes, size: int) -> None:
    expected = data + (b"and more" if encoding == "x-gzip" else b"")
    assert unpacked(encoding, PACKED[encoding](data), size) == expected


def test_a_bomb_comes_in_pieces() -> None:
    assert len(unpacked("gzip", gzip.compress(b"\0" * 10_000_000), 1000)) == 10_000_000


@given(st.sampled_from(sorted(PACKED)), st.binary(min_size=1, max_size=40))
def test_what_is_not_packed_is_said_to_be_so(encoding: str, data: bytes) -> None:
    with pytest.raises(Packed):
        unpacked(encoding, b"\xff" + data, 7)


def test_what_broke_off_is_not_whole() -> None:
    with pytest.raises(Packed):
        unpacked("gzip", gzip.compress(b"hello")[:-4], 5)
    with pytest.raises(Packed):
        Unpacking("br")
