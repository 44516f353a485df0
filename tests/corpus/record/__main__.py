"""Records the corpus anew, or one client of it: `python -m tests.corpus.record CLIENT …`, at the repository's root.

CORPUS_PYTHON is a Python with `requirements.txt` installed, CORPUS_PYTHON_AIDER and CORPUS_PYTHON_PYDANTIC_AI are
others for these, CORPUS_NODE a folder with `package.json` installed. The README beside the recordings says how to make
them.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import zstandard

from tests.corpus.record.model import Model
from tests.corpus.record.neutral import neutral
from tests.corpus.record.proxy import Proxy
from tests.support.server import running_server
from tests.support.upstream import FakeUpstream

HERE = Path(__file__).parent
CLIENTS = HERE / "clients"
HOME, WORK = Path("/tmp/demo-home"), Path("/tmp/demo-project")
CONFIG = """
log_unstored: true
models:
  - {{name: "*", model: openai-compatible/demo, base_url: "{url}", api_key: k, formats: [chat, responses, messages]}}
"""
_SECONDS = 500


async def record(client: str) -> None:
    """Runs `clients/use_CLIENT.*` and writes what it sent and got."""
    script = next(CLIENTS.glob(f"use_{client.replace('-', '_')}.*"))
    for folder in (HOME, WORK):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    with tempfile.TemporaryDirectory() as folder, FakeUpstream() as upstream:
        upstream.default = Model().reply
        config = CONFIG.format(url=upstream.base_url)
        with running_server(Path(folder), config=config) as server:
            proxy = Proxy(server.base_url, client)
            url = await proxy.start()
            node = os.environ.get("CORPUS_NODE", "")
            env = {
                "PATH": f"{node}/node_modules/.bin:{os.environ['PATH']}",
                "HOME": str(HOME),
                "LANG": "C.UTF-8",
                "NO_COLOR": "1",
                "RECORD_URL": url,
                "RECORD_KEY": server.key,
                "CORPUS_NODE": node,
                "OPENAI_API_KEY": server.key,
                "ANTHROPIC_API_KEY": server.key,
                "OPENAI_AGENTS_DISABLE_TRACING": "1",
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            }
            python = os.environ.get(f"CORPUS_PYTHON_{client.replace('-', '_').upper()}") or os.environ["CORPUS_PYTHON"]
            command = [python, str(script)]
            if script.suffix == ".mjs":  # where its packages are found
                command = ["node", shutil.copy(script, node)]
            done = await asyncio.create_subprocess_exec(*command, env=env, cwd=WORK, stdin=asyncio.subprocess.DEVNULL)
            code = await asyncio.wait_for(done.wait(), _SECONDS)
            await proxy.stop()
    rows = neutral(proxy.rows, proxy.headers)
    lines = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    path = HERE.parent / f"{client}.jsonl.zst"
    path.write_bytes(zstandard.ZstdCompressor(level=19).compress(lines))
    print(f"{client}: exit code {code}, {len(rows)} calls, {len(lines)} bytes, {path.stat().st_size} compressed")


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(p.stem[4:].replace("_", "-") for p in CLIENTS.glob("use_*")):
        asyncio.run(record(name))
