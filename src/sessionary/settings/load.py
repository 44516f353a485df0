"""Where the configuration comes from: command line, then environment, then file, then defaults.

What only the provider catalogue can judge (is there such a provider?) the router checks, by `place`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast, get_args
from urllib.parse import urlsplit

from sessionary.errors import SettingsError
from sessionary.settings import litellm
from sessionary.settings.document import Node, read, variable
from sessionary.settings.litellm import split
from sessionary.settings.tree import Deployment, Format, Limits, Model, Price, Redaction, Settings

PREFIX = "SESSIONARY_"
_DEFAULTS = dict(zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True))
OPTIONS = tuple(name for name in _DEFAULTS if name not in ("ignored", "environment"))
"""What a file may set; all but `_STRUCTURED` also by an environment variable."""
_STRUCTURED = ("models", "redact", "limits")
_LEAST = {"workers": 1, "allowed_failures": 1, "max_body": 1, "max_answer": 1, "streams": 1, "memory": 1}
_OR_NONE = {"retention": 0.001, "retention_contents": 0.001}
_BYTES_OR_NONE = ("retention_size", "spool_size")
_CHOICES = {"unsupported": ("refuse", "drop"), "on_spool_full": ("serve", "reject")}
_MORE_THAN_NOTHING = ("timeout", "connect_timeout", "idle_timeout", "client_timeout", "request_timeout")
_LEVELS = ("debug", "info", "warning", "error")
_DEPLOYMENT = tuple(name for name in Deployment.__struct_fields__ if name != "place")


_FLAGS = ("true", "false")


def load(config: Path | None, environ: Mapping[str, str], **overrides: Any) -> Settings:
    """`overrides` are what the command line gives, None being nothing. Raises SettingsError naming key and line."""
    values: dict[str, Any] = {}
    if config is not None:
        root = read(config, environ)
        values = litellm.settings(root, environ) if litellm.is_one(root) else _own(root)
    given = {name: value for name, value in overrides.items() if value is not None}
    for name in OPTIONS:
        if PREFIX + name.upper() in environ and name not in _STRUCTURED and name not in given:
            values[name] = _option(name, variable(PREFIX + name.upper(), environ))
    values |= given
    if "data_dir" in values:
        values["data_dir"] = Path(values["data_dir"]).expanduser()
    settings = Settings(**values)
    if settings.database_replica is not None and not settings.database_url.startswith(("postgresql://", "postgres://")):
        raise SettingsError("database_replica is for PostgreSQL: set database to postgresql://…, which it follows")
    return settings


def _own(root: Node) -> dict[str, Any]:
    fields = root.known_fields(OPTIONS)
    values = {name: _option(name, node) for name, node in fields.items() if name not in _STRUCTURED}
    if "models" in fields:
        values["models"] = _models(fields["models"].items())
    if "redact" in fields:
        values["redact"] = [_redaction(node) for node in fields["redact"].items()]
    if "limits" in fields:
        values["limits"] = _limits(fields["limits"])
    return values


def _option(name: str, node: Node) -> Any:
    if name == "port":
        return node.whole(most=65535)
    if name == "log_level":
        return node.choice(_LEVELS)
    if name == "traces":
        return _address(node)
    if name in _CHOICES:
        return node.choice(_CHOICES[name])
    if name in _OR_NONE:
        return node.number(least=_OR_NONE[name])
    if name in _BYTES_OR_NONE:
        return node.whole(least=1)
    match _DEFAULTS[name]:
        case bool():
            return node.choice(_FLAGS) == "true"
        case int():
            return node.whole(least=_LEAST.get(name, 0))
        case float():
            return node.number(least=0.001 if name in _MORE_THAN_NOTHING else 0)
        case _:
            return node.text()


def is_address(text: str) -> bool:
    """Whether it is one of HTTP."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _address(node: Node) -> str:
    if not is_address(value := node.text()):
        raise node.fail(f"'{node.path}' must be an address as http://collector:4318/v1/traces")
    return value


