"""The rows, names and base URLs: sessionary.providers.catalog."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary.providers.catalog import ALIASES, CATALOG, base_url, find, provider


def test_rows_are_whole() -> None:
    for name, row in CATALOG.items():
        assert row.name == name
        assert row.title
        if name != "demo":
            assert row.key_envs
            assert row.base_envs
        if row.base_url is not None:
            assert row.base_url.startswith("https://")
            assert base_url(row, row.base_url) == row.base_url


def test_no_variable_belongs_to_two_providers() -> None:
    variables = [name for row in CATALOG.values() for name in (*row.key_envs, *row.base_envs)]
    assert len(variables) == len(set(variables))


def test_aliases_lead_to_rows_and_hide_none() -> None:
    assert set(ALIASES.values()) <= CATALOG.keys()
    assert not ALIASES.keys() & CATALOG.keys()


def test_the_catalogue_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CATALOG["x"] = CATALOG["demo"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("together_ai", "together"),
        ("fireworks_ai", "fireworks"),
        ("nvidia_nim", "nvidia"),
        ("hosted_vllm", "vllm"),
        ("openai_like", "openai-compatible"),
        ("llamafile", "llamacpp"),
        ("litellm_proxy", "openai-compatible"),
        ("custom_openai", "openai-compatible"),
        ("text-completion-openai", "openai"),
        ("azure_ai", "azure"),
    ],
)
def test_spellings_of_litellm(alias: str, name: str) -> None:
    row = provider(alias)
    assert row is not None
    assert row.name == name


@pytest.mark.parametrize(
    ("model", "name"),
    [
        *((m, "openai") for m in ("gpt-4o", "o1", "o3-mini", "o4-mini", "chatgpt-4o-latest", "text-embedding-3-small")),
        ("claude-sonnet-4-5", "anthropic"),
        ("gemini-2.5-pro", "gemini"),
        *((m, "mistral") for m in ("mistral-large-latest", "codestral-latest", "ministral-8b-latest")),
        ("deepseek-chat", "deepseek"),
        ("grok-4", "xai"),
    ],
)
def test_usual_names(model: str, name: str) -> None:
    found = find(model)
    assert found is not None
    assert (found[0].name, found[1]) == (name, model)


def test_prefixes() -> None:
    for name, model in (("openai/gpt-4o", "gpt-4o"), ("groq/openai/gpt-oss", "openai/gpt-oss"), ("demo/x", "x")):
        found = find(name)
        assert found is not None
        assert (found[0].name, found[1]) == (name.partition("/")[0], model)
    for name in ("command-r", "meta-llama/Llama-3", "openai/", "", "/", "nobody/gpt-4o"):
        assert find(name) is None


@pytest.mark.parametrize(
    "given_url", ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/", "h:1", " h:1/v1 "]
)
@pytest.mark.parametrize(
    "name", ["openai", "anthropic", "vllm", "llamacpp", "openai-compatible", "deepseek", "mistral"]
)
def test_one_right_url(name: str, given_url: str) -> None:
    assert base_url(CATALOG[name], given_url) == "http://h:1/v1"


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("groq", "https://api.groq.com", "https://api.groq.com/openai/v1"),
        ("groq", "https://api.groq.com/openai/", "https://api.groq.com/openai/v1"),
        ("groq", "http://proxy/v1", "http://proxy/v1"),
        ("gemini", "https://g", "https://g/v1beta/openai"),
        ("gemini", "https://g/v1beta", "https://g/v1beta/openai"),
        ("gemini", "https://g/v1beta/openai/", "https://g/v1beta/openai"),
        ("fireworks", "https://f/inference", "https://f/inference/v1"),
        ("openrouter", "https://openrouter.ai", "https://openrouter.ai/api/v1"),
        ("openai", "https://proxy/openai", "https://proxy/openai/v1"),
        ("openai", "https://h/v1/chat/completions", "https://h/v1"),
        ("anthropic", "https://proxy/anthropic", "https://proxy/anthropic/v1"),
        ("openai-compatible", "https://z/api/paas/v4", "https://z/api/paas/v4"),
        ("openai-compatible", "https://models.github.ai/inference", "https://models.github.ai/inference"),
        ("ollama", "localhost", "http://localhost:11434/v1"),
        ("ollama", "0.0.0.0:8000", "http://0.0.0.0:8000/v1"),
        ("ollama", ":8000", "http://127.0.0.1:8000/v1"),
        ("ollama", "http://box", "http://box/v1"),
        ("azure", "https://a.openai.azure.com/", "https://a.openai.azure.com"),
        ("azure", "https://a.openai.azure.com/openai/", "https://a.openai.azure.com"),
        ("azure", "https://a.openai.azure.com/openai/openai", "https://a.openai.azure.com"),
        ("azure", "https://a.openai.azure.com/openai/v1/", "https://a.openai.azure.com/openai/v1"),
    ],
)
def test_base_urls_as_people_write_them(name: str, written: str, meant: str) -> None:
    assert base_url(CATALOG[name], written) == meant


_segments = st.lists(
    st.sampled_from(["v1", "v1beta", "openai", "api", "x", "inference", "models", "v", "1"]), max_size=4
)


@given(st.sampled_from(sorted(CATALOG)), _segments, st.sampled_from(["http://h", "https://h:1", "h", "h:1"]))
def test_doing_it_twice_changes_nothing_and_the_host_stays(name: str, path: list[str], host: str) -> None:
    row = CATALOG[name]
    once = base_url(row, "/".join([host, *path]))
    assert once is not None
    assert base_url(row, once) == once
    assert base_url(row, once + "/") == once
    assert urlsplit(once).hostname == "h"
    assert "//" not in once.partition("://")[2]
