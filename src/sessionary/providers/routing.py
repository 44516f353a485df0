"""From a model's name to the deployments that can serve it, in the order to try them."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from urllib.parse import quote

import msgspec

from sessionary.errors import ModelNotFound, SettingsError
from sessionary.providers import catalog
from sessionary.providers.catalog import CATALOG, Provider
from sessionary.settings import Deployment, Model, Price, Settings

AZURE_VERSION = "2024-10-21"
_PROXY_PREFIX = "litellm_proxy/"


class Target(msgspec.Struct, frozen=True):
    """One deployment, ready to be called. Its credential is bound to its base URL and shows in no repr."""

    deployment: Deployment
    provider: Provider

    @property
    def label(self) -> str:
        d = self.deployment
        return d.name or f"{d.provider}/{d.model}"

    @property
    def price(self) -> Price | None:
        return self.deployment.price

    def url(self, endpoint: str) -> str:
        """`endpoint` is `chat/completions`, `completions` or `embeddings`."""
        d = self.deployment
        base = catalog.base_url(self.provider, d.base_url) or ""
        if self.provider.style == "azure" and not base.endswith("/openai/v1"):
            version = d.api_version or AZURE_VERSION
            return f"{base}/openai/deployments/{quote(d.model, safe='')}/{endpoint}?api-version={quote(version)}"
        return f"{base}/{endpoint}"

    def headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        key = self.deployment.api_key
        if key and self.provider.auth == "bearer":
            headers["authorization"] = f"Bearer {key}"
        elif key and self.provider.auth == "api-key":
            headers["api-key"] = key
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
        for model in settings.models:
            for deployment in model.deployments:
                if catalog.provider(deployment.provider) is None:
                    known = ", ".join(CATALOG)
                    raise SettingsError(
                        f"model '{model.name}': there is no provider '{deployment.provider}' (known: {known}; "
                        "for any other OpenAI-compatible server use openai-compatible/MODEL with its base URL)"
                    )
        self._settings = settings
        self._random = rng
        self._clock = clock
        self._failures: dict[str, int] = {}
        self._rests_until: dict[str, float] = {}
        self._named = {m.name: m for m in settings.models if "*" not in m.name}
        self._wild = [m for m in settings.models if "*" in m.name]
        self._by_env = {row.name: found for row in CATALOG.values() if (found := _from_env(row, environ))}
        self.is_demo = not settings.models and not self._by_env

    def resolve(self, model: str) -> list[Target]:
        """Targets in the order to try them, at least one. Raises ModelNotFound."""
        names = [model, model.removeprefix(_PROXY_PREFIX)] if model.startswith(_PROXY_PREFIX) else [model]
        for name in names:
            if targets := list(self._targets(name, set())):
                # A deployment that keeps failing comes last: better a poor chance than none.
                return sorted(targets, key=lambda t: self._rests_until.get(t.label, 0.0) > self._clock())
        raise ModelNotFound(self._why_not(model))

    def models(self) -> list[str]:
        """The names that can be listed: those of the configuration; any other that routes works as well."""
        names = sorted(self._named)
        return names or (["demo"] if self.is_demo else [])

    def provider_names(self) -> list[str]:
        configured = {d.provider for m in self._settings.models for d in m.deployments}
        return sorted(configured | self._by_env.keys()) or ["demo"]

    def failed(self, target: Target) -> None:
        failures = self._failures.get(target.label, 0) + 1
        self._failures[target.label] = failures
        if failures >= self._settings.allowed_failures:
            self._rests_until[target.label] = self._clock() + self._settings.cooldown

    def succeeded(self, target: Target) -> None:
        self._failures.pop(target.label, None)
        self._rests_until.pop(target.label, None)

    def _targets(self, name: str, seen: set[str]) -> Iterator[Target]:
        if name in seen:
            return
        seen.add(name)
        if (configured := self._configured(name)) is not None:
            for deployment in self._by_weight(configured.deployments):
                row = catalog.provider(deployment.provider)
                assert row is not None, "checked when the configuration was read"
                yield Target(self._complete(deployment, row, name), row)
            for fallback in configured.fallbacks:
                yield from self._targets(fallback, seen)
            return
        prefix, slash, rest = name.partition("/")
        row = catalog.provider(prefix) if slash else None
        if row is not None and rest:
            if row.name == "demo":
                yield Target(Deployment("demo", rest), row)
                return
            if row.name in self._by_env:
                yield self._env_target(row, rest)
                return
        for candidate in CATALOG.values():
            if candidate.name in self._by_env and any(fnmatchcase(name, p) for p in candidate.bare):
                yield self._env_target(candidate, name)
                return
        # One OpenAI-compatible server and a name that nobody else claims: it is that server's.
        local = [CATALOG[n] for n in self._by_env if CATALOG[n].local]
        if len(local) == 1:
            yield self._env_target(local[0], name)
        elif self.is_demo:
            yield Target(Deployment("demo", name), CATALOG["demo"])

    def _configured(self, name: str) -> Model | None:
        if name in self._named:
            return self._named[name]
        return next((m for m in self._wild if fnmatchcase(name, m.name)), None)

    def _by_weight(self, deployments: list[Deployment]) -> list[Deployment]:
        """A weighted shuffle (Efraimidis and Spirakis): each order as likely as drawing by weight makes it."""
        if len(deployments) == 1:
            return deployments
        return sorted(deployments, key=lambda d: -(self._random() ** (1 / d.weight)) if d.weight > 0 else 1.0)

    def _complete(self, deployment: Deployment, row: Provider, name: str) -> Deployment:
        """What the deployment leaves out, from the environment; a `*` in its model, from the name asked for."""
        found = self._by_env.get(row.name)
        changes: dict[str, str | None] = {}
        if "*" in deployment.model:
            changes["model"] = deployment.model.replace("*", name.removeprefix(f"{row.name}/"), 1)
        if found is not None and deployment.base_url is None:
            changes |= {"base_url": found.base_url, "api_version": deployment.api_version or found.api_version}
            if deployment.api_key is None:
                changes["api_key"] = found.api_key
        return msgspec.structs.replace(deployment, **changes) if changes else deployment

    def _env_target(self, row: Provider, model: str) -> Target:
        return Target(msgspec.structs.replace(self._by_env[row.name], model=model), row)

    def _why_not(self, model: str) -> str:
        shown = model[:200]
        prefix, slash, _ = model.partition("/")
        row = catalog.provider(prefix) if slash else None
        if row is None:
            row = next((r for r in CATALOG.values() if any(fnmatchcase(model, p) for p in r.bare)), None)
        if row is not None and row.name not in self._by_env and (row.key_envs or row.base_envs):
            variable = row.base_envs[0] if row.base_url is None else row.key_envs[0]
            return f"The model '{shown}' needs {row.title}: set {variable} where the gateway runs, or configure it."
        return f"The model '{shown}' does not exist: no provider is configured for it."


def _from_env(row: Provider, environ: Mapping[str, str]) -> Deployment | None:
    key = next((environ[n] for n in row.key_envs if environ.get(n)), None)
    base = next((environ[n] for n in row.base_envs if environ.get(n)), None)
    usable = base is not None if row.base_url is None else key is not None
    if row.style == "demo" or not usable or (row.base_url is None and not row.local and key is None):
        return None
    version = environ.get("AZURE_API_VERSION") or environ.get("OPENAI_API_VERSION") if row.style == "azure" else None
    return Deployment(row.name, "", base_url=base, api_key=key, api_version=version)
