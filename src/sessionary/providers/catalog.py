"""The providers that are known, a row each. A new one is a new row.

A provider is usable when its key (or, for a local one, its base URL) is in the environment, or a deployment in
the configuration names it.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from sessionary.settings.tree import Format


class Provider(msgspec.Struct, frozen=True):
    name: str
    title: str
    base_url: str | None
    """Its home, with the version segment; null: must be given."""
    key_envs: tuple[str, ...] = ()
    base_envs: tuple[str, ...] = ()
    auth: Literal["bearer", "api-key", "x-api-key", "none"] = "bearer"
    speaks: tuple[Format, ...] = ("chat",)
    """Its own wire formats, the one that says most first."""
    bare: tuple[str, ...] = ()
    """Model names that mean this provider without a prefix, as patterns."""
    port: int | None = None
    """The one that is meant where an address gives none."""
    style: Literal["openai", "azure", "demo"] = "openai"
    stream_usage: bool = True
    """Whether it takes `stream_options.include_usage`."""
    most_output: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What its chat format calls the limit of an answer."""
    metadata: Literal["never", "store", "always"] = "never"
    """Whether it takes `metadata`: OpenAI only for calls that it stores."""
    text_tools: bool = False
    """Whether its chat format has tools that take free text (`custom`)."""
    compacts: bool = False
    """Whether it has `/responses/compact`."""
    local: bool = False
    """Needs no key."""


# fmt: off
_ROWS = (
    Provider(
        "openai", "OpenAI", "https://api.openai.com/v1", ("OPENAI_API_KEY",), ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        bare=("gpt-*", "o1*", "o3*", "o4*", "chatgpt-*", "codex-*", "computer-use-*", "text-embedding-*", "davinci-*"),
        metadata="store", speaks=("responses", "chat"), most_output="max_completion_tokens", text_tools=True,
        compacts=True,
    ),
    Provider(
        "azure", "Azure OpenAI", None, ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
        ("AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT"), auth="api-key", style="azure", metadata="store",
        most_output="max_completion_tokens", text_tools=True,
    ),
    Provider(
        "anthropic", "Anthropic", "https://api.anthropic.com/v1", ("ANTHROPIC_API_KEY",),
        ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE"), bare=("claude-*",),
        auth="x-api-key", speaks=("messages",), metadata="always",
    ),
    Provider(
        "gemini", "Gemini", "https://generativelanguage.googleapis.com/v1beta/openai",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"), ("GEMINI_BASE_URL", "GEMINI_API_BASE"), bare=("gemini-*", "gemma-*"),
    ),
    Provider(
        "mistral", "Mistral", "https://api.mistral.ai/v1", ("MISTRAL_API_KEY",),
        ("MISTRAL_BASE_URL", "MISTRAL_API_BASE"),
        bare=("mistral-*", "ministral-*", "codestral-*", "magistral-*", "devstral-*", "pixtral-*", "open-mistral-*"),
        stream_usage=False,
    ),
    Provider("groq", "Groq", "https://api.groq.com/openai/v1", ("GROQ_API_KEY",), ("GROQ_BASE_URL", "GROQ_API_BASE")),
    Provider(
        "deepseek", "DeepSeek", "https://api.deepseek.com/v1", ("DEEPSEEK_API_KEY",),
        ("DEEPSEEK_BASE_URL", "DEEPSEEK_API_BASE"), bare=("deepseek-*",),
    ),
    Provider(
        "together", "Together", "https://api.together.xyz/v1", ("TOGETHER_API_KEY", "TOGETHERAI_API_KEY"),
        ("TOGETHER_BASE_URL", "TOGETHERAI_API_BASE"),
    ),
    Provider(
        "fireworks", "Fireworks", "https://api.fireworks.ai/inference/v1",
        ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
        ("FIREWORKS_BASE_URL", "FIREWORKS_API_BASE"),
    ),
    Provider(
        "openrouter", "OpenRouter", "https://openrouter.ai/api/v1", ("OPENROUTER_API_KEY",),
        ("OPENROUTER_BASE_URL", "OPENROUTER_API_BASE"), metadata="always",
    ),
    Provider("xai", "xAI", "https://api.x.ai/v1", ("XAI_API_KEY",), ("XAI_BASE_URL", "XAI_API_BASE"), bare=("grok-*",)),
    Provider(
        "cerebras", "Cerebras", "https://api.cerebras.ai/v1", ("CEREBRAS_API_KEY",),
        ("CEREBRAS_BASE_URL", "CEREBRAS_API_BASE"),
    ),
    Provider(
        "nvidia", "NVIDIA", "https://integrate.api.nvidia.com/v1", ("NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"),
        ("NVIDIA_BASE_URL", "NVIDIA_NIM_API_BASE"),
    ),
    Provider(
        "ollama", "Ollama", None, ("OLLAMA_API_KEY",), ("OLLAMA_BASE_URL", "OLLAMA_API_BASE", "OLLAMA_HOST"),
        local=True, metadata="always", port=11434,
    ),
    Provider(
        "vllm", "vLLM", None, ("VLLM_API_KEY", "HOSTED_VLLM_API_KEY"), ("VLLM_BASE_URL", "HOSTED_VLLM_API_BASE"),
        local=True, metadata="always",
    ),
    Provider(
        "llamacpp", "llama.cpp", None, ("LLAMACPP_API_KEY",), ("LLAMACPP_BASE_URL",), local=True, metadata="always",
    ),
    Provider(
        "openai-compatible", "OpenAI-compatible provider", None, ("OPENAI_COMPATIBLE_API_KEY",),
        ("OPENAI_COMPATIBLE_BASE_URL",), local=True, metadata="always",
    ),
    Provider("demo", "Demo", None, auth="none", style="demo", local=True, metadata="always",
        speaks=("chat", "responses", "messages"), text_tools=True),
)
# fmt: on

