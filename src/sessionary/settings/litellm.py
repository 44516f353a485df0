"""A LiteLLM `config.yaml`, read as it is.

What means something here is taken; what LiteLLM documents and means nothing here is accepted and named at
start-up (`Settings.ignored`); what neither knows is an error that names the key and the line.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from sessionary.settings import litellm_keys as keys
from sessionary.settings.document import Node, read
from sessionary.settings.tree import Deployment, Model, Price

_SECTIONS = ("model_list", "router_settings", "litellm_settings", "general_settings")
_READ = (*_SECTIONS, "environment_variables", "credential_list", "include")
_RELIABILITY = (
    "num_retries", "timeout", "request_timeout", "fallbacks", "default_fallbacks", "allowed_fails", "cooldown_time",
    "disable_cooldowns", "drop_params",
)  # fmt: skip
_PARAMS = (
    "model", "custom_llm_provider", "api_base", "base_url", "api_key", "api_version", "weight", "timeout",
    "litellm_credential_name",
)  # fmt: skip
_PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
}
"""Ours, in USD per million tokens -> LiteLLM's, in USD per token."""


def is_one(root: Node) -> bool:
    return bool({*_SECTIONS, "include"} & root.fields().keys())


def settings(root: Node, environ: Mapping[str, str]) -> dict[str, Any]:
    """The values of `Settings` that the file gives."""
    file = _File(root, environ)
    values = file.reliability()
    general = file.section("general_settings", ("master_key", "database_url"), keys.GENERAL)
    for name, key in (("master_key", "master_key"), ("database", "database_url")):
        if key in general:
            values[name] = general[key].text()
    values["models"] = file.models()
    values["environment"] = file.environment
    values["ignored"] = sorted(file.ignored)
    return values


def split(model: str, *, is_elsewhere: bool) -> tuple[str, str]:
    """`provider/model` -> both; a bare name's provider is told by the name, or by its having a URL of its own."""
    provider, slash, rest = model.partition("/")
    if slash and provider and rest:
        return provider, rest
    return "openai-compatible" if is_elsewhere else "", model


