"""A gateway, its provider and a client in a network of their own (`unshare --net`), whose only device goes down.

    python -m tests.faults.vanishing FOLDER

Prints, as JSON, after how many seconds the gateway let go of the client, and what it recorded.
"""

import fcntl
import json
import socket
import struct
import sys
import time
from pathlib import Path

from tests.support.server import running_server, wait_for
from tests.support.talk import Talk, connections
from tests.support.upstream import FakeUpstream, Reply

_SIOCSIFFLAGS = 0x8914
_UP = 1
_EVENT = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half an answer"}}]}\n\n'


def loopback(*, up: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP if up else 0))


def main(folder: Path) -> None:
    loopback(up=True)
    with FakeUpstream() as upstream:
        env = {
            "OPENAI_API_KEY": "sk-upstream",
            "OPENAI_BASE_URL": upstream.base_url,
            "SESSIONARY_CLIENT_TIMEOUT": "3",
        }
        upstream.script(Reply(pieces=[_EVENT], headers={"content-type": "text/event-stream"}, hang=True))
        with running_server(folder, env=env) as server, Talk(server.port) as talk:
            talk.ask("/v1/chat/completions", {"model": "gpt-4o", "messages": [], "stream": True})
            talk.until(b"half an answer")
            loopback(up=False)
            began = time.monotonic()
            wait_for(lambda: not any(end.port == server.port for end in connections()), 30, "the gateway's letting go")
            noticed = time.monotonic() - began
            loopback(up=True)
            call = server.call(talk.head()[1]["x-call-id"], seconds=20)
            said = server.get(f"/api/calls/{call['id']}/response")["choices"][0]["message"]["content"]
    print(json.dumps({"noticed": noticed, "status": call["status"], "text": said}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
