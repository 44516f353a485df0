"""Which addresses are a gateway's, so that a session's name goes to nobody else. Pure but for one variable.

Where the gateway's base URL is known, given to `session` or in `SESSIONARY_BASE_URL`, only what is below it. Else the
calls of model clients to any address that is not a known provider's own: people point the OpenAI, Anthropic and
LiteLLM libraries at their gateway in many ways, and the address that a request goes to is the one thing all share.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

OWN_VARIABLE = "SESSIONARY_BASE_URL"
# Of the clouds only the models: a gateway may be hosted there as well.
_PROVIDERS = re.compile(
    r"""(.+\.)?(
        ai21\.com|anthropic\.com|cerebras\.ai|cohere\.(ai|com)|dashscope(-intl)?\.aliyuncs\.com|deepinfra\.com
        |deepseek\.com|fireworks\.ai|googleapis\.com|groq\.com|huggingface\.co|minimax\.io|mistral\.ai
        |moonshot\.(ai|cn)|novita\.ai|nvidia\.com|openai\.com|openrouter\.ai|perplexity\.ai|replicate\.com
        |sambanova\.ai|together\.(ai|xyz)|x\.ai|z\.ai
        |(openai|ai|cognitiveservices)\.azure\.com|bedrock[a-z-]*\.[a-z0-9-]+\.amazonaws\.com
    )""",
    re.VERBOSE,
)
_CALL = re.compile(r"/(chat/completions|completions|responses|messages|embeddings|conversations)(/|$)")
_PORTS = {"http": 80, "https": 443}


class Address(NamedTuple):
    scheme: str
    host: str
    port: int
    path: str


def carries(url: str, headers: Mapping[str, str], base_url: str | None) -> bool:
    """Whether the request to `url` is to carry the session; `base_url` is the one that the session was given."""
    known = base_url or os.environ.get(OWN_VARIABLE)
    if known:
        return is_gateway(url, known)
    return _of_model_client(headers) and bool(_CALL.search(urlsplit(url).path)) and is_gateway(url)


def is_gateway(url: str, base_url: str | None = None) -> bool:
    """`url` belongs to `base_url`, which may be written with or without `/v1`; without one: to no known provider."""
    address = _parse(url)
    if address is None:
        return False
    if not base_url:
        return not _PROVIDERS.fullmatch(address.host)
    base = _parse(base_url)
    if base is None or base[:3] != address[:3]:
        return False
    prefix = base.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return address.path == prefix or address.path.startswith(prefix + "/")


def _of_model_client(headers: Mapping[str, str]) -> bool:
    """The OpenAI and Anthropic libraries say so in a header of theirs, the LiteLLM SDK by its name."""
    return "x-stainless-lang" in headers or headers.get("user-agent", "").startswith("litellm/")


def _parse(url: str) -> Address | None:
    """None for what is no address of an HTTP server."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in _PORTS:
        return None
    return Address(parts.scheme, "localhost" if _is_loopback(host) else host, port or _PORTS[parts.scheme], parts.path)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
