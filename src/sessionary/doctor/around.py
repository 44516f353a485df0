"""Checks of what is around a gateway: its address, the system's limits and, where that is wanted, its providers."""

import http.client
import ipaddress
import json
import resource
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing

from sessionary.doctor.finding import Finding, fail, ok, warn
from sessionary.errors import SettingsError
from sessionary.providers.catalog import CATALOG
from sessionary.providers.routing import Router, Target
from sessionary.settings import Settings
from sessionary.sockets import files_needed

_SECONDS = 5.0
_HERE_SECONDS = 2.0
"""For what is on this machine."""


def is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_served(settings: Settings) -> bool:
    """Whether a Sessionary answers at the address."""
    try:
        with closing(
            http.client.HTTPConnection(_reachable(settings.host), settings.port, timeout=_HERE_SECONDS)
        ) as asked:
            asked.request("GET", "/health/live")
            found = json.loads(asked.getresponse().read(1000))
    except (OSError, http.client.HTTPException, ValueError):
        return False
    return bool(found == {"status": "live"})


def address(settings: Settings, *, served: bool) -> Iterator[Finding]:
    where = f"{settings.host}:{settings.port}"
    if served:
        yield ok("address", f"a Sessionary answers at {where}")
    else:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((settings.host, settings.port))
                yield ok("address", f"{where} is free")
            except OSError as error:
                why = error.strerror or "no such address"
                yield fail("address", f"cannot listen on {where}: {why}", "choose another with --host and --port")
    if not is_local(settings.host):
        yield warn(
            "address",
            f"others reach {settings.host}, and keys and contents pass it unencrypted",
            "put a server that speaks TLS in front, and listen on 127.0.0.1; or let only a private network reach it",
        )


def open_files(settings: Settings) -> Iterator[Finding]:
    """A server raises its own limit as far as the system lets it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = files_needed(settings.streams)
    if hard == resource.RLIM_INFINITY or hard >= needed:
        yield ok("open files", f"enough for {settings.streams} streams a process")
    else:
        yield warn(
            "open files",
            f"the system lets a process have {hard}; {settings.streams} streams need {needed}",
            f"raise it (ulimit -Hn, LimitNOFILE={needed}), or set streams lower",
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


def providers(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Asks each provider for its models, with its key, where it is configured to be."""
    try:
        router = Router(settings, environ)
    except SettingsError:
        return  # `models` has said so
    named = [(d, t) for model in settings.models for d, t in router.deployments(model.name)]
    given = [found for name in CATALOG for found in router.deployments(f"{name}/any")]
    asked: dict[tuple[str, str | None, str | None], Target] = {}
    for _, target in (*named, *given):
        if target is not None and target.provider.style != "demo":
            d = target.deployment
            asked.setdefault((target.provider.name, d.base_url, d.api_key), target)
    for target in asked.values():
        yield _asked(target)


def _asked(target: Target) -> Finding:
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    name = f"{target.provider.title} ({target.label})"
    try:
        request = urllib.request.Request(target.url("models"), headers={**target.headers(), **_versions(target)})
        with opener.open(request, timeout=_SECONDS) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return fail("providers", f"{name} cannot be reached: {_kind(error)}", "look at its address and your network")
    if status in (401, 403):
        return fail("providers", f"{name} refuses the key ({status})", "set the right api_key")
    if status == 200:
        return ok("providers", f"{name} answers")
    return warn("providers", f"{name} answers {status} when asked for its models", "try a call: some have no such list")


def _versions(target: Target) -> dict[str, str]:
    return {"anthropic-version": "2023-06-01"} if target.provider.name == "anthropic" else {}


def _kind(error: Exception) -> str:
    """Never with an address, which may have a password in it."""
    reason = getattr(error, "reason", error)
    return getattr(reason, "strerror", None) or reason.__class__.__name__


def _reachable(host: str) -> str:
    """Where a gateway that listens on every address is found."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
