#!/usr/bin/env bash
# What bench/table.py compares Sessionary with, and the load generator: Debian's packages, and .bench/ for the rest.
# Does nothing for what is there. LiteLLM stays below 1.100.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v wrk >/dev/null || missing+=(wrk)
command -v gcc >/dev/null || missing+=(gcc libc6-dev)
[ -x /usr/sbin/nginx ] || command -v nginx >/dev/null || missing+=(nginx-light)
command -v npm >/dev/null || missing+=(nodejs npm)
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

# Portkey's streams fail with the newest server beneath it, which npm would take.
[ -d .bench/portkey/node_modules/@portkey-ai/gateway ] || {
    mkdir -p .bench/portkey
    echo '{"dependencies": {"@portkey-ai/gateway": "1.15.2"}, "overrides": {"@hono/node-server": "1.13.8"}}' \
        >.bench/portkey/package.json
    npm install --silent --no-audit --no-fund --prefix .bench/portkey
}
[ -x .bench/litellm/bin/litellm ] || {
    python3 -m venv .bench/litellm
    .bench/litellm/bin/pip install --quiet --disable-pip-version-check 'litellm[proxy]<1.100'
}
