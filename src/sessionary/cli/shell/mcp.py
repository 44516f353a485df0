"""Letting an agent read the log: `sessionary mcp`."""

from sessionary.cli.common import Config, DataDir, fail
from sessionary.cli.shell.words import Key, Url

_INSTALL = "pip install 'sessionary[mcp]'"


def mcp(url: Url = None, key: Key = None, config: Config = None, data_dir: DataDir = None) -> None:
    """Let an agent read sessions: a server of the Model Context Protocol, on standard input and output."""
    try:
        from sessionary.cli.shell.tools import server
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        fail(f"the Model Context Protocol needs a package more: {_INSTALL}")
    from sessionary.cli.shell import which

    server(lambda: which.find(url, key, config, data_dir)).run("stdio")
