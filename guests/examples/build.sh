#!/bin/sh
# Builds the WebAssembly examples from the sources beside them. The prebuilt modules are kept, so that
# nobody needs these compilers to run them.
#
#   build.sh [c] [rust] [assemblyscript]      default: all
#
# c: Debian's clang, lld, wasi-libc. rust: rustup's target wasm32-wasip1. assemblyscript: npm.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build_c() {
    clang --target=wasm32-wasi --sysroot=/usr -I/usr/include/wasm32-wasi -std=c11 -Os -Wall -Wextra -Werror \
        -L/usr/lib/wasm32-wasi -Wl,--strip-all "$here/c/word-count.c" -o "$here/c/word-count.wasm"
}

build_rust() {
    rustup target add wasm32-wasip1
    rustc --edition 2024 --target wasm32-wasip1 -C opt-level=s -C lto -C panic=abort -C strip=symbols \
        --remap-path-prefix "$here=." "$here/rust/redact.rs" -o "$here/rust/redact.wasm"
}

build_assemblyscript() {
    printf '{"private": true}\n' >"$work/package.json"
    npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$work" assemblyscript@0.28.20
    "$work/node_modules/.bin/asc" "$here/assemblyscript/statistics.ts" --runtime stub --use abort= \
        --optimizeLevel 3 --shrinkLevel 1 --converge --outFile "$here/assemblyscript/statistics.wasm"
}

[ $# -gt 0 ] || set -- c rust assemblyscript
for language in "$@"; do
    "build_$language"
done
