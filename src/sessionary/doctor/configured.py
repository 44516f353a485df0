"""Checks of what is configured: file, variables, models, keys."""

import difflib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from sessionary.auth import LEAST, guessable
from sessionary.doctor.finding import Finding, fail, ok, warn
from sessionary.errors import SettingsError
from sessionary.providers.routing import Router
from sessionary.redaction import compiled
from sessionary.settings import Settings
from sessionary.settings.load import OPTIONS, PREFIX
from sessionary.traces.asked import check

_KNOWN = frozenset({*(PREFIX + name.upper() for name in OPTIONS), f"{PREFIX}CONFIG"})
_LIBRARY = ("SESSIONARY_API_KEY", "SESSIONARY_BASE_URL")
"""What the Python side reads."""


def configuration(settings: Settings, config: Path | None) -> Iterator[Finding]:
    """Of one that could be read."""
    for note in settings.ignored:
        yield warn("configuration", note, "take it out, or look for its counterpart in docs/reference/configuration.md")
    try:
        compiled(settings)
    except SettingsError as error:
        yield fail("configuration", error.message, "correct it, or take it out")
    else:
        yield ok("configuration", str(config) if config else "no file; variables and defaults")


def variables(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in _KNOWN and name not in _LIBRARY:
            near = difflib.get_close_matches(name, _KNOWN, 1)
            yield warn("variables", f"{name} means nothing", f"did you mean {near[0]}?" if near else "unset it")


def traces(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Nothing where nobody wants spans."""
    try:
        told, sent = check(settings, environ)
    except SettingsError as error:
        yield fail("traces", error.message, "install it where the gateway runs, or take the setting out")
        return
    if sent:
        yield ok("traces", told)
    elif told:
        yield warn("traces", told, "see docs/how-to/traces.md, or set OTEL_TRACES_EXPORTER=none")


def models(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    try:
        router = Router(settings, environ)
    except SettingsError as error:
        yield fail("models", error.message, "correct it in the configuration")
        return
    if router.is_demo:
        yield warn(
            "models",
            "no provider is configured: every answer is made up",
            "set a provider's key, as OPENAI_API_KEY; see docs/how-to/providers.md",
        )
        return
    missing = 0
    for model in settings.models:
        for deployment, target in router.deployments(model.name):
            if target is None:
                missing += 1
                name = deployment.name or f"{deployment.provider}/{deployment.model}"
                yield warn(
                    "models",
                    f"{model.name}: {name} is left out, for its provider has no key or no address",
                    "set its api_key, or its provider's variable, where the gateway runs",
                )
    if not missing:
        yield ok("models", f"of {', '.join(router.provider_names())}; {len(settings.models)} are named")


def master_key(settings: Settings, *, public: bool) -> Iterator[Finding]:
    """`public`: whether others can reach the address."""
    path = settings.data_dir / "master.key"
    key = settings.master_key
    if not key:
        try:
            mode = path.stat().st_mode
            key = path.read_text("utf-8").strip()
        except FileNotFoundError:
            yield ok("master key", f"is made at the first start, in {path}")
            return
        except (OSError, UnicodeDecodeError) as error:
            yield fail("master key", f"{path} cannot be read: {_why(error)}", "let the user who serves read it")
            return
        if not key:
            yield fail("master key", f"{path} is empty", "delete it, and a new one is made")
            return
        if stat.S_IMODE(mode) & 0o077:
            yield warn("master key", f"others on this machine can read {path}", f"chmod 600 {path}")
    if not guessable(key):
        yield ok("master key", "is there" if settings.master_key is None else "is configured")
    elif public:
        yield fail("master key", "can be guessed, and others reach the gateway", "leave it out, and one is made")
    else:
        yield warn("master key", "is short: it might be guessed", f"take one of {LEAST} random characters or more")


def folder(path: Path) -> Iterator[Finding]:
    """The data folder, and whether it can be written."""
    if not path.exists():
        above = next(parent for parent in path.absolute().parents if parent.exists())
        if os.access(above, os.W_OK | os.X_OK):
            yield ok("folder", f"{path} is made at the first start")
        else:
            yield fail("folder", f"{path} cannot be made: {above} cannot be written", "choose another with --data-dir")
    elif not path.is_dir():
        yield fail("folder", f"{path} is no folder", "choose another with --data-dir")
    elif not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield fail("folder", f"{path} cannot be written", "give it to the user who serves")
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield warn("folder", f"others on this machine can look into {path}", f"chmod 700 {path}")
    else:
        yield ok("folder", str(path))


def _why(error: Exception) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else "it is no text"
