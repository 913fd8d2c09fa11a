#!/usr/bin/env bash
# The CIDs of crates/content/tests/data/boxo.json against a real kubo: adds each file offline, with
# --only-hash, in a repository of its own. Needs `ipfs` and `python3` on the PATH; where one is
# missing it says so and passes, unless KUBO_REQUIRED is set.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf 'check-kubo: %s\n' "$*"; }
skip() {
    step "SKIPPED: $*"
    [ -z "${KUBO_REQUIRED:-}" ] || exit 1
    exit 0
}

command -v ipfs >/dev/null || skip "no ipfs here"
command -v python3 >/dev/null || skip "no python3 here"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export IPFS_PATH=$work/repository
ipfs --offline init >/dev/null
step "against $(ipfs version)"

# The files' content, as crates/content/tests/boxo/main.go makes it, longest first in one file; then
# a line for each file: size, chunk, links, CID.
python3 - crates/content/tests/data/boxo.json "$work/content" >"$work/vectors" <<'PYTHON'
import hashlib, json, sys

vectors, out = sys.argv[1:]
files = json.load(open(vectors))["files"]
longest = max(file["size"] for file in files)
with open(out, "wb") as content:
    for number in range((longest + 31) // 32):
        content.write(hashlib.sha256(number.to_bytes(8, "big")).digest())
for file in files:
    print(file["size"], file["chunk"], file["links"], file["root"])
PYTHON

count=0
wrong=0
while read -r size chunk links expected; do
    count=$((count + 1))
    found=$(head -c "$size" "$work/content" | ipfs --offline add --quieter --only-hash \
        --cid-version=1 --raw-leaves --chunker="size-$chunk" --max-file-links="$links")
    if [ "$found" != "$expected" ]; then
        step "$size bytes in chunks of $chunk, $links links: kubo says $found, not $expected"
        wrong=1
    fi
done <"$work/vectors"
[ "$count" -gt 0 ] || { step "no vectors"; exit 1; }

# What a user types, without a word about the layout.
expected=$(awk '$2 == 262144 && $1 == 262145 { print $4 }' "$work/vectors")
found=$(head -c 262145 "$work/content" \
    | ipfs --offline add --quieter --only-hash --cid-version=1 --raw-leaves)
if [ "$found" != "$expected" ]; then
    step "kubo's defaults are others now: $found, not $expected"
    wrong=1
fi

[ "$wrong" -eq 0 ] || exit 1
step "passed: $count files"
