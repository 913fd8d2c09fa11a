#!/usr/bin/env bash
# The unmodified Go client of Masa's workers against the binary that `cargo test` builds. Needs Go
# and, the first time, the Go module proxy; where Go is missing it says so and passes, unless
# GO_CLIENT_REQUIRED is set.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf 'go client: %s\n' "$*"; }
skip() {
    step "SKIPPED: $*"
    [ -z "${GO_CLIENT_REQUIRED:-}" ] || exit 1
    exit 0
}

go=$(command -v go || true)
[ -n "$go" ] || { [ -x /usr/local/go/bin/go ] && go=/usr/local/go/bin/go; } || true
[ -n "$go" ] || skip "no Go here"
(cd tests/go-client && timeout 300 "$go" mod download) >/dev/null 2>&1 \
    || skip "the client's module cannot be downloaded"

cargo build --locked -p sealwork-cli
binary=${CARGO_TARGET_DIR:-target}/debug/sealwork
work=$(mktemp -d)
worker=
cleanup() {
    if [ -n "$worker" ]; then kill -KILL "$worker" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap cleanup EXIT

env -i PATH="$PATH" HOME="$work" DATA_DIR="$work/data" LISTEN_ADDRESS=127.0.0.1:0 STANDALONE=true ATTESTER=none \
    API_KEY=go-client-test EGRESS_ALLOW=127.0.0.0/8 LOG_FORMAT=json \
    TIKTOK_TRANSCRIPTION_BASE_URL=off \
    "$binary" serve >"$work/access" 2>"$work/log" &
worker=$!
address=
for _ in $(seq 100); do
    address=$(scripts/listening-address.sh "$work/log")
    [ -z "$address" ] || break
    kill -0 "$worker" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
done
[ -n "$address" ] || { step "the worker did not start"; cat "$work/log" >&2; exit 1; }

step "against http://$address"
(cd tests/go-client && WORKER_URL="http://$address" WORKER_API_KEY=go-client-test \
    timeout 300 "$go" test -count=1 -v ./...)
kill -TERM "$worker"
wait "$worker"
worker=
step "passed"
