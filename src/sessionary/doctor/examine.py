"""All checks in a row. One that fails by itself is a finding too."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sessionary.doctor import around, configured, kept
from sessionary.doctor.finding import Finding, fail
from sessionary.errors import SettingsError
from sessionary.settings import Settings
from sessionary.settings.load import load


def examine(
    config: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Any], *, online: bool
) -> Iterator[Finding]:
    """`online`: whether the providers are asked for their models."""
    try:
        settings = load(config, environ, **overrides)
    except SettingsError as error:
        yield fail("configuration", error.message, "correct it; nothing else can be looked at before")
        yield from configured.variables(environ)
        return
    yield from configured.configuration(settings, config)
    yield from configured.variables(environ)
    for check in _checks(settings, environ, online=online):
        yield from check()


def _checks(settings: Settings, environ: Mapping[str, str], *, online: bool) -> list[Callable[[], Iterator[Finding]]]:
    served = around.is_served(settings)
    public = not around.is_local(settings.host)
    checks: list[Callable[[], Iterator[Finding]]] = [
        lambda: configured.models(settings, environ),
        lambda: configured.traces(settings, environ),
        lambda: configured.master_key(settings, public=public),
        lambda: configured.folder(settings.data_dir),
        lambda: kept.disk(settings),
        lambda: kept.database(settings),
        lambda: kept.replica(settings),
        lambda: kept.spool(settings, served=served),
        lambda: around.address(settings, served=served),
        lambda: around.open_files(settings),
    ]
    return [*checks, lambda: around.providers(settings, environ)] if online else checks
