"""Takes our own credentials out of what a provider says: some quote the key that they got when they refuse. Pure.

Where it refuses by its status, all that we gave it is looked for. Some refuse with status 200, or in the middle of a
stream; but that is how answers come, too, and these may say a word by chance that somebody has chosen for a password.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

_INSTEAD = b"[hidden]"
_LEAST = 8
"""Characters of what is looked for: less is found by chance."""
_CHOSEN = re.compile(rb"(?=.*[0-9])(?=.*[A-Za-z]).{12,}|.{24,}", re.DOTALL)
"""What no model says by chance."""


def credentials(api_key: str | None, base_url: str | None) -> tuple[bytes, ...]:
    """Of a deployment: its key, and what its address has before the host, as written and as sent; as some write it in
    JSON, too."""
    address = urlsplit(base_url or "")
    written = (address.username or "", address.password or "")
    given = {api_key or "", *written, *map(unquote, written)}
    if address.username is not None:
        given.add(basic(address.username, address.password))
    given |= {text.replace("/", "\\/") for text in given}
    return tuple(sorted((text.encode() for text in given if len(text) >= _LEAST), key=len, reverse=True))


def basic(username: str, password: str | None) -> str:
    """What a header has of them, which are as an address has them."""
    return b64encode(f"{unquote(username)}:{unquote(password or '')}".encode()).decode()


def unmistakable(secrets: Iterable[bytes]) -> tuple[bytes, ...]:
    """Those of them that are in no answer unless it quotes them."""
    return tuple(filter(_CHOSEN.fullmatch, secrets))


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
        if self._held:
            data = self._held + data
        for secret in self._secrets:
            if secret in data:
                data = data.replace(secret, _INSTEAD)
        held = max((_begun(data, secret) for secret in self._secrets), default=0)
        self._held = data[len(data) - held :]
        return data[: len(data) - held] if held else data

    def close(self) -> bytes:
        rest, self._held = self._held, b""
        return rest


def _begun(data: bytes, secret: bytes) -> int:
    """How many of the last bytes are the beginning of `secret`."""
    if data[-1:] not in secret:  # so end most pieces of a stream
        return 0
    for size in range(min(len(secret) - 1, len(data)), 0, -1):
        if data.endswith(secret[:size]):
            return size
    return 0
