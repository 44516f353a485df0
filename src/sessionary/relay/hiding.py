"""Takes our own credentials out of what a provider says when it refuses: some quote the key that they got. Pure."""

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

_INSTEAD = b"[hidden]"
_LEAST = 8
"""Characters of what is looked for: less is found by chance."""


def credentials(api_key: str | None, base_url: str | None) -> tuple[bytes, ...]:
    """Of a deployment: its key, and what its address has before the host."""
    address = urlsplit(base_url or "")
    written = (address.username or "", address.password or "")
    given = {api_key, *written, *map(unquote, written)}
    return tuple(sorted((text.encode() for text in given if text and len(text) >= _LEAST), key=len, reverse=True))


def hidden(headers: dict[str, str], secrets: Iterable[bytes]) -> dict[str, str]:
    """In the values."""
    said = "\n".join(headers.values())
    for given in secrets:
        if (secret := given.decode()) in said:
            headers = {name: value.replace(secret, _INSTEAD.decode()) for name, value in headers.items()}
    return headers


class Hiding:
    """Of bytes that come in pieces: what may yet become a credential is held back."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._secrets = tuple(secrets)
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        data = self._held + data
        for secret in self._secrets:
            data = data.replace(secret, _INSTEAD)
        held = max((_begun(data, secret) for secret in self._secrets), default=0)
        self._held = data[len(data) - held :]
        return data[: len(data) - held]

    def close(self) -> bytes:
        rest, self._held = self._held, b""
        return rest


def _begun(data: bytes, secret: bytes) -> int:
    """How many of the last bytes are the beginning of `secret`."""
    for size in range(min(len(secret) - 1, len(data)), 0, -1):
        if data.endswith(secret[:size]):
            return size
    return 0
