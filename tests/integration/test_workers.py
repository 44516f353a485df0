"""Two workers behind one port: one log, whole sessions, one set of metrics."""

import itertools
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.server import running_server, wait_for

TURNS = 12


def test_a_chat_over_two_workers_is_one_chain(tmp_path: Path) -> None:
    with running_server(tmp_path, env={"SESSIONARY_WORKERS": "2"}) as server:
        with ThreadPoolExecutor(16) as pool:  # one worker alone would serve what comes one by one

            def both() -> bool:
                return len({a["pid"] for a in pool.map(lambda _: server.get("/health/ready"), range(160))}) == 2

            wait_for(both, seconds=10, what="both workers answering")
        messages: list[dict[str, str]] = []
        for n in range(TURNS):
            messages.append({"role": "user", "content": f"question {n}"})
            body = {"model": "gpt-4o", "messages": messages, "session_id": "shared"}
            answer = server.post("/v1/chat/completions", body).json
            messages.append({"role": "assistant", "content": answer["choices"][0]["message"]["content"]})
        session = server.session("shared", calls=TURNS)
        assert session["turns"] == TURNS
        calls = server.transcript("shared")["calls"]
        for before, after in itertools.pairwise(calls):
            assert after["call"]["parent_id"] == before["call"]["id"]
            assert len(after["messages"]) == 1

        def begun() -> bool:
            text = server.request("GET", "/metrics").body.decode()
            return re.search(rf"^sessionary_calls_begun_total {TURNS}\.0$", text, re.M) is not None

        wait_for(begun, what="both workers' calls being counted")


def test_a_worker_that_dies_is_replaced_and_its_calls_are_kept(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        server.chat("before", session_id="kept")
        pid = server.get("/health/ready")["pid"]
        os.kill(pid, signal.SIGKILL)

        def answers() -> bool:
            try:
                return server.chat("after", session_id="kept").status == 200
            except OSError:
                return False

        wait_for(answers, seconds=10, what="a new worker")
        assert server.get("/health/ready")["pid"] != pid
        assert server.session("kept", calls=2)["calls"] == 2