CATALOG: Mapping[str, Provider] = MappingProxyType({row.name: row for row in _ROWS})

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "azure_ai": "azure",
        "custom_openai": "openai-compatible",
        "fireworks_ai": "fireworks",
        "google": "gemini",
        "hosted_vllm": "vllm",
        "litellm_proxy": "openai-compatible",
        "llamafile": "llamacpp",
        "lm_studio": "openai-compatible",
        "nvidia_nim": "nvidia",
        "ollama_chat": "ollama",
        "openai_compatible": "openai-compatible",
        "openai_like": "openai-compatible",
        "text-completion-openai": "openai",
        "together_ai": "together",
        "x-ai": "xai",
    }
)


def provider(name: str) -> Provider | None:
    """By name or by a spelling that other tools use."""
    return CATALOG.get(ALIASES.get(name, name))


def find(model: str) -> tuple[Provider, str] | None:
    """The provider that a model's name tells, by its prefix or as it is usual, and the name without the prefix."""
    prefix, _, rest = model.partition("/")
    if rest and (row := provider(prefix)) is not None:
        return row, rest
    row = next((row for row in _ROWS if any(fnmatchcase(model, pattern) for pattern in row.bare)), None)
    return (row, model) if row is not None else None


_COMPLETE = re.compile(r"v\d\w*|beta|compat|inference|openapi")
"""The last segment of a path that needs no version after it."""


def base_url(row: Provider, given: str | None) -> str | None:
    """A base URL as people write it -> the one that an endpoint is put behind.

    Scheme, version and the home's path may be missing, a slash or the chat endpoint too much:
    `localhost:8000/` and `http://localhost:8000/v1` are the same. Doing it twice changes nothing.
    """
    if not given:
        return row.base_url
    scheme, has_scheme, rest = given.strip().rstrip("/").removesuffix("/chat/completions").rpartition("://")
    address, _, path = rest.partition("/")
    if not has_scheme:
        scheme = "http"
        address = f"127.0.0.1{address}" if address.startswith(":") else address
        if row.port is not None and not re.search(r":\d+$", address):
            address += f":{row.port}"
    parts = path.split("/") if path else []
    if row.style == "azure":
        while parts[-1:] == ["openai"]:
            parts = parts[:-1]
    elif row.style == "openai":
        home = urlsplit(row.base_url or "http://local/v1").path.split("/")[1:]
        there = next((n for n in range(len(home), 0, -1) if parts[-n:] == home[:n]), 0)
        if there or not (parts and _COMPLETE.fullmatch(parts[-1])):
            parts += home[there:]
    return f"{scheme}://{'/'.join([address, *parts])}"
