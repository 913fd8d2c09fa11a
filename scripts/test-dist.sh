#!/usr/bin/env bash
# Runs the production binary as an operator would: it must hold nothing of the simulation, refuse a
# bad configuration, run a sealed job, and stop in order.
# Usage: scripts/test-dist.sh BINARY
set -euo pipefail

binary=$(realpath "${1:?the binary}")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
worker=
cleanup() {
    if [ -n "$worker" ]; then kill -KILL "$worker" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap cleanup EXIT

step() { printf 'dist: %s\n' "$*"; }
fail() {
    printf 'dist: FAILED: %s\n' "$*" >&2
    if [ -s "$work/log" ]; then tail -n 20 "$work/log" >&2; fi
    exit 1
}
# The worker's environment is its own; the machine's is kept out.
sealwork() { env -i PATH="$PATH" HOME="$work" NO_COLOR=1 "$@"; }

step "it holds no simulation"
if grep -aqE 'SIMULATION BUILD|ATTESTATION IS SIMULATED|bench-engine' "$binary"; then
    fail "a string of the feature sim is in it"
fi
sealwork "$binary" --version >/dev/null || fail "--version"

step "a bad configuration is refused with exit code 2"
code=0
sealwork KEY_EPOCH_SECONDS=soon DATA_DIR="$work/none" "$binary" config check 2>"$work/refusal" || code=$?
[ "$code" -eq 2 ] || fail "exit code $code"
grep -q 'KEY_EPOCH_SECONDS is `soon`' "$work/refusal" || fail "the refusal does not name the value"

step "it starts, over HTTPS, on a port of its own"
# Not through the function: its background job would be a shell around the worker.
env -i PATH="$PATH" HOME="$work" DATA_DIR="$work/data" LISTEN_ADDRESS=127.0.0.1:0 \
    LOG_FORMAT=json API_KEY=dist-test-key TIKTOK_TRANSCRIPTION_BASE_URL=off \
    "$binary" serve >"$work/access" 2>"$work/log" &
worker=$!
address=
for _ in $(seq 100); do
    address=$("$here/listening-address.sh" "$work/log")
    [ -z "$address" ] || break
    kill -0 "$worker" 2>/dev/null || fail "it ended at once"
    sleep 0.1
done
[ -n "$address" ] || fail "no start-up line with an address"
pin=$(sed -n 's/.*"certificate_sha256":"\([0-9a-f]*\)".*/\1/p' "$work/log" | head -n1)
[ -n "$pin" ] || fail "no start-up line with the certificate's fingerprint"

step "a sealed telemetry job runs, and its receipt verifies"
sealwork SEALWORK_API_KEY=dist-test-key "$binary" --json job run telemetry --unattested \
    --worker-url "https://$address" --pin-cert "$pin" --timeout 30 --receipt "$work/receipt" \
    >"$work/result" || fail "job run"
grep -q 'boot_time' "$work/result" || fail "the result is no telemetry"
sealwork SEALWORK_API_KEY=dist-test-key "$binary" keys show --worker-url "https://$address" \
    --pin-cert "$pin" --out "$work/key-config" >/dev/null || fail "keys show"
sealwork "$binary" verify receipt "$work/receipt" --key-config "$work/key-config" >/dev/null \
    || fail "verify receipt"

step "without the API key it refuses"
code=0
sealwork "$binary" job run telemetry --unattested --worker-url "https://$address" \
    --pin-cert "$pin" >/dev/null 2>&1 || code=$?
[ "$code" -eq 4 ] || fail "exit code $code"

step "without a policy nothing is sealed"
code=0
sealwork SEALWORK_API_KEY=dist-test-key "$binary" job run telemetry --worker-url "https://$address" \
    --pin-cert "$pin" >/dev/null 2>"$work/refusal" || code=$?
[ "$code" -eq 2 ] || fail "exit code $code"
grep -q 'no_policy' "$work/refusal" || fail "the refusal does not name the missing policy"

step "SIGTERM stops it in order"
kill -TERM "$worker"
code=0
wait "$worker" || code=$?
worker=
[ "$code" -eq 0 ] || fail "exit code $code"
if grep -q 'dist-test-key' "$work/log" "$work/access"; then fail "a log holds the API key"; fi
step "passed"
