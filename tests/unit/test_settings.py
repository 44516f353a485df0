"""Configuration of our own format, the environment and the command line: sessionary.settings.load."""

from pathlib import Path

import pytest

from sessionary.errors import SettingsError
from sessionary.settings import Deployment, Limits, Price, Settings
from sessionary.settings.load import OPTIONS, load

FULL = """\
host: 0.0.0.0
port: 4100
retries: 2
cooldown: 1.5
database: env:DB
models:
  - name: fast
    fallbacks: [slow]
    price: {input: 1, output: 2}
    deployments:
      - {model: openai/gpt-4o-mini, api_key: os.environ/KEY, weight: 3}
      - model: azure/mini
        base_url: https://a.openai.azure.com
        api_key: sk-azure
        api_version: "2024-10-21"
        timeout: 20
        price: {input: 3, output: 4, cached: 0.5}
  - name: slow
    model: qwen2
    base_url: http://127.0.0.1:9000
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def complaint(config: Path, text: str, environ: dict[str, str] | None = None) -> str:
    """What is said about a file of `text`, without its folder."""
    config.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(config, environ or {})
    return caught.value.message.replace(f"{config.parent}/", "")


def test_nothing_is_needed() -> None:
    assert load(None, {}) == Settings()


def test_an_empty_file_is_nothing(config: Path) -> None:
    config.write_text("# nothing yet\n")
    assert load(config, {}) == Settings()


def test_a_whole_file(config: Path) -> None:
    config.write_text(FULL)
    settings = load(config, {"KEY": "sk-1", "DB": "postgresql://db/x"})
    assert (settings.host, settings.port, settings.retries, settings.cooldown) == ("0.0.0.0", 4100, 2, 1.5)
    assert settings.database_url == "postgresql://db/x"
    fast, slow = settings.models
    assert fast.fallbacks == ["slow"]
    openai, azure = fast.deployments
    assert (openai.provider, openai.model, openai.api_key, openai.weight) == ("openai", "gpt-4o-mini", "sk-1", 3)
    assert openai.price == Price(1, 2)
    assert azure.price == Price(3, 4, cached=0.5)
    assert (azure.api_version, azure.timeout) == ("2024-10-21", 20)
    assert (slow.deployments[0].provider, slow.deployments[0].model) == ("openai-compatible", "qwen2")
    assert azure.place == f"{config}:12"


def test_command_line_before_environment_before_file(config: Path) -> None:
    config.write_text("port: 1\nworkers: 1\nretries: 1\n")
    environ = {"SESSIONARY_PORT": "2", "SESSIONARY_WORKERS": "2", "SESSIONARY_RETRY_BACKOFF": "0.1"}
    settings = load(config, environ, port=3, host=None)
    assert (settings.port, settings.workers, settings.retries) == (3, 2, 1)
    assert settings.retry_backoff == 0.1
    assert settings.host == "127.0.0.1"


def test_every_option_but_lists_and_mappings_has_a_variable() -> None:
    for name in OPTIONS:
        if name not in ("models", "redact", "limits"):
            with pytest.raises(SettingsError, match=f"SESSIONARY_{name.upper()}' is empty"):
                load(None, {f"SESSIONARY_{name.upper()}": " "})


@pytest.mark.parametrize("name", ["port", "workers", "retries", "max_body"])
@pytest.mark.parametrize("value", ["-1", "x", "1.5", ".nan"])
def test_numbers_from_the_environment_are_checked(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"environment: 'SESSIONARY_{name.upper()}' must be a"):
        load(None, {f"SESSIONARY_{name.upper()}": value})


def test_the_same_key_deep_down_is_named_with_its_line(config: Path) -> None:
    text = FULL.replace("timeout: 20", "tiemout: 20")
    said = complaint(config, text, {"KEY": "x", "DB": "y"})
    assert said == "config.yaml:16: unknown key 'tiemout' in models[0].deployments[1] (did you mean 'timeout'?)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot: 1\n", "config.yaml:1: unknown key 'prot' (did you mean 'port'?)"),
        ("\nignored: [x]\n", "config.yaml:2: unknown key 'ignored'"),
        ("port: 1\nport: 2\n", "config.yaml:2: 'port' is given twice"),
        ("port: many\n", "config.yaml:1: 'port' must be a number of at least 0"),
        ("port: 65536\n", "config.yaml:1: 'port' must be a whole number from 0 to 65535"),
        ("timeout: .inf\n", "config.yaml:1: 'timeout' must be a number"),
        ("timeout: 0\n", "config.yaml:1: 'timeout' must be a number of at least 0.001"),
        ("retention: 0\n", "config.yaml:1: 'retention' must be a number of at least 0.001"),
        ("log_level: loud\n", "config.yaml:1: 'log_level' must be one of debug, info, warning, error"),
        ("host: [a]\n", "config.yaml:1: 'host' must be a text"),
        ("- port\n", "config.yaml: the file must be a mapping of keys"),
        ("models: {}\n", "config.yaml:1: 'models' must be a list"),
        ("models:\n  - model: openai/x\n", "config.yaml:2: models[0] needs a 'name'"),
        ("models:\n  - name: a\n", "config.yaml:2: models[0] needs a 'model'"),
        ("models:\n  - {name: a, deployments: []}\n", "config.yaml:2: models[0] needs a deployment"),
        (
            "models:\n  - name: a\n    api_key: k\n    deployments: [{model: openai/x}]\n",
            "config.yaml:3: 'models[0].api_key' belongs into one of the deployments",
        ),
        (
            "models:\n  - {name: a, model: openai/x}\n  - {name: a, model: openai/y}\n",
            "config.yaml:3: the model 'a' is there already",
        ),
        (
            "models:\n  - {name: a, model: openai/x, price: {input: 1}}\n",
            "config.yaml:2: 'models[0].price' needs input and output",
        ),
        ("port: [\n", "config.yaml:2: not valid YAML"),
    ],
)
def test_complaints_name_key_and_line(config: Path, text: str, said: str) -> None:
    assert complaint(config, text).startswith(said)


def test_a_file_that_is_not_there(config: Path) -> None:
    with pytest.raises(SettingsError, match=r"config\.yaml: No such file"):
        load(config, {})


@pytest.mark.parametrize("reference", ["os.environ/KEY", "env:KEY"])
@pytest.mark.parametrize("environ", [{}, {"KEY": ""}, {"KEY": "  "}])
def test_a_missing_secret_names_variable_and_line(config: Path, reference: str, environ: dict[str, str]) -> None:
    said = complaint(config, f"\nmaster_key: {reference}\n", environ)
    assert said == "config.yaml:2: 'master_key' needs the environment variable KEY, which is not set or empty"


@pytest.mark.parametrize("nothing", ["", "''", '"  "'])
def test_an_empty_secret_is_an_error(config: Path, nothing: str) -> None:
    assert complaint(config, f"master_key: {nothing}\n") == "config.yaml:1: 'master_key' is empty"


def test_null_is_the_default(config: Path) -> None:
    config.write_text("master_key: null\nport: ~\nmodels:\n")
    assert load(config, {}) == Settings()


def test_a_secret_of_two_lines_is_refused_and_not_shown(config: Path) -> None:
    said = complaint(config, 'master_key: "sk-secret\\nx-evil: 1"\n')
    assert said == "config.yaml:1: 'master_key' must be one line of text"


def test_secrets_are_in_no_repr(config: Path) -> None:
    config.write_text("master_key: sk-master\nmodels: [{name: a, model: openai/x, api_key: sk-secret}]\n")
    assert "sk-" not in repr(load(config, {}))
    assert "sk-" not in repr(load(config, {}).models)


def test_anchors_and_merges(config: Path) -> None:
    config.write_text(
        "models:\n"
        "  - name: a\n"
        "    deployments:\n"
        "      - &base {model: openai/x, api_key: sk-1, weight: 2}\n"
        "      - {<<: *base, weight: 5}\n"
    )
    one, two = load(config, {}).models[0].deployments
    assert (one.weight, two.weight, two.api_key) == (2, 5, "sk-1")


def test_a_bare_name_is_left_to_the_router(config: Path) -> None:
    config.write_text("models: [{name: a, model: gpt-4o}]\n")
    expected = Deployment("", "gpt-4o", name="gpt-4o", place=f"{config}:1")
    assert load(config, {}).models[0].deployments == [expected]


def test_data_dir_of_the_home_folder(config: Path) -> None:
    config.write_text("data_dir: ~/kept\n")
    assert load(config, {}).data_dir == Path.home() / "kept"


def test_limits_and_what_is_redacted_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "limits: {calls_per_minute: 60, budget: 12.5, budget_period: day}\n"
        "redact:\n"
        "  - {name: email, pattern: '[a-z]+@[a-z.]+'}\n"
        "  - {name: user, field: metadata.user_id, projects: [shop]}\n"
    )
    found = load(file, {})
    assert found.limits == Limits(calls_per_minute=60, budget=12.5, budget_period="day")
    assert [(r.name, r.pattern, r.field, r.projects) for r in found.redact] == [
        ("email", "[a-z]+@[a-z.]+", "", []),
        ("user", "", "metadata.user_id", ["shop"]),
    ]
    assert found.redact[1].place.endswith("config.yaml:4")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limits: {calls_per_minute: 0}", "config.yaml:1: 'limits.calls_per_minute' must be a number of at least 1"),
        ("limits: {budget_period: year}", "must be one of day, month, total"),
        ("limits: {calls: 3}", "unknown key 'calls' in limits"),
        ("redact:\n  - {name: x}", "config.yaml:2: 'redact\\[0\\]' needs a 'name', and a 'pattern' or a 'field'"),
        ("on_spool_full: wait", "'on_spool_full' must be one of serve, reject"),
        ("spool_size: 0", "'spool_size' must be a number of at least 1"),
    ],
)
def test_limits_and_redactions_that_cannot_be_meant_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(SettingsError, match=said):
        load(tmp_path / "config.yaml", {})
