#!/usr/bin/env bash
# Fetches Debian 13's libcrypto-mb11 from the mirror that this Debian uses, puts its library into a folder, and prints the
# path: nothing is installed, and the system's own packages stay as they are. For tests and the bench.
#
#   scripts/multi-buffer.sh FOLDER
set -euo pipefail

folder=${1:?scripts/multi-buffer.sh FOLDER}
name=libcrypto_mb.so.11

fail() { echo "multi-buffer: $*" >&2; exit 1; }

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ ! -e "$folder/$name" ]; then
  for tool in apt-get dpkg; do
    command -v "$tool" >/dev/null || fail "$tool is missing: install libcrypto-mb11 as your system does"
  done
  [ "$(dpkg --print-architecture)" = amd64 ] || fail 'libcrypto-mb11 is for amd64 only'
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/\?$' | head -n 1 || true)
  [ -n "$mirror" ] || fail 'no Debian mirror is configured'

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/lists/partial"
  echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$work/sources.list"
  apt=(apt-get -qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o APT::Sandbox::User=root)
  "${apt[@]}" update >&2
  (cd "$work" && "${apt[@]}" download libcrypto-mb11 >&2 && dpkg -x libcrypto-mb11_*.deb .)
  cp "$work/usr/lib/x86_64-linux-gnu/$name" "$folder/$name" || fail "the package holds no $name"
fi
echo "$folder/$name"
