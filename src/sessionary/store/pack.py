"""Compressing what is stored: one tag byte, then the bytes as they are (0) or as a zstd frame (1)."""

import zstandard

_SMALL = 128
_MOST = 256 << 20


def pack(data: bytes) -> bytes:
    if len(data) >= _SMALL:
        packed = zstandard.compress(data, 3)
        if len(packed) < len(data):
            return b"\x01" + packed
    return b"\x00" + data


def unpack(stored: bytes) -> bytes:
    if stored[:1] == b"\x01":
        return zstandard.decompress(stored[1:], _MOST)
    return stored[1:]
