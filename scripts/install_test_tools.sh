#!/usr/bin/env bash
# What the tests need beside Python: Chromium, PostgreSQL, pgbouncer and Node, from Debian's packages where they are
# missing. Does nothing where all are there, so it costs nothing to run before every test run.
set -euo pipefail

missing=()
command -v chromium-headless-shell >/dev/null || missing+=(chromium-headless-shell)
command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
[ -x /usr/sbin/pgbouncer ] || command -v pgbouncer >/dev/null || missing+=(pgbouncer)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "The tests need: ${missing[*]}. Install them with your system's package manager, then try again." >&2
    exit 1
fi

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
echo "installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
