"""Whether spans are wanted, and where: by the setting `traces`, else by OpenTelemetry's own variables.

The variables count by themselves, for whoever sets them means every program that knows them. They may also be there
for others' sake: what is wrong with them is a note, what is wrong with the setting an error.
"""

import importlib.util
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from sessionary.errors import SettingsError
from sessionary.settings import Settings
from sessionary.settings.load import is_address

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_NEEDED = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")
_MISSING = "which needs what is not installed: pip install 'sessionary[otel]'"
_PATH = "/v1/traces"


class Target(msgspec.Struct, frozen=True):
    url: str | None
    """None: as the variables say, which the SDK reads itself."""
    host: str
    """For people: without what may be secret in an address."""


def asked(settings: Settings, environ: Mapping[str, str]) -> Target | None:
    """Where spans go; None where nobody wants any, or the variables want what is not there."""
    target, trouble = _found(settings, environ)
    return None if trouble else target


def check(settings: Settings, environ: Mapping[str, str]) -> tuple[str, bool]:
    """What becomes of spans, for people, and whether they are sent; "" where nobody wants any. Raises SettingsError
    where the setting needs what is not installed."""
    target, trouble = _found(settings, environ)
    if trouble and settings.traces:
        raise SettingsError(f"'traces' is set, {trouble}")
    if trouble:
        return f"no spans are sent: OpenTelemetry's environment variables ask for them, {trouble}", False
    return (f"a span of each call goes to {target.host}", True) if target else ("", False)


def _found(settings: Settings, environ: Mapping[str, str]) -> tuple[Target | None, str]:
    """Where to, and why that cannot be."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None, ""
    if settings.traces:
        target = Target(_whole(settings.traces), _host(settings.traces))
        return target, "" if _installed() else _MISSING
    url = next((found for name in _ENDPOINTS if (found := environ.get(name, "").strip())), "")
    if not url or environ.get("OTEL_TRACES_EXPORTER", "otlp").strip() != "otlp":
        return None, ""
    protocol = next((found for name in _PROTOCOLS if (found := environ.get(name, "").strip())), "http/protobuf")
    if protocol != "http/protobuf":
        return None, "by another protocol than http/protobuf"
    if not is_address(url):
        return None, "at no http:// or https:// address"
    return Target(None, _host(url)), "" if _installed() else _MISSING


def _whole(url: str) -> str:
    """With the path that the protocol has for traces, where there is none."""
    parts = urlsplit(url)
    return url if parts.path.strip("/") else parts._replace(path=_PATH).geturl()


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _installed() -> bool:
    try:
        return all(importlib.util.find_spec(name) is not None for name in _NEEDED)
    except ModuleNotFoundError:
        return False
