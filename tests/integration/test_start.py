"""The first start and the ones after it: what is printed, what is kept, and who may read it."""

import contextlib
import http.client
import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sessionary import __version__
from tests.support.server import Server, free_port, running_server, wait_for

MADE = {"SESSIONARY_MASTER_KEY": None}


def banner(server: Server, times: int) -> str:
    """What has been printed once the `times`-th start has said all that it says."""
    wait_for(lambda: server.log.count('"my-session"}}') == times, what="the banner")
    return server.log


def test_the_first_start_makes_a_key_and_prints_it_once(tmp_path: Path) -> None:
    with running_server(tmp_path, env=MADE) as server:
        path = server.data_dir / "master.key"
        key = path.read_text().strip()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        shown = banner(server, 1)
        assert key in shown
        assert server.base_url in shown
        assert "demo" in shown
        assert server.chat("hi", key=key).status == 200
        said = len(server.log)
        server.restart()
        assert key not in banner(server, 2)[said:]
        assert server.chat("hi", key=key).status == 200


def test_the_printed_snippet_works_as_it_stands(tmp_path: Path) -> None:
    with running_server(tmp_path, env=MADE) as server:
        shown = banner(server, 1)
        snippet = shown[shown.index("curl ") :].split("\n\n")[0]
        done = subprocess.run(["bash", "-c", snippet], capture_output=True, text=True, timeout=20, check=True)
        assert json.loads(done.stdout)["choices"][0]["message"]["content"]


def test_the_printed_snippet_names_a_model_that_is_served(tmp_path: Path) -> None:
    config = 'models: [{name: "it\'s fast", model: demo/small}]\n'
    with running_server(tmp_path, env=MADE, config=config) as server:
        shown = banner(server, 1)
        snippet = shown[shown.index("curl ") :].split("\n\n")[0]
        done = subprocess.run(["bash", "-c", snippet], capture_output=True, text=True, timeout=20, check=True)
        assert json.loads(done.stdout)["choices"][0]["message"]["content"], done.stdout


def test_the_printed_link_works_once(tmp_path: Path) -> None:
    with running_server(tmp_path, env=MADE) as server:
        match = re.search(r"/ui/login\?token=\S+", banner(server, 1))
        assert match
        first = server.request("GET", match[0], key=None)
        assert first.status in {200, 303}
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict".lower() in cookie.lower()
        held = {"cookie": cookie.split(";")[0]}
        assert server.request("GET", "/ui/", headers=held, key=None).status == 200
        assert server.request("GET", "/api/sessions", headers=held, key=None).status == 200
        # A cookie is for pages: it makes no calls.
        assert server.request("POST", "/v1/chat/completions", b"{}", held, key=None).status == 401
        assert "set-cookie" not in server.request("GET", match[0], key=None).headers


def test_what_was_left_for_calls_that_have_ended_is_gone(tmp_path: Path) -> None:
    """Who cancels a response just when it ends leaves a mark that nobody takes away."""
    with running_server(tmp_path) as server:
        mark = server.data_dir / "cancelled" / ("call_" + "0" * 26)
        mark.parent.mkdir()
        mark.touch()
        server.restart()
        assert not mark.exists()


@pytest.mark.parametrize("unheard", ["stdout", "both"])
def test_it_serves_and_stops_whether_what_it_prints_is_read_or_not(tmp_path: Path, unheard: str) -> None:
    port = free_port()
    nobody, pipe = os.pipe()
    os.close(nobody)
    (tmp_path / "config.yaml").write_text("model_list: []\ngeneral_settings: {alerting: [slack]}\n")
    command = [sys.executable, "-m", "sessionary", "serve", "--port", str(port), "--data-dir", str(tmp_path / "d")]
    with (tmp_path / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--config", str(tmp_path / "config.yaml")],
            stdout=pipe, stderr=pipe if unheard == "both" else errors, start_new_session=True,
        )  # fmt: skip
    os.close(pipe)
    try:
        wait_for(lambda: process.poll() is not None or ready(port), 60, "readiness")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert "Traceback" not in (tmp_path / "errors").read_text()


def ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    return False


def test_what_goes_wrong_at_the_start_leaves_nobody_running(tmp_path: Path) -> None:
    """Where the parent does not go on, nor do the others."""
    program = (
        "import os, pathlib; from sessionary import server; from sessionary.settings import Settings\n"
        f"def ready(url, key, made): print(url, flush=True); raise RuntimeError('no banner')\n"
        f"server.serve(Settings(port=0, data_dir=pathlib.Path({str(tmp_path)!r})), dict(os.environ), ready)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "RuntimeError: no banner" in done.stderr
    assert not ready(int(done.stdout.rpartition(":")[2]))


def test_other_commands_know_where_the_server_is(tmp_path: Path) -> None:
    """It was given its port at the start alone; when it has stopped, they say where it would be."""
    with running_server(tmp_path) as server:
        assert server.cli("login").startswith(f"{server.base_url}/ui/login?token=")
        assert f"{server.base_url}/ui/sessions/" in server.cli("demo", "--sessions", "1")
        server.stop()
        assert server.cli("login").startswith("http://127.0.0.1:4000/ui/login?token=")


def run(*args: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "sessionary", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_a_folder_is_one_gateway_s(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        done = run("serve", "--port", "0", "--data-dir", str(server.data_dir))
        assert (done.returncode, done.stdout) == (2, "")
        assert f"served already, by a gateway on 127.0.0.1:{server.port}" in done.stderr
        assert server.cli("login").startswith(f"{server.base_url}/ui/login?token=")
        server.kill9()
        server.start()
        assert server.get("/api/sessions")["data"] == []


def test_a_link_to_nothing_is_not_given_silently(tmp_path: Path) -> None:
    done = run("login", "--data-dir", str(tmp_path / "none"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "sessionary serve" in done.stderr
    assert not (tmp_path / "none").exists()
    (tmp_path / "d").mkdir()
    done = run("login", "--data-dir", str(tmp_path / "d"))
    assert done.returncode == 0
    assert "/ui/login?token=" in done.stdout
    assert "no gateway serves" in done.stderr


def test_the_version() -> None:
    assert run("--version").stdout == f"sessionary {__version__}\n"


def test_help_is_pleasant() -> None:
    for args in ([], ["serve"], ["keys"]):
        done = subprocess.run(
            [sys.executable, "-m", "sessionary", *args, "--help"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        assert "Usage" in done.stdout


def test_a_bad_configuration_ends_the_start_and_names_key_and_line(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("port: 4000\nretrys: 3\n")
    command = [sys.executable, "-m", "sessionary", "serve", "--config", str(config), "--data-dir", str(tmp_path / "d")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "retrys" in done.stderr
    assert "2" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_of_a_newer_version_ends_the_start_and_says_so(tmp_path: Path) -> None:
    data = tmp_path / "d"
    data.mkdir()
    with contextlib.closing(sqlite3.connect(data / "sessionary.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
        database.commit()
    command = [sys.executable, "-m", "sessionary", "serve", "--port", "0", "--data-dir", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "newer Sessionary" in done.stderr
    assert done.stderr.count("9999") == 1
    assert "Traceback" not in done.stderr
