#!/usr/bin/env bash
# Runs every test: doc, unit and property tests, integration on SQLite, and, where they can be had, integration on
# PostgreSQL and the real verifiers in Python and Node. Says first what runs and what is skipped and why; nothing is
# skipped in silence, and the runner's own summary is the last thing printed.
#
#   LICENTIA_TEST_POSTGRES   server to use (a URL whose role may create databases); else a local or a throw-away one
#   LICENTIA_TEST_PYTHON     interpreter with tests/verifiers/requirements.txt; else a venv is made in target/
#   LICENTIA_TEST_NODE_MODULES   node_modules folder that holds jose; else it is installed in target/
#   LICENTIA_TEST_REDIS      redis://HOST:PORT of a server to use; else one at 127.0.0.1:6379. Keys have a prefix of their own
#   LICENTIA_TEST_MULTI_BUFFER   the file of libcrypto_mb to use; else the system's own (scripts/multi-buffer.sh fetches one)
#   LICENTIA_TEST_REQUIRE    comma-separated postgres, redis, slapd, multi_buffer, python, node: a missing one fails instead of being skipped
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p "${CARGO_TARGET_DIR:-target}/verifiers"
verifiers=$(cd "${CARGO_TARGET_DIR:-target}/verifiers" && pwd)
nextest_filter='all()'
libtest_skips=()
report=()

# The tests talk to 127.0.0.1 only; a proxy in the environment must not get in between.
export NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}"
export no_proxy="$NO_PROXY"

fail() { echo "test: $*" >&2; exit 1; }

runs() { report+=("$(printf '  %-28s runs      %s' "$1" "$2")"); }

# skip WHAT NAME REASON NEXTEST_FILTER LIBTEST_SUBSTRING
skip() {
  case ",${LICENTIA_TEST_REQUIRE:-}," in *",$2,"*) fail "$1 is required, but $3" ;; esac
  report+=("$(printf '  %-28s SKIPPED   %s' "$1" "$3")")
  nextest_filter+=" and not ($4)"
  libtest_skips+=(--skip "$5")
}

# --- PostgreSQL ------------------------------------------------------------------------------------------------------

cluster='' cluster_bin='' cluster_user=''

# Whether HOST PORT accepts a connection.
listens() { timeout 3 bash -c ": <>/dev/tcp/$1/$2" 2>/dev/null; }

# Whether the server of URL lets us in and lets us create databases; without psql, whether it listens at all.
postgres_usable() {
  if command -v psql >/dev/null; then
    [ "$(PGCONNECT_TIMEOUT=3 psql -XAtqw "$1" -c \
      'select rolsuper or rolcreatedb from pg_roles where rolname = current_user' 2>/dev/null)" = t ]
  elif command -v pg_isready >/dev/null; then
    pg_isready -q -t 3 -d "$1"
  else
    local address=${1#*://}
    address=${address##*@} address=${address%%[/?]*}
    case "$address" in *:*) listens "${address%:*}" "${address##*:}" ;; *) listens "$address" 5432 ;; esac
  fi
}

# Prints the folder that holds initdb and pg_ctl: from PATH, else the newest that a package installed.
postgres_bin() {
  local initdb
  initdb=$(command -v initdb || { compgen -G '/usr/lib/postgresql/*/bin/initdb'; compgen -G '/usr/pgsql-*/bin/initdb'; } |
    sort -V | tail -n 1)
  [ -n "$initdb" ] && [ -x "$(dirname "$initdb")/pg_ctl" ] && dirname "$initdb"
}

free_port() {
  local port
  while port=$((20000 + RANDOM % 20000)); listens 127.0.0.1 "$port"; do :; done
  echo "$port"
}

# Runs a command as the server's user: ourselves, or somebody else when we are root, whom the server refuses.
as_server() {
  if [ -z "$cluster_user" ]; then (cd "$cluster" && "$@")
  elif command -v setpriv >/dev/null; then
    (cd "$cluster" && setpriv --reuid="$cluster_user" --regid="$(id -g "$cluster_user")" --clear-groups "$@")
  else (cd "$cluster" && su -s /bin/sh "$cluster_user" -c "$(printf '%q ' "$@")")
  fi
}

stop_cluster() {
  [ -n "$cluster" ] || return 0
  as_server "$cluster_bin/pg_ctl" -D "$cluster/data" -m immediate -s stop >/dev/null 2>&1 || true
  rm -rf "$cluster"
}

