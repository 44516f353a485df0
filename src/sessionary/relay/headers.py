"""Which headers cross the gateway, and which are recorded: by allow-list, so no credential can slip through. Pure."""

import re
from collections.abc import Mapping

_TO_UPSTREAM = frozenset(
    {"accept", "anthropic-beta", "anthropic-version", "idempotency-key", "openai-beta", "user-agent"}
)
_TO_CLIENT = frozenset({"content-type", "retry-after", "retry-after-ms", "x-should-retry"})
_TO_CLIENT_PREFIXES = ("openai-", "anthropic-ratelimit-", "x-ratelimit-")
_RECORDED = frozenset({"accept", "baggage", "content-type", "traceparent", "user-agent", "x-client-request-id"})
_RECORDED_PREFIXES = (
    "x-stainless-",
    "openai-beta",
    "anthropic-beta",
    "anthropic-version",
    "x-codex-",
    "x-claude-code-",
)
_CREDENTIAL = re.compile(r"auth|bearer|cookie|credential|jwt|key|passw|secret|signature|token|\b(?:pat|pwd|pass)\b")


def to_upstream(headers: Mapping[str, str]) -> dict[str, str]:
    """The client's headers that concern the provider; compression is refused, so that answers can be read."""
    kept = {k: v for k, v in headers.items() if k in _TO_UPSTREAM}
    return {"accept": "*/*", **kept, "accept-encoding": "identity"}


def to_client(headers: Mapping[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in headers.items() if k in _TO_CLIENT or k.startswith(_TO_CLIENT_PREFIXES)}
    if "x-request-id" in headers:
        kept["x-upstream-request-id"] = headers["x-request-id"]
    return kept


def recorded(headers: Mapping[str, str]) -> dict[str, str]:
    """Of a request: what helps to understand it later."""
    kept = {
        k: v[:2000]
        for k, v in headers.items()
        if k in _RECORDED or (k.startswith(_RECORDED_PREFIXES) and _CREDENTIAL.search(k) is None)
    }
    if "baggage" in kept:
        kept["baggage"] = _harmless(kept["baggage"])
    return kept


def _harmless(baggage: str) -> str:
    """Its members, each `name=value`, that are not named like a credential."""
    members = (member for member in baggage.split(",") if _CREDENTIAL.search(member.partition("=")[0].lower()) is None)
    return ",".join(members)
