"""Which addresses are a gateway's, so that a session's name goes to nobody else.

In this order:

1. The base URL that the session was given; then no other.
2. The base URLs in the environment, unless they are a provider's own.
3. An address that has answered with a call id of ours.
4. A call to a model at a private address (this machine, a private network, a name without a public domain), unless
   `SESSIONARY_BASE_URL` says where the gateway is.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

OWN_VARIABLE = "SESSIONARY_BASE_URL"
VARIABLES = (
    OWN_VARIABLE,
    "LITELLM_PROXY_API_BASE",
    "OPENAI_BASE_URL",
    "OPENAI_API_BASE",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_API_BASE",
)
_PROVIDERS = ("openai.com", "anthropic.com", "azure.com", "googleapis.com", "amazonaws.com")
_PRIVATE_DOMAINS = (".local", ".localhost", ".internal", ".lan", ".svc", ".home.arpa", ".test")
_CALL = re.compile(r"/(chat/completions|completions|responses|messages|embeddings|conversations)(/|$)")
_CALL_ID = re.compile(r"call_[0-9a-v]{26}")
_PORTS = {"http": 80, "https": 443}
_MOST_ANSWERED = 1000


class Address(NamedTuple):
    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


def parse(url: str) -> Address | None:
    """None for what is no address of an HTTP server."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in _PORTS:
        return None
    if _is_loopback(host):
        host = "localhost"
    return Address(parts.scheme, host, port or _PORTS[parts.scheme], parts.path)


def is_below(address: Address, base_url: str) -> bool:
    """`address` belongs to `base_url`, which may be written with or without `/v1`."""
    base = parse(base_url)
    if base is None or base.origin != address.origin:
        return False
    prefix = base.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return address.path == prefix or address.path.startswith(prefix + "/")


def is_provider(address: Address) -> bool:
    return any(address.host == name or address.host.endswith("." + name) for name in _PROVIDERS)


class Gateways:
    def __init__(self) -> None:
        self._answered: set[tuple[str, str, int]] = set()

    def own(self, url: str, base_url: str | None) -> bool:
        """Whether `url` is a gateway's; `base_url` is the one that the session was given."""
        address = parse(url)
        if address is None:
            return False
        if base_url:
            return is_below(address, base_url)
        if is_provider(address):
            return False
        if address.origin in self._answered:
            return True
        if any(is_below(address, value) for name in VARIABLES if (value := os.environ.get(name))):
            return True
        return OWN_VARIABLE not in os.environ and _is_private(address.host) and bool(_CALL.search(address.path))

    def answered(self, url: str, headers: Mapping[str, str]) -> None:
        """Learns from an answer: only a gateway names the call it has recorded."""
        if _CALL_ID.fullmatch(headers.get("x-call-id", "")) and len(self._answered) < _MOST_ANSWERED:
            address = parse(url)
            if address is not None:
                self._answered.add(address.origin)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_DOMAINS)
