"""From a model's name to the deployments that can serve it, in the order to try them.

A name is looked for among the configured models, then their patterns, then what the environment gives: by prefix,
by the providers' usual names, and at last at the one local server there is. With nothing configured at all the
demo provider answers. A key from the environment goes only to the address that the environment, or the
catalogue, gives for it.
"""

import difflib
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from urllib.parse import quote, urlsplit

import msgspec

from sessionary.errors import ModelNotFound, SettingsError
from sessionary.providers import catalog
from sessionary.providers.catalog import CATALOG, Provider
from sessionary.settings import Deployment, Model, Price, Settings
from sessionary.settings.tree import Format

AZURE_VERSION = "2024-10-21"
_PROXY_PREFIX = "litellm_proxy/"
_MOST_NAMES = 1024
"""Whose targets are kept: patterns let names of the clients' choosing through."""
LONGEST_NAME = 256
"""Of a model, in characters, for what is kept by it; any other is looked up each time."""
_WELL_KNOWN = ("gpt-4o-mini", "claude-haiku-4-5", "gemini-2.5-flash")
_NO_NAMES = ("", ".", "..")
"""In a path they would lead elsewhere."""
_OTHERS = "; any other OpenAI-compatible server: openai-compatible/MODEL with its base URL"


class Target(msgspec.Struct, frozen=True, dict=True, cache_hash=True):
    """One deployment, ready to be called. Its credential is bound to its base URL and shows in no repr. What is worked
    out of it may be kept by it: calls get the same one again and again."""

    deployment: Deployment
    provider: Provider
    origin: Deployment | None = None
    """What it was made of: failures are counted for that, not for each name that a pattern lets through."""
    drops: bool = False
    """Whether it is asked without what it cannot do, rather than not at all."""

    @property
    def label(self) -> str:
        d = self.deployment
        return d.name or f"{d.provider}/{d.model}"

    @property
    def price(self) -> Price | None:
        return self.deployment.price

    @cached_property
    def model_json(self) -> bytes:
        """The model's name as the provider is told it."""
        return msgspec.json.encode(self.deployment.model)

    @cached_property
    def speaks(self) -> tuple[Format, ...]:
        """The wire formats of the deployment. Elsewhere than at its home, OpenAI's name stands for its chat format."""
        if self.deployment.formats:
            return tuple(self.deployment.formats)
        if self.provider.name == "openai" and self.deployment.base_url is not None:
            home = catalog.base_url(self.provider, None)
            return (
                self.provider.speaks if catalog.base_url(self.provider, self.deployment.base_url) == home else ("chat",)
            )
        return self.provider.speaks

    def url(self, endpoint: str) -> str:
        """`endpoint` is the path below the base URL: `chat/completions`, `responses`, `messages`, …"""
        d = self.deployment
        base = catalog.base_url(self.provider, d.base_url) or ""
        if self.provider.style != "azure" or base.endswith("/v1"):
            return f"{base}/{endpoint}"
        version = quote(d.api_version or AZURE_VERSION, safe="")
        if base.endswith("/models"):  # Azure AI Foundry: the model is in the body
            return f"{base}/{endpoint}?api-version={version}"
        return f"{base}/openai/deployments/{quote(d.model, safe='')}/{endpoint}?api-version={version}"

    def headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        key = self.deployment.api_key
        if key and self.provider.auth == "bearer":
            headers["authorization"] = f"Bearer {key}"
        elif key and self.provider.auth != "none":
            headers[self.provider.auth] = key
        return headers

    def __repr__(self) -> str:
        return f"Target({self.label})"


