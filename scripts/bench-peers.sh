#!/usr/bin/env bash
# Puts into DIR what `sealwork bench programs --peers DIR` compares with: workerd from npm, and
# QuickJS-ng, the version in js.wasm, as native code. Needs npm and clang. DIR is outside the clone.
# Usage: scripts/bench-peers.sh DIR
set -euo pipefail

WORKERD=1.20261117.1

fail() { printf 'bench-peers: %s\n' "$*" >&2; exit 1; }

[ $# -eq 1 ] || fail "usage: scripts/bench-peers.sh DIR"
command -v npm >/dev/null || fail "npm is missing: apt-get install npm"
command -v clang >/dev/null || fail "clang is missing: apt-get install clang"
mkdir -p "$1"
peers=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

# The binary alone: the package around it only finds out which one fits.
case $(uname -m) in
    x86_64) workerd=@cloudflare/workerd-linux-64 ;;
    aarch64) workerd=@cloudflare/workerd-linux-arm64 ;;
    *) fail "workerd has no binary for $(uname -m)" ;;
esac
npm install --silent --ignore-scripts --no-audit --no-fund --no-save --prefix "$peers/npm" "$workerd@$WORKERD"
ln -sf "npm/node_modules/$workerd/bin/workerd" "$peers/workerd"
"$peers/workerd" --version

BUILD_DIR=$peers/build guests/js/build.sh --sources
sources=$peers/build/quickjs
clang -O2 -std=gnu11 -D_GNU_SOURCE -DQUICKJS_NG_BUILD -w -isystem "$sources" -o "$peers/quickjs" \
    guests/js/peer/quickjs.c "$sources"/{quickjs,libregexp,libunicode,dtoa}.c -lm -lpthread
printf 'QuickJS-ng: %s\n' "$peers/quickjs"
