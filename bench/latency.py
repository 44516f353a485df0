"""Added latency at a fixed rate: the gateway, recording everything, against the provider called directly.

Every tick sends one call each way, in turn, so that noise of the machine falls on both alike. What is
reported as added is the difference of the two distributions' quantiles. Load stays on
loopback, and stops by itself.

usage: make bench [ARGS="--rate 100 --seconds 10"]
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.server import running_server  # noqa: E402

WARM_UP = 200
TARGET_P50_MS = 1.0


class Caller:
    """One keep-alive connection, blocking."""

    def __init__(self, port: int, key: str, headers: Mapping[str, str] | None = None) -> None:
        self._port, self._key = port, key
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, n: int) -> float:
        """Seconds until the whole answer is there."""
        request = self._request(n)
        began = time.perf_counter()
        self._socket.sendall(request)
        head, body = self._head()
        if (length := _length(head)) is None:
            self._rest(body)
        else:
            while len(body) < length:
                body += self._received()
        return time.perf_counter() - began

    def first(self, n: int) -> float:
        """Seconds until a streamed answer begins; returns when it has ended."""
        request = self._request(n, stream=True)
        began = time.perf_counter()
        self._socket.sendall(request)
        _, body = self._head()
        if not body:
            body = self._received()
        took = time.perf_counter() - began
        self._rest(body)
        return took

    def _head(self) -> tuple[bytes, bytes]:
        """What came with the head, too."""
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._received()
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(answer.decode(errors="replace")[:500])
        head, _, body = answer.partition(b"\r\n\r\n")
        return head.lower(), body

    def _rest(self, body: bytes) -> None:
        """To the end of a body that comes in chunks."""
        while not body.endswith(b"\r\n0\r\n\r\n"):
            body = body[-16:] + self._received()

    def _received(self) -> bytes:
        received = self._socket.recv(65536)
        if not received:
            raise SystemExit("the connection ended within an answer")
        return received

    def _request(self, n: int, *, stream: bool = False) -> bytes:
        """About 1 KB, and no two alike: nothing can be stored twice for the price of one."""
        asked = {
            "model": "gpt-4o-mini",
            "messages": [
                {"role": "system", "content": "You are a helpful assistant. " * 14},
                {"role": "user", "content": f"Question {n}. " + "Which capital would you start in? " * 12},
            ],
            "metadata": {"litellm_session_id": f"bench-{n % 50}"},
        }
        # Without spaces, as client libraries write it.
        body = json.dumps(
            asked | {"stream": True, "max_tokens": 1} if stream else asked, separators=(",", ":")
        ).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\n{self._headers}"
            f"authorization: Bearer {self._key}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def _length(head: bytes) -> int | None:
    """None: it comes in chunks."""
    _, found, rest = head.partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else None


@contextmanager
def provider() -> Iterator[int]:
    """Its port."""
    command = [sys.executable, str(ROOT / "bench" / "upstream.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def quantile(values: list[float], q: float) -> float:
    """Milliseconds."""
    return sorted(values)[min(len(values) - 1, int(len(values) * q))] * 1000


def measure(direct: Caller, gateway: Caller, rate: float, seconds: float) -> tuple[list[float], list[float], int]:
    """Latencies of both ways, and how many ticks came late because a call took too long."""
    for n in range(WARM_UP):
        direct.call(-n)
        gateway.call(-n)
    ways: tuple[list[float], list[float]] = ([], [])
    late = 0
    tick = time.perf_counter()
    for n in range(int(rate * seconds)):
        tick += 1 / rate
        wait = tick - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        else:
            late += 1
        order = ((direct, ways[0]), (gateway, ways[1]))
        for caller, found in order if n % 2 else reversed(order):
            found.append(caller.call(n))
    return *ways, late


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rate", type=float, default=100, help="calls a second each way")
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, provider() as port:
        env = {"OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}
        began = time.monotonic()
        with running_server(Path(folder), env=env) as server:
            assert server.chat("first").status == 200
            started = time.monotonic() - began
            direct, gateway = Caller(port, "sk-bench"), Caller(server.port, server.key)
            straight, through, late = measure(direct, gateway, given.rate, given.seconds)
            time.sleep(1)  # within a second of its answer a call is in the store
            recorded = sum(s["calls"] for s in server.get("/api/sessions?limit=100")["data"]) - 1
    print(f"serve to first answered call: {started:.2f} s\n")
    print(f"{'':10}{'p50':>9}{'p90':>9}{'p99':>9}   ms, {len(through)} calls at {given.rate:g}/s each way")
    rows = {q: (quantile(straight, q), quantile(through, q)) for q in (0.5, 0.9, 0.99)}
    print("direct    " + "".join(f"{a:9.3f}" for a, _ in rows.values()))
    print("gateway   " + "".join(f"{b:9.3f}" for _, b in rows.values()))
    print("added     " + "".join(f"{b - a:9.3f}" for a, b in rows.values()))
    print(f"recorded {recorded} of {len(through) + WARM_UP} calls; {late} ticks late")
    added = rows[0.5][1] - rows[0.5][0]
    print(f"target: <= {TARGET_P50_MS:g} ms added at p50: {'reached' if added <= TARGET_P50_MS else 'MISSED'}")


if __name__ == "__main__":
    main()
