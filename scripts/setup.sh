#!/usr/bin/env bash
# Installs what a target needs and the machine lacks; does nothing when all is there.
# Usage: scripts/setup.sh build|tss|lint|guests|test|wasm|fuzz
set -euo pipefail

CARGO_DENY=0.20.2
CARGO_FUZZ=0.13.1

say() { printf '%s\n' "setup: $*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

apt_install() {
    have apt-get || fail "missing: $*. Install them with this system's package manager."
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || fail "missing: $*. Run as root: apt-get install -y $*"
        sudo=(sudo)
    fi
    say "installing $*"
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "$@"
}

need_rust() {
    if ! have cargo; then
        fail "Rust is missing. Install it from https://rustup.rs, or, on Debian 13 and later: apt-get install rustup && rustup default stable"
    fi
    local want have_version
    want=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    have_version=$(rustc --version | cut -d' ' -f2)
    if [ "$(printf '%s\n%s\n' "$want" "$have_version" | sort -V | head -n1)" != "$want" ]; then
        fail "Rust $want or newer is needed, this is $have_version. Run: rustup update stable"
    fi
}

# A C compiler: the linker is called through it, and ring and jemalloc have C in them.
need_compiler() {
    local missing=()
    have cc || missing+=(gcc libc6-dev)
    have make || missing+=(make)
    if [ "${#missing[@]}" -gt 0 ]; then apt_install "${missing[@]}"; fi
}

# clang for WebAssembly with a C library, for the JavaScript guest.
need_wasi() {
    local missing=()
    have clang || missing+=(clang)
    have patch || missing+=(patch)
    have wasm-ld || missing+=(lld)
    [ -f /usr/include/wasm32-wasi/stdlib.h ] || missing+=(wasi-libc)
    compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/wasi/libclang_rt.builtins-wasm32.a' >/dev/null \
        || missing+=(libclang-rt-14-dev-wasm32)
    if [ "${#missing[@]}" -gt 0 ]; then apt_install "${missing[@]}"; fi
}

# The library that the feature `tpm` speaks to a TPM with.
need_tss() {
    local missing=()
    have pkg-config || missing+=(pkg-config)
    pkg-config --exists tss2-esys tss2-sys tss2-mu tss2-tctildr 2>/dev/null || missing+=(libtss2-dev)
    if [ "${#missing[@]}" -gt 0 ]; then apt_install "${missing[@]}"; fi
}

# A TPM in software.
need_swtpm() {
    local missing=()
    have swtpm || missing+=(swtpm)
    have swtpm_setup || missing+=(swtpm-tools)
    if [ "${#missing[@]}" -gt 0 ]; then apt_install "${missing[@]}"; fi
}

# Rust for WebAssembly, and Node to run it.
need_wasm() {
    local target
    for target in wasm32-unknown-unknown wasm32-wasip1; do
        [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] && continue
        have rustup || fail "Rust lacks the target $target. Install its standard library."
        rustup target add "$target"
    done
    have node || apt_install nodejs
}

need_component() {
    cargo "$1" --version >/dev/null 2>&1 && return
    have rustup || fail "cargo $1 is missing. Install the $2 of this Rust."
    rustup component add "$2"
}

# Without optimisation: it runs for a second, and builds in a third of the time.
need_tool() {
    local installed
    installed=$(cargo "$1" --version 2>/dev/null | awk '{ print $2 }') || true
    if [ -n "$installed" ]; then return; fi
    say "installing cargo-$1 $2"
    cargo install --quiet --locked --debug "cargo-$1" --version "$2"
}

cd "$(dirname "$0")/.."
need_rust
need_compiler
case "${1:-build}" in
    build) ;;
    tss) need_tss ;;
    lint)
        need_component fmt rustfmt
        need_component clippy clippy
        need_tool deny "$CARGO_DENY"
        need_tss
        ;;
    guests) need_wasi ;;
    test)
        need_tss
        need_swtpm
        ;;
    wasm) need_wasm ;;
    fuzz)
        have c++ || apt_install g++
        need_tool fuzz "$CARGO_FUZZ"
        ;;
    *) fail "unknown: $1" ;;
esac
