"""deploy/sessionary.service and deploy/nginx.conf, against the settings that they must agree with."""

import re
from pathlib import Path

from sessionary.doctor import configured
from sessionary.settings import Settings
from sessionary.settings.load import load

DEPLOY = Path(__file__).parent.parent.parent / "deploy"


def said(text: str, name: str) -> str:
    """What an nginx directive says."""
    found = re.search(rf"^\s*{name}\s+(.+?);", text, re.MULTILINE)
    assert found, name
    return found[1]


def test_systemd_waits_for_the_end() -> None:
    unit = (DEPLOY / "sessionary.service").read_text()
    environ = dict(re.findall(r"^Environment=(\w+)=(.*)$", unit, re.MULTILINE))
    assert list(configured.variables(environ)) == []
    assert f"\nTimeoutStopSec={load(None, environ).grace + 20:.0f}\n" in unit


def test_nginx_is_more_patient_than_the_gateway() -> None:
    settings, text = Settings(), (DEPLOY / "nginx.conf").read_text()
    assert float(said(text, "proxy_read_timeout").removesuffix("s")) > max(settings.timeout, settings.idle_timeout)


def test_nginx_passes_on_what_comes_as_it_comes() -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    assert (said(text, "proxy_buffering"), said(text, "proxy_request_buffering")) == ("off", "off")
    assert int(said(text, "client_max_body_size").removesuffix("m")) * 2**20 == Settings().max_body
    assert said(text, "proxy_set_header Host") == "$http_host"
