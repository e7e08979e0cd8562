#!/usr/bin/env bash
# Measures the release binary on SQLite with its keys present: time from start to ready, resident memory when idle.
# Prints both beside their limits and fails above them. Linux; needs curl.
#
# Usage: figures.sh [BINARY]
set -euo pipefail
cd "$(dirname "$0")/.."

READY_LIMIT_MS=500
RSS_LIMIT_MB=30

binary=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/release/licentia}")
folder=$(mktemp -d "${TMPDIR:-/tmp}/licentia-figures.XXXXXX")
server=''
trap '[ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

while port=$((20000 + RANDOM % 20000)); timeout 3 bash -c ": <>/dev/tcp/127.0.0.1/$port" 2>/dev/null; do :; done

fail() { echo "figures: $*" >&2; tail -n 20 "$folder/server.log" >&2; exit 1; }

now_ms() { echo "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

start() {
  (cd "$folder" && exec env -i PATH="$PATH" LICENTIA__SERVER__BIND="127.0.0.1:$port" \
    LICENTIA__DATABASE__URL="sqlite://$folder/licentia.db?mode=rwc" "$binary" serve) >"$folder/server.log" 2>&1 &
  server=$!
}

# Waits until the server says that it is ready; 30 seconds at most.
until_ready() {
  local deadline=$(($(now_ms) + 30000))
  until curl -fsS --noproxy '*' -o "$folder/ready" "http://127.0.0.1:$port/health/ready" 2>/dev/null; do
    kill -0 "$server" 2>/dev/null || fail 'the server ended before it was ready'
    [ "$(now_ms)" -lt "$deadline" ] || fail 'the server was not ready after 30 seconds'
    sleep 0.005
  done
}

stop() {
  kill -TERM "$server"
  wait "$server" || fail "the server did not end well on SIGTERM (exit code $?)"
  server=''
}

start
until_ready
stop

began=$(now_ms)
start
until_ready
ready_ms=$(($(now_ms) - began))
sleep 3
rss_mb=$(awk '/^VmRSS:/ { printf "%.1f", $2 / 1024 }' "/proc/$server/status")
stop

echo "ready_ms=$ready_ms (limit $READY_LIMIT_MS) idle_rss_mb=$rss_mb (limit $RSS_LIMIT_MB)"
awk -v ready="$ready_ms" -v rss="$rss_mb" -v ready_limit="$READY_LIMIT_MS" -v rss_limit="$RSS_LIMIT_MB" \
  'BEGIN { exit !(ready <= ready_limit && rss <= rss_limit) }' || fail 'over the limit'
