"""Models: what serves them, their prices and their use. Blocking: called in threads.

Nothing of a deployment is shown but its names: never its key, nor its address, which may have a password in it.
A project's key sees the models that it may use, and its own project's calls.
"""

import time
from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa
from starlette.datastructures import QueryParams

from sessionary.api import admin_types, params
from sessionary.api.usage import DAY_US, read, use
from sessionary.api.views import seen
from sessionary.auth import Principal, allow_model
from sessionary.errors import Forbidden
from sessionary.providers import catalog
from sessionary.providers.routing import Router, Target
from sessionary.settings import Deployment, Settings
from sessionary.wire import prices

Row = sa.Row[Any]
MOST = 200


class ModelViews:
    def __init__(self, engine: sa.Engine, router: Router | None, settings: Settings) -> None:
        self._engine = engine
        self._router = router
        self._settings = settings

    def models(self, principal: Principal, query: QueryParams) -> admin_types.ModelList:
        params.only(query, "project")
        project = seen(self._engine, principal, query)
        now = time.time_ns() // 1000
        today = now // DAY_US
        with self._engine.connect() as connection:
            rows = read(connection, project, today, ("model",))
        by_name: dict[str, list[Row]] = {}
        under: dict[str, list[Row]] = {}
        for row in rows:
            by_name.setdefault(row.model, []).append(row)
            under.setdefault(self._under(row.model) or row.model, []).append(row)
        configured = [m for m in self._settings.models if _may(principal, m.name)]
        data = [self._model(m.name, m.fallbacks, under.get(m.name, ()), today, now) for m in configured]
        names = {m.name for m in self._settings.models}
        called = sorted(by_name.keys() - names, key=lambda n: (-sum(r.calls for r in by_name[n]), n))
        others = [self._model(name, [], by_name[name], today, now) for name in called[:MOST]]
        library = prices.library(now)
        return admin_types.ModelList(
            data=data,
            others=others,
            other_count=len(called),
            providers=[] if self._router is None else self._router.by_environ(),
            demo=self._router is not None and self._router.is_demo,
            library=admin_types.Library(
                library.name, library.version, library.newest.isoformat() if library.newest else None
            ),
        )

    def _under(self, name: str) -> str | None:
        return None if self._router is None else self._router.configured_as(name)

    def _model(self, name: str, fallbacks: list[str], rows: Sequence[Row], today: int, now: int) -> admin_types.Model:
        found = [] if self._router is None else self._router.deployments(name)
        under = self._under(name)
        weights = [d.weight if target is not None else 0.0 for d, target in found]
        total = sum(weights)
        usable = sum(target is not None for _, target in found)
        deployments = []
        for (given, target), weight in zip(found, weights, strict=True):
            share = weight / total if total else (1 / usable if target is not None else 0.0)
            deployments.append(self._deployment(given, target, round(share, 4), now))
        return admin_types.Model(
            name=name,
            kind=_kind(name, under, found),
            pattern=under if under is not None and under != name else "",
            deployments=deployments,
            fallbacks=list(fallbacks),
            use=use(rows, today),
        )

    def _deployment(self, given: Deployment, target: Target | None, share: float, now: int) -> admin_types.Deployment:
        row = target.provider if target is not None else catalog.provider(given.provider)
        model = target.deployment.model if target is not None else given.model
        label = target.label if target is not None else given.name or f"{given.provider}/{given.model}".lstrip("/")
        return admin_types.Deployment(
            name=label,
            provider=row.title if row is not None else "",
            upstream_model=model,
            weight=given.weight,
            share=share,
            usable=target is not None,
            cooling_seconds=round(self._router.cooling(target), 1) if self._router and target is not None else 0.0,
            rates=_rates(row.name if row is not None else "", model, given, now),
        )


def _kind(
    name: str, under: str | None, found: Sequence[tuple[Deployment, Target | None]]
) -> Literal["configured", "pattern", "environment", "demo", "unknown"]:
    if under is not None:
        return "pattern" if "*" in under else "configured"
    if not found:
        return "unknown"
    target = found[0][1]
    return "demo" if target is not None and target.provider.name == "demo" else "environment"


def _rates(provider: str, model: str, given: Deployment, now: int) -> admin_types.Rates:
    found = prices.rates(provider, model, given.price, now)
    return admin_types.Rates(*found, _source(provider, given, found))


def _source(provider: str, given: Deployment, found: prices.Rates) -> admin_types.RateSource:
    if given.price is not None:
        return "configuration"
    if provider == "demo":
        return "free"
    return "unknown" if found == (None, None, None) else "library"


def _may(principal: Principal, name: str) -> bool:
    try:
        allow_model(principal, name)
    except Forbidden:
        return False
    return True
