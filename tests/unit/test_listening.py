"""What other commands learn of a server."""

import os
import socket
from pathlib import Path

import pytest

from sessionary import listening


def test_a_folder_is_served_from_before_anybody_is_answered(tmp_path: Path) -> None:
    assert not listening.is_served(tmp_path)
    assert listening.told(tmp_path) is None
    with listening.at(tmp_path, "127.0.0.1", 4711):
        assert listening.is_served(tmp_path)
        assert listening.told(tmp_path) == ("127.0.0.1", 4711)
        with listening.at(tmp_path, "::1", 4712):  # another one; the newest is told
            assert listening.told(tmp_path) == ("::1", 4712)
        assert listening.is_served(tmp_path)
    assert not listening.is_served(tmp_path)


def test_who_takes_calls_for_a_folder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        assert listening.answers(tmp_path) is None
        with listening.at(tmp_path, host, port):
            assert listening.answers(tmp_path) == (host, port)
        assert listening.answers(tmp_path) is None
        with listening.at(tmp_path, host, port):
            server.close()
            assert listening.answers(tmp_path) is None


def test_what_a_server_has_left_at_work_serves_it(tmp_path: Path) -> None:
    read, write = os.pipe()
    with listening.at(tmp_path, "127.0.0.1", 4711):
        child = os.fork()
        if not child:
            os.close(write)
            os.read(read, 1)
            os._exit(0)
    assert listening.is_served(tmp_path)
    os.close(read)
    os.close(write)
    os.waitpid(child, 0)
    assert not listening.is_served(tmp_path)


def test_who_cannot_be_told_is_no_reason_to_end(tmp_path: Path) -> None:
    with listening.at(tmp_path / "nowhere", "127.0.0.1", 4711):
        assert not listening.is_served(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "127.0.0.1", "127.0.0.1 x", "a b c"])
def test_what_is_no_address_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "address").write_text(text)
    assert listening.told(tmp_path) is None
