"""What tests need from npm, installed from a folder's lock file: once, also where tests run side by side."""

import fcntl
import subprocess
from pathlib import Path


def installed(folder: Path) -> Path:
    """`folder`, with its `node_modules` as `package-lock.json` says."""
    with (folder / ".installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted, have = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
        if not have.exists() or have.stat().st_mtime < wanted.stat().st_mtime:
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, timeout=400)
    return folder