class Router:
    """Chooses deployments. Keeps, for its process, which of them failed lately."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        rng: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises SettingsError, by place, for what cannot work: an unknown provider, address or fallback."""
        environ = {**environ, **settings.environment}
        self._settings = settings
        self._random = rng
        self._clock = clock
        self._failures: dict[Deployment, int] = {}
        self._rests_until: dict[Deployment, float] = {}
        self._environ = {row.name: _from_environ(row, environ) for row in CATALOG.values()}
        self._usable = [name for name, d in self._environ.items() if name != "demo" and _is_usable(CATALOG[name], d)]
        self._named = {m.name: m for m in settings.models if "*" not in m.name}
        patterns = [(_pattern(m.name), m) for m in settings.models if "*" in m.name]
        self._patterns = sorted(patterns, key=lambda pair: -len(pair[1].name))
        self._drops = settings.unsupported == "drop"
        self._known: dict[str, list[list[Target]]] = {}
        """Targets of names, those together that weights choose between."""
        self.is_demo = not settings.models and not self._usable
        self._check()

    def resolve(self, model: str) -> list[Target]:
        """Targets in the order to try them, at least one. Raises ModelNotFound."""
        name = model if model in self._named else model.removeprefix(_PROXY_PREFIX)
        groups = self._known.get(name) or self._look_up(name)
        targets = [target for group in groups for target in self._by_weight(group)]
        if not self._rests_until:
            return targets
        # A deployment that keeps failing comes last: better a poor chance than none.
        now = self._clock()
        return sorted(targets, key=lambda t: self._rests_until.get(t.origin or t.deployment, 0.0) > now)

    def models(self) -> list[str]:
        """The names that can be listed: those of the configuration; any other that routes works as well."""
        return sorted(self._named) or (["demo"] if self.is_demo else [])

    def example(self) -> str | None:
        """A name that works: the first of the configuration that does, else a well-known one."""
        for name in (*self._named, *_WELL_KNOWN):
            if any(self._groups(name, set())):
                return name
        return None

    def deployments(self, name: str) -> list[tuple[Deployment, Target | None]]:
        """What serves a model, in the configuration's order; None: its provider is not configured. Of a name that the
        configuration has not: what the environment gives. Fallbacks are not followed."""
        model, parts = self._configured(name)
        if model is not None:
            return [(d, self._target(d, name, parts)) for d in model.deployments]
        return [(t.deployment, t) for t in self._by_environ(name)]

    def configured_as(self, name: str) -> str | None:
        """The name, or the pattern, under which the configuration has a model that is asked for so."""
        model, _ = self._configured(name if name in self._named else name.removeprefix(_PROXY_PREFIX))
        return None if model is None else model.name

    def by_environ(self) -> list[str]:
        """Titles of the providers that the environment gives."""
        return [CATALOG[name].title for name in self._usable]

    def cooling(self, target: Target) -> float:
        """Seconds for which it is still left alone, as this process knows; 0 where it is not."""
        return max(0.0, self._rests_until.get(target.origin or target.deployment, 0.0) - self._clock())

    def provider_names(self) -> list[str]:
        configured = (catalog.provider(d.provider) for m in self._settings.models for d in m.deployments)
        return sorted({row.name for row in configured if row} | set(self._usable)) or ["demo"]

    def failed(self, target: Target) -> None:
        key = target.origin or target.deployment
        self._failures[key] = self._failures.get(key, 0) + 1
        if self._failures[key] >= self._settings.allowed_failures:
            self._rests_until[key] = self._clock() + self._settings.cooldown

    def succeeded(self, target: Target) -> None:
        if not self._failures:
            return
        key = target.origin or target.deployment
        self._failures.pop(key, None)
        self._rests_until.pop(key, None)

    def _look_up(self, name: str) -> list[list[Target]]:
        named = [[t for t in group if t.deployment.model not in _NO_NAMES] for group in self._groups(name, set())]
        groups = [group for group in named if group]
        if not groups:
            raise ModelNotFound(self._why_not(name))
        if len(name) <= LONGEST_NAME:
            if len(self._known) >= _MOST_NAMES:
                self._known.clear()
            self._known[name] = groups
        return groups

    def _groups(self, name: str, seen: set[str]) -> Iterator[list[Target]]:
        if name in seen:
            return
        seen.add(name)
        model, parts = self._configured(name)
        if model is None:
            yield list(self._by_environ(name))
            return
        found = [self._target(deployment, name, parts) for deployment in model.deployments]
        yield [target for target in found if target is not None]
        for fallback in model.fallbacks:
            yield from self._groups(fallback, seen)

    def _configured(self, name: str) -> tuple[Model | None, tuple[str, ...]]:
        """The model, and what its pattern's `*` stand for."""
        if name in self._named:
            return self._named[name], ()
        if not name.startswith("demo/"):
            for pattern, model in self._patterns:
                if match := pattern.fullmatch(name):
                    return model, match.groups()
        return None, ()

    def _by_weight(self, targets: list[Target]) -> Sequence[Target]:
        """A weighted shuffle (Efraimidis and Spirakis): each order as likely as drawing by weight makes it."""
        if len(targets) == 1:
            return targets

        def drawn(target: Target) -> float:
            weight = target.deployment.weight
            return -(self._random() ** (1 / weight)) if weight > 0 else 1.0

        return sorted(targets, key=drawn)

    def _target(self, deployment: Deployment, name: str, parts: tuple[str, ...]) -> Target | None:
        """With its model's `*` filled, and what it leaves out taken from the environment; None: not usable."""
        row = catalog.provider(deployment.provider)
        model = _filled(deployment, name, parts)
        if row is None:  # told by the name
            found = catalog.find(model)
            if found is None:
                return None
            row, model = found
        elif parts:
            model = model.removeprefix(f"{deployment.provider}/")
        own = self._environ[row.name]
        base = catalog.base_url(row, own.base_url)
        key = deployment.api_key
        if key is None and (base is None or catalog.base_url(row, deployment.base_url or own.base_url) == base):
            key = own.api_key
        ready = msgspec.structs.replace(
            deployment,
            provider=row.name,
            model=model,
            name=deployment.name or f"{deployment.provider or row.name}/{deployment.model}",
            base_url=deployment.base_url or own.base_url,
            api_key=key,
            api_version=deployment.api_version or own.api_version,
        )
        if not _is_usable(row, ready) and deployment.base_url is None:
            return None
        return Target(ready, row, deployment, self._drops)

    def _by_environ(self, name: str) -> Iterator[Target]:
        found = catalog.find(name)
        if found is None and not self.is_demo:
            # One local server and a name that nobody else claims: it is that server's.
            local = [CATALOG[n] for n in self._usable if CATALOG[n].local]
            found = (local[0], name) if len(local) == 1 else None
        if found is not None and found[0].name in (*self._usable, "demo"):
            row, model = found
            own = self._environ[row.name]
            yield Target(msgspec.structs.replace(own, model=model), row, own, self._drops)
        elif self.is_demo:
            yield Target(Deployment("demo", name), CATALOG["demo"])

    def _why_not(self, name: str) -> str:
        shown = name[:200]
        model, parts = self._configured(name)
        given = model.deployments[0] if model is not None else Deployment("", name)
        row = catalog.provider(given.provider)
        if row is None and (found := catalog.find(_filled(given, name, parts))):
            row = found[0]
        if row is None:
            return f"The model '{shown}' does not exist: no provider is configured for it."
        own = self._environ[row.name]
        needed: list[str] = []
        if not (row.local or given.api_key or own.api_key):
            needed += row.key_envs[:1]
        if not (row.base_url or given.base_url or own.base_url):
            needed += row.base_envs[:1]
        if not needed:
            return f"The model '{shown}' does not exist."
        return f"The model '{shown}' needs {row.title}: set {' and '.join(needed)} where the gateway runs."

    def _check(self) -> None:
        for row in CATALOG.values():
            _check_address(self._environ[row.name], row, f"environment: {' or '.join(row.base_envs)}")
        for model in self._settings.models:
            for deployment in model.deployments:
                self._check_deployment(deployment, f"{deployment.place or 'models'}: model '{model.name}'")
            for name in model.fallbacks:
                if self._configured(name)[0] is None and not catalog.find(name) and not list(self._by_environ(name)):
                    place = model.place or "models"
                    raise SettingsError(f"{place}: model '{model.name}': its fallback '{name}' is not known")

    def _check_deployment(self, deployment: Deployment, what: str) -> None:
        row = catalog.provider(deployment.provider)
        if deployment.provider and row is None:
            near = difflib.get_close_matches(deployment.provider, [*CATALOG, *catalog.ALIASES], 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(CATALOG)}"
            raise SettingsError(f"{what}: there is no provider '{deployment.provider}' ({hint}){_OTHERS}")
        if row is None and "*" not in deployment.model and catalog.find(deployment.model) is None:
            raise SettingsError(f"{what}: say whose '{deployment.model}' is, as provider/model{_OTHERS}")
        _check_address(deployment, row or CATALOG["openai"], f"{what}: its base URL")


