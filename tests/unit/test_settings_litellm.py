"""LiteLLM's config.yaml, read as it is: sessionary.settings.litellm."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from sessionary.errors import SettingsError
from sessionary.providers import catalog
from sessionary.providers.routing import Router
from sessionary.settings import Settings, litellm_keys
from sessionary.settings.load import load

SMALL = """\
model_list:
  - model_name: gpt-4o-mini
    litellm_params:
      model: openai/gpt-4o-mini
      api_base: http://127.0.0.1:9901/v1
      api_key: sk-upstream
  - model_name: gpt-stream
    litellm_params:
      model: openai/gpt-4o-mini
      api_base: http://127.0.0.1:9902/v1
      api_key: sk-upstream
general_settings:
  master_key: sk-1234
litellm_settings:
  telemetry: false
  request_timeout: 60
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def read(config: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    config.write_text(text)
    return load(config, environ or {})


def complaint(config: Path, text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        read(config, text, environ)
    return caught.value.message.replace(f"{config.parent}/", "")


def test_a_small_file(config: Path) -> None:
    settings = read(config, SMALL)
    assert [m.name for m in settings.models] == ["gpt-4o-mini", "gpt-stream"]
    deployment = settings.models[1].deployments[0]
    assert (deployment.provider, deployment.model, deployment.api_key) == ("openai", "gpt-4o-mini", "sk-upstream")
    assert deployment.base_url == "http://127.0.0.1:9902/v1"
    assert (settings.master_key, settings.timeout) == ("sk-1234", 60)
    assert settings.ignored == ["'litellm_settings.telemetry' means nothing here"]


def test_deployments_of_one_name_stand_together(config: Path) -> None:
    settings = read(
        config,
        """\
model_list:
  - model_name: gpt
    litellm_params: {model: azure/eu, api_base: "https://eu.openai.azure.com", api_key: os.environ/EU,
                     api_version: "2024-10-21", rpm: 6, weight: 2, timeout: 30, temperature: 0.2}
    model_info: {id: eu, mode: chat, anything: goes}
  - model_name: other
    litellm_params: {model: anthropic/claude, api_key: k}
  - model_name: gpt
    litellm_params: {model: gpt-4o, tpm: 10}
router_settings:
  num_retries: 3
  timeout: 30
  allowed_fails: 1
  cooldown_time: 12
  routing_strategy: simple-shuffle
  fallbacks: [{gpt: [other]}]
  model_group_alias: {gpt-4: gpt, hidden-one: {model: other, hidden: true}}
litellm_settings: {num_retries: 9, request_timeout: 600, callbacks: [langfuse]}
general_settings: {database_url: "postgresql://db/x", store_model_in_db: false}
""",
        {"EU": "sk-eu"},
    )
    by_name = {m.name: m for m in settings.models}
    assert list(by_name) == ["gpt", "other", "gpt-4", "hidden-one"]
    eu, plain = by_name["gpt"].deployments
    assert (eu.provider, eu.api_key, eu.api_version, eu.weight, eu.timeout) == ("azure", "sk-eu", "2024-10-21", 2, 30)
    assert (plain.provider, plain.model) == ("", "gpt-4o")
    assert by_name["gpt"].fallbacks == ["other"]
    assert by_name["gpt-4"].deployments == by_name["gpt"].deployments
    assert (settings.retries, settings.timeout, settings.allowed_failures, settings.cooldown) == (3, 30, 2, 12)
    assert settings.database_url == "postgresql://db/x"
    assert settings.ignored == [
        f"'{key}' means nothing here"
        for key in (
            "general_settings.store_model_in_db",
            "litellm_params.rpm",
            "litellm_params.temperature",
            "litellm_params.tpm",
            "litellm_settings.callbacks",
            "router_settings.routing_strategy",
        )
    ]


def test_prices_are_per_token_there_and_per_million_here(config: Path) -> None:
    text = """\
model_list:
  - model_name: a
    litellm_params: {model: openai/a, input_cost_per_token: 0.000001, output_cost_per_token: 2e-6,
                     cache_read_input_token_cost: 0.0000005}
  - model_name: b
    litellm_params: {model: openai/b}
    model_info: {input_cost_per_token: 0.000003, output_cost_per_token: 0.000004}
  - model_name: c
    litellm_params: {model: openai/c}
"""
    a, b, c = (m.deployments[0].price for m in read(config, text).models)
    assert a is not None
    assert (a.input, a.output, a.cached) == (pytest.approx(1), pytest.approx(2), pytest.approx(0.5))
    assert b is not None
    assert (b.input, b.output) == (pytest.approx(3), pytest.approx(4))
    assert c is None


def test_its_environment_variables_count(config: Path) -> None:
    text = """\
environment_variables: {OPENAI_API_KEY: sk-file, REDIS_PORT: 6379, COPY: os.environ/OUTSIDE}
model_list:
  - model_name: a
    litellm_params: {model: openai/a, api_key: os.environ/OPENAI_API_KEY}
"""
    settings = read(config, text, {"OUTSIDE": "x", "OPENAI_API_KEY": "sk-process"})
    assert settings.models[0].deployments[0].api_key == "sk-file"
    assert settings.environment == {"OPENAI_API_KEY": "sk-file", "REDIS_PORT": "6379", "COPY": "x"}
    assert "sk-file" not in repr(settings)


def test_credentials_of_a_list(config: Path) -> None:
    text = """\
credential_list:
  - credential_name: mine
    credential_values: {api_key: sk-shared, api_base: "http://one/v1"}
model_list:
  - model_name: a
    litellm_params: {model: openai/a, litellm_credential_name: mine, api_base: "http://two/v1"}
"""
    deployment = read(config, text).models[0].deployments[0]
    assert (deployment.api_key, deployment.base_url) == ("sk-shared", "http://two/v1")
    said = complaint(config, text.replace("litellm_credential_name: mine", "litellm_credential_name: yours"))
    assert said == "config.yaml:6: there is no credential 'yours' in credential_list"


def test_included_files(config: Path) -> None:
    (config.parent / "models.yaml").write_text(SMALL)
    settings = read(config, "include: [models.yaml]\nlitellm_settings: {num_retries: 2}\n")
    assert len(settings.models) == 2
    assert (settings.retries, settings.timeout, settings.master_key) == (2, 60, "sk-1234")


def test_default_fallbacks(config: Path) -> None:
    text = SMALL + "  default_fallbacks: [gpt-stream]\n  fallbacks: [{unlisted: [gpt-stream]}]\n"
    settings = read(config, text)
    assert [m.fallbacks for m in settings.models] == [["gpt-stream"], []]
    assert "fallbacks of 'unlisted' are not used: it is not in model_list" in settings.ignored


def test_a_fallback_that_is_not_served_stops_nobody(config: Path) -> None:
    """Nor does another name of it; one that is in no list is a mistake as ever."""
    elsewhere = "  - {model_name: bed, litellm_params: {model: bedrock/x}}\n"
    both = elsewhere.replace("bed,", "gpt-4o-mini,")
    fallbacks = "[{gpt-4o-mini: [bed, also, gpt-stream]}, {gpt-stream: [gpt-4o-mini, bed]}]"
    text = SMALL.replace("general_set", elsewhere + both + "general_set")
    text += f"router_settings: {{fallbacks: {fallbacks}, model_group_alias: {{also: bed}}}}\n"
    settings = read(config, text)
    assert [(m.name, m.fallbacks) for m in settings.models] == [
        ("gpt-4o-mini", ["gpt-stream"]),
        ("gpt-stream", ["gpt-4o-mini"]),
    ]
    for name in ("bed", "also"):
        assert f"'{name}' is not used as a fallback: no deployment of it is served" in settings.ignored
    Router(settings, {})
    with pytest.raises(SettingsError, match="its fallback 'bde' is not known"):
        Router(read(config, text.replace("[bed,", "[bde,")), {})


def test_disabled_cooldowns(config: Path) -> None:
    assert read(config, "router_settings: {disable_cooldowns: True, cooldown_time: 9}\n").cooldown == 0


def test_a_provider_that_is_not_served_stops_nobody(config: Path) -> None:
    text = SMALL + "router_settings: {}\n"
    text = text.replace(
        "model: openai/gpt-4o-mini\n      api_base: http://127.0.0.1:9902", "model: bedrock/x\n      api_base: http://b"
    )
    settings = read(config, text)
    assert [m.name for m in settings.models] == ["gpt-4o-mini"]
    assert "model 'gpt-stream' has a deployment at 'bedrock', which this gateway does not serve" in settings.ignored


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "api_base: http://127.0.0.1:9902",
            "api_bsae: x",
            "10: unknown key 'api_bsae' in model_list[1].litellm_params (did you mean 'api_base'?)",
        ),
        ("telemetry", "telemetri", "15: unknown key 'telemetri' in litellm_settings (did you mean 'telemetry'?)"),
        ("master_key", "maser_key", "13: unknown key 'maser_key' in general_settings (did you mean 'master_key'?)"),
        ("general_set", "genral_set", "12: unknown key 'genral_settings' (did you mean 'general_settings'?)"),
        ("sk-1234", "os.environ/M", "13: 'general_settings.master_key' needs the environment variable M, which is not"),
        ("model_name: gpt-s", "model: s", "7: unknown key 'model' in model_list[1] (did you mean 'model_name'?)"),
        ("timeout: 60", "timeout: soon", "16: 'litellm_settings.request_timeout' must be a number"),
        ("model: openai/gpt-4o-mini", "rpm: 1", "3: model_list[0].litellm_params needs 'model'"),
    ],
)
def test_complaints_name_key_and_line(config: Path, old: str, new: str, said: str) -> None:
    assert complaint(config, SMALL.replace(old, new, 1)).startswith(f"config.yaml:{said}")


