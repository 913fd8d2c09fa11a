#!/usr/bin/env bash
# Builds the verifier for wasm32 (scripts/setup.sh wasm has what that needs) and runs it under Node
# over the outside samples and the chains that the tests make.
set -euo pipefail
cd "$(dirname "$0")/../../.."
target="${CARGO_TARGET_DIR:-target}"

cargo build -p sealwork-verify --no-default-features --target wasm32-unknown-unknown
cargo build -p sealwork-verify --no-default-features --target wasm32-wasip1 --example verify
cases=$(mktemp -d)
trap 'rm -rf "$cases"' EXIT
cargo run -q -p sealwork-verify --example write_cases -- "$cases"
node --no-warnings crates/verify/wasm/run.mjs \
    "$target/wasm32-wasip1/debug/examples/verify.wasm" "$cases"