def _from_environ(row: Provider, environ: Mapping[str, str]) -> Deployment:
    def first(names: tuple[str, ...]) -> str | None:
        return next((value for name in names if (value := environ.get(name, "").strip())), None)

    version = first(("AZURE_API_VERSION", "OPENAI_API_VERSION")) if row.style == "azure" else None
    return Deployment(row.name, "", base_url=first(row.base_envs), api_key=first(row.key_envs), api_version=version)


def _is_usable(row: Provider, deployment: Deployment) -> bool:
    has_address = row.style == "demo" or bool(deployment.base_url or row.base_url)
    return has_address and (row.local or deployment.api_key is not None)


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile("(.*)".join(re.escape(part) for part in name.split("*")), re.DOTALL)


def _filled(deployment: Deployment, name: str, parts: tuple[str, ...]) -> str:
    """The deployment's model with each `*` filled; where the name has more of them, the whole name asked for."""
    stars = deployment.model.count("*")
    if not stars:
        return deployment.model
    if len(parts) > stars:
        return name
    model = deployment.model
    for part in parts or (name,):
        model = model.replace("*", part, 1)
    return model


def _check_address(given: Deployment, row: Provider, what: str) -> None:
    """Never quotes it: there may be a password in it."""
    if given.base_url is None:
        return
    try:
        url = urlsplit(catalog.base_url(row, given.base_url) or "")
        fine = url.scheme in ("http", "https") and url.hostname and not (url.query or url.fragment)
        _ = url.port
    except ValueError:
        fine = False
    if not fine:
        raise SettingsError(f"{what} must be an http or https address without a query")
    if url.username and given.api_key and row.auth == "bearer":
        raise SettingsError(f"{what} has a user in it, and there is a key: a request has room for one of them")
