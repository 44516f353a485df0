#!/usr/bin/env bash
# The wheel, as a person gets it: built, installed into an empty environment, run from a folder that is not ours.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo "$PWD/.tools/bin/uv")
work=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

"$uv" build --quiet --wheel --out-dir "$work/dist"
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
echo "the wheel works"
