"""From a name to deployments: sessionary.providers.routing."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary.errors import ModelNotFound, SettingsError
from sessionary.providers.catalog import CATALOG
from sessionary.providers.routing import Router, Target
from sessionary.settings import Deployment, Model, Price, Settings
from sessionary.settings.load import load

CHAT = "chat/completions"


def router(*models: Model, environ: Mapping[str, str] | None = None, **options: object) -> Router:
    return Router(msgspec.structs.replace(Settings(models=list(models)), **options), environ or {})


def one(found: Router, model: str) -> Target:
    (target,) = found.resolve(model)
    return target


def said(found: Router, model: str) -> str:
    with pytest.raises(ModelNotFound) as caught:
        found.resolve(model)
    return caught.value.message


def local(name: str, provider: str = "openai", **more: object) -> Deployment:
    given = Deployment(provider, name, base_url="http://127.0.0.1:9", api_key="k")
    return msgspec.structs.replace(given, **more)


class TestNothingConfigured:
    @pytest.mark.parametrize("name", ["gpt-4o", "openai/gpt-4o", "anything", "litellm_proxy/gpt-4o", "a/b/c"])
    def test_demo_answers_for_every_name(self, name: str) -> None:
        found = router()
        assert found.is_demo
        assert found.provider_names() == ["demo"]
        assert found.models() == ["demo"]
        target = one(found, name)
        assert (target.provider.name, target.deployment.model) == ("demo", name.removeprefix("litellm_proxy/"))

    def test_empty_variables_are_nothing(self) -> None:
        assert router(environ={"OPENAI_API_KEY": "", "GROQ_API_KEY": " "}).is_demo

    def test_demo_by_name_always_works(self) -> None:
        everything = Model("*", [local("*", "openai")])
        for found in (router(), router(environ={"OPENAI_API_KEY": "k"}), router(everything)):
            assert one(found, "demo/x").provider.name == "demo"
            assert one(found, "demo/x").deployment.model == "x"


class TestEnvironment:
    def test_prefix_and_usual_name(self) -> None:
        found = router(environ={"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2"})
        assert not found.is_demo
        assert found.provider_names() == ["anthropic", "openai"]
        for name in ("gpt-4o", "openai/gpt-4o", "litellm_proxy/gpt-4o", "litellm_proxy/openai/gpt-4o"):
            target = one(found, name)
            assert (target.label, target.deployment.model) == ("openai/gpt-4o", "gpt-4o")
            assert target.url(CHAT) == "https://api.openai.com/v1/chat/completions"
            assert target.headers()["authorization"] == "Bearer sk-1"
        claude = one(found, "claude-x")
        assert claude.url(CHAT) == "https://api.anthropic.com/v1/chat/completions"
        assert claude.headers()["x-api-key"] == "sk-2"

    @pytest.mark.parametrize("base", ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"])
    @pytest.mark.parametrize(
        ("key", "variable", "model"),
        [
            ("OPENAI_API_KEY", "OPENAI_BASE_URL", "gpt-4o"),
            ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "claude-x"),
            ("DEEPSEEK_API_KEY", "DEEPSEEK_BASE_URL", "deepseek-chat"),
            ("OPENAI_COMPATIBLE_API_KEY", "OPENAI_COMPATIBLE_BASE_URL", "openai-compatible/x"),
            ("VLLM_API_KEY", "VLLM_BASE_URL", "vllm/x"),
        ],
    )
    def test_base_urls(self, key: str, variable: str, model: str, base: str) -> None:
        target = one(router(environ={key: "k", variable: base}), model)
        assert target.url("embeddings") == "http://h:1/v1/embeddings"
        headers = target.headers()
        assert headers.get("authorization", headers.get("x-api-key")) in ("Bearer k", "k")

    def test_local_servers_need_no_key(self) -> None:
        found = router(environ={"OLLAMA_HOST": "127.0.0.1:11434"})
        target = one(found, "ollama/qwen3:8b")
        assert target.url(CHAT) == "http://127.0.0.1:11434/v1/chat/completions"
        assert target.headers() == {"content-type": "application/json"}

    def test_a_name_nobody_claims_is_the_one_local_server_s(self) -> None:
        assert one(router(environ={"OLLAMA_HOST": "h"}), "qwen3:8b").label == "ollama/qwen3:8b"
        both = router(environ={"OLLAMA_HOST": "h", "VLLM_BASE_URL": "h"})
        assert "does not exist" in said(both, "qwen3:8b")

    @pytest.mark.parametrize(
        ("model", "variables"),
        [
            ("gpt-4o", "OPENAI_API_KEY"),
            ("openai/gpt-4o", "OPENAI_API_KEY"),
            ("litellm_proxy/claude-x", "ANTHROPIC_API_KEY"),
            ("together_ai/x", "TOGETHER_API_KEY"),
            ("vllm/x", "VLLM_BASE_URL"),
            ("azure/x", "AZURE_API_KEY and AZURE_API_BASE"),
        ],
    )
    @pytest.mark.parametrize("environ", [{"GROQ_API_KEY": "k"}, {"OLLAMA_HOST": "h"}])
    def test_a_known_provider_without_key_says_what_to_set(
        self, model: str, variables: str, environ: dict[str, str]
    ) -> None:
        assert f": set {variables} where the gateway runs." in said(router(environ=environ), model)

    def test_unknown_names(self) -> None:
        assert said(router(environ={"GROQ_API_KEY": "k"}), "x" * 999).startswith(f"The model '{'x' * 200}' does not")

    def test_azure(self) -> None:
        environ = {
            "AZURE_OPENAI_API_KEY": "k",
            "AZURE_OPENAI_ENDPOINT": "https://a.openai.azure.com/",
            "OPENAI_API_VERSION": "2025-01-01",
        }
        target = one(router(environ=environ), "azure/my gpt")
        assert target.url(CHAT) == (
            "https://a.openai.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=2025-01-01"
        )
        assert target.headers()["api-key"] == "k"
        assert "authorization" not in target.headers()

    def test_azure_v1_and_foundry(self) -> None:
        def url(base: str) -> str:
            deployment = Deployment("azure_ai", "m", base_url=base, api_key="k", api_version="v")
            return one(router(Model("m", [deployment])), "m").url(CHAT)

        assert url("https://a.openai.azure.com/openai/v1/") == "https://a.openai.azure.com/openai/v1/chat/completions"
        assert url("https://f/models") == "https://f/models/chat/completions?api-version=v"

    def test_a_bad_address_stops_the_start(self) -> None:
        with pytest.raises(SettingsError, match="OPENAI_BASE_URL"):
            router(environ={"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "ftp://user:secret@h"})


class TestConfigured:
    def test_its_name_and_the_environment_s(self) -> None:
        found = router(Model("mine", [local("x")]), environ={"OPENAI_API_KEY": "k"})
        assert found.models() == ["mine"]
        assert one(found, "mine").url(CHAT) == "http://127.0.0.1:9/v1/chat/completions"
        assert one(found, "litellm_proxy/mine").label == "openai/x"
        assert one(found, "gpt-4o").url(CHAT) == "https://api.openai.com/v1/chat/completions"
        assert "does not exist" in said(found, "other")

    def test_a_configured_name_goes_before_the_environment(self) -> None:
        found = router(Model("gpt-4o", [local("x", "groq")]), environ={"OPENAI_API_KEY": "k"})
        assert one(found, "gpt-4o").label == "groq/x"

    def test_a_name_with_the_proxy_s_prefix_may_be_configured(self) -> None:
        assert one(router(Model("litellm_proxy/a", [local("x")])), "litellm_proxy/a").deployment.model == "x"

    def test_what_it_leaves_out_comes_from_the_environment(self) -> None:
        environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://h"}
        target = one(router(Model("a", [Deployment("openai", "x")]), environ=environ), "a")
        assert (target.url(CHAT), target.headers()["authorization"]) == ("http://h/v1/chat/completions", "Bearer k")

    def test_a_bare_name_tells_its_provider(self) -> None:
        found = router(Model("a", [Deployment("", "gpt-4o", name="gpt-4o")]), environ={"OPENAI_API_KEY": "k"})
        assert (one(found, "a").provider.name, one(found, "a").label) == ("openai", "gpt-4o")

    def test_without_key_it_says_what_to_set(self) -> None:
        found = router(Model("a", [Deployment("openai", "x")]), Model("b", [Deployment("vllm", "x")]))
        assert "needs OpenAI: set OPENAI_API_KEY" in said(found, "a")
        assert "needs vLLM: set VLLM_BASE_URL" in said(found, "b")

    def test_deployments_without_key_are_passed_over(self) -> None:
        found = router(Model("a", [Deployment("openai", "x"), local("y", "groq")]))
        assert one(found, "a").label == "groq/y"

    def test_a_key_of_the_environment_goes_to_no_other_address(self) -> None:
        environ = {"OPENAI_API_KEY": "sk-env"}
        elsewhere = Deployment("openai", "x", base_url="http://evil/v1")
        home = Deployment("openai", "x", base_url="https://api.openai.com")
        found = router(Model("a", [elsewhere]), Model("b", [home]), environ=environ)
        assert "authorization" not in one(found, "a").headers()
        assert one(found, "b").headers()["authorization"] == "Bearer sk-env"

    def test_a_key_that_has_no_address_goes_to_the_configured_one(self) -> None:
        deployment = Deployment("azure", "x", base_url="https://a.openai.azure.com")
        target = one(router(Model("a", [deployment]), environ={"AZURE_API_KEY": "k"}), "a")
        assert target.headers()["api-key"] == "k"

    def test_variables_of_the_file_count(self) -> None:
        settings = Settings(models=[Model("a", [Deployment("openai", "x")])], environment={"OPENAI_API_KEY": "sk-file"})
        assert one(Router(settings, {"OPENAI_API_KEY": "no"}), "a").headers()["authorization"] == "Bearer sk-file"

    def test_prices_and_labels(self) -> None:
        found = router(Model("a", [local("x", weight=2.0, price=Price(1, 2))]))
        assert (one(found, "a").label, one(found, "a").price) == ("openai/x", Price(1, 2))
        eu = Deployment("openai", "x", name="eu", api_key="k")
        assert one(router(Model("a", [eu])), "a").label == "eu"

    def test_no_secret_is_in_a_repr(self) -> None:
        target = one(router(Model("a", [local("x", api_key="sk-secret")])), "a")
        assert "sk-secret" not in f"{target!r} {target.deployment!r} {[target]} {target.origin!r}"

    @pytest.mark.parametrize(
        ("deployment", "complaint"),
        [
            (
                Deployment("opnai", "x", place="c.yaml:3"),
                "c.yaml:3: model 'a': there is no provider 'opnai' (did you mean",
            ),
            (Deployment("", "who", place="c.yaml:3"), "c.yaml:3: model 'a': say whose 'who' is, as provider/model"),
            (local("x", base_url="file:///etc", place="c.yaml:3"), "c.yaml:3: model 'a': its base URL must be an http"),
            (
                local("x", base_url="http://h/?a=1", place="c.yaml:3"),
                "c.yaml:3: model 'a': its base URL must be an http",
            ),
            (
                local("x", base_url="http://h:port", place="c.yaml:3"),
                "c.yaml:3: model 'a': its base URL must be an http",
            ),
        ],
    )
    def test_what_cannot_work_stops_the_start(self, deployment: Deployment, complaint: str) -> None:
        with pytest.raises(SettingsError) as caught:
            router(Model("a", [deployment]))
        assert caught.value.message.startswith(complaint)


class TestPatterns:
    def pick(self, name: str, pattern: str, model: str, provider: str = "openai") -> str:
        target = one(router(Model(pattern, [local(model, provider)])), name)
        return f"{target.provider.name}/{target.deployment.model}"

    def test_as_litellm_fills_them(self) -> None:
        assert self.pick("openai/gpt-4o", "openai/*", "*") == "openai/gpt-4o"
        assert self.pick("openai/ft:a/b", "openai/*", "*") == "openai/ft:a/b"
        assert self.pick("mine/gpt-4o", "mine/*", "*", "groq") == "groq/gpt-4o"
        assert self.pick("fo::hi::static::yo", "fo::*::static::*", "fo::*:static::*") == "openai/fo::hi:static::yo"
        assert self.pick("gpt-4o", "*", "*") == "openai/gpt-4o"
        assert self.pick("openai/gpt-4o", "*", "*") == "openai/gpt-4o"
        assert self.pick("any", "*", "fixed") == "openai/fixed"

    def test_a_star_alone_leaves_the_provider_to_the_name(self) -> None:
        star = Model("*", [Deployment("", "*", name="*")])
        found = router(star, environ={"OPENAI_API_KEY": "k", "GROQ_API_KEY": "k"})
        assert one(found, "gpt-4o").provider.name == "openai"
        assert one(found, "groq/llama").provider.name == "groq"
        assert "ANTHROPIC_API_KEY" in said(found, "claude-x")
        assert "does not exist" in said(found, "nobody-s")

    def test_the_longest_pattern_is_taken_and_names_go_first(self) -> None:
        found = router(
            Model("*", [local("any")]),
            Model("gpt-*", [local("gpt")]),
            Model("gpt-4*", [local("four")]),
            Model("gpt-4o", [local("exact")]),
        )
        asked = {name: one(found, name).deployment.model for name in ("x", "gpt-3", "gpt-4", "gpt-4o")}
        assert asked == {"x": "any", "gpt-3": "gpt", "gpt-4": "four", "gpt-4o": "exact"}
        assert found.models() == ["gpt-4o"]

    def test_other_signs_mean_themselves(self) -> None:
        found = router(Model("a.[b]?*", [local("x")]))
        assert one(found, "a.[b]?c").deployment.model == "x"
        assert "does not exist" in said(found, "axb!c")

    def test_its_label_is_the_configured_one(self) -> None:
        found = router(Model("openai/*", [local("*", price=Price(1, 2))]))
        assert (one(found, "openai/a").label, one(found, "openai/a").price) == ("openai/*", Price(1, 2))


class TestOrder:
    def test_weights(self) -> None:
        settings = Settings(models=[Model("a", [local("x", weight=3), local("y"), local("z", weight=0)])])
        found = Router(settings, {}, rng=random.Random(7).random)
        orders = Counter("".join(t.deployment.model for t in found.resolve("a")) for _ in range(4000))
        assert orders.keys() == {"xyz", "yxz"}
        assert orders["xyz"] / 4000 == pytest.approx(0.75, abs=0.03)

    def test_fallbacks_follow_each_once_and_in_circles(self) -> None:
        a = Model("a", [local("x")], ["b", "a", "c"])
        b = Model("b", [local("y")], ["a", "c"])
        c = Model("c", [local("z")], ["b"])
        assert [t.deployment.model for t in router(a, b, c).resolve("a")] == ["x", "y", "z"]

    def test_a_fallback_may_be_the_environment_s(self) -> None:
        found = router(Model("a", [local("x")], ["gpt-4o", "demo/y"]), environ={"OPENAI_API_KEY": "k"})
        assert [t.label for t in found.resolve("a")] == ["openai/x", "openai/gpt-4o", "demo/y"]

    def test_an_unknown_fallback_stops_the_start(self) -> None:
        with pytest.raises(SettingsError) as caught:
            router(Model("a", [local("x")], ["nobody-s"], place="c.yaml:9"))
        assert caught.value.message == "c.yaml:9: model 'a': its fallback 'nobody-s' is not known"

    def test_one_that_keeps_failing_rests_and_comes_back(self) -> None:
        now = [100.0]
        x, y = local("x"), local("x", base_url="http://127.0.0.1:8")
        models = [Model("a", [x], ["b"]), Model("b", [y])]
        settings = Settings(models=models, allowed_failures=2, cooldown=30)
        found = Router(settings, {}, clock=lambda: now[0])

        def bases() -> Iterator[str]:
            for target in found.resolve("a"):
                yield target.url(CHAT)[16:18]

        first = found.resolve("a")[0]
        found.failed(first)
        assert list(bases()) == [":9", ":8"]
        found.failed(first)
        assert list(bases()) == [":8", ":9"]
        now[0] += 29.9
        assert list(bases()) == [":8", ":9"]
        now[0] += 0.2
        assert list(bases()) == [":9", ":8"]
        found.failed(first)
        assert list(bases()) == [":8", ":9"]
        found.succeeded(first)
        assert list(bases()) == [":9", ":8"]

    def test_what_a_client_asks_for_takes_no_memory(self) -> None:
        found = router(Model("*", [local("*")]), environ={"GROQ_API_KEY": "k"})
        plain = router(environ={"OPENAI_API_KEY": "k"})
        for n in range(50):
            found.failed(found.resolve(f"x-{n}")[0])
            plain.failed(plain.resolve(f"openai/{n}")[0])
        assert (len(found._failures), len(plain._failures)) == (1, 1)


@given(
    st.text(max_size=40), st.sampled_from([{}, {"OPENAI_API_KEY": "k"}, {"OLLAMA_HOST": "h"}, {"AZURE_API_KEY": "k"}])
)
def test_any_name_is_served_or_not_found(name: str, environ: dict[str, str]) -> None:
    """And what is asked for changes neither scheme, host, port nor query of the upstream."""
    try:
        targets = router(environ=environ).resolve(name)
    except ModelNotFound:
        return
    allowed = ("https://api.openai.com/v1/", "http://h:11434/v1/")
    for target in targets:
        assert target.provider.name == "demo" or target.url(CHAT).startswith(allowed)


@pytest.mark.parametrize("dots", [".", ".."])
def test_dots_are_no_name(dots: str) -> None:
    """A path of them leads elsewhere."""
    environ = {"AZURE_API_KEY": "k", "AZURE_API_BASE": "https://a"}
    pattern = Model("x-*", [Deployment("azure", "*")])
    for name in (f"azure/{dots}", f"x-{dots}"):
        assert "does not exist" in said(router(pattern, environ=environ), name)


@given(st.text(min_size=1, max_size=40).filter(lambda name: name not in (".", "..")))
def test_a_name_cannot_leave_its_azure_deployment(name: str) -> None:
    environ = {"AZURE_API_KEY": "k", "AZURE_API_BASE": "https://a"}
    url = one(router(environ=environ), f"azure/{name}").url(CHAT)
    head, tail = "https://a/openai/deployments/", "/chat/completions?api-version=2024-10-21"
    assert url.startswith(head)
    assert url.endswith(tail)
    assert not set(url[len(head) : -len(tail)]) & set("/?#")


@pytest.mark.parametrize(
    ("models", "environ", "name"),
    [
        ([], {}, "gpt-4o-mini"),
        ([Model("fast", [local("a")])], {}, "fast"),
        ([Model("no-key", [Deployment("groq", "a")]), Model("fast", [local("a")])], {}, "fast"),
        ([Model("gpt-*", [local("*")])], {}, "gpt-4o-mini"),
        ([Model("x-*", [local("*")])], {}, None),
        ([], {"OPENAI_API_KEY": "k"}, "gpt-4o-mini"),
        ([], {"ANTHROPIC_API_KEY": "k"}, "claude-haiku-4-5"),
        ([], {"GEMINI_API_KEY": "k"}, "gemini-2.5-flash"),
    ],
)
def test_an_example_is_served(models: list[Model], environ: dict[str, str], name: str | None) -> None:
    found = router(*models, environ=environ)
    assert found.example() == name
    if name is not None:
        assert found.resolve(name)


def test_a_litellm_file_from_end_to_end(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        """\
model_list:
  - {model_name: fast, litellm_params: {model: together_ai/llama, api_key: k}}
  - {model_name: fast, litellm_params: {model: gpt-4o}}
  - {model_name: "anthropic/*", litellm_params: {model: "anthropic/*", api_key: k}}
  - {model_name: "*", litellm_params: {model: "*"}}
