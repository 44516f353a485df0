"""Where the configuration comes from: command line, then environment, then file, then defaults."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sessionary.errors import SettingsError
from sessionary.settings import litellm
from sessionary.settings.document import Node, read
from sessionary.settings.tree import Deployment, Model, Price, Settings

_FROM_ENV = {
    "SESSIONARY_HOST": "host",
    "SESSIONARY_PORT": "port",
    "SESSIONARY_DATA_DIR": "data_dir",
    "SESSIONARY_DATABASE": "database",
    "SESSIONARY_MASTER_KEY": "master_key",
    "SESSIONARY_WORKERS": "workers",
    "SESSIONARY_LOG_LEVEL": "log_level",
}
_TEXTS = ("host", "log_level")
_SECRETS = ("database", "master_key")
_WHOLES = {"port": 0, "workers": 1, "retries": 0, "allowed_failures": 1, "max_body": 1}
_NUMBERS = ("retry_backoff", "timeout", "connect_timeout", "idle_timeout", "cooldown", "fsync_interval")
_LEVELS = ("debug", "info", "warning", "error")
_DEPLOYMENT = ("name", "model", "provider", "base_url", "api_key", "api_version", "weight", "timeout", "price")


def load(config: Path | None, environ: Mapping[str, str], **overrides: Any) -> Settings:
    """`overrides` are what the command line gives. Raises SettingsError naming the key, and the line in a file."""
    values: dict[str, Any] = {}
    if config is not None:
        root = read(config)
        values = litellm.settings(root, environ) if "model_list" in root.fields() else _own(root, environ)
    for variable, name in _FROM_ENV.items():
        if variable in environ and name not in overrides:
            values[name] = _from_env(variable, name, environ[variable])
    values |= overrides
    if "data_dir" in values:
        values["data_dir"] = Path(values["data_dir"])
    settings = Settings(**values)
    if settings.log_level not in _LEVELS:
        raise SettingsError(f"log_level must be one of {', '.join(_LEVELS)}")
    _fallbacks_exist(settings)
    return settings


def _from_env(variable: str, name: str, value: str) -> Any:
    if not value.strip():
        raise SettingsError(f"{variable} is set but empty")
    if name in _WHOLES:
        if not value.strip().isdigit() or int(value) < _WHOLES[name]:
            raise SettingsError(f"{variable} must be a whole number of at least {_WHOLES[name]}")
        return int(value)
    return value.strip()


def _own(root: Node, environ: Mapping[str, str]) -> dict[str, Any]:
    names = [f for f in Settings.__struct_fields__ if f != "ignored"]
    values: dict[str, Any] = {}
    for name, node in root.known_fields(names).items():
        if name == "models":
            values[name] = [_model(item, environ) for item in node.items()]
        elif name in _SECRETS:
            values[name] = node.secret(environ)
        elif name in _WHOLES:
            values[name] = node.whole(least=_WHOLES[name])
        elif name in _NUMBERS:
            values[name] = node.number()
        else:
            values[name] = node.text()
    return values


def _model(node: Node, environ: Mapping[str, str]) -> Model:
    """`{name, deployments: […], fallbacks, price}`, or with one deployment's keys in place of the list."""
    fields = node.known_fields(["deployments", "fallbacks", *_DEPLOYMENT])
    if "name" not in fields:
        raise node.fail(f"'{node.path}' needs a name")
    if "deployments" in fields:
        alone = [k for k in fields if k in _DEPLOYMENT and k not in ("name", "price")]
        if alone:
            raise fields[alone[0]].fail(f"'{fields[alone[0]].path}' belongs into a deployment of the list")
        price = _price(fields["price"]) if "price" in fields else None
        deployments = [_deployment(item, environ, price) for item in fields["deployments"].items()]
        if not deployments:
            raise fields["deployments"].fail(f"'{node.path}' needs a deployment")
    else:
        deployments = [msgspec.structs.replace(_deployment(node, environ, None, extra=("fallbacks",)), name="")]
    fallbacks = [item.text() for item in fields["fallbacks"].items()] if "fallbacks" in fields else []
    return Model(fields["name"].text(), deployments, fallbacks)


def _deployment(
    node: Node, environ: Mapping[str, str], price: Price | None, extra: tuple[str, ...] = ()
) -> Deployment:
    fields = node.known_fields([*_DEPLOYMENT, *extra])
    if "model" not in fields:
        raise node.fail(f"'{node.path}' needs a model, as provider/model")
    provider, model = _provider(fields)
    if "price" in fields:
        price = _price(fields["price"])

    def optional(name: str, read: Callable[[Node], Any]) -> Any:
        return read(fields[name]) if name in fields else None

    return Deployment(
        provider=provider,
        model=model,
        name=optional("name", Node.text) or "",
        base_url=optional("base_url", lambda n: n.secret(environ)),
        api_key=optional("api_key", lambda n: n.secret(environ)),
        api_version=optional("api_version", Node.text),
        weight=fields["weight"].number() if "weight" in fields else 1.0,
        timeout=optional("timeout", Node.number),
        price=price,
    )


def _provider(fields: Mapping[str, Node]) -> tuple[str, str]:
    model = fields["model"].text()
    if "provider" in fields:
        return fields["provider"].text(), model
    prefix, slash, rest = model.partition("/")
    if slash and rest:
        return prefix, rest
    if "base_url" in fields:
        return "openai-compatible", model
    raise fields["model"].fail(f"'{fields['model'].path}' must say its provider: provider/model")


def _price(node: Node) -> Price:
    fields = node.known_fields(Price.__struct_fields__)
    if not {"input", "output"} <= fields.keys():
        raise node.fail(f"'{node.path}' needs input and output, in USD per million tokens")
    return Price(**{name: field.number() for name, field in fields.items()})


def _fallbacks_exist(settings: Settings) -> None:
    names = {m.name for m in settings.models}
    for model in settings.models:
        for fallback in model.fallbacks:
            if fallback not in names and "/" not in fallback:
                raise SettingsError(f"models: the fallback '{fallback}' of '{model.name}' is not a model of the list")