class _File:
    """The file with those it includes: lists one after the other, in everything else the last word counts."""

    def __init__(self, root: Node, environ: Mapping[str, str]) -> None:
        self.ignored: set[str] = set()
        self._lists: dict[str, list[Node]] = {"model_list": [], "credential_list": []}
        self._maps: dict[str, list[Node]] = {}
        included = [item.text() for node in [root.fields().get("include")] if node for item in node.items()]
        roots = [root, *(read(Path(root.file).parent / name, environ) for name in included)]
        self.environment: dict[str, str] = {}
        for each in roots:
            variables = each.fields().get("environment_variables")
            self.environment |= {n: value.text() for n, value in variables.fields().items()} if variables else {}
        for each in roots:
            self._take(each.using({**environ, **self.environment}))
        self._unserved: set[str] = set()
        """Of the list, names whose deployments are all where this gateway has no provider."""
        self._fallbacks: dict[str, list[str]] = {}
        self._aliases: dict[str, str] = {}

    def _take(self, root: Node) -> None:
        for name, node in root.known_fields([*_READ, *keys.SECTIONS]).items():
            if name in self._lists:
                self._lists[name] += node.items()
            elif name in _SECTIONS:
                self._maps.setdefault(name, []).append(node)
            elif name in keys.SECTIONS:
                self._ignore(name)

    def section(self, name: str, known: Iterable[str], other: tuple[str, ...]) -> dict[str, Node]:
        """The fields among `known`; raises for one that is not among `other` either."""
        found: dict[str, Node] = {}
        for node in self._maps.get(name, []):
            found |= self._sorted_out(node, name, (*known,), other)
        return found

    def reliability(self) -> dict[str, Any]:
        """Retries, timeouts and cooldown; keeps fallbacks and aliases for `models`."""
        own = self.section("litellm_settings", _RELIABILITY, keys.LITELLM)
        own |= self.section("router_settings", (*_RELIABILITY, "model_group_alias"), keys.ROUTER)
        values: dict[str, Any] = {}
        if "num_retries" in own:
            values["retries"] = own["num_retries"].whole()
        for name in ("request_timeout", "timeout"):
            if name in own:
                values["timeout"] = own[name].number(least=0.001)
        if "allowed_fails" in own:
            values["allowed_failures"] = own["allowed_fails"].whole() + 1  # LiteLLM's cooldown begins above it
        if "cooldown_time" in own:
            values["cooldown"] = own["cooldown_time"].number()
        if "disable_cooldowns" in own and own["disable_cooldowns"].text().lower() == "true":
            values["cooldown"] = 0.0
        if "drop_params" in own and own["drop_params"].text().lower() == "true":
            values["unsupported"] = "drop"
        if "default_fallbacks" in own:
            self._fallbacks["*"] = own["default_fallbacks"].texts()
        for item in own["fallbacks"].items() if "fallbacks" in own else []:
            self._fallbacks |= {name: targets.texts() for name, targets in item.fields().items()}
        for name, node in own["model_group_alias"].fields().items() if "model_group_alias" in own else []:
            self._aliases[name] = node.fields()["model"].text() if node.is_mapping else node.text()
        return values

    def models(self) -> list[Model]:
        found: dict[str, Model] = {}
        credentials = self._credentials()
        for node in self._lists["model_list"]:
            model = self._model(node, credentials)
            if model is None:
                self._unserved.add(node.fields()["model_name"].text())
                continue
            if model.name in found:
                both = [*found[model.name].deployments, *model.deployments]
                model = msgspec.structs.replace(found[model.name], deployments=both)
            found[model.name] = model
        for alias, name in self._aliases.items():
            if name in self._unserved:
                self._unserved.add(alias)
            if name in found:
                found[alias] = msgspec.structs.replace(found[name], name=alias)
        for name in self._fallbacks.keys() - found.keys() - {"*"}:
            self.ignored.add(f"fallbacks of '{name}' are not used: it is not in model_list")
        self._unserved -= found.keys()
        return [self._with_fallbacks(model) for model in found.values()]

    def _with_fallbacks(self, model: Model) -> Model:
        names = self._fallbacks.get(model.name, self._fallbacks.get("*", []))
        for name in self._unserved.intersection(names):
            self.ignored.add(f"'{name}' is not used as a fallback: no deployment of it is served")
        kept = [name for name in names if name != model.name and name not in self._unserved]
        return msgspec.structs.replace(model, fallbacks=kept)

    def _credentials(self) -> dict[str, dict[str, Node]]:
        found = {}
        for node in self._lists["credential_list"]:
            fields = node.known_fields(["credential_name", "credential_values", "credential_info"])
            _need(node, fields, "credential_name", "credential_values")
            found[fields["credential_name"].text()] = fields["credential_values"].fields()
        return found

    def _model(self, node: Node, credentials: Mapping[str, dict[str, Node]]) -> Model | None:
        """None for a provider that LiteLLM knows and this gateway does not."""
        fields = node.known_fields(["model_name", "litellm_params", *keys.ENTRY])
        _need(node, fields, "model_name", "litellm_params")
        name = fields["model_name"].text()
        known = (*_PARAMS, *_PRICES.values())
        params = self._sorted_out(fields["litellm_params"], "litellm_params", known, keys.PARAMS)
        _need(fields["litellm_params"], params, "model")
        if "litellm_credential_name" in params:
            credential = params["litellm_credential_name"]
            if credential.text() not in credentials:
                raise credential.fail(f"there is no credential '{credential.text()}' in credential_list")
            params = {**credentials[credential.text()], **params}
        base = params.get("api_base") or params.get("base_url")
        model = params["model"].text()
        if "custom_llm_provider" in params:
            provider = params["custom_llm_provider"].text()
            model = model.removeprefix(f"{provider}/")
        else:
            provider, model = split(model, is_elsewhere=base is not None)
        if provider in keys.PROVIDERS:
            self.ignored.add(f"model '{name}' has a deployment at '{provider}', which this gateway does not serve")
            return None
        deployment = Deployment(
            provider=provider,
            model=model,
            name="" if provider else model,
            base_url=base.text() if base else None,
            api_key=params["api_key"].text() if "api_key" in params else None,
            api_version=params["api_version"].text() if "api_version" in params else None,
            weight=params["weight"].number() if "weight" in params else 1.0,
            timeout=params["timeout"].number(least=0.001) if "timeout" in params else None,
            price=_price({**(fields["model_info"].fields() if "model_info" in fields else {}), **params}),
            place=params["model"].place,
        )
        return Model(name, [deployment], place=node.place)

    def _sorted_out(self, node: Node, name: str, known: tuple[str, ...], other: tuple[str, ...]) -> dict[str, Node]:
        fields = node.fields()
        for key, field in fields.items():
            if key in known:
                continue
            if not any(fnmatchcase(key, pattern) for pattern in other):
                raise field.unknown(sorted({*known, *other}))
            self._ignore(f"{name}.{key}")
        return {key: field for key, field in fields.items() if key in known}

    def _ignore(self, key: str) -> None:
        self.ignored.add(f"'{key}' means nothing here")


def _need(node: Node, fields: Mapping[str, Node], *names: str) -> None:
    for name in names:
        if name not in fields:
            raise node.fail(f"{node.path} needs '{name}'")


def _price(fields: Mapping[str, Node]) -> Price | None:
    if not {_PRICES["input"], _PRICES["output"]} <= fields.keys():
        return None
    return Price(**{ours: fields[its].number() * 1e6 for ours, its in _PRICES.items() if its in fields})
