"""The programs that call."""

from sessionary.demo.stage import Caller

_PYTHON = {
    "x-stainless-lang": "python",
    "x-stainless-package-version": "2.8.1",
    "x-stainless-os": "Linux",
    "x-stainless-runtime": "CPython",
    "x-stainless-runtime-version": "3.13.2",
    "x-stainless-retry-count": "0",
}

CLAUDE_CODE = Caller(
    "claude-cli/2.0.58 (external, cli)",
    "laptop-ana",
    {"anthropic-version": "2023-06-01", "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14"},
)
CLAUDE_CODE_BEN = Caller(CLAUDE_CODE.program, "laptop-ben", CLAUDE_CODE.headers)
CLAUDE_CODE_CI = Caller(CLAUDE_CODE.program, "ci", CLAUDE_CODE.headers)
CODEX = Caller("codex_cli_rs/0.63.0 (Mac OS 15.6.1; arm64) vscode/1.106.2", "laptop-ben")
CODEX_CI = Caller("codex_exec/0.63.0 (Ubuntu 24.4.0; x86_64) unknown", "ci")
OPENCODE = Caller("opencode/1.0.119", "laptop-ben")
SHOP = Caller("OpenAI/JS 6.9.1", "web-shop", {"x-stainless-lang": "js", "x-stainless-package-version": "6.9.1"})
HELP_DESK = Caller("AsyncOpenAI/Python 2.8.1", "help-desk", _PYTHON)
RESEARCH = Caller("OpenAI/Python 2.8.1", "research", _PYTHON)
JOBS = Caller("OpenAI/Python 2.8.1", "data-jobs", _PYTHON)
LANGCHAIN = Caller("OpenAI/Python 2.8.1", "research", {**_PYTHON, "x-stainless-helper-method": "stream"})
AGENTS_SDK = Caller("Agents/Python 0.6.1", "research", _PYTHON)
LITELLM = Caller("litellm/1.80.5", "data-jobs")
CURL = Caller("curl/8.14.1", "playground")
PLAYGROUND = Caller("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0", "playground")
ANTHROPIC = Caller("Anthropic/Python 0.75.0", "research", {**_PYTHON, "anthropic-version": "2023-06-01"})
GENAI = Caller("OpenAI/Python 2.8.1", "data-jobs", _PYTHON)
