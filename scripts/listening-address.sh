#!/usr/bin/env bash
# Prints the address in the start-up line of a worker's JSON log, or nothing when there is none yet.
# Usage: scripts/listening-address.sh LOG
set -euo pipefail
{ grep '"message":"listening"' "$1" || true; } | sed -n 's/.*"address":"\([^"]*\)".*/\1/p' | head -n1