def _models(nodes: Iterable[Node]) -> list[Model]:
    models: dict[str, Model] = {}
    for node in nodes:
        model = _model(node)
        if model.name in models:
            raise node.fail(f"the model '{model.name}' is there already, at {models[model.name].place}")
        models[model.name] = model
    return list(models.values())


def _model(node: Node) -> Model:
    """`{name, deployments: […], fallbacks, price}`, or with one deployment's options in place of the list."""
    fields = node.known_fields(["deployments", "fallbacks", *_DEPLOYMENT])
    if "name" not in fields:
        raise node.fail(f"{node.path} needs a 'name'")
    name = fields["name"].text()
    price = _price(fields["price"]) if "price" in fields else None
    if "deployments" in fields:
        for key in fields.keys() - {"name", "price", "deployments", "fallbacks"}:
            raise fields[key].fail(f"'{fields[key].path}' belongs into one of the deployments")
        below = [(item, item.known_fields(_DEPLOYMENT)) for item in fields["deployments"].items()]
        deployments = [_deployment(item, its, price) for item, its in below]
    else:
        own = {key: field for key, field in fields.items() if key not in ("name", "fallbacks")}
        deployments = [_deployment(node, own, price)]
    if not deployments:
        raise node.fail(f"{node.path} needs a deployment")
    fallbacks = fields["fallbacks"].texts() if "fallbacks" in fields else []
    return Model(name, deployments, fallbacks, node.place)


def _deployment(node: Node, fields: Mapping[str, Node], price: Price | None) -> Deployment:
    if "model" not in fields:
        raise node.fail(f"{node.path} needs a 'model', as provider/model")
    model = fields["model"].text()
    if "provider" in fields:
        provider = fields["provider"].text()
    else:
        provider, model = split(model, is_elsewhere="base_url" in fields)
    texts = {key: fields[key].text() for key in ("name", "base_url", "api_key", "api_version") if key in fields}
    if not provider:
        texts.setdefault("name", model)
    return Deployment(
        provider=provider,
        model=model,
        weight=fields["weight"].number() if "weight" in fields else 1.0,
        formats=tuple(map(_format, fields["formats"].items())) if "formats" in fields else (),
        timeout=fields["timeout"].number(least=0.001) if "timeout" in fields else None,
        price=_price(fields["price"]) if "price" in fields else price,
        place=node.place,
        **texts,
    )


def _redaction(node: Node) -> Redaction:
    fields = node.known_fields(name for name in Redaction.__struct_fields__ if name != "place")
    if "name" not in fields or not {"pattern", "field"} & fields.keys():
        raise node.fail(f"'{node.path}' needs a 'name', and a 'pattern' or a 'field'")
    texts = {key: fields[key].text() for key in ("name", "pattern", "field") if key in fields}
    projects = fields["projects"].texts() if "projects" in fields else []
    return Redaction(**texts, projects=projects, place=node.place)


def _limits(node: Node) -> Limits:
    values: dict[str, Any] = {}
    for name, field in node.known_fields(Limits.__struct_fields__).items():
        if name == "budget_period":
            values[name] = field.choice(("day", "month", "total"))
        elif name in ("budget", "session_cost"):
            values[name] = field.number()
        else:
            values[name] = field.whole(least=1)
    return Limits(**values)


def _price(node: Node) -> Price:
    fields = node.known_fields(Price.__struct_fields__)
    if not {"input", "output"} <= fields.keys():
        raise node.fail(f"'{node.path}' needs input and output, in USD per million tokens")
    return Price(**{name: field.number() for name, field in fields.items()})


def _format(node: Node) -> Format:
    value = node.text()
    if value not in get_args(Format):
        raise node.fail(f"{node.path} must be one of {', '.join(get_args(Format))}")
    return cast(Format, value)
