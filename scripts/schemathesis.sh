#!/usr/bin/env bash
# Calls every operation of openapi/openapi.json with generated requests, thousands of them, and holds every answer against
# what the document says of it: no 5xx, only declared statuses, headers and media types, and bodies that fit their schemas.
# The server runs on a fresh SQLite database with demo data, without limits. Prints what was found and one line that sums
# it up; fails on any finding, and when fewer calls were made, or fewer operations succeeded, than it says below.
#
# Usage: schemathesis.sh [BINARY]       the release binary, else the debug one
#
#   LICENTIA_TEST_SCHEMATHESIS   a schemathesis to use; else the pinned one is installed in target/
set -euo pipefail
cd "$(dirname "$0")/.."

FEWEST_CASES=3000
# Operations that answered 2xx at least once: a run whose calls are all refused shows little. Public documents, which the
# server's log leaves out, do not count.
FEWEST_SUCCEEDING=95

target=${CARGO_TARGET_DIR:-target}
settings=tests/schemathesis
binary=${1:-}
if [ -z "$binary" ]; then
  binary=$target/release/licentia
  [ -x "$binary" ] || binary=$target/debug/licentia
fi
[ -x "$binary" ] || { echo "schemathesis: no binary at $binary: cargo build -p licentia" >&2; exit 1; }
binary=$(realpath "$binary")
folder=$(mktemp -d "${TMPDIR:-/tmp}/licentia-schemathesis.XXXXXX")
server=''
trap '[ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

# A proxy in the environment must not get in between.
export NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}"
export no_proxy="$NO_PROXY"
export HYPOTHESIS_STORAGE_DIRECTORY="$folder/hypothesis"

fail() { echo "schemathesis: $*" >&2; exit 1; }

# What the server said last may tell why.
fail_of_server() { tail -n 20 "$folder/server.log" >&2; fail "the server $*"; }

# A virtual environment with the pinned versions, made anew when they change.
install() {
  local venv=$target/schemathesis pins=$settings/requirements.txt
  mkdir -p "$target"
  cmp -s "$pins" "$venv/installed" && [ -x "$venv/bin/schemathesis" ] && return
  { python3 -m venv --clear "$venv" && "$venv/bin/python" -m pip install --quiet -r "$pins"; } \
    >"$folder/install.log" 2>&1 && cp "$pins" "$venv/installed"
}

# Becomes the binary, in the temporary folder, with nothing of our environment. One key may do everything, and no call can
# revoke it: it stands in a file.
become() {
  cd "$folder" && exec env -i PATH="$PATH" LICENTIA__SERVER__BIND="127.0.0.1:$port" LICENTIA__LIMITS__ENABLED=false \
    LICENTIA__ADMIN__API_KEY_FILE="$folder/key" LICENTIA__DATABASE__URL="sqlite://$folder/licentia.db?mode=rwc" \
    "$binary" "$@"
}

secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

start() {
  (umask 077; printf 'lsk_%s\n' "$(secret)" >"$folder/key"; secret >"$folder/password")
  become serve --demo >"$folder/server.log" 2>&1 &
  server=$!
}

# Waits until the server says that it is ready; 60 seconds at most.
until_ready() {
  local tries=600
  until curl -fsS --noproxy '*' -o "$folder/ready" "http://127.0.0.1:$port/health/ready" 2>/dev/null; do
    kill -0 "$server" 2>/dev/null || fail_of_server 'ended before it was ready'
    [ "$((tries -= 1))" -gt 0 ] || fail_of_server 'was not ready after 60 seconds'
    sleep 0.1
  done
}

# What there is, for hooks.py: the demo's licence as the API shows it, with its key, and an admin who is signed in.
known() {
  local key=''
  while [ -z "$key" ]; do sleep 0.1; key=$(sed -n 's/^ *Licence key *//p' "$folder/server.log"); done
  (become admin create --email ada@example.com --password-file "$folder/password") >"$folder/admin" ||
    fail_of_server 'has no admin'
  python3 - "$folder" "http://127.0.0.1:$port/api/v1" "$key" >"$folder/known.json" <<'PYTHON'
import json, sys, urllib.request
folder, api, key = sys.argv[1:]
read = lambda name: open(f"{folder}/{name}").read().strip()
def ask(path, headers, body=None):
    return json.load(urllib.request.urlopen(urllib.request.Request(api + path, body and json.dumps(body).encode(), headers)))
license = ask("/license-keys", {"Authorization": f"Bearer {read('key')}"})["items"][0] | {"licenseKey": key}
admin = {"email": "ada@example.com", "password": read("password")}
session = ask("/auth/login", {"Content-Type": "application/json"}, admin)
print(json.dumps({"license": license, "admin": {"id": read("admin").split()[0]} | admin | session}))
PYTHON
  LICENTIA_KNOWN=$(cat "$folder/known.json")
  LICENTIA_API_KEY=$(cat "$folder/key")
  LICENTIA_SESSION=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["admin"]["accessToken"])' "$folder/known.json")
  export LICENTIA_KNOWN LICENTIA_API_KEY LICENTIA_SESSION
}

stop() {
  kill -0 "$server" 2>/dev/null || fail_of_server 'ended by itself'
  kill -TERM "$server"
  wait "$server" || fail_of_server "did not end well on SIGTERM (exit code $?)"
  server=''
}

# One line of the report and of the server's log, and whether it is good.
sum_up() {
  python3 - "$folder" "$FEWEST_CASES" "$FEWEST_SUCCEEDING" <<'PYTHON'
import json, sys
folder, fewest, fewest_succeeding = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
report = json.load(open(f"{folder}/report.json"))
cases, operations = report["test_cases"], report["operations"]
found, errors = cases["unique_failures"], cases["errored"]
lines = [json.loads(line) for line in open(f"{folder}/server.log") if line.startswith("{")]
answers = [line for line in lines if line.get("message") == "answered"]
succeeding = {(line["method"], line["route"]) for line in answers if 200 <= line["status"] < 300}
print(f"cases={cases['generated']} (at least {fewest}) operations={operations['tested']} of {operations['total']}, "
      f"succeeding={len(succeeding)} (at least {fewest_succeeding}) failures={found} errors={errors} "
      f"seconds={report['running_time']:.0f}")
good = not found and not errors and report["complete"] and operations["tested"] == operations["total"]
sys.exit(0 if good and cases["generated"] >= fewest and len(succeeding) >= fewest_succeeding else 1)
PYTHON
}

schemathesis=${LICENTIA_TEST_SCHEMATHESIS:-$target/schemathesis/bin/schemathesis}
if [ -z "${LICENTIA_TEST_SCHEMATHESIS:-}" ]; then
  install || { cat "$folder/install.log" >&2; fail 'it cannot be installed (Debian: python3-venv)'; }
fi

while port=$((20000 + RANDOM % 20000)); timeout 3 bash -c ": <>/dev/tcp/127.0.0.1/$port" 2>/dev/null; do :; done
start
until_ready
known

found=0
"$schemathesis" --no-color --config-file "$settings/schemathesis.toml" run openapi/openapi.json \
  --url "http://127.0.0.1:$port" \
  --report json --report-json-path "$folder/report.json" >"$folder/found.txt" 2>&1 || found=$?
stop
if [ "$found" != 0 ]; then cat "$folder/found.txt"; fi
[ -s "$folder/report.json" ] || fail 'there is no report'
sum_up || fail 'the server and its document disagree, or too little was asked'
[ "$found" = 0 ] || fail "it ended with $found"
