import subprocess
import sys

import pytest

from sessionary.errors import SettingsError
from sessionary.settings import Settings
from sessionary.settings.load import load
from sessionary.traces.asked import Target, asked, check

URL = "http://collector:4318/v1/traces"
ENDPOINT, TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


def test_nobody_asks() -> None:
    assert asked(Settings(), {}) is None
    assert check(Settings(), {"OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_HEADERS": "a=b"}) == ("", False)


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        (URL, URL),
        ("http://collector:4318", URL),
        ("http://collector:4318/", URL),
        ("https://langfuse/api/public/otel/v1/traces", "https://langfuse/api/public/otel/v1/traces"),
        ("https://x/?api=1", "https://x/v1/traces?api=1"),
    ],
)
def test_the_setting(url: str, whole: str) -> None:
    found = asked(Settings(traces=url), {ENDPOINT: "http://other"})
    assert found is not None
    assert found.url == whole


@pytest.mark.parametrize(
    ("environ", "host"),
    [
        ({ENDPOINT: "http://collector:4318"}, "collector:4318"),
        ({TRACES: "https://user:secret@collector/x", ENDPOINT: "http://other"}, "collector"),
        ({ENDPOINT: "http://collector:4318", "OTEL_TRACES_EXPORTER": "otlp"}, "collector:4318"),
        ({ENDPOINT: "http://collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "collector:4318"),
        ({ENDPOINT: ""}, None),
        ({ENDPOINT: "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, None),
        ({ENDPOINT: "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, None),
        ({ENDPOINT: "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None),
        ({ENDPOINT: "collector:4317"}, None),
    ],
)
def test_the_variables_by_themselves(environ: dict[str, str], host: str | None) -> None:
    assert asked(Settings(), environ) == (Target(None, host) if host else None)
    told, sent = check(Settings(), environ)
    assert "secret" not in told
    assert sent is (host is not None)


def test_the_sdk_can_be_switched_off() -> None:
    assert asked(Settings(traces=URL), {"OTEL_SDK_DISABLED": "TRUE"}) is None


def test_variables_for_others_are_a_note() -> None:
    said, sent = check(Settings(), {ENDPOINT: "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert said.startswith("no spans are sent")
    assert not sent
    assert "http/protobuf" in said


def test_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)  # as if it were not there
    with pytest.raises(SettingsError, match=r"pip install 'sessionary\[otel\]'"):
        check(Settings(traces=URL), {})
    assert asked(Settings(traces=URL), {}) is None
    note, _ = check(Settings(), {ENDPOINT: "http://collector:4318"})
    assert "pip install 'sessionary[otel]'" in note
    assert asked(Settings(), {ENDPOINT: "http://collector:4318"}) is None


def test_an_address_in_the_configuration() -> None:
    assert load(None, {"SESSIONARY_TRACES": URL}).traces == URL
    for wrong in ("collector:4318", "grpc://collector:4317", "http://", "http://h:x/secret", "http://[x/secret"):
        with pytest.raises(SettingsError, match=r"SESSIONARY_TRACES.*must be an address") as told:
            load(None, {"SESSIONARY_TRACES": wrong})
        assert "secret" not in str(told.value)


def test_who_asks_for_nothing_imports_nothing() -> None:
    told = "import sys, sessionary.processes, sessionary.app.drain; print(*sys.modules)"
    names = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    assert "sessionary.traces.asked" in names
    assert [n for n in names if n.startswith(("opentelemetry", "google", "requests", "sessionary.traces.export"))] == []