# A server in a temporary folder that lives as long as this script; sets LICENTIA_TEST_POSTGRES.
start_cluster() {
  local port
  port=$(free_port)
  trap stop_cluster EXIT
  cluster=$(mktemp -d "${TMPDIR:-/tmp}/licentia-postgres.XXXXXX")
  if [ "$(id -u)" = 0 ]; then
    if id -u postgres >/dev/null 2>&1; then cluster_user=postgres; else cluster_user=nobody; fi
    chown "$cluster_user" "$cluster"
  fi
  {
    as_server "$cluster_bin/initdb" -D "$cluster/data" -U postgres -A trust -E UTF8 --no-locale --no-sync &&
      as_server "$cluster_bin/pg_ctl" -D "$cluster/data" -l "$cluster/server.log" -w -t 30 start \
        -o "-p $port -c listen_addresses=127.0.0.1 -k $cluster -c fsync=off -c max_connections=300"
  } >"$cluster/start.log" 2>&1 </dev/null || { tail -n 5 "$cluster"/*.log >&2; return 1; }
  export LICENTIA_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres"
}

find_postgres() {
  local what='integration on PostgreSQL' local_server=postgres://postgres@127.0.0.1:5432/postgres
  if [ -n "${LICENTIA_TEST_POSTGRES:-}" ]; then
    postgres_usable "$LICENTIA_TEST_POSTGRES" ||
      fail 'the server of LICENTIA_TEST_POSTGRES cannot be reached, or its role may not create databases'
    runs "$what" 'on the server of LICENTIA_TEST_POSTGRES'
  elif postgres_usable "$local_server"; then
    export LICENTIA_TEST_POSTGRES=$local_server
    runs "$what" 'on the server at 127.0.0.1:5432'
  elif ! cluster_bin=$(postgres_bin); then
    skip_postgres 'no server at 127.0.0.1:5432 and no initdb (Debian: apt-get install postgresql)'
  elif start_cluster; then
    runs "$what" 'on a throw-away server'
  else
    skip_postgres 'the throw-away server did not start (its last words are above)'
  fi
}

skip_postgres() {
  skip 'integration on PostgreSQL' postgres "$1" 'package(licentia-tests) and test(/(^|::)postgres::/)' '::postgres::'
}

# --- Redis -----------------------------------------------------------------------------------------------------------

# Whether the server of redis://HOST:PORT answers a ping.
redis_usable() {
  local address=${1#*://} answer
  address=${address%%/*}
  answer=$(timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "PING\r\n" >&3 && head -c 5 <&3' \
    _ "${address%:*}" "${address##*:}" 2>/dev/null) && [ "$answer" = +PONG ]
}

find_redis() {
  local what='limits shared through Redis' local_server=redis://127.0.0.1:6379
  if [ -n "${LICENTIA_TEST_REDIS:-}" ]; then
    redis_usable "$LICENTIA_TEST_REDIS" || fail 'the server of LICENTIA_TEST_REDIS (redis://HOST:PORT) does not answer'
    runs "$what" 'on the server of LICENTIA_TEST_REDIS'
  elif redis_usable "$local_server"; then
    export LICENTIA_TEST_REDIS=$local_server
    runs "$what" 'on the server at 127.0.0.1:6379'
  else
    skip "$what" redis 'no server at 127.0.0.1:6379 (Debian: apt-get install redis-server)' \
      'package(licentia-tests) and test(/(^|::)redis::/)' '::redis::'
  fi
}

# --- directory -------------------------------------------------------------------------------------------------------

# Each test starts a server of its own, from Debian's files.
find_slapd() {
  local what='a directory (slapd)' missing='' file
  for file in /usr/sbin/slapd /usr/lib/ldap/back_mdb.so /usr/lib/ldap/memberof.so /etc/ldap/schema/inetorgperson.schema; do
    [ -e "$file" ] || missing=$file
  done
  for file in ldapadd ldapmodify ldapwhoami; do
    command -v "$file" >/dev/null || missing=$file
  done
  if [ -n "$missing" ]; then
    skip "$what" slapd "$missing is missing (Debian: apt-get install slapd ldap-utils)" \
      'package(licentia-tests) and test(/(^|::)slapd::/)' '::slapd::'
  else
    runs "$what" 'servers of the tests'
  fi
}

# --- signatures in lanes ---------------------------------------------------------------------------------------------

find_multi_buffer() {
  local what='signatures in lanes' missing=''
  if ! grep -qw avx512ifma /proc/cpuinfo 2>/dev/null; then
    missing='the processor has no AVX-512 IFMA; the fallback is tested'
  elif [ -n "${LICENTIA_TEST_MULTI_BUFFER:-}" ]; then
    [ -e "$LICENTIA_TEST_MULTI_BUFFER" ] || fail 'the file of LICENTIA_TEST_MULTI_BUFFER is not there'
  elif ! { /sbin/ldconfig -p 2>/dev/null || true; } | grep -q 'libcrypto_mb\.so\.11'; then
    missing='libcrypto_mb.so.11 is not installed (Debian 13: apt-get install libcrypto-mb11)'
  fi
  if [ -n "$missing" ]; then
    skip "$what" multi_buffer "$missing" 'test(/(^|::)multi_buffer_library/)' multi_buffer_library
  else
    runs "$what" "${LICENTIA_TEST_MULTI_BUFFER:-libcrypto_mb of the system}"
  fi
}

# --- verifiers -------------------------------------------------------------------------------------------------------

verifier_filter() { echo "package(licentia-tests) and test(/(^|::)(verifiers|snippets|mail)::.*$1/)"; }

python_ready() { "$1" -c 'import aiosmtpd, cryptography, joserfc, jwt' 2>/dev/null; }

# A virtual environment with the pinned libraries, made anew when the pins change.
install_python() {
  local venv=$verifiers/python pins=tests/verifiers/requirements.txt
  cmp -s "$pins" "$venv/installed" && python_ready "$venv/bin/python" && return
  { python3 -m venv --clear "$venv" && "$venv/bin/python" -m pip install --quiet -r "$pins"; } \
    >"$verifiers/python.log" 2>&1 && python_ready "$venv/bin/python" && cp "$pins" "$venv/installed"
}

find_python() {
  local what='verifiers, mail, in Python'
  if [ -n "${LICENTIA_TEST_PYTHON:-}" ]; then
    python_ready "$LICENTIA_TEST_PYTHON" || fail 'LICENTIA_TEST_PYTHON lacks PyJWT, cryptography, joserfc or aiosmtpd'
  elif ! command -v python3 >/dev/null; then
    skip "$what" python 'python3 is missing' "$(verifier_filter python)" python
    return
  elif install_python; then
    export LICENTIA_TEST_PYTHON=$verifiers/python/bin/python
  else
    skip "$what" python "PyJWT, joserfc and aiosmtpd cannot be installed (Debian: python3-venv; see $verifiers/python.log)" \
      "$(verifier_filter python)" python
    return
  fi
  runs "$what" 'PyJWT, joserfc, aiosmtpd'
}

install_node() {
  local folder=$verifiers/node lock=tests/verifiers/package-lock.json
  cmp -s "$lock" "$folder/installed" && [ -d "$folder/node_modules/jose" ] && return
  mkdir -p "$folder" && cp tests/verifiers/package.json "$lock" "$folder"
  npm ci --prefix "$folder" --no-audit --no-fund --ignore-scripts >"$verifiers/node.log" 2>&1 &&
    cp "$lock" "$folder/installed"
}

find_node() {
  local what='verifiers in Node' major
  if ! command -v node >/dev/null; then
    skip "$what" node 'node is missing' "$(verifier_filter node)" node
    return
  fi
  major=$(node -p 'process.versions.node.split(".")[0]')
  if [ "$major" -lt 18 ]; then
    skip "$what" node "node $major is too old for jose: 18 or newer is needed" "$(verifier_filter node)" node
    return
  elif [ -n "${LICENTIA_TEST_NODE_MODULES:-}" ]; then
    [ -d "$LICENTIA_TEST_NODE_MODULES/jose" ] || fail 'LICENTIA_TEST_NODE_MODULES holds no jose'
  elif ! command -v npm >/dev/null; then
    skip "$what" node 'npm is missing' "$(verifier_filter node)" node
    return
  elif install_node; then
    export LICENTIA_TEST_NODE_MODULES=$verifiers/node/node_modules
  else
    skip "$what" node "jose cannot be installed (see $verifiers/node.log)" "$(verifier_filter node)" node
    return
  fi
  # Node 18 has the web cryptography that jose uses, behind a flag.
  [ "$major" -ge 20 ] || export NODE_OPTIONS="--experimental-global-webcrypto ${NODE_OPTIONS:-}"
  runs "$what" 'jose'
}

# --- run -------------------------------------------------------------------------------------------------------------

runs 'doc, unit, property tests' ''
runs 'integration on SQLite' ''
find_postgres
find_redis
find_slapd
find_multi_buffer
find_python
find_node

cargo test --quiet --doc --workspace
echo
echo 'Of the tests:'
printf '%s\n' "${report[@]}"
echo

if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --workspace -E "$nextest_filter"
else
  cargo test --workspace --tests --no-fail-fast -- ${libtest_skips[@]+"${libtest_skips[@]}"}
fi
