"""Which program is calling, from its headers: for people, never a key. Pure."""

import re
from collections.abc import Mapping

_PRODUCT = re.compile(r"([A-Za-z][\w.@/+ -]{0,40}?)[/ ]v?(\d[\w.+-]{0,20})")
_NAMES = {
    "openai/python": "OpenAI Python",
    "asyncopenai/python": "OpenAI Python",
    "openai/js": "OpenAI Node",
    "asyncazureopenai/python": "OpenAI Python",
    "azureopenai/python": "OpenAI Python",
    "anthropic/python": "Anthropic Python",
    "asyncanthropic/python": "Anthropic Python",
    "anthropic/js": "Anthropic Node",
    "claude-cli": "Claude Code",
    "codex_cli_rs": "Codex",
    "codex_exec": "Codex",
    "litellm": "LiteLLM",
    "curl": "curl",
    "opencode": "opencode",
    "python-requests": "requests",
    "python-httpx": "httpx",
    "mozilla": "browser",
}


def client_name(headers: Mapping[str, str]) -> str:
    """`OpenAI Python 2.54.0`; "" where nothing is said."""
    agent = headers.get("user-agent", "")[:200]
    match = _PRODUCT.match(agent)
    if not match:
        return agent[:60]
    product, version = match.groups()
    return f"{_NAMES.get(product.lower(), product)} {version}"
