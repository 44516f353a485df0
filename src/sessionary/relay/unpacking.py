"""Answers that a provider compressed although it was asked not to: unpacked as they come, in bounded pieces. Pure."""

import zlib
from collections.abc import Iterator

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_PIECE = 64 * 1024


class Packed(ValueError):
    """What came cannot be unpacked."""


class Unpacking:
    """Of one answer. A bomb costs no more memory than a piece; how much comes of it is for the reader to bound."""

    def __init__(self, encoding: str) -> None:
        """Raises Packed for an encoding that nobody asked for."""
        if encoding not in _WINDOWS:
            raise Packed(encoding)
        self._window = _WINDOWS[encoding]
        self._unpack = zlib.decompressobj(self._window)
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises Packed."""
        try:
            while data:
                if self._unpack.eof:  # several in a row are one
                    self._unpack = zlib.decompressobj(self._window)
                self._begun = True
                piece = self._unpack.decompress(data, _PIECE)
                data = self._unpack.unused_data if self._unpack.eof else self._unpack.unconsumed_tail
                if piece:
                    yield piece
        except zlib.error as error:
            raise Packed(str(error)) from None

    def close(self) -> None:
        """Raises Packed where the end is missing."""
        if self._begun and not self._unpack.eof:
            raise Packed("it broke off")
