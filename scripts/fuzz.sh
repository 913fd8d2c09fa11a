#!/usr/bin/env bash
# Runs each fuzz target for FUZZ_SECONDS. Stable Rust: the sanitizer flags that cargo-fuzz sets are
# allowed by RUSTC_BOOTSTRAP. Finds stay in fuzz/artifacts/.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=${FUZZ_SECONDS:-30}
export RUSTC_BOOTSTRAP=1
failed=()
while read -r target; do
    printf '\n=== %s, %s s\n' "$target" "$seconds"
    mkdir -p "corpus/$target"
    cargo fuzz run --fuzz-dir . --sanitizer none "$target" "corpus/$target" "seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
        || failed+=("$target")
done < <(cargo fuzz list --fuzz-dir .)

if [ "${#failed[@]}" -gt 0 ]; then
    printf 'fuzz: failed: %s\n' "${failed[*]}" >&2
    exit 1
fi
