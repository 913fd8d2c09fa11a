#!/bin/sh
# Compiles the C programs beside this script to WebAssembly.
# Debian: apt-get install clang lld wasi-libc libclang-rt-dev-wasm32
set -eu
cd "$(dirname "$0")"
for source in *.c; do
    clang --target=wasm32-wasi -Oz -Wall -Wextra -Werror -Wl,--strip-all \
        -o "${source%.c}.wasm" "$source"
    chmod a-x "${source%.c}.wasm"
done