router_settings: {fallbacks: [{fast: ["anthropic/claude-x"]}]}
environment_variables: {OPENAI_API_KEY: sk-file}
"""
    )
    found = Router(load(file, {}), {})
    labels = [t.label for t in found.resolve("fast")]
    assert sorted(labels[:2]) == ["gpt-4o", "together_ai/llama"]
    assert labels[2:] == ["anthropic/*"]
    assert one(found, "gpt-4o-mini").headers()["authorization"] == "Bearer sk-file"
    assert one(found, "anthropic/claude-y").deployment.model == "claude-y"
    assert found.provider_names() == ["anthropic", "openai", "together"]
    assert all(CATALOG[name] for name in found.provider_names())


def test_a_request_has_room_for_one_credential() -> None:
    given = Deployment("openai", "gpt-4o", base_url="http://user:secret@host/v1", api_key="k")
    with pytest.raises(SettingsError, match="has a user in it, and there is a key") as refused:
        router(Model("own", [given]))
    assert "secret" not in str(refused.value)


def test_names_are_kept_within_bounds() -> None:
    """The same target for the same name, as long as there are not too many, and never one that is very long."""
    found = router(environ={"OPENAI_API_KEY": "sk-1"})
    once = found.resolve("openai/gpt-4o")[0]
    assert found.resolve("openai/gpt-4o")[0] is once
    long = "openai/" + "x" * 10_000
    assert found.resolve(long)[0] is not found.resolve(long)[0]
    for n in range(1024):
        found.resolve(f"openai/m-{n}")
    again = found.resolve("openai/gpt-4o")[0]
    assert again == once
    assert again is not once