def test_what_its_documentation_lists_is_accepted(config: Path) -> None:
    settings = read(
        config,
        """\
model_list: []
litellm_settings:
  success_callback: [langfuse]
  cache: true
  cache_params: {type: redis, host: localhost}
  drop_params: true
  json_logs: true
  context_window_fallbacks: [{a: [b]}]
router_settings:
  redis_host: localhost
  redis_password: x
  enable_pre_call_checks: true
  retry_policy: {TimeoutErrorRetries: 3}
general_settings:
  alerting: [slack]
  proxy_batch_write_at: 60
  database_connection_pool_limit: 10
  disable_spend_logs: true
guardrails: [{guardrail_name: x}]
callback_settings: {otel: {message_logging: false}}
""",
    )
    assert settings.models == []
    assert len(settings.ignored) == 15
    assert settings.unsupported == "drop"


def test_no_served_provider_is_listed_as_not_served() -> None:
    assert [name for name in litellm_keys.PROVIDERS if catalog.provider(name) is not None] == []


def test_families_of_names_let_no_name_of_ours_through() -> None:
    for names in (litellm_keys.PARAMS, litellm_keys.ROUTER, litellm_keys.LITELLM, litellm_keys.GENERAL):
        for ours in ("master_key", "num_retries_", "api_bsae", "cooldown_tiem"):
            assert not any(fnmatchcase(ours, name) for name in names)
