#!/usr/bin/env bash
# The wheel, as a person gets it: built, installed into an empty environment, run from a folder that is not ours.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo "$PWD/.tools/bin/uv")
work=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

"$uv" build --quiet --wheel --out-dir "$work/dist"
# The wheel is the tree: every file of it that git knows, no other, byte for byte, and nothing that runs by being there.
python3 - "$work"/dist/*.whl <<'CHECK'
import pathlib, subprocess, sys, zipfile

wheel = zipfile.ZipFile(sys.argv[1])
packed = {name for name in wheel.namelist() if not name.partition("/")[0].endswith(".dist-info")}
listed = subprocess.run(["git", "ls-files", "-z", "src"], capture_output=True, check=True, text=True).stdout
known = {name.removeprefix("src/"): pathlib.Path(name) for name in listed.split("\0") if name}
assert packed == known.keys(), packed ^ known.keys()
assert not [name for name in wheel.namelist() if name.endswith(".pth")]
different = [name for name, path in known.items() if path.is_file() and wheel.read(name) != path.read_bytes()]
assert not different, different
print(f"{len(packed)} files, as in the tree")
CHECK
"$uv" venv --quiet "$work/venv"
"$uv" pip install --quiet --python "$work/venv/bin/python" "$work"/dist/*.whl
cd "$work"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
SESSIONARY_MASTER_KEY=sk-wheel venv/bin/sessionary serve --port "$port" >log 2>&1 &
server=$!
curl -sS --retry 50 --retry-delay 1 --retry-connrefused -o ready "http://127.0.0.1:$port/health/ready"
curl -sSf "http://127.0.0.1:$port/chat/completions" -H "Authorization: Bearer sk-wheel" \
    -d '{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "session_id": "wheel"}' -o answer
for _ in $(seq 50); do
    curl -sSf "http://127.0.0.1:$port/api/sessions?session_id=wheel" -H "Authorization: Bearer sk-wheel" -o sessions
    grep -Eq '"calls": ?1' sessions && break
    sleep 0.1
done
grep -Eq '"calls": ?1' sessions || { cat log sessions; exit 1; }
curl -sSf "http://127.0.0.1:$port/ui/login" -o page
[ -d sessionary-data ]
kill "$server" && wait "$server"
server=""
# What needs an extra says so; nothing else needs one.
venv/bin/sessionary demo --sessions 3 >>log 2>&1
venv/bin/sessionary verify >>log 2>&1
venv/bin/sessionary keys list >>log 2>&1
venv/bin/sessionary audit >>log 2>&1
if SESSIONARY_TRACES=http://127.0.0.1:1 venv/bin/sessionary serve >told 2>&1; then exit 1; fi
grep -Fq "pip install 'sessionary[otel]'" told || { cat told; exit 1; }
export SESSIONARY_DATABASE=postgresql://nobody@127.0.0.1:1/none
for command in serve doctor verify "keys list" "migrate --to $SESSIONARY_DATABASE"; do
    if venv/bin/sessionary $command >told 2>&1; then exit 1; fi
    grep -Fq "pip install 'sessionary[postgres]'" told || { cat told; exit 1; }
done
echo "the wheel works"
